"""The trees of a model: x < threshold goes left, and a category in a split's set goes right
(include/xgboost/tree_model.h, src/common/categorical.h).

Leaves may be vectors (multi_strategy="multi_output_tree"): such a tree is read as one tree an output.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ranklet.errors import ImportRefused
from ranklet.importers.trees.records import LEAF, Bools, Floats, Ints, Tree
from ranklet.importers.xgboost.fields import Fields


def read(model: Fields, number: int, weights: tuple[float, ...] | None, *, outputs: int) -> tuple[Tree, ...]:
    """The first `number` trees; weights: of each, as dart has them."""
    documents = model.items("trees")
    targets = model.ints("tree_info", len(documents))
    if weights is not None and len(weights) != len(documents):
        raise ImportRefused(f"weight_drop has {len(weights)} entries for {len(documents)} trees; save the model again")
    found: list[Tree] = []
    for at in range(number):
        document = model.of(documents[at], f"trees[{at}]")
        weight = np.float32(1 if weights is None else weights[at])
        size = document.at("tree_param").whole("size_leaf_vector", 1)
        if size > 1:
            found += _vectors(document, size, weight, outputs=outputs)
        else:
            found.append(_tree(document, document.floats("split_conditions") * weight, int(targets[at])))
    return tuple(found)


def _vectors(tree: Fields, size: int, weight: np.float32, *, outputs: int) -> list[Tree]:
    """A tree whose leaves are vectors. Since 3.1 they stand apart, and a leaf's right child is its place there."""
    if size != outputs:
        raise ImportRefused(f"{tree.place}.tree_param.size_leaf_vector is {size}; the model has {outputs} outputs")
    left = tree.ints("left_children")
    nodes = len(left)
    if not tree.has("leaf_weights"):
        values = tree.floats("base_weights", nodes * size).reshape(nodes, size)
        return [_tree(tree, values[:, target] * weight, target) for target in range(size)]
    held = tree.floats("leaf_weights")
    ends = np.flatnonzero(left == LEAF)
    places = tree.ints("right_children", nodes)[ends]
    if len(held) % size or ((places < 0) | (places >= len(held) // size)).any():
        raise ImportRefused(f"{tree.place}.leaf_weights has {len(held)} numbers, which its leaves do not fit")
    values = np.zeros((nodes, size), np.float32)
    values[ends] = held.reshape(-1, size)[places]
    return [_tree(tree, values[:, target] * weight, target, ends=ends) for target in range(size)]


def _tree(tree: Fields, values: Floats, target: int, *, ends: Ints | None = None) -> Tree:
    """values [nodes]: of the leaves. ends: leaves whose right children are something else."""
    left = tree.ints("left_children")
    nodes = len(left)
    right, thresholds = tree.ints("right_children", nodes).copy(), tree.floats("split_conditions", nodes)
    if ends is not None:
        right[ends] = LEAF
    missing_left = tree.ints("default_left", nodes) != 0
    members = _members(tree, nodes)
    _check_kinds(tree, members, left)
    swap = np.isin(np.arange(nodes), list(members))
    return Tree(
        left=np.where(swap, right, left),
        right=np.where(swap, left, right),
        feature=tree.ints("split_indices", nodes),
        threshold=thresholds,
        value=values,
        missing_left=missing_left ^ swap,
        members=members,
        views=dict.fromkeys(members, "floor"),
        target=target,
    )


def _members(tree: Fields, nodes: int) -> dict[int, Ints]:
    """Node → its categories."""
    if not tree.has("categories_nodes"):
        return {}
    at = tree.ints("categories_nodes")
    starts = tree.ints("categories_segments", len(at))
    sizes, categories = tree.ints("categories_sizes", len(at)), tree.ints("categories")
    wrong = (at < 0) | (at >= nodes) | (starts < 0) | (sizes < 0) | (starts > len(categories) - sizes)
    if wrong.any() or len(np.unique(at)) != len(at):
        raise ImportRefused(f"{tree.place}.categories_nodes does not fit its categories; save the model again")
    return {int(node): categories[start : start + size] for node, start, size in zip(at, starts, sizes, strict=True)}


def _check_kinds(tree: Fields, members: Mapping[int, Ints], left: Ints) -> None:
    """A split is categorical where split_type says so, and then has categories."""
    kinds = tree.ints("split_type", len(left)) if tree.has("split_type") else np.zeros(len(left), np.int64)
    categorical: Bools = (kinds == 1) & (left != LEAF)
    listed = np.isin(np.arange(len(left)), list(members)) & (left != LEAF)
    if (categorical != listed).any() or not np.isin(kinds, (0, 1)).all():
        node = int(np.argmax((categorical != listed) | ~np.isin(kinds, (0, 1))))
        raise ImportRefused(f"{tree.place}.split_type[{node}] is {kinds[node]}, which its categories contradict")
