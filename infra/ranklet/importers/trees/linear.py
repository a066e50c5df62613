"""What is linear: leaves that compute (LightGBM's linear trees), and models without trees (XGBoost's gblinear).

A leaf that computes has no place in a `TreeEnsemble`: it gives each tree's leaf by number, and what the leaves hold is
gathered by that. Side by side, as NumPy and as nodes of a graph.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper, numpy_helper

from ranklet.importers.trees.records import LEAF, Ensemble, Floats, Ints, Line, Tree

Parts = Iterator[NodeProto | TensorProto]

LEAVES, RAW = "leaves", "raw"


def line(tree: Tree) -> Line:
    """What the tree's leaves compute; of one whose leaves are numbers, the numbers."""
    if tree.line is not None:
        return tree.line
    return Line(tree.value, np.zeros((len(tree.left), 0), np.int64), np.zeros((len(tree.left), 0)))


def widest(ensemble: Ensemble) -> int:
    """The most features that a leaf reads."""
    return max((tree.line.features.shape[1] for tree in ensemble.trees if tree.line is not None), default=0)


def numbered(ensemble: Ensemble) -> Ensemble:
    """The same trees, each with a target of its own, to which a leaf adds its number among all leaves."""
    trees, start = [], 0
    for target, tree in enumerate(ensemble.trees):
        ends = tree.left == LEAF
        numbers = np.where(ends, start + np.cumsum(ends) - 1, 0).astype(np.float64)
        trees.append(replace(tree, value=numbers, target=target, line=None))
        start += int(ends.sum())
    return replace(ensemble, trees=tuple(trees), base=(0.0,) * len(trees))


def values(tree: Tree, leaves: Ints, features: Floats) -> Floats:
    """What the leaves [n] of a tree give of features [n, width]."""
    given = line(tree)
    chosen = given.features[leaves]
    found = np.where(chosen < 0, 0, np.take_along_axis(features, np.maximum(chosen, 0), axis=1))
    missing = np.asarray(np.isnan(found).any(axis=1))
    with np.errstate(invalid="ignore", over="ignore"):
        computed = given.constant[leaves] + (given.coefficients[leaves] * found).sum(axis=1)
    return np.where(missing, tree.value[leaves], computed)


def of_leaves(ensemble: Ensemble, features: str) -> Parts:
    """Nodes from the leaves' numbers [n, trees] to base and leaves [n, targets]. Trees come in rounds, one a target."""
    yield numpy_helper.from_array(np.array([ensemble.base], ensemble.dtype), "base")
    trees, wide = len(ensemble.trees), max(1, widest(ensemble))
    yield from _tables(ensemble, wide)
    for name, shape in (("flat", [0, trees * wide]), ("cube", [0, trees, wide]), ("rounds", [0, -1, ensemble.targets])):
        yield numpy_helper.from_array(np.array(shape, np.int64), f"{name}_shape")
    yield numpy_helper.from_array(np.array([0, 0, 0, 1], np.int64), "one_more")
    yield numpy_helper.from_array(np.array([2], np.int64), "inner_axis")
    yield numpy_helper.from_array(np.array([1], np.int64), "round_axis")
    yield helper.make_node("Cast", [LEAVES], ["leaf"], to=TensorProto.INT64)
    yield helper.make_node("Gather", ["leaf_features", "leaf"], ["read"], axis=0)
    yield helper.make_node("Reshape", ["read", "flat_shape"], ["read_flat"])
    yield helper.make_node("Pad", [features, "one_more"], ["padded"])
    yield helper.make_node("GatherElements", ["padded", "read_flat"], ["found_flat"], axis=1)
    yield helper.make_node("Reshape", ["found_flat", "cube_shape"], ["found"])
    yield helper.make_node("Gather", ["leaf_coefficients", "leaf"], ["coefficients"], axis=0)
    yield helper.make_node("Mul", ["coefficients", "found"], ["products"])
    yield helper.make_node("ReduceSum", ["products", "inner_axis"], ["slopes"], keepdims=0)
    yield helper.make_node("Gather", ["leaf_constant", "leaf"], ["constants"], axis=0)
    yield helper.make_node("Add", ["constants", "slopes"], ["computed"])
    yield helper.make_node("IsNaN", ["found"], ["gone"])
    yield helper.make_node("Cast", ["gone"], ["gone_numbers"], to=TensorProto.INT32)
    yield helper.make_node("ReduceMax", ["gone_numbers", "inner_axis"], ["any_gone"], keepdims=0)
    yield helper.make_node("Cast", ["any_gone"], ["missing"], to=TensorProto.BOOL)
    yield helper.make_node("Gather", ["leaf_value", "leaf"], ["fallbacks"], axis=0)
    yield helper.make_node("Where", ["missing", "fallbacks", "computed"], ["given"])
    yield helper.make_node("Reshape", ["given", "rounds_shape"], ["by_round"])
    yield helper.make_node("ReduceSum", ["by_round", "round_axis"], ["sums"], keepdims=0)
    yield helper.make_node("Add", ["sums", "base"], [RAW])


def _tables(ensemble: Ensemble, wide: int) -> Parts:
    """What each leaf holds, leaf after leaf. What it does not read is the column of zeros behind the features."""
    leaves = [(tree, np.flatnonzero(tree.left == LEAF)) for tree in ensemble.trees]
    read = [_padded(line(tree).features[ends], wide, -1) for tree, ends in leaves]
    chosen = np.concatenate(read)
    yield numpy_helper.from_array(np.where(chosen < 0, ensemble.width, chosen), "leaf_features")
    for name, parts in (
        ("coefficients", [_padded(line(tree).coefficients[ends], wide, 0) for tree, ends in leaves]),
        ("constant", [line(tree).constant[ends] for tree, ends in leaves]),
        ("value", [tree.value[ends] for tree, ends in leaves]),
    ):
        yield numpy_helper.from_array(np.concatenate(parts).astype(ensemble.dtype), f"leaf_{name}")


def _padded(rows: Ints | Floats, wide: int, fill: int) -> NDArray[Any]:
    return np.pad(rows, ((0, 0), (0, wide - rows.shape[1])), constant_values=fill)


def of_all(ensemble: Ensemble, features: str) -> Parts:
    """Nodes from the features to base and weighted features; what is missing adds nothing. One after the other, from
    the base on, as XGBoost adds its floats: a product of matrices would add them in another order."""
    weights = np.concatenate([[ensemble.base], np.asarray(ensemble.weights)])[None].astype(ensemble.dtype)
    yield numpy_helper.from_array(np.array(0, ensemble.dtype), "no_number")
    yield numpy_helper.from_array(np.array(1, ensemble.dtype), "one_number")
    yield numpy_helper.from_array(np.array([0, 1, 0, 0], np.int64), "one_before")
    yield numpy_helper.from_array(np.array([2], np.int64), "output_axis")
    yield numpy_helper.from_array(np.array(1, np.int64), "feature_axis")
    yield numpy_helper.from_array(np.array(ensemble.width, np.int64), "last_feature")
    yield numpy_helper.from_array(weights, "weights")
    yield helper.make_node("IsNaN", [features], ["absent"])
    yield helper.make_node("Where", ["absent", "no_number", features], ["present"])
    yield helper.make_node("Pad", ["present", "one_before", "one_number"], ["with_base"])
    yield helper.make_node("Unsqueeze", ["with_base", "output_axis"], ["each"])
    yield helper.make_node("Mul", ["each", "weights"], ["products"])
    yield helper.make_node("CumSum", ["products", "feature_axis"], ["running"])
    yield helper.make_node("Gather", ["running", "last_feature"], [RAW], axis=1)
