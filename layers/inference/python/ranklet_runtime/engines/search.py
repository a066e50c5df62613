"""Which rows are beyond which thresholds of features that have many: a value is looked up, not compared with each.

A value's bucket, of equal ones between a feature's first and last threshold, tells how many thresholds are below it but
for those in the bucket, among which it is then searched in halves. Both are exact: values keep their order when they
are put into buckets, thresholds as well. That number is marked in a table, a bit a row; what is beyond a threshold is
beyond all lower ones, so that a table of which is beyond which is the marks' union from the last to the first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ranklet_runtime.engines.base import Array
from ranklet_runtime.engines.forest import Bools, Ints
from ranklet_runtime.engines.space import Space

Words = NDArray[np.uint64]
Places = NDArray[np.int32]
Compare = Callable[..., Bools]
"""Of values with thresholds: true where a row goes right, false for NaN."""

MOST, BUCKETS = 255, 1024
"""Thresholds of a run; buckets between its first and its last."""

TOGETHER = 128
"""Runs that are looked up together: what they leave behind fits the processor's cache."""


class Run(NamedTuple):
    """Thresholds low to high of one key, at most MOST: those of a key with more come in several, of like sizes."""

    low: int
    high: int


def runs(keys: Ints) -> Iterator[Run]:
    """keys [thresholds], those of one side by side. All runs take the room of the longest, so none is far longer."""
    ends = [*np.flatnonzero(np.diff(keys, prepend=-1)).tolist(), len(keys)]
    most = min(MOST, 2 * int(np.median(np.diff(ends)))) if len(keys) else MOST
    for low, high in pairwise(ends):
        parts = -(-(high - low) // most)
        marks = [low + (high - low) * part // parts for part in range(parts + 1)]
        yield from (Run(*ends) for ends in pairwise(marks))


class Search:
    """Of runs [n]: their features, and thresholds [n, most], ascending, behind `counts` of them infinity."""

    def __init__(self, features: Ints, numbers: Array, counts: Ints, compare: Compare) -> None:
        self._features, self._compare, self._most = features, compare, numbers.shape[1]
        real = np.arange(self._most) < counts[:, None]
        last = np.where(real & np.isfinite(numbers), numbers, -np.inf).max(axis=1, initial=-np.inf, keepdims=True)
        self._low = numbers[:, :1]
        with np.errstate(all="ignore"):
            self._scale = ((BUCKETS - 1) / (last - self._low)).astype(numbers.dtype)
            bucket = self._buckets(numbers, self._low, self._scale)
        before = np.zeros((len(numbers), BUCKETS + 1), np.int32)
        np.add.at(before, (np.nonzero(real)[0], bucket[real] + 1), 1)
        self._halves = [1 << at for at in reversed(range(int(before.max(initial=0)).bit_length()))]
        self._stride = self._most + (1 << len(self._halves))
        start = self._stride * np.arange(len(numbers), dtype=np.int32)[:, None]
        self._before = (np.cumsum(before, axis=1, dtype=np.int32)[:, :BUCKETS] + start).ravel()
        cuts = np.full((len(numbers), self._stride), np.nan, numbers.dtype)  # which nothing is beyond
        cuts[:, : self._most][real] = numbers[real]
        self._cuts = cuts.ravel()
        self._marks: dict[int, Words] = {}
        self._space = Space()

    def mark(self, columns: Array, own: Bools | None, table: Words) -> None:
        """columns [width, n] → who is beyond which threshold: bits, in the table [runs that are own · most, n / 64]."""
        chosen = np.arange(len(self._features)) if own is None else np.flatnonzero(own)
        for start in range(0, len(chosen), TOGETHER):
            some = chosen[start : start + TOGETHER]
            self._together(columns, some, table[start * self._most : (start + len(some)) * self._most])

    def _together(self, columns: Array, some: Ints, table: Words) -> None:
        words = table.shape[1]
        at = self._counted(columns[self._features[some]], some).astype(np.int64)
        at += (self._stride * (np.arange(len(some)) - some))[:, None]
        at *= words
        at += np.arange(columns.shape[1]) >> 6
        shape = len(some), self._stride, words
        marked = self._space.array("marked", shape, np.uint64)
        marked.fill(0)
        np.add.at(marked.ravel(), at.ravel(), self._bits(columns.shape[1])[: at.size])
        beyond = table.reshape(len(some), self._most, words)
        np.bitwise_or.accumulate(marked[:, self._most : 0 : -1], axis=1, out=beyond[:, ::-1])

    def _counted(self, values: Array, some: Ints) -> Places:
        """values [runs, n] → where the thresholds end that each is beyond, among the cuts of all runs."""
        at = self._buckets(values, self._low[some], self._scale[some])
        at += (BUCKETS * some).astype(np.int32)[:, None]
        found: Places = self._before.take(at, mode="clip")
        for half in self._halves:
            cuts = self._cuts.take(np.add(found, half - 1, out=at), mode="clip")
            beyond = self._compare(values, cuts).view(np.uint8)
            found += beyond if half == 1 else np.multiply(beyond, half, dtype=np.uint8)
        return found

    @staticmethod
    def _buckets(values: Array, low: Array, scale: Array) -> Places:
        found = values - low
        found *= scale
        np.fmax(found, 0, out=found)  # NaN too
        np.fmin(found, BUCKETS - 1, out=found)
        return found.astype(np.int32)

    def _bits(self, n: int) -> Words:
        """Each row's bit in its word, for as many runs as are looked up together."""
        if n not in self._marks:
            rows = np.packbits(np.eye(n, dtype=np.bool_), axis=1).view(np.uint64)
            self._marks[n] = np.tile(rows.sum(axis=1, dtype=np.uint64), min(TOGETHER, len(self._features)))
        return self._marks[n]
