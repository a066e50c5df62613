"""Which rows are beyond a threshold: a table of bits, one row of it for each different threshold of a forest.

A feature with few thresholds is compared with each. One with many is first looked up among them, by binary search for
all rows and features at once, and what is then compared is a byte: comparing takes as long as its operands are wide.
A feature with more than 255 is looked up in parts. What all rows share, as a user's features, is compared once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ranklet_runtime.engines.base import Array

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Words = NDArray[np.uint64]
Compare = Callable[..., Bools]
"""Of values with thresholds: true where a row goes right, false for NaN."""

FEW, LEVELS = 63, 8
"""Thresholds up to which looking up costs more than it saves; levels of a search, whose answer is a byte."""

DENSE = 4
"""The first of them, made by comparing with all their thresholds instead of looking each up."""

TOGETHER = 1 << 11
"""Thresholds whose answers are packed together: they fit the processor's cache."""


@dataclass(frozen=True)
class Run:
    """Thresholds low to high of one feature. column: among those that are looked up, -1 for none."""

    feature: int
    low: int
    high: int
    column: int


class Thresholds:
    """numbers [thresholds] of features [thresholds], by feature and ascending."""

    def __init__(self, features: Ints, numbers: Array, compare: Compare) -> None:
        self._features, self._numbers, self._compare = features, numbers, compare
        self.size = len(features) + 1
        runs = list(_runs(features))
        self._parts = list(_parts(runs))
        self._search = Search([run for run in runs if run.column >= 0], numbers, compare)

    def table(self, columns: Array) -> tuple[Words, bool]:
        """columns [width, n], n a multiple of 64 → bits [size, n / 64], row 0 empty, the others who goes right of each
        threshold. And whether a NaN is among them: then [2 · size, n / 64], and in the second half NaN goes right."""
        table = np.zeros((self.size, columns.shape[1] // 64), np.uint64)
        same: Bools = (columns == columns[:, :1]).all(axis=1)
        codes = self._search.codes(columns, same)
        answers = np.empty((TOGETHER, columns.shape[1]), np.bool_)
        for part in self._parts:
            self._fill(table[1:], [run for run in part if not same[run.feature]], columns, codes, answers)
        shared = np.flatnonzero(same[self._features])
        beyond = self._compare(columns[self._features[shared], 0], self._numbers[shared])
        table[1 + shared[beyond]] = ~np.uint64(0)
        missing = np.isnan(columns)
        if not missing.any():
            return table, False
        second = table.copy()
        second[1:] |= np.packbits(missing, axis=1).view(np.uint64)[self._features]
        return np.concatenate([table, second]), True

    def _fill(
        self, table: Words, part: Sequence[Run], columns: Array, codes: NDArray[np.uint8], answers: Bools
    ) -> None:
        """Compare, and pack what stands side by side."""
        for runs in _neighbours(part):
            first, end = runs[0].low, runs[-1].high
            for run in runs:
                out = answers[run.low - first : run.high - first]
                if run.column >= 0:
                    np.greater_equal(codes[run.column], _COUNTS[: run.high - run.low], out=out)
                else:
                    self._compare(columns[run.feature], self._numbers[run.low : run.high, None], out=out)
            table[first:end] = np.packbits(answers[: end - first], axis=1).view(np.uint64)


def _neighbours(runs: Sequence[Run]) -> Iterator[list[Run]]:
    """The runs, split where one does not begin at the end of the one before."""
    found: list[Run] = []
    for run in runs:
        if found and run.low != found[-1].high:
            yield found
            found = []
        found.append(run)
    if found:
        yield found


_COUNTS = np.arange(1, 1 << LEVELS, dtype=np.uint8)[:, None]


class Search:
    """Of columns, each up to 255 ascending thresholds of one feature, as search trees: node 1 is the root."""

    def __init__(self, runs: Sequence[Run], numbers: Array, compare: Compare) -> None:
        self._features = np.array([run.feature for run in runs], np.int64)
        self._compare = compare
        cuts = np.full((len(runs), 1 << LEVELS), np.inf, numbers.dtype)  # which no number is beyond
        for run in runs:
            cuts[run.column, 1 : 1 + run.high - run.low] = numbers[run.low : run.high]
        step = 1 << (LEVELS - DENSE)
        self._first = np.ascontiguousarray(cuts[:, step::step].T)[:, :, None]
        self._tree = np.concatenate([cuts[:, :1], *(cuts[:, half :: 2 * half] for half in _HALVES)], axis=1).ravel()

    def codes(self, columns: Array, same: Bools) -> NDArray[np.uint8]:
        """How many thresholds of a column each row is beyond, [columns, n]; undefined for features that are `same`."""
        found = np.empty((len(self._features), columns.shape[1]), np.uint8)
        own = np.flatnonzero(~same[self._features])
        if not len(own):
            return found
        values = columns[self._features[own]]
        beyond = np.empty(values.shape, np.bool_)
        code = np.zeros(values.shape, np.uint8)
        for cuts in self._first:
            code += self._compare(values, cuts[own], out=beyond)
        at, threshold = np.empty(values.shape, np.int32), np.empty_like(values)
        for level in range(DENSE, LEVELS):
            start = ((own << LEVELS) + (1 << level)).astype(np.int32)[:, None]
            self._tree.take(np.add(code, start, out=at), out=threshold, mode="clip")
            code += code
            code += self._compare(values, threshold, out=beyond)
        found[own] = code
        return found


_HALVES = [1 << level for level in reversed(range(LEVELS))]


def distinct(features: Ints, numbers: Array) -> tuple[Ints, Array, Ints]:
    """The different (feature, number) by feature and ascending, and which of them each one given is."""
    order = np.lexsort((numbers, features))
    features, numbers = features[order], numbers[order]
    new = np.ones(len(order), np.bool_)
    new[1:] = (features[1:] != features[:-1]) | (numbers[1:] != numbers[:-1])
    which = np.empty(len(order), np.int64)
    which[order] = np.cumsum(new) - 1
    return features[new], numbers[new], which


def _runs(features: Ints) -> Iterator[Run]:
    ends = [*np.flatnonzero(np.diff(features, prepend=-1)).tolist(), len(features)]
    columns = 0
    for low, high in pairwise(ends):
        for start in range(low, high, len(_COUNTS)):
            end = min(start + len(_COUNTS), high)
            yield Run(int(features[low]), start, end, columns if end - start > FEW else -1)
            columns += end - start > FEW


def _parts(runs: Sequence[Run]) -> Iterator[list[Run]]:
    """Runs of at most TOGETHER thresholds."""
    part: list[Run] = []
    for run in runs:
        if part and run.high - part[0].low > TOGETHER:
            yield part
            part = []
        part.append(run)
    if part:
        yield part
