"""Trees for all rows of a block at once, a bit a row and 64 to a word.

A split is one row of a table of bits: which rows go right. At level k of a tree the answers of 2^k splits are there;
the k turns taken before choose one, each halving what is left: left ^ ((left ^ right) & turn). What remains is the
k-th turn, and the turns, first to last, are the number of the leaf. Nothing depends on what a row holds, so that the
processor never guesses. Trees are padded to full ones: a leaf above the last level goes on as itself. A tree that asks
one question a level has its turns at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranklet_runtime.engines.base import Array
from ranklet_runtime.engines.thresholds import Bools, Ints, Words

DEPTH = 8
"""Levels of a tree at most: its leaves are numbered in a byte, and padding doubles with every level."""

CHUNK, LEAVES = 512, 1 << 16
"""Trees, and leaves of trees, that are worked on together: what they leave behind fits the processor's cache."""


@dataclass(frozen=True)
class Forest:
    """Nodes [n], children side by side. child: the left one, 0 of a leaf. number: threshold or value. missing: whether
    NaN goes left. roots [trees]."""

    child: Ints
    feature: Ints
    number: Array
    missing: Bools
    roots: Ints


class Full:
    """Trees [n] padded to full ones of `depth` levels. rows, right: per level [n, 2^level]; values [n, 2^depth]."""

    def __init__(self, forest: Forest, rows: Ints, nodes: Ints, depth: int) -> None:
        here = nodes[:, None]
        self.rows: list[Ints] = []
        self.right: list[Bools] = []
        for _ in range(depth):
            split = forest.child[here] > 0
            self.rows.append(rows[here])
            self.right.append(split & ~forest.missing[here])
            left = np.where(split, forest.child[here], here)
            here = np.stack([left, left + split], axis=2).reshape(len(nodes), -1)
        self.values = forest.number[here]

    def symmetric(self) -> Bools:
        """Which trees ask one question a level, as CatBoost's do, [n]."""
        same = [(level == level[:, :1]).all(axis=1) for level in (*self.rows, *self.right)]
        found: Bools = np.logical_and.reduce(same)
        return found


class Trees:
    """Trees of one depth that are walked together. places: among the trees of a chunk."""

    def __init__(self, full: Full, chosen: Ints, places: Ints, *, symmetric: bool) -> None:
        self._symmetric, self.places, depth = symmetric, places, len(full.rows)
        widths = [1 if symmetric else 1 << level for level in range(depth)]
        self._rows = [_flat(one[chosen, :width]) for one, width in zip(full.rows, widths, strict=True)]
        self._right = [_flat(one[chosen, :width]) for one, width in zip(full.right, widths, strict=True)]
        self._values = full.values[chosen].ravel()
        self._first = (np.arange(len(chosen)) << depth).astype(np.uint16)[:, None]

    def leaves(self, table: Words, values: Array, *, size: int | None) -> None:
        """Put the value of the leaf that each row falls into in its place in `values` [trees of the chunk, n].

        size: of half the table, None without NaN.
        """
        leaf: NDArray[np.uint8] | None = None
        turns: list[Words] = []
        for rows, right in zip(self._rows, self._right, strict=True):
            answers = table.take(rows if size is None else rows + size * right, axis=0)
            answers = answers.reshape(-1, len(self.places), table.shape[1])
            turns.append(answers[0] if self._symmetric else _turn(answers, turns))
            bit = np.unpackbits(turns[-1].view(np.uint8), axis=1)
            leaf = bit if leaf is None else np.bitwise_or(np.add(leaf, leaf, out=leaf), bit, out=leaf)
        assert leaf is not None  # a tree is padded to one level at least
        places = np.add(leaf, self._first, dtype=np.uint16)
        if len(self.places) == len(values):
            self._values.take(places, out=values, mode="wrap")
        else:
            values[self.places] = self._values.take(places, mode="wrap")


class Sums:
    """base + Σ leaves, tree after tree: in floats the order is part of the result."""

    def __init__(self, forest: Forest, rows: Ints) -> None:
        depth = depths(forest)
        self._chunks = [
            list(_batches(forest, rows, depth, start, min(start + CHUNK, len(depth))))
            for start in range(0, len(depth), CHUNK)
        ]

    def add(self, base: Array, table: Words, *, size: int | None) -> Array:
        """base [n] → [n]. size: as of `Trees.leaves`."""
        for chunk in self._chunks:
            values = np.empty((1 + sum(len(trees.places) for trees in chunk), len(base)), base.dtype)
            values[0] = base
            for trees in chunk:
                trees.leaves(table, values[1:], size=size)
            base = np.add.reduce(values, axis=0)  # of an array [trees, n], row after row
        return base


def depths(forest: Forest) -> Ints:
    """Levels of splits of each tree, at least 1. Stops above DEPTH."""
    found = np.ones(len(forest.roots), np.int64)
    nodes, tree = forest.roots, np.arange(len(forest.roots))
    for depth in range(DEPTH + 2):
        found[tree] = np.maximum(depth, 1)
        inner = forest.child[nodes] > 0
        left, tree = forest.child[nodes[inner]], tree[inner]
        nodes, tree = np.concatenate([left, left + 1]), np.concatenate([tree, tree])
    return found


def _batches(forest: Forest, rows: Ints, depth: Ints, start: int, end: int) -> Iterator[Trees]:
    """The trees start to end, those of one depth and kind together."""
    for levels in np.unique(depth[start:end]).tolist():
        places = np.flatnonzero(depth[start:end] == levels)
        full = Full(forest, rows, forest.roots[start + places], levels)
        symmetric = full.symmetric()
        for kind in (True, False):
            chosen = np.flatnonzero(symmetric == kind)
            for part in np.array_split(chosen, -(-len(chosen) // (LEAVES >> levels)) or 1):
                if len(part):
                    yield Trees(full, part, places[part], symmetric=kind)


def _turn(answers: Words, turns: list[Words]) -> Words:
    """answers [2^k, trees, words] of level k, and the k turns before → the turn of this level, [trees, words]."""
    for turn in turns:
        left, right = answers[: len(answers) // 2], answers[len(answers) // 2 :]
        right ^= left
        right &= turn
        left ^= right
        answers = left
    found: Words = answers[0]
    return found


def _flat(level: NDArray[Any]) -> NDArray[Any]:
    """[trees, splits] → split after split."""
    return np.ascontiguousarray(level.T).ravel()
