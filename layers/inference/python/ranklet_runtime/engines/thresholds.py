"""Which rows are beyond a threshold: a table with a row for each different threshold of a forest.

A feature with few thresholds is compared with each; one with many is first looked up among them (`search`), and what
is compared is the number of those that it is beyond. What all rows share, as a user's features, is compared once: a
threshold of theirs has no row of its own, but one of the two that all have, beyond nothing and beyond everything.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ranklet_runtime.engines.base import Array
from ranklet_runtime.engines.forest import Bools, Ints
from ranklet_runtime.engines.search import Compare, Search, runs
from ranklet_runtime.engines.space import Space

Words = NDArray[np.uint64]

NOBODY, EVERYBODY, FIRST = 0, 1, 2
"""Rows of a table: beyond nothing, beyond everything, and the first that is a threshold's."""

FEW, SEARCH = 63, 1000
"""Thresholds whose comparing costs what looking up does, for a feature, and to begin with at all."""

TOGETHER = 512
"""Thresholds that are compared together: their operands fit the processor's cache."""


class Table(NamedTuple):
    """answers: bool [rows, n], or their bits, uint64 [rows, n / 64]. moved: where the row of a threshold is, None where
    it has not moved. half: the rows up to the second half, in which NaN goes right; 0 where there is none."""

    answers: Array
    moved: Ints | None
    half: int = 0

    def places(self, rows: Ints) -> Ints:
        """Where rows are that were counted with one for every threshold."""
        return rows if self.moved is None else self.moved.take(rows)


class Group(NamedTuple):
    """Thresholds that are compared alike: numbers [n, 1] with the rows [n] of an array."""

    rows: Ints
    numbers: Array
    compare: Compare

    def some(self, chosen: Bools | None) -> Group:
        """Those that are chosen, None for all."""
        return self if chosen is None else Group(self.rows[chosen], self.numbers[chosen], self.compare)


class Thresholds:
    """Of splits [n]: numbers of features. right: where NaN goes right, and thresholds that differ in it are different;
    None where a table has a second half for that. rows: of each split's answers in a table."""

    def __init__(self, features: Ints, numbers: Array, compare: Compare, *, right: Bools | None = None) -> None:
        keys, numbers, which = distinct(2 * features + (0 if right is None else right), numbers)
        many = _many(np.bincount(keys, minlength=1))[keys]
        order = np.argsort(many, kind="stable")  # compared alike, and side by side
        place = np.empty(len(order), np.int64)
        place[order] = np.arange(len(order))
        self.rows = FIRST + place[which]
        keys, self._numbers, self._compare = keys[order], numbers[order], compare
        self._features, self._right = keys >> 1, keys & 1 > 0
        few = self._split = len(keys) - int(many.sum())
        found = list(runs(keys[few:]))
        self._search = Search(found, self._features[few:], self._numbers[few:], compare)
        run = np.repeat(np.arange(len(found)), [one.high - one.low for one in found])
        count = np.arange(len(keys) - few) - np.array([one.low for one in found], np.int64)[run] + 1
        self._few = Group(self._features[:few], self._numbers[:few, None], compare)
        self._many = Group(run, count.astype(np.uint8)[:, None], np.greater_equal)
        self._space = Space()

    def bools(self, columns: Array) -> Table:
        """columns [width, n] → a table of bool, in which NaN goes as `right` says."""
        same = _same(columns)
        own, moved, count = self._own(columns, same)
        answers = self._space.array("bools", (count, columns.shape[1]), np.bool_)
        answers[NOBODY], answers[EVERYBODY] = False, True
        for _ in self._answers(columns, same, own, into=answers):
            pass
        missing = np.isnan(columns)
        if missing.any() and self._right.any():
            late = np.flatnonzero(self._right if own is None else self._right & own)
            answers[FIRST + late if moved is None else moved[FIRST + late]] |= missing[self._features[late]]
        return Table(answers, moved)

    def bits(self, columns: Array) -> Table:
        """columns [width, n], n a multiple of 64 → a table of bits, with a second half if there is a NaN."""
        same = _same(columns)
        own, moved, count = self._own(columns, same)
        missing = np.isnan(columns)
        second = bool(missing.any())
        table = self._space.array("bits", (count << second, columns.shape[1] // 64), np.uint64)
        table[NOBODY], table[EVERYBODY] = 0, ~np.uint64(0)
        for first, answers in self._answers(columns, same, own):
            table[first : first + len(answers)] = _packed(answers)
        if not second:
            return Table(table, moved)
        table[count : count + FIRST] = table[:FIRST]
        features = self._features if own is None else self._features[own]
        np.bitwise_or(table[FIRST:count], _packed(missing)[features], out=table[count + FIRST :])
        return Table(table, moved, count)

    def _own(self, columns: Array, same: Bools) -> tuple[Bools | None, Ints | None, int]:
        """Which thresholds have rows of their own, None for all; where rows have moved; and how many there are."""
        own = ~same[self._features]
        count = FIRST + int(own.sum())
        if count == FIRST + len(own):
            return None, None, count
        shared = np.where(self._compare(columns[self._features, 0], self._numbers), EVERYBODY, NOBODY)
        moved = np.where(own, np.cumsum(own) + (FIRST - 1), shared)
        return own, np.concatenate([np.array([NOBODY, EVERYBODY]), moved]), count

    def _answers(
        self, columns: Array, same: Bools, own: Bools | None, *, into: Bools | None = None
    ) -> Iterator[tuple[int, Bools]]:
        """Row after row of the table: which is the first, and whether the rows of `columns` are beyond it."""
        few = self._few.some(own if own is None else own[: self._split])
        many = self._many.some(own if own is None else own[self._split :])
        codes = self._search.codes(columns, same) if len(many.rows) else columns
        first = FIRST
        for group, values in ((few, columns), (many, codes)):
            for start in range(0, len(group.rows), TOGETHER):
                rows = group.rows[start : start + TOGETHER]
                shape = len(rows), values.shape[1]
                taken = values.take(rows, axis=0, out=self._space.array("taken", shape, values.dtype), mode="clip")
                out = self._space.array("answers", shape, np.bool_) if into is None else into[first : first + len(rows)]
                yield first, group.compare(taken, group.numbers[start : start + TOGETHER], out=out)
                first += len(rows)


def distinct(keys: Ints, numbers: Array) -> tuple[Ints, Array, Ints]:
    """The different (key, number) by key and ascending, and which of them each one given is."""
    order = np.lexsort((numbers, keys))
    keys, numbers = keys[order], numbers[order]
    new = np.ones(len(order), np.bool_)
    new[1:] = (keys[1:] != keys[:-1]) | (numbers[1:] != numbers[:-1])
    which = np.empty(len(order), np.int64)
    which[order] = np.cumsum(new) - 1
    return keys[new], numbers[new], which


def _many(counts: Ints) -> Bools:
    """Of features with so many thresholds, those that are looked up."""
    many: Bools = counts > FEW
    return many if (counts[many] - FEW).sum() > SEARCH else many & False


def _same(columns: Array) -> Bools:
    """Which features all rows share, [width]. One more row tells most apart."""
    found: Bools = columns[:, 0] == columns[:, columns.shape[1] // 2]
    maybe = np.flatnonzero(found)
    found[maybe] = (columns[maybe] == columns[maybe, :1]).all(axis=1)
    return found


def _packed(answers: Bools) -> Words:
    """[rows, n] → [rows, n / 64]: all at once, as n is a multiple of 64."""
    return np.packbits(answers.ravel()).view(np.uint64).reshape(len(answers), -1)
