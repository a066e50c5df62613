"""Trees and forests of sklearn.tree: values are rounded to 32 bits, then compared with double thresholds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx

from ranklet.errors import ImportRefused
from ranklet.importers.sklearn.frames import Floats, Frame, width
from ranklet.importers.sklearn.links import sigmoid, softmax
from ranklet.importers.trees import checks, lowering
from ranklet.importers.trees.records import Ensemble, Tree

if TYPE_CHECKING:
    from ranklet.importers.sklearn.walk import Walk

LOSSES = {"HalfBinomialLoss", "HalfMultinomialLoss", "ExponentialLoss"}


def predict(walk: Walk, estimator: Any, frame: Frame, method: str) -> str:
    """As the estimator's `method`."""
    name = type(estimator).__name__
    if name == "IsolationForest":
        return _isolation(walk, estimator, frame, method)
    if name.startswith("GradientBoosting"):
        return _boosted(walk, estimator, frame, method)
    trees = estimator.estimators_ if hasattr(estimator, "estimators_") else [estimator]
    if not len(trees):
        raise ImportRefused("has no trees; fit it again")
    if estimator.n_outputs_ != 1:
        return _averaged(walk, frame, trees, [values_of(one)[:, :, 0] for one in trees])
    if method == "predict":
        return _averaged(walk, frame, trees, [values_of(one)[:, 0, :] for one in trees])
    shares = [values_of(one)[:, 0, :] for one in trees]
    return _averaged(walk, frame, trees, [one / _whole(one) for one in shares])


def values_of(tree: Any) -> Floats:
    """[nodes, outputs, classes], as `predict` of a tree reads them."""
    found = np.asarray(tree.tree_.value, np.float64)
    if found.ndim != 3:
        raise ImportRefused("has leaves of another shape than scikit-learn's; save the model again")
    return found


def tree(source: Any, values: Floats, *, target: int = 0) -> Tree:
    """A `sklearn.tree._tree.Tree` whose leaves add `values` [nodes]."""
    source = source.tree_
    left = np.asarray(source.children_left, np.int64)
    missing = getattr(source, "missing_go_to_left", np.zeros(len(left)))
    return Tree(
        left,
        np.asarray(source.children_right, np.int64),
        np.where(left == -1, 0, np.asarray(source.feature, np.int64)),
        np.asarray(source.threshold, np.float64),
        values,
        np.asarray(missing).astype(np.bool_),
        target=target,
    )


def inlined(walk: Walk, ensemble: Ensemble, values: str) -> str:
    """The ensemble over a tensor of doubles [n, width] → [n, outputs]."""
    checks.check(ensemble)
    graph = onnx.load_from_string(lowering.lower(ensemble)).graph
    (found,) = walk.tape.inline(graph, [values])
    return found if ensemble.outputs > 1 else walk.tape.op("Unsqueeze", found, [1])


def summed(walk: Walk, frame: Frame, trees: Sequence[Tree], *, targets: int, scale: float = 1.0) -> str:
    """scale · Σ leaves [n, targets] of a frame's columns, rounded to 32 bits."""
    hint(walk, frame, trees)
    ensemble = Ensemble(tuple(trees), "float64", False, width(frame), (0.0,) * targets, "identity", scale)
    return inlined(walk, ensemble, walk.tape.narrowed(walk.dense(frame)))


def hint(walk: Walk, frame: Frame, trees: Sequence[Tree]) -> None:
    """The thresholds of trees, by columns."""
    values: list[list[float]] = [[] for _ in range(width(frame))]
    for one in trees[:64]:
        inner = np.flatnonzero(one.left != -1)
        for column, at in zip(one.feature[inner].tolist(), one.threshold[inner].tolist(), strict=True):
            if 0 <= column < len(values):
                values[column].append(at)
    walk.hint(frame, values)


def _averaged(walk: Walk, frame: Frame, sources: Sequence[Any], values: Sequence[Floats]) -> str:
    """The mean of trees' leaves [nodes, outputs]."""
    targets = values[0].shape[1]
    trees = [
        tree(source, found[:, target], target=target)
        for source, found in zip(sources, values, strict=True)
        for target in range(targets)
    ]
    return summed(walk, frame, trees, targets=targets, scale=1 / len(sources))


def _whole(shares: Floats) -> Floats:
    total = shares.sum(axis=1, keepdims=True)
    return np.where(total == 0, 1, total)


def _boosted(walk: Walk, estimator: Any, frame: Frame, method: str) -> str:
    rounds = np.asarray(estimator.estimators_, object)
    targets = rounds.shape[1]
    trees = [
        tree(one, values_of(one)[:, 0, 0] * estimator.learning_rate, target=target)
        for row in rounds
        for target, one in enumerate(row)
    ]
    total = summed(walk, frame, trees, targets=targets)
    raw = walk.tape.op("Add", total, _start(estimator, width(frame)))
    if method != "predict_proba":
        return raw
    return probabilities(walk, raw, type(estimator._loss).__name__)


def probabilities(walk: Walk, raw: str, loss: str) -> str:
    """Of gradient boosting's raw sums."""
    if loss not in LOSSES:
        raise ImportRefused(f"has the loss {loss}; served are {sorted(LOSSES)}")
    if loss == "HalfMultinomialLoss":
        return softmax(walk.tape, raw)
    positive = sigmoid(walk.tape, walk.tape.op("Mul", raw, 2.0) if loss == "ExponentialLoss" else raw)
    return walk.tape.joined([walk.tape.op("Sub", 1.0, positive), positive])


def _start(estimator: Any, columns: int) -> Floats:
    """What the sums begin at [1, targets]: that of a Dummy is the same for all rows."""
    kind = type(estimator.init_)
    if kind is not str and f"{kind.__module__}.{kind.__name__}" not in (
        "sklearn.dummy.DummyClassifier",
        "sklearn.dummy.DummyRegressor",
    ):
        raise ImportRefused(f"has init={kind.__name__}, whose predictions differ by row; served is init=None or 'zero'")
    first = estimator.estimators_[0, 0]
    if first.tree_.n_features != columns:
        raise ImportRefused(f"has trees of {first.tree_.n_features} columns for {columns}; save the model again")
    found: Floats = np.asarray(estimator._raw_predict_init(np.zeros((1, columns), np.float32)), np.float64)
    return found


def _isolation(walk: Walk, estimator: Any, frame: Frame, method: str) -> str:
    if method != "decision_function":
        raise ImportRefused(f"{method} is a verdict, which does not rank; -o method=decision_function does")
    from sklearn.ensemble._iforest import _average_path_length  # an extra

    trees = []
    for number, one in enumerate(estimator.estimators_):
        lengths = estimator._decision_path_lengths[number] + estimator._average_path_length_per_tree[number] - 1.0
        made = tree(one, np.asarray(lengths, np.float64))
        own = np.asarray(estimator.estimators_features_[number], np.int64)
        trees.append(Tree(made.left, made.right, own[made.feature], made.threshold, made.value, made.missing_left))
    depths = summed(walk, frame, trees, targets=1)
    whole = len(estimator.estimators_) * float(_average_path_length([estimator._max_samples])[0])
    power = walk.tape.op("Exp", walk.tape.op("Mul", depths, -float(np.log(2.0)) / whole))
    return walk.tape.op("Sub", walk.tape.op("Neg", power), float(estimator.offset_))
