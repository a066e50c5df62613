"""Which rows are beyond a threshold: a table with a row for each different threshold of a forest.

A feature with few thresholds is compared with each, one with many is looked up among them (`search`). What all rows
share, as a user's features, is compared once: a threshold of theirs has no row of its own, but one of the two that all
have, beyond nothing and beyond everything.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ranklet_runtime.engines.base import Array
from ranklet_runtime.engines.forest import Bools, Ints
from ranklet_runtime.engines.groups import Group
from ranklet_runtime.engines.search import Compare, Search, Words, runs
from ranklet_runtime.engines.space import Space

NOBODY, EVERYBODY, FIRST = 0, 1, 2
"""Rows of a table: beyond nothing, beyond everything, and the first that is a threshold's."""

FEW, SEARCH = 31, 600
"""Thresholds whose comparing costs what looking up does, for a feature, and to begin with at all."""

ABREAST = 4
"""Thresholds of a feature that are compared with it side by side: those that are missing are of infinity."""


class Table(NamedTuple):
    """answers: bool [rows, n], or their bits, uint64 [rows, n / 64]. moved: where the row of a threshold is, None where
    it has not moved. half: the rows up to the second half, in which NaN goes right; 0 where there is none."""

    answers: Array
    moved: Ints | None
    half: int = 0

    def places(self, rows: Ints) -> Ints:
        """Where rows are that were counted with one for every threshold."""
        return rows if self.moved is None else self.moved.take(rows)


class Thresholds:
    """Of splits [n]: numbers of features. rows: of each split's answers in a table.

    right: where NaN goes right, for tables of bool: thresholds that differ in it are different. None for tables of
    bits, which have a second half for that.
    """

    def __init__(self, features: Ints, numbers: Array, compare: Compare, *, right: Bools | None = None) -> None:
        keys, numbers, which = distinct(2 * features + (0 if right is None else right), numbers)
        looked = _looked_up(keys) & (right is None)
        parts = list(runs(keys[looked]))
        counts = np.array([part.high - part.low for part in parts], np.int64)
        places, self._few, self._most = _places(keys, looked, counts)
        self.rows = FIRST + places[which]
        size = self._few + self._most * len(parts)
        keys, self._numbers = _laid_out(places, keys, numbers, blocks=(self._few, self._most), size=size)
        self._features, self._right, self._compare = keys >> 1, keys & 1 > 0, compare
        few, many = slice(self._few), slice(self._few, None)
        self._group = Group.of(self._features[few], self._numbers[few], compare, abreast=ABREAST)
        cuts = self._numbers[many].reshape(len(parts), self._most)
        self._search = Search(self._features[many][:: self._most], cuts, counts, compare) if parts else None
        self._space = Space()

    def bools(self, columns: Array) -> Table:
        """columns [width, n] → a table of bool, in which NaN goes as `right` says."""
        same = _same(columns)
        own, moved, count = self._own(columns, same)
        answers = self._space.array("bools", (count, columns.shape[1]), np.bool_)
        answers[NOBODY], answers[EVERYBODY] = False, True
        for _ in self._answers(columns, own, into=answers[FIRST:]):
            pass  # written where they belong
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
        first = FIRST
        for answers in self._answers(columns, own):
            table[first : first + len(answers)] = _packed(answers)
            first += len(answers)
        if self._search is not None and first < count:
            self._search.mark(columns, own if own is None else own[self._few :: self._most], table[first:count])
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

    def _answers(self, columns: Array, own: Bools | None, *, into: Bools | None = None) -> Iterator[Bools]:
        """The table's rows of thresholds that are compared, in parts. into: where they are to be written."""
        group = self._group if own is None else self._group.some(own[: self._few])
        return group.answers(columns, self._space, into=into)


def distinct(keys: Ints, numbers: Array) -> tuple[Ints, Array, Ints]:
    """The different (key, number) by key and ascending, and which of them each one given is."""
    order = np.lexsort((numbers, keys))
    keys, numbers = keys[order], numbers[order]
    new = np.ones(len(order), np.bool_)
    new[1:] = (keys[1:] != keys[:-1]) | (numbers[1:] != numbers[:-1])
    which = np.empty(len(order), np.int64)
    which[order] = np.cumsum(new) - 1
    return keys[new], numbers[new], which


def _looked_up(keys: Ints) -> Bools:
    """Which thresholds' features are, by how many each has."""
    _, which, counts = np.unique(keys, return_inverse=True, return_counts=True)
    many = counts > FEW
    found: Bools = many[which] & ((counts[many] - FEW).sum() > SEARCH)
    return found


def _places(keys: Ints, looked: Bools, counts: Ints) -> tuple[Ints, int, int]:
    """Where thresholds stand: first those that are compared, each key's from a multiple of ABREAST on, so many in all;
    behind them those that are looked up, of runs of `counts`, each of as many as the longest has."""
    few = keys[~looked]
    new = np.flatnonzero(np.diff(few, prepend=-1))
    sizes = np.diff(np.append(new, len(few)))
    room = -(-sizes // ABREAST) * ABREAST
    total, most = int(room.sum()), int(counts.max(initial=1))
    places = np.empty(len(keys), np.int64)
    places[~looked] = np.arange(len(few)) + np.repeat(np.cumsum(room) - room - new, sizes)
    gaps = most * np.arange(len(counts)) - (np.cumsum(counts) - counts)
    places[looked] = total + np.arange(int(counts.sum())) + np.repeat(gaps, counts)
    return places, total, most


def _laid_out(places: Ints, keys: Ints, numbers: Array, *, blocks: tuple[int, int], size: int) -> tuple[Ints, Array]:
    """keys and numbers at their places, of `size`, and in between the key before and infinity."""
    few, most = blocks
    found, at = np.zeros(size, np.int64), np.full(size, np.inf, numbers.dtype)
    found[places], at[places] = keys, numbers
    found[:few] = np.repeat(found[:few:ABREAST], ABREAST)
    found[few:] = np.repeat(found[few::most], most)
    return found, at


def _same(columns: Array) -> Bools:
    """Which features all rows share, [width]. One more row tells most apart."""
    found: Bools = columns[:, 0] == columns[:, columns.shape[1] // 2]
    maybe = np.flatnonzero(found)
    found[maybe] = (columns[maybe] == columns[maybe, :1]).all(axis=1)
    return found


def _packed(answers: Bools) -> Words:
    """[rows, n] → [rows, n / 64]: all at once, as n is a multiple of 64."""
    return np.packbits(answers.ravel()).view(np.uint64).reshape(len(answers), -1)
