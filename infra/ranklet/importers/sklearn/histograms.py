"""HistGradientBoosting: doubles compared as they are, NaN and sets of categories at each node."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ranklet.errors import ImportRefused
from ranklet.importers.sklearn import forests
from ranklet.importers.sklearn.frames import Frame, Ints, width
from ranklet.importers.trees.records import Ensemble, Tree

if TYPE_CHECKING:
    from ranklet.importers.sklearn.walk import Walk

LINKS = {"LogLink": "exp", "IdentityLink": "identity"}


def predict(walk: Walk, estimator: Any, frame: Frame, method: str) -> str:
    """As the estimator's `method`."""
    before = getattr(estimator, "_preprocessor", None)
    if before is not None:
        frame = walk.transform(before, frame)
    trees = [_tree(one, target) for row in estimator._predictors for target, one in enumerate(row)]
    base = np.asarray(estimator._baseline_prediction, np.float64).reshape(-1)
    forests.hint(walk, frame, trees)
    ensemble = Ensemble(tuple(trees), "float64", False, width(frame), tuple(base.tolist()), "identity")
    raw = forests.inlined(walk, ensemble, walk.dense(frame))
    if method == "predict_proba":
        return forests.probabilities(walk, raw, type(estimator._loss).__name__)
    if method == "decision_function":
        return raw
    kind = type(estimator._loss.link).__name__
    if kind not in LINKS:
        raise ImportRefused(f"has the link {kind}; served are log and identity")
    return walk.tape.op("Exp", raw) if LINKS[kind] == "exp" else raw


def _tree(predictor: Any, target: int) -> Tree:
    nodes = predictor.nodes
    leaf = nodes["is_leaf"].astype(np.bool_)
    left, right = (np.where(leaf, -1, nodes[side].astype(np.int64)) for side in ("left", "right"))
    threshold = nodes["num_threshold"].astype(np.float64)
    members = {
        int(node): _members(predictor.raw_left_cat_bitsets, int(nodes["bitset_idx"][node]))
        for node in np.flatnonzero(nodes["is_categorical"].astype(np.bool_) & ~leaf)
    }
    return Tree(
        left,
        right,
        np.where(leaf, 0, nodes["feature_idx"].astype(np.int64)),
        threshold,
        nodes["value"].astype(np.float64),
        nodes["missing_go_to_left"].astype(np.bool_),
        members=members,
        target=target,
    )


def _members(sets: Any, row: int) -> Ints:
    """The categories 0 … 255 of a set of 8 words of 32 bits."""
    if not 0 <= row < len(sets) or np.shape(sets)[1:] != (8,):
        raise ImportRefused(f"reads set {row} of {len(sets)} sets of categories; save the model again")
    bits = np.unpackbits(np.asarray(sets[row], "<u4").view(np.uint8), bitorder="little")
    return np.flatnonzero(bits).astype(np.int64)
