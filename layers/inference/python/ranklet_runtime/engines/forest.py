"""Trees as arrays of nodes, and padded to full ones: a leaf above the last level goes on as itself."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ranklet_features.lean import dataclass
from ranklet_runtime.engines.base import Array

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

DEPTH = 8
"""Levels of a tree at most: its leaves are numbered in a byte, and padding doubles with every level."""

CHUNK = 512
"""Trees that are worked on together: what they leave behind fits the processor's cache."""


@dataclass(frozen=True)
class Forest:
    """Nodes [n], children side by side. child: the left one, 0 of a leaf. number: threshold or value. missing: whether
    NaN goes left. roots [trees]."""

    child: Ints
    feature: Ints
    number: Array
    missing: Bools
    roots: Ints

    def splits(self) -> Ints:
        """The nodes that are no leaves."""
        return np.flatnonzero(self.child)


class Full:
    """Trees [n] padded to full ones of `depth` levels. nodes: per level [n, 2^level], -1 where there is no split;
    values [n, 2^depth]."""

    def __init__(self, forest: Forest, roots: Ints, depth: int) -> None:
        here = roots[:, None]
        self.nodes: list[Ints] = []
        for _ in range(depth):
            split = forest.child[here] > 0
            self.nodes.append(np.where(split, here, -1))
            left = np.where(split, forest.child[here], here)
            here = np.stack([left, left + split], axis=2).reshape(len(roots), -1)
        self.values = forest.number[here]


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


def batches(depth: Ints, limit: int) -> Iterator[tuple[int, Ints]]:
    """Of trees [n] of `depth` levels: those of one depth together, with at most `limit` leaves, by their places."""
    for levels in np.unique(depth).tolist():
        places = np.flatnonzero(depth == levels)
        for part in np.array_split(places, -(-len(places) // (limit >> levels))):
            yield levels, part
