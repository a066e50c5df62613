"""Decision trees, random forests and gradient boosted trees: nodes in pre-order, one node of the graph for all.

Of classes, each tree gives the number of the row's leaf, and the graph looks up what the leaf says of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ranklet.errors import ImportRefused
from ranklet.importers.mleap import classes
from ranklet.importers.mleap.attributes import Floats
from ranklet.importers.mleap.context import Context
from ranklet.importers.mleap.nodes import Node, model_of
from ranklet.importers.trees import checks, lowering
from ranklet.importers.trees.records import LEAF, Ensemble, Tree

REGRESSION, CLASSIFIER = "decision_tree_regression", "decision_tree_classifier"
MOST_TREES = 1 << 14
MOST_VALUES = 1 << 25


@dataclass
class _Read:
    """A tree while it is read. values: of a leaf, a row for each node, which is empty of a split."""

    left: list[int] = field(default_factory=list)
    right: list[int] = field(default_factory=list)
    feature: list[int] = field(default_factory=list)
    threshold: list[float] = field(default_factory=list)
    members: dict[int, Any] = field(default_factory=dict)
    values: list[list[float]] = field(default_factory=list)


def decision_tree(node: Node, context: Context) -> None:
    """Of one tree, whose files stand beside the stage's own."""
    tree = _tree(node, node.folder)
    if node.op == REGRESSION:
        classes.regression(node, context, _sum(node, context, [tree], np.ones(1)))
        return
    count = classes.count(node)
    table = _table(node, [tree], count)
    raw = context.tape.op("Gather", table, context.tape.op("Reshape", _leaves(node, context, [tree]), [-1]), axis=0)
    _told(node, context, raw, count)


def random_forest(node: Node, context: Context) -> None:
    """The mean of trees, or of the shares that their leaves have of each class."""
    kind = REGRESSION if node.op == "random_forest_regression" else CLASSIFIER
    trees, weights = _forest(node, kind)
    if (weights != 1).any():
        node.refuse("has trees of other weights than 1, which Spark's forests do not have")
    if kind == REGRESSION:
        classes.regression(
            node, context, context.tape.op("Div", _sum(node, context, trees, weights), float(len(trees)))
        )
        return
    count = classes.count(node)
    table = _table(node, trees, count)
    whole = table.sum(axis=1, keepdims=True)
    found = np.divide(table, whole, out=np.zeros_like(table), where=whole != 0)
    votes = context.tape.op("Gather", found, _leaves(node, context, trees), axis=0)
    _told(node, context, context.tape.op("ReduceSum", votes, [1], keepdims=0), count)


def _told(node: Node, context: Context, raw: str, count: int) -> None:
    probability = classes.shares(context.tape, raw)
    prediction = classes.predicted(node, context, raw, probability, count)
    classes.classification(node, context, prediction, raw=raw, probability=probability, classes=count)


def gbt_regression(node: Node, context: Context) -> None:
    """The weighted sum of trees."""
    classes.regression(node, context, _sum(node, context, *_forest(node, REGRESSION)))


def gbt_classifier(node: Node, context: Context) -> None:
    """Class 1 where the sum is above 0; its probability is 1 / (1 + exp(-2 · sum))."""
    if classes.count(node) != 2:
        node.refuse("has more than two classes, which Spark's boosted trees do not have")
    if node.attributes.has("threshold"):
        node.refuse(
            "has a threshold of its sum, as before 0.8, which Spark's boosted trees do not have; export it again"
        )
    loss = next(
        (node.attributes.text(name) for name in ("lossType", "loss_type") if node.attributes.has(name)), "logistic"
    )
    if loss != "logistic":
        node.refuse(f"has the loss {loss[:40]!r}; served is logistic")
    margin, tape = _sum(node, context, *_forest(node, REGRESSION)), context.tape
    raw = classes.margins(tape, margin)
    probability = classes.sigmoid(tape, tape.op("Mul", raw, 2.0))
    prediction = classes.predicted(node, context, raw, probability, 2)
    classes.classification(node, context, prediction, raw=raw, probability=probability, classes=2)


def _forest(node: Node, kind: str) -> tuple[list[_Read], Floats]:
    names, weights = node.attributes.texts("trees"), node.attributes.numbers("tree_weights")
    if not 1 <= len(names) <= MOST_TREES or len(weights) != len(names):
        node.refuse(f"has {len(names)} trees and {len(weights)} weights; served are {MOST_TREES} at most")
    found = []
    for name in names:
        op, _, folder = model_of(node, name)
        if op != kind:
            node.refuse(f"has {name[:80]!r}, which is {op[:40]!r} and no {kind}")
        found.append(_tree(node, folder))
    return found, weights


def _tree(node: Node, folder: str) -> _Read:
    """Read in pre-order, without recursion: a file may be as deep as it is long."""
    name = folder + next((one for one in ("tree", "nodes") if node.files.has(folder + one)), "tree")
    place, tree, open_ends = node.files.file(name), _Read(), [(LEAF, True)]
    for at, given in node.files.tree(name):
        if not open_ends:
            node.refuse(f"has {place} with a {at} behind the end of its tree; export the model again")
        try:
            inside = _add(tree, given, open_ends.pop())
        except (ValueError, KeyError, TypeError, OverflowError) as error:
            message = f"{str(error)[:80]}; export the model again"
            raise ImportRefused(f"{place}, {at} is no node of a tree: {message}") from error
        if inside:
            open_ends += [(len(tree.left) - 1, False), (len(tree.left) - 1, True)]
    if open_ends:
        node.refuse(f"has {place} that ends before its tree does; export the model again")
    return tree


def _add(tree: _Read, given: Any, parent: tuple[int, bool]) -> bool:
    """One node; whether it is a split."""
    at, (above, left) = len(tree.left), parent
    split: bool = given["type"] == "internal"
    if not split and given["type"] != "leaf":
        raise ValueError("its type is neither internal nor leaf")
    if above != LEAF:
        (tree.left if left != (above in tree.members and not tree.members[above][1]) else tree.right)[above] = at
    tree.left.append(LEAF)
    tree.right.append(LEAF)
    feature, threshold = (0, 0.0) if not split else _split(tree, given["split"], at)
    tree.feature.append(feature)
    tree.threshold.append(threshold)
    tree.values.append([] if split else [float(value) for value in given["values"]])
    return split


def _split(tree: _Read, given: Any, at: int) -> tuple[int, float]:
    feature = given["featureIndex"]
    if type(feature) is not int:
        raise ValueError("its featureIndex is no whole number")
    if given["type"] == "continuous":
        return min(max(feature, -1), 1 << 31), float(given["threshold"])
    if given["type"] != "categorical" or type(given["isLeft"]) is not bool:
        raise ValueError("its split is neither continuous nor categorical")
    categories = [float(value) for value in given["categories"]]
    if not all(value.is_integer() and 0 <= value < 1 << 24 for value in categories):
        raise ValueError("its categories are no whole numbers")
    tree.members[at] = (np.array(categories, np.int64), given["isLeft"])
    return min(max(feature, -1), 1 << 31), 0.0


def _record(tree: _Read, values: Floats, target: int) -> Tree:
    """Categories that go right are ones whose children change places."""
    nodes = len(tree.left)
    return Tree(
        left=np.array(tree.left, np.int64),
        right=np.array(tree.right, np.int64),
        feature=np.array(tree.feature, np.int64),
        threshold=np.array(tree.threshold, np.float64),
        value=values,
        missing_left=np.zeros(nodes, np.bool_),
        members={at: members for at, (members, _) in tree.members.items()},
        target=target,
    )


def _sum(node: Node, context: Context, trees: Sequence[_Read], weights: Floats) -> str:
    """Σ weight · what the row's leaf says: double [n, 1]."""
    records = []
    for tree, weight in zip(trees, weights.tolist(), strict=True):
        if any(len(one) != 1 for one, left in zip(tree.values, tree.left, strict=True) if left == LEAF):
            node.refuse("has a leaf that is not one number; export the model again")
        said = np.array([one[0] if one else 0.0 for one in tree.values], np.float64)
        records.append(_record(tree, said * weight, 0))
    return _run(node, context, records, 1)


def _leaves(node: Node, context: Context, trees: Sequence[_Read]) -> str:
    """The row of `_table` for each tree: int64 [n, trees]."""
    records, begin = [], 0
    for at, tree in enumerate(trees):
        records.append(_record(tree, np.arange(begin, begin + len(tree.left), dtype=np.float64), at))
        begin += len(tree.left)
    return context.tape.op("Cast", _run(node, context, records, len(trees)), to=7)


def _table(node: Node, trees: Sequence[_Read], count: int) -> Floats:
    """What leaves say of each class, a row for each node of each tree."""
    if sum(len(tree.left) for tree in trees) * count > MOST_VALUES:
        node.refuse(f"has leaves of more than {MOST_VALUES} numbers")
    rows = []
    for tree in trees:
        for one, left in zip(tree.values, tree.left, strict=True):
            if left == LEAF and (len(one) != count or min(one) < 0 or not np.isfinite(one).all()):
                node.refuse(f"has a leaf of {len(one)} values for {count} classes, or of no counts; export it again")
            rows.append(one or [0.0] * count)
    return np.array(rows, np.float64)


def _run(node: Node, context: Context, records: Sequence[Tree], targets: int) -> str:
    width = node.attributes.whole("num_features")
    dense = context.dense(context.numbers(node, "features", width))
    ensemble = Ensemble(tuple(records), "float64", strict=False, width=width, base=(0.0,) * targets, link="identity")
    try:
        checks.check(ensemble)
    except ImportRefused as error:
        node.refuse(f"is not served: {error}")
    made = context.tape.name()
    found = lowering._trees(ensemble, made)
    found.input[0] = dense
    context.tape.nodes.append(found)
    return made
