"""Refuses trees that are none, each by its number and node: their graph would hang, crash, or read elsewhere."""

from __future__ import annotations

import numpy as np

from ranklet.errors import ImportRefused
from ranklet.importers.trees.linear import widest
from ranklet.importers.trees.records import LEAF, Bools, Ensemble, Ints, Line, Tree

MAX_WIDTH = 1 << 20
MAX_TARGETS = 1 << 14
MAX_NODES = 1 << 25
"""Far above what a function's package holds, and below what a build's memory does."""

MAX_DEPTH = 512
"""onnxruntime loads a tree by recursion; libraries grow 6 to some tens deep."""


def check(ensemble: Ensemble) -> None:
    """Raises ImportRefused for an ensemble that cannot be walked, or whose numbers are not finite."""
    if not 1 <= ensemble.width <= MAX_WIDTH:
        raise ImportRefused(f"it has {ensemble.width} features; served are 1 to {MAX_WIDTH}")
    if not 1 <= ensemble.targets <= MAX_TARGETS:
        raise ImportRefused(f"it has {ensemble.targets} outputs; served are 1 to {MAX_TARGETS}")
    if not np.isfinite([*ensemble.base, ensemble.scale]).all():
        raise ImportRefused(f"its base score is {list(ensemble.base)}, which is not finite; train again")
    if (nodes := sum(len(tree.left) for tree in ensemble.trees)) > MAX_NODES:
        raise ImportRefused(f"it has {nodes} nodes; served are {MAX_NODES}")
    if ensemble.weights is not None and not np.isfinite(ensemble.weights).all():
        raise ImportRefused("its weights are not all finite; train again")
    if (held := nodes * widest(ensemble)) > MAX_NODES:
        raise ImportRefused(f"its leaves hold {held} coefficients; served are {MAX_NODES}")
    for number, tree in enumerate(ensemble.trees):
        try:
            _check(tree, ensemble)
        except ImportRefused as error:
            raise ImportRefused(f"tree {number}: {error}") from error


def inner(tree: Tree) -> Ints:
    """The splits, in the order of the file, of those that the root reaches (pruned nodes stay in some files)."""
    found: Ints = np.flatnonzero(reached(tree) & (tree.left != LEAF))
    return found


def reached(tree: Tree) -> Bools:
    """Which nodes the root reaches. Raises ImportRefused for a node that is reached twice: a cycle, or a shared one."""
    seen = np.zeros(len(tree.left), np.bool_)
    level = np.zeros(1, np.int64)
    depth = 0
    while len(level):
        if (depth := depth + 1) > MAX_DEPTH:
            raise ImportRefused(f"is more than {MAX_DEPTH} deep; train with a max_depth")
        again = np.concatenate([level[seen[level]], _twice(level)])
        if len(again):
            raise ImportRefused(f"node {again[0]} is reached twice, so this is no tree; export the model again")
        seen[level] = True
        level = level[tree.left[level] != LEAF]
        level = np.concatenate([tree.left[level], tree.right[level]])
    return seen


def _twice(level: Ints) -> Ints:
    ordered = np.sort(level)
    twice: Ints = ordered[1:][ordered[1:] == ordered[:-1]]
    return twice


def _check(tree: Tree, ensemble: Ensemble) -> None:
    nodes = len(tree.left)
    if not nodes:
        raise ImportRefused("has no node; export the model again")
    if not 0 <= tree.target < ensemble.targets:
        raise ImportRefused(f"adds to output {tree.target}; there are {ensemble.targets}")
    _check_children(tree)
    splits, compared = inner(tree), np.ones(nodes, np.bool_)
    compared[list(tree.members)] = False
    _refuse(splits, (tree.feature < 0) | (tree.feature >= ensemble.width), "feature", tree.feature)
    _refuse(splits[compared[splits]], np.isnan(tree.threshold), "threshold", tree.threshold)
    leaves = np.flatnonzero(reached(tree) & (tree.left == LEAF))
    _refuse(leaves, ~np.isfinite(tree.value), "leaf value", tree.value)
    if tree.line is not None:
        _check_line(tree.line, leaves, ensemble)
    for node, members in tree.members.items():
        if ((members < 0) | (members >= 1 << 24)).any():
            raise ImportRefused(f"node {node} has a category outside 0 … 2²⁴ - 1, beyond what a float tells apart")


def _check_line(line: Line, leaves: Ints, ensemble: Ensemble) -> None:
    _refuse(leaves, ~np.isfinite(line.constant), "leaf constant", line.constant)
    wrong = (line.features < -1) | (line.features >= ensemble.width)
    for number in range(line.features.shape[1]):
        _refuse(leaves, wrong[:, number], "leaf feature", line.features[:, number])
        column = line.coefficients[:, number]
        _refuse(leaves, ~np.isfinite(column), "leaf coefficient", column)


def _check_children(tree: Tree) -> None:
    nodes = len(tree.left)
    for children in (tree.left, tree.right):
        wrong = (children < LEAF) | (children >= nodes) | ((children == LEAF) != (tree.left == LEAF))
        if wrong.any():
            node = int(np.argmax(wrong))
            raise ImportRefused(f"node {node} has child {children[node]}; nodes are 0 to {nodes - 1}")


def _refuse(nodes: Ints, wrong: Bools, what: str, values: object) -> None:
    if (bad := nodes[wrong[nodes]]).size:
        raise ImportRefused(f"node {bad[0]} has {what} {np.asarray(values)[bad[0]]}; export the model again")
