"""Symmetric trees for all rows of a block at once: all nodes of a level ask one question, as CatBoost's do.

The answers to a tree's questions are the bits of its leaf's number. They are shifted in level by level, a byte for each
tree and row: a step is one pass over bytes that lie side by side.
"""

from __future__ import annotations

from typing import NamedTuple, Self

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ranklet_runtime.engines.base import Array
from ranklet_runtime.engines.forest import Forest, Full, Ints, batches, depths
from ranklet_runtime.engines.search import Compare
from ranklet_runtime.engines.space import Space
from ranklet_runtime.engines.thresholds import NOBODY, Thresholds

Bytes = NDArray[np.uint8]

CHUNK, LEAVES = 256, 1 << 16
"""Trees that are worked on together, and leaves of theirs, which are numbered in 16 bits."""

ROWS, LEAST = 512, 64
"""That are scored together, at most and at least."""

BYTES = 1 << 25
"""Of the answers to all questions, above which fewer rows are scored together."""


class Trees(NamedTuple):
    """rows: of the answers to each level's questions, the root's first, [levels, trees]. values: of all leaves, tree
    after tree. first: each tree's first, [trees, 1]."""

    rows: Ints
    values: Array
    first: NDArray[np.uint16]


class Symmetric:
    """base + Σ leaves, tree after tree: in floats the order is part of the result."""

    multiple = 1
    """Of rows that are asked for."""

    def __init__(self, questions: list[Ints], values: list[Array], thresholds: Thresholds) -> None:
        """Of each tree, rows of the answers to its questions, the root's first, and its leaves."""
        self._thresholds, self._space = thresholds, Space()
        self._chunks = list(_chunks(questions, values))
        self._most = max(len(trees.first) for trees in self._chunks)
        fitting = BYTES // len(thresholds.rows) if len(thresholds.rows) else ROWS
        self.rows = max(LEAST, min(ROWS, fitting))

    @classmethod
    def of(cls, forest: Forest, compare: Compare, compared: DTypeLike) -> Self | None:
        """None where a tree is not symmetric."""
        asked: list[Ints] = [np.empty(0, np.int64)] * len(forest.roots)
        values: list[Array] = [np.empty(0)] * len(forest.roots)
        for levels, places in batches(depths(forest), len(forest.roots) << 8):
            full = Full(forest, forest.roots[places], levels)
            if not _symmetric(forest, full):
                return None
            for at, nodes, leaves in zip(places.tolist(), np.stack(_first(full), axis=1), full.values, strict=True):
                asked[at], values[at] = nodes, leaves
        every = np.concatenate(asked)
        nodes = every[every >= 0]
        numbers = forest.number[nodes].astype(compared)
        thresholds = Thresholds(forest.feature[nodes], numbers, compare, right=~forest.missing[nodes])
        rows = np.full(len(every), NOBODY)
        rows[every >= 0] = thresholds.rows
        ends = np.cumsum([len(one) for one in asked])
        return cls(np.split(rows, ends[:-1]), values, thresholds)

    def add(self, base: Array, columns: Array) -> Array:
        """base [n], columns [width, n] → [n]."""
        table = self._thresholds.bools(columns)
        answers, n, most = table.answers.view(np.uint8), len(base), self._most
        number = self._space.array("number", (most, n), np.uint16)
        values = self._space.array("values", (1 + most, n), base.dtype)
        for trees in self._chunks:
            count = len(trees.first)
            leaf = _leaves(table.places(trees.rows), answers, self._space)
            np.add(leaf, trees.first, out=number[:count])
            values[0] = base
            trees.values.take(number[:count], out=values[1 : 1 + count], mode="wrap")
            base = np.add.reduce(values[: 1 + count], axis=0)  # of an array [trees, n], row after row
        return base


def _leaves(rows: Ints, answers: Bytes, space: Space) -> Bytes:
    """The number of the leaf that each row falls into, [trees, n]. rows: of the answers, [levels, trees]."""
    bits = space.array("leaf bits", (*rows.shape, answers.shape[1]), np.uint8)
    answers.take(rows, axis=0, out=bits, mode="clip")
    leaf: Bytes = bits[0]
    for bit in bits[1:]:
        np.add(leaf, leaf, out=leaf)
        np.bitwise_or(leaf, bit, out=leaf)
    return leaf


def _first(full: Full) -> list[Ints]:
    """The first node of each level."""
    return [level[:, 0] for level in full.nodes]


def _symmetric(forest: Forest, full: Full) -> bool:
    """Whether the nodes of each level ask what its first asks, or none asks."""
    for level, first in zip(full.nodes, _first(full), strict=True):
        asks = level >= 0
        if (asks != asks[:, :1]).any():
            return False
        for part in (forest.feature, forest.number, forest.missing):
            if ((part[level] != part[first][:, None]) & asks).any():
                return False
    return True


def _chunks(questions: list[Ints], values: list[Array]) -> list[Trees]:
    found: list[Trees] = []
    start = 0
    while start < len(questions):
        ends = np.cumsum([len(one) for one in values[start : start + CHUNK]])
        end = start + int((ends <= LEAVES).sum())
        found.append(_together(questions[start:end], values[start:end]))
        start = end
    return found


def _together(questions: list[Ints], values: list[Array]) -> Trees:
    """A tree of fewer levels than others first asks what is true of nobody."""
    levels = max(map(len, questions))
    rows = np.full((levels, len(questions)), NOBODY)
    for at, asked in enumerate(questions):
        rows[levels - len(asked) :, at] = asked
    sizes = [len(leaves) for leaves in values]
    first = (np.cumsum(sizes) - sizes).astype(np.uint16)[:, None]
    return Trees(rows, np.concatenate(values), first)
