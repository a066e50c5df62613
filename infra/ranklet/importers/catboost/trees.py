"""Trees as the shared records have them: a split's left is where it does not hold, x ≤ border; doubles are added."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from ranklet.errors import ImportRefused
from ranklet.importers.catboost.document import SAVE, Document, Node, Split, fits
from ranklet.importers.catboost.features import ONE_HOT, Features, Turn
from ranklet.importers.trees.checks import MAX_NODES
from ranklet.importers.trees.records import LEAF, Floats, Ints, Tree

MAX_OUTPUTS = 1 << 14
MAX_DEPTH = 16
"""Of symmetric trees: CatBoost's own limit."""


def bias(document: Document) -> tuple[float, tuple[float, ...]]:
    """What the sum of the leaves is multiplied by, and what is added then, one for each output."""
    given = document.scale_and_bias if document.scale_and_bias is not None else [1.0, 0.0]
    if len(given) != 2 or isinstance(given[0], list):
        raise ImportRefused(f"scale_and_bias must be [scale, bias]; {SAVE}")
    biases = given[1] if isinstance(given[1], list) else [given[1]]
    if not np.isfinite([given[0], *biases]).all() or not 1 <= len(biases) <= MAX_OUTPUTS:
        raise ImportRefused(f"scale_and_bias must be finite, and the bias of 1 to {MAX_OUTPUTS} outputs; {SAVE}")
    return given[0], tuple(biases)


class Symmetric(NamedTuple):
    """A tree that asks one question a level. turns: split k is bit k of a leaf's number. leaves: [2^turns, targets]."""

    turns: tuple[Turn, ...]
    leaves: Floats


def symmetric(
    document: Document, features: Features, outputs: int, *, kept: Sequence[int], scale: float
) -> tuple[Symmetric, ...]:
    """kept: the outputs to which trees are wanted, in this order; each is a target. scale: of all leaves.

    Raises ImportRefused naming the tree that is none, or whose splits are not those of the features.
    """
    if (document.oblivious_trees is None) == (document.trees is None):
        raise ImportRefused(f"it must have either oblivious_trees or trees; {SAVE}")
    trees = document.oblivious_trees or []
    if (nodes := sum(2 * len(tree.leaf_values) for tree in trees)) > MAX_NODES:
        raise ImportRefused(f"it has {nodes} nodes; served are {MAX_NODES}")
    found = []
    for at, tree in enumerate(trees):
        place, splits = f"oblivious_trees[{at}]", tree.splits or []
        depth = len(splits)
        if depth > MAX_DEPTH or len(tree.leaf_values) != outputs << depth:
            raise ImportRefused(
                f"{place} has {len(tree.leaf_values)} leaf_values for {depth} splits and {outputs} outputs; {SAVE}"
            )
        turns = tuple(_turn(split, features, f"{place}.splits[{bit}]") for bit, split in enumerate(splits))
        leaves = np.array(tree.leaf_values, np.float64).reshape(-1, outputs)[:, list(kept)] * scale
        found.append(Symmetric(turns, leaves))
    return tuple(found)


def records(trees: Iterable[Symmetric]) -> Iterator[Tree]:
    """Symmetric trees as any others, one a target."""
    for turns, leaves in trees:
        left, right, level = _shape(len(turns))
        backwards = [*reversed(turns), Turn(0, 0.0, False, "")]
        feature = np.array([turn.column for turn in backwards])[level]
        threshold = np.array([turn.border for turn in backwards])[level]
        missing_left = np.array([not turn.nan for turn in backwards])[level]
        for target in range(leaves.shape[1]):
            value = np.concatenate([np.zeros(len(leaves) - 1), leaves[:, target]])
            yield Tree(left, right, feature, threshold, value, missing_left, target=target)


def others(
    document: Document, features: Features, outputs: int, *, kept: Sequence[int], scale: float
) -> Iterator[Tree]:
    """Trees that are not symmetric; as `symmetric` otherwise."""
    for at, root in enumerate(document.trees or []):
        for tree in _of_nodes(root, features, outputs, kept=kept, place=f"trees[{at}]"):
            yield replace(tree, value=tree.value * scale)


@lru_cache
def _shape(depth: int) -> tuple[Ints, Ints, Ints]:
    """left, right and level of the nodes of a full tree, level by level: its leaves are in the file's order where the
    last split of the file is the root's, as split k is bit k of a leaf's number."""
    inner, nodes = (1 << depth) - 1, (2 << depth) - 1
    at = np.arange(nodes)
    left, right = (np.where(at < inner, 2 * at + side, LEAF) for side in (1, 2))
    return left, right, np.log2(at + 1).astype(np.int64)


def _of_nodes(root: Node, features: Features, outputs: int, *, kept: Sequence[int], place: str) -> Iterator[Tree]:
    nodes = [root]
    left: list[int] = []
    right: list[int] = []
    turns: list[Turn] = []
    values: list[list[float]] = []
    for node in nodes:  # grows as it goes
        if node.split is None:
            values.append(_leaf(node, outputs, place))
            turns.append(Turn(0, 0.0, False, ""))
            children = (LEAF, LEAF)
        elif node.left is None or node.right is None:
            raise ImportRefused(f"{place} has a split without two children; {SAVE}")
        else:
            values.append([0.0] * outputs)
            turns.append(_turn(node.split, features, place))
            children = (len(nodes), len(nodes) + 1)
            nodes += [node.left, node.right]
        left.append(children[0])
        right.append(children[1])
    table: Floats = np.array(values, np.float64)
    for target, output in enumerate(kept):
        yield Tree(
            np.array(left),
            np.array(right),
            np.array([turn.column for turn in turns]),
            np.array([turn.border for turn in turns], np.float64),
            table[:, output],
            np.array([not turn.nan for turn in turns]),
            target=target,
        )


def _leaf(node: Node, outputs: int, place: str) -> list[float]:
    found = node.value if isinstance(node.value, list) else [] if node.value is None else [node.value]
    if len(found) != outputs:
        raise ImportRefused(f"{place} has a leaf of {len(found)} values for {outputs} outputs; {SAVE}")
    return found


def _turn(split: Split, features: Features, place: str) -> Turn:
    """What the split's index names. Raises ImportRefused where the split says otherwise."""
    if not 0 <= split.split_index < len(features.turns):
        raise ImportRefused(f"{place}.split_index is {split.split_index}; there are {len(features.turns)}; {SAVE}")
    turn = features.turns[split.split_index]
    if not split.split_type:
        return turn
    if split.split_type != turn.kind:
        raise ImportRefused(f"{place} is {split.split_type[:40]!r}; split {split.split_index} is {turn.kind!r}; {SAVE}")
    if turn.kind != ONE_HOT and (
        split.border is None or not fits([split.border]) or np.float32(split.border) != turn.border
    ):
        raise ImportRefused(f"{place}.border is {split.border}; split {split.split_index} has {turn.border}; {SAVE}")
    return turn
