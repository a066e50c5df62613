"""Trees for all rows of a block at once, a bit a row and 64 to a word.

A split is one row of a table of bits: which rows go right. At level k of a tree the answers of 2^k splits are there;
the k turns taken before choose one, each halving what is left: left ^ ((left ^ right) & turn). What remains is the
k-th turn, and the turns, first to last, are the number of the leaf. Nothing depends on what a row holds, so that the
processor never guesses. Trees are padded to full ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ranklet_runtime.engines.base import Array
from ranklet_runtime.engines.forest import CHUNK, Forest, Full, Ints, batches, depths
from ranklet_runtime.engines.search import Compare, Words
from ranklet_runtime.engines.space import Space
from ranklet_runtime.engines.thresholds import NOBODY, Table, Thresholds

LEAVES = 1 << 16
"""Of the trees that are walked together: they are numbered in 16 bits."""


class Trees:
    """Trees of one depth that are walked together. places: among the trees of a chunk. rows: of each node's answers."""

    def __init__(self, full: Full, places: Ints, rows: Ints, right: NDArray[np.bool_], space: Space) -> None:
        self.places, self._space = places, space
        self._rows = [_flat(rows[nodes]) for nodes in full.nodes]
        self._right = [_flat(right[nodes]) for nodes in full.nodes]
        self._values = full.values.ravel()
        self._first = (np.arange(len(places)) << len(full.nodes)).astype(np.uint16)[:, None]

    def leaves(self, table: Table, values: Array) -> None:
        """Put the value of the leaf that each row falls into in its place in `values` [trees of the chunk, n]."""
        leaf: NDArray[np.uint8] | None = None
        turns: list[Words] = []
        for rows, right in zip(self._rows, self._right, strict=True):
            turns.append(self._turn(self._answers(table, rows, right), turns))
            bit = np.unpackbits(turns[-1].view(np.uint8), axis=1)
            leaf = bit if leaf is None else np.bitwise_or(np.add(leaf, leaf, out=leaf), bit, out=leaf)
        assert leaf is not None  # a tree is padded to one level at least
        numbers = np.add(leaf, self._first, out=self._space.array("numbers", leaf.shape, np.uint16))
        if len(self.places) == len(values):
            self._values.take(numbers, out=values, mode="wrap")
        else:
            values[self.places] = self._values.take(numbers, mode="wrap")

    def _answers(self, table: Table, rows: Ints, right: NDArray[np.bool_]) -> Words:
        """[splits of the level, trees, words]."""
        rows = table.places(rows)
        rows = rows + table.half * right if table.half else rows
        taken = self._space.array("answers", (len(rows), table.answers.shape[1]), np.uint64)
        table.answers.take(rows, axis=0, out=taken, mode="clip")
        return taken.reshape(-1, len(self.places), taken.shape[1])

    def _turn(self, answers: Words, turns: list[Words]) -> Words:
        """answers of level k, and the k turns before → the turn of this level, [trees, words]."""
        for turn in turns:
            left, right = answers[: len(answers) // 2], answers[len(answers) // 2 :]
            right ^= left
            right &= turn
            left ^= right
            answers = left
        found: Words = self._space.array(f"turn {len(turns)}", answers[0].shape, np.uint64)
        found[:] = answers[0]
        return found


class Bits:
    """base + Σ leaves, tree after tree: in floats the order is part of the result."""

    multiple = 64
    """Of rows that are asked for."""

    rows = 512
    """That are scored together: their table of bits stays in the processor's cache."""

    def __init__(self, forest: Forest, compare: Compare, compared: DTypeLike) -> None:
        splits = forest.splits()
        self._thresholds = Thresholds(forest.feature[splits], forest.number[splits].astype(compared), compare)
        rows = np.full(len(forest.child) + 1, NOBODY)  # the last is of none, -1
        rows[splits] = self._thresholds.rows
        right = np.zeros(len(rows), np.bool_)
        right[splits] = ~forest.missing[splits]
        self._space, depth = Space(), depths(forest)
        self._chunks = [
            list(self._batches(forest, rows, right, start, depth[start : start + CHUNK]))
            for start in range(0, len(depth), CHUNK)
        ]

    def add(self, base: Array, columns: Array) -> Array:
        """base [n], columns [width, n] → [n]."""
        table = self._thresholds.bits(columns)
        for chunk in self._chunks:
            count = 1 + sum(len(trees.places) for trees in chunk)
            values = self._space.array("values", (count, len(base)), base.dtype)
            values[0] = base
            for trees in chunk:
                trees.leaves(table, values[1:])
            base = np.add.reduce(values, axis=0)  # of an array [trees, n], row after row
        return base

    def _batches(
        self, forest: Forest, rows: Ints, right: NDArray[np.bool_], start: int, depth: Ints
    ) -> Iterator[Trees]:
        for levels, places in batches(depth, LEAVES):
            yield Trees(Full(forest, forest.roots[start + places], levels), places, rows, right, self._space)


def _flat(level: NDArray[Any]) -> NDArray[Any]:
    """[trees, splits] → split after split."""
    return np.ascontiguousarray(level.T).ravel()
