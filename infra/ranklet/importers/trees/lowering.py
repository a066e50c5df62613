"""Trees as one `TreeEnsemble` of ai.onnx.ml 5, with the columns that it reads before it and the link after it.

It compares and adds in the dtype of its tensors, so a library that compares doubles gets doubles. A set of categories
is one node (BRANCH_MEMBER); where NaN goes, `nodes_missing_value_tracks_true` says, since no NaN is in a set. A tree of
one leaf is a node both of whose branches are that leaf, as the specification has it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper

from ranklet.importers.trees import columns, inputs, linear
from ranklet.importers.trees.checks import inner, reached
from ranklet.importers.trees.links import LINKS
from ranklet.importers.trees.records import LEAF, Ensemble, Floats, Ints, Tree

SCORE, SCORES = "score", "scores"
IR, OPSET, TREES = 10, 21, 5

LEQ, LT, MEMBER = 0, 1, 6
"""Of `nodes_modes`."""

_NO_MEMBER = np.array([0.5])
"""For an empty set, which onnxruntime refuses: categories are whole numbers when a node sees them."""


def lower(ensemble: Ensemble, *, column: int | None = None, ids: Sequence[inputs.Ids] = ()) -> bytes:
    """A graph of features [n, width] → score [n], or scores [n, outputs], all in the ensemble's dtype.

    column: of several outputs, the one that is the score. ids: features that come as ids beside the others. The same
    trees give the same bytes.
    """
    given = inputs.FEATURES if not ids else "all_features"
    parts = [*(inputs.nodes(ensemble, ids, given) if ids else ()), *_body(ensemble, given), *_tail(ensemble, column)]
    alone = column is not None or ensemble.outputs == 1
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(ensemble.dtype))
    shape: list[str | int | None] = ["n"] if alone else ["n", ensemble.outputs]
    graph = helper.make_graph(
        [part for part in parts if isinstance(part, NodeProto)],
        "trees",
        inputs.declared(ensemble, ids),
        [helper.make_tensor_value_info(SCORE if alone else SCORES, kind, shape)],
        [part for part in parts if isinstance(part, TensorProto)],
    )
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", TREES)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=IR, producer_name="ranklet")
    onnx.checker.check_model(model, full_check=True)
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def _body(ensemble: Ensemble, given: str) -> Iterator[NodeProto | TensorProto]:
    """From the features to the link's result `linked` [n, outputs]."""
    yield from _sums(ensemble, given)
    yield numpy_helper.from_array(np.array(ensemble.scale, ensemble.dtype), "scale")
    yield helper.make_node("Mul", [linear.RAW, "scale"], ["scaled"])
    yield from LINKS[ensemble.link].nodes("scaled", "linked", ensemble.dtype)


def _sums(ensemble: Ensemble, given: str) -> Iterator[NodeProto | TensorProto]:
    """From the features to `raw` [n, targets]: base and leaves."""
    if ensemble.weights is not None:
        yield from linear.of_all(ensemble, given)
        return
    yield from columns.nodes(ensemble, given)
    if ensemble.computes:
        yield _trees(linear.numbered(ensemble), linear.LEAVES)
        yield from linear.of_leaves(ensemble, given)
    else:
        yield _trees(replace(ensemble, trees=(*_starts(ensemble), *ensemble.trees)), linear.RAW)


def _starts(ensemble: Ensemble) -> tuple[Tree, ...]:
    """The base as a tree of one leaf for each output, before the others: XGBoost adds its floats in this order, and
    onnxruntime does, so that sums are the same to the last bit."""
    if ensemble.trees and not any(ensemble.base):
        return ()
    end, none = np.array([LEAF]), np.zeros(1, np.int64)
    zero = np.zeros(1, ensemble.dtype)
    values = np.array(ensemble.base, ensemble.dtype)[:, None]
    return tuple(
        Tree(end, end, none, zero, value, np.zeros(1, np.bool_), target=target) for target, value in enumerate(values)
    )


def _tail(ensemble: Ensemble, column: int | None) -> Iterator[NodeProto | TensorProto]:
    if column is None and ensemble.outputs > 1:
        yield helper.make_node("Identity", ["linked"], [SCORES])
        return
    yield numpy_helper.from_array(np.array(column or 0, np.int64), "column")
    yield helper.make_node("Gather", ["linked", "column"], [SCORE], axis=1)


_NODE_FIELDS = (
    "nodes_featureids",
    "nodes_modes",
    "nodes_splits",
    "nodes_truenodeids",
    "nodes_trueleafs",
    "nodes_falsenodeids",
    "nodes_falseleafs",
    "nodes_missing_value_tracks_true",
)


@dataclass
class _Flat:
    """The node's attributes, tree after tree."""

    roots: list[int] = field(default_factory=list)
    nodes: dict[str, list[Any]] = field(default_factory=lambda: {name: [] for name in _NODE_FIELDS})
    members: list[Any] = field(default_factory=list)
    targets: list[int] = field(default_factory=list)
    weights: list[Any] = field(default_factory=list)
    inner: int = 0
    leaves: int = 0


def _trees(ensemble: Ensemble, made: str) -> NodeProto:
    flat, seen = _Flat(), columns.places(ensemble)
    for tree in ensemble.trees:
        if tree.left[0] == LEAF:
            _add_leaf(flat, tree)
        else:
            _add(flat, tree, ensemble, seen)
    splits, modes = flat.nodes.pop("nodes_splits"), flat.nodes.pop("nodes_modes")
    whole = {name: np.concatenate(values).astype(np.int64).tolist() for name, values in flat.nodes.items()}
    extra = {"membership_values": _tensor(flat.members, ensemble.dtype)} if flat.members else {}
    return helper.make_node(
        "TreeEnsemble",
        ["columns"],
        [made],
        domain="ai.onnx.ml",
        aggregate_function=1,
        post_transform=0,
        n_targets=ensemble.targets,
        tree_roots=flat.roots,
        nodes_modes=_tensor(modes, "uint8"),
        nodes_splits=_tensor(splits, ensemble.dtype),
        **whole,
        leaf_targetids=flat.targets,
        leaf_weights=_tensor(flat.weights, ensemble.dtype),
        **extra,
    )


def _tensor(parts: Sequence[Any], dtype: str) -> TensorProto:
    return numpy_helper.from_array(np.concatenate(parts).astype(dtype), "values")


def _add_leaf(flat: _Flat, tree: Tree) -> None:
    leaf = [flat.leaves]
    row = {"nodes_trueleafs": [1], "nodes_falseleafs": [1], "nodes_truenodeids": leaf, "nodes_falsenodeids": leaf}
    for name, values in flat.nodes.items():
        values.append(np.array(row.get(name, [0])))
    flat.roots.append(flat.inner)
    flat.targets.append(tree.target)
    flat.weights.append(tree.value[:1])
    flat.inner, flat.leaves = flat.inner + 1, flat.leaves + 1


def _add(flat: _Flat, tree: Tree, ensemble: Ensemble, seen: Any) -> None:
    splits, leaves = inner(tree), np.flatnonzero(reached(tree) & (tree.left == LEAF))
    index = np.zeros(len(tree.left), np.int64)
    index[splits] = flat.inner + np.arange(len(splits))
    index[leaves] = flat.leaves + np.arange(len(leaves))
    ends = tree.left == LEAF
    modes = np.full(len(tree.left), LT if ensemble.strict else LEQ)
    modes[list(tree.members)] = MEMBER
    features, thresholds = tree.feature.copy(), tree.threshold.copy()
    thresholds[list(tree.members)] = 0
    for node, view in tree.views.items():
        features[node] = seen[view, int(tree.feature[node])]
    rows: tuple[Ints | Floats | np.ndarray[Any, Any], ...] = (
        features[splits],
        modes[splits],
        thresholds[splits],
        index[tree.left[splits]],
        ends[tree.left[splits]],
        index[tree.right[splits]],
        ends[tree.right[splits]],
        tree.missing_left[splits],
    )
    for name, values in zip(_NODE_FIELDS, rows, strict=True):
        flat.nodes[name].append(values)
    for node in splits[modes[splits] == MEMBER].tolist():
        members = tree.members[node] if len(tree.members[node]) else _NO_MEMBER
        flat.members += [members.astype(ensemble.dtype), np.array([np.nan])]
    flat.roots.append(flat.inner)
    flat.targets += [tree.target] * len(leaves)
    flat.weights.append(tree.value[leaves])
    flat.inner, flat.leaves = flat.inner + len(splits), flat.leaves + len(leaves)
