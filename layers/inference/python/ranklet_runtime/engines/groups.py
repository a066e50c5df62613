"""Comparing many thresholds with the rows of an array, in as few and as long steps as NumPy allows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Self

import numpy as np

from ranklet_runtime.engines.base import Array
from ranklet_runtime.engines.forest import Bools, Ints
from ranklet_runtime.engines.search import Compare
from ranklet_runtime.engines.space import Space

TOGETHER = 512
"""Thresholds that are compared together: their operands fit the processor's cache."""

LONG, BUFFER = 1024, 512
"""Bytes of a row from which on, and elements of NumPy's buffer with which, a threshold is not first copied as often as
a row has columns: that takes as long as comparing."""


class Group(NamedTuple):
    """Thresholds that are compared alike: numbers [n, k, 1], k side by side with one of the rows [n] of an array."""

    rows: Ints
    numbers: Array
    compare: Compare

    @classmethod
    def of(cls, rows: Ints, numbers: Array, compare: Compare, *, abreast: int) -> Self:
        """rows, numbers [n · k]."""
        return cls(rows[::abreast], numbers.reshape(-1, abreast, 1), compare)

    def some(self, chosen: Bools) -> Group:
        """Of chosen [n · k], k of which are alike."""
        chosen = chosen[:: self.numbers.shape[1]]
        return Group(self.rows[chosen], self.numbers[chosen], self.compare)

    def answers(self, values: Array, space: Space, *, into: Bools | None) -> Iterator[Bools]:
        """values [rows, columns] → in parts, which are beyond which, [n · k, columns]. into: where to write them."""
        columns, abreast = values.shape[1], self.numbers.shape[1]
        step = TOGETHER // abreast
        taken = space.array("taken", (min(step, len(self.rows)), 1, columns), values.dtype)
        found = space.array("answers", (len(taken) * abreast, columns), np.bool_) if into is None else into
        for start in range(0, len(self.rows), step):
            rows, numbers = self.rows[start : start + step], self.numbers[start : start + step]
            part, first = taken[: len(rows)], 0 if into is None else start * abreast
            values.take(rows, axis=0, out=part[:, 0], mode="clip")
            answers = found[first : first + len(rows) * abreast]
            self._compared(part, numbers, answers.reshape(len(rows), abreast, columns))
            yield answers

    def _compared(self, taken: Array, numbers: Array, out: Bools) -> None:
        if taken.itemsize * taken.shape[2] < LONG:
            self.compare(taken, numbers, out=out)
            return
        before = np.setbufsize(BUFFER)
        try:
            self.compare(taken, numbers, out=out)
        finally:
            np.setbufsize(before)
