"""What a file of self-built weights holds, whatever wrote it: a linear model, or a factorisation machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Weights:
    """bias; w [n], None for zeros; v [n, k] or [n, F, k], None for a linear model. Names are those of lines.

    rows: name → row; None where names are the rows' numbers. zeros: the row that all names share whose weights are 0.
    fields: of v's second axis. normalize: as the engines fm and ffm have it. more: of the engine's options.
    """

    bias: float
    w: Floats | None = field(repr=False)
    v: Floats | None = field(default=None, repr=False)
    rows: Mapping[str, int] | None = field(default=None, repr=False)
    zeros: int | None = None
    fields: tuple[str, ...] = ()
    normalize: str = "none"
    more: Mapping[str, Any] = field(default_factory=dict)

    @property
    def engine(self) -> str:
        """The one that computes it."""
        return "linear" if self.v is None else "fm" if self.v.ndim == 2 else "ffm"

    @cached_property
    def count(self) -> int:
        """Of rows."""
        return len(self.v) if self.v is not None else len(self.w) if self.w is not None else 0

    @property
    def measures(self) -> bool:
        """Whether the length of x counts, to which names add that the model does not know."""
        return self.normalize != "none"

    def row(self, name: str) -> int | None:
        """Of a name, None for one that the model does not know."""
        if self.rows is not None:
            return self.rows.get(name)
        plain = name.isascii() and name.isdigit() and len(name) < 20
        return int(name) if plain and int(name) < self.count else None
