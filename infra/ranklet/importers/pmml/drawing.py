"""Raw values worth trying: around what the model compares with, unknown and missing ones where it takes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ranklet.importers.pmml.values import NUMERIC, Kind

STRANGERS = ("never seen", "", "Żółw \U0001f642")
OFFSETS = (0.0, 0.0, 0.0, 1e-3, -1e-3, 0.5, -0.5, 2.0, -2.0)


@dataclass
class Drawn:
    """Of one field. known: values that the model compares with. strict: takes no others than valid ones.

    intervals: (low, high, closure) of valid numbers. bad: values that are invalid. missing: takes a missing value.
    """

    kind: Kind
    known: list[Any] = field(default_factory=list)
    strict: bool = False
    valid: tuple[Any, ...] | None = None
    intervals: Sequence[tuple[float | None, float | None, str]] | None = None
    bad: tuple[Any, ...] = ()
    missing: bool = True

    def values(self, random: np.random.Generator, count: int) -> list[Any]:
        """As the protocol `Draw` says."""
        draw = self._number if self.kind in NUMERIC else self._word
        found = [draw(random) for _ in range(count)]
        gone = random.random(count) < 0.08
        return [None if none and self.missing else value for value, none in zip(found, gone, strict=True)]

    def _word(self, random: np.random.Generator) -> Any:
        if self.kind == "boolean":
            return ("false", "true")[random.integers(2)]
        if self.strict and self.valid is not None:
            return self.valid[random.integers(len(self.valid))]
        barred = self.bad if self.strict else ()
        known = (one for one in self.known if isinstance(one, str) and one not in barred)
        words = [*known, *([] if self.strict else STRANGERS)] or ["a", "b"]
        return words[random.integers(len(words))]

    def _number(self, random: np.random.Generator) -> float:
        if self.strict and self.valid is not None:
            return float(self.valid[random.integers(len(self.valid))])
        known = [value for value in self.known if isinstance(value, int | float)] or [0.0, 1.0, 2.0]
        found = float(known[random.integers(len(known))]) + OFFSETS[random.integers(len(OFFSETS))]
        if self.kind == "integer":
            found = float(round(found))
        if self.strict and self.intervals is not None:
            found = self._inside(found, random)
        return float(np.float32(found)) if self.kind == "float" else found

    def _inside(self, value: float, random: np.random.Generator) -> float:
        """The value where it is valid, else one between the ends of an interval."""
        assert self.intervals is not None
        for low, high, _ in self.intervals:
            if (low is None or low < value) and (high is None or value < high):
                return value
        low, high, _ = self.intervals[int(random.integers(len(self.intervals)))]
        if low is None or high is None:
            return float(low + 1 if low is not None else high - 1 if high is not None else 0)
        middle = low + (high - low) * 0.5
        return float(np.floor(middle)) if self.kind == "integer" else middle
