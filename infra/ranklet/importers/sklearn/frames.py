"""What flows through a pipeline while it is read: columns that are raw yet, ids with a row of numbers each, numbers.

Nothing is turned into numbers before an estimator needs it, so that a linear model over one-hot columns is a lookup and
a scaler over raw columns one subtraction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Raw:
    """A column as the caller sends it. fill: the text that a missing one was replaced by."""

    column: int
    fill: str | None = None

    @property
    def width(self) -> int:
        """Columns."""
        return 1


@dataclass(frozen=True)
class Numbers:
    """A tensor [n, width] of doubles. origin: the raw column that it is, but for what is missing there."""

    tensor: str
    width: int
    origin: int | None = None


@dataclass(frozen=True)
class Hot:
    """One 1 a row: place[id], or none where it is -1.

    ids: a tensor int64 [n], or [n, L] where several count together. factors: of each id, what counts instead of 1.
    scale: a tensor [n, 1] that all of a row is multiplied by.
    """

    ids: str
    place: Ints
    width: int
    several: bool = False
    factors: Floats | None = None
    scale: str | None = None


@dataclass(frozen=True)
class Coded:
    """The row table[id] of doubles [ids, width]."""

    ids: str
    table: Floats

    @property
    def width(self) -> int:
        """Columns."""
        return int(self.table.shape[1])


Piece = Raw | Numbers | Hot | Coded
Frame = tuple[Piece, ...]
"""Columns side by side."""


def width(frame: Frame) -> int:
    """How many columns."""
    return sum(piece.width for piece in frame)


def raw_columns(frame: Frame) -> list[int | None]:
    """Of each column, which raw one it is, None for what was computed."""
    found: list[int | None] = []
    for piece in frame:
        found += [piece.column] if isinstance(piece, Raw) else [None] * piece.width
    return found


def spans(frame: Frame) -> list[tuple[Piece, int, int]]:
    """Pieces with the columns that they begin and end at."""
    ends = np.cumsum([piece.width for piece in frame]).tolist()
    return [(piece, end - piece.width, end) for piece, end in zip(frame, ends, strict=True)]


def runs(indices: Sequence[int]) -> bool:
    """Whether indices follow each other."""
    return list(indices) == list(range(indices[0], indices[0] + len(indices))) if len(indices) else True


def as_matrix(values: Any, columns: int) -> Floats:
    """Weights as doubles [columns, outputs]."""
    return np.asarray(values, np.float64).reshape(columns, -1)
