"""Many estimators of one kind: calibrated ones, bags, boosted ones, one a class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ranklet.errors import ImportRefused
from ranklet.importers.sklearn.frames import Frame
from ranklet.importers.sklearn.links import sigmoid, softmax

if TYPE_CHECKING:
    from ranklet.importers.sklearn.walk import Walk


def predict(walk: Walk, estimator: Any, frame: Frame, method: str) -> str:
    """As the estimator's `method`."""
    name = type(estimator).__name__
    return _MADE[name](walk, estimator, frame, method)


def _mean(walk: Walk, parts: list[str]) -> str:
    return walk.tape.op("Div", walk.tape.added(parts), float(len(parts)))


def _calibrated(walk: Walk, estimator: Any, frame: Frame, method: str) -> str:
    _only(method, "predict_proba")
    return _mean(walk, [_one_calibrated(walk, one, frame) for one in estimator.calibrated_classifiers_])


def _one_calibrated(walk: Walk, one: Any, frame: Frame) -> str:
    if one.method not in ("sigmoid", "isotonic", "temperature"):
        raise ImportRefused(f"calibrates by {one.method}; served are sigmoid, isotonic and temperature")
    inner = one.estimator.estimator if type(one.estimator).__name__ == "FrozenEstimator" else one.estimator
    how = "decision_function" if hasattr(inner, "decision_function") else "predict_proba"
    found = walk.predict(inner, frame, how)
    if list(inner.classes_) != list(one.classes):
        raise ImportRefused("holds a fold that does not know all classes")
    if one.method == "temperature":
        return _cooled(walk, one, found, how)
    if len(one.classes) == 2:
        found = walk.tape.columns(found, [1]) if how == "predict_proba" else found
        positive = _curve(walk, one, one.calibrators[0], found)
        return walk.tape.joined([walk.tape.op("Sub", 1.0, positive), positive])
    parts = [
        _curve(walk, one, calibrator, walk.tape.columns(found, [number]))
        for number, calibrator in enumerate(one.calibrators)
    ]
    each = walk.tape.joined(parts)
    total = walk.tape.total(each)
    nothing = walk.tape.op("Equal", total, 0.0)
    shares = walk.tape.op("Div", each, walk.tape.op("Where", nothing, 1.0, total))
    return walk.tape.op("Where", nothing, 1 / len(one.classes), shares)


def _curve(walk: Walk, one: Any, calibrator: Any, found: str) -> str:
    """A calibrator over [n, 1]."""
    if one.method == "isotonic":
        return _isotonic(walk, calibrator, found)
    return sigmoid(
        walk.tape, walk.tape.op("Add", walk.tape.op("Mul", found, -float(calibrator.a_)), -float(calibrator.b_))
    )


def _cooled(walk: Walk, one: Any, found: str, how: str) -> str:
    """softmax(β · logits)."""
    if how == "predict_proba":
        logits = walk.tape.op("Log", walk.tape.op("Add", found, 1e-12))
    elif len(one.classes) == 2:
        logits = walk.tape.joined([walk.tape.op("Neg", found), found])
    else:
        raise ImportRefused("tells decisions from probabilities by all rows of a request; use method='sigmoid'")
    return softmax(walk.tape, walk.tape.op("Mul", logits, float(one.calibrators[0].beta_)))


def _isotonic(walk: Walk, calibrator: Any, found: str) -> str:
    """The first value, and of each piece its slope times how far x reaches into it."""
    at = np.asarray(calibrator.X_thresholds_, np.float64)
    values = np.asarray(calibrator.y_thresholds_, np.float64)
    if calibrator.out_of_bounds != "clip" or len(at) != len(values) or not len(at) or (np.diff(at) <= 0).any():
        raise ImportRefused("has an isotonic calibrator of another shape than its own; save the model again")
    spans = np.diff(at)
    reach = walk.tape.op("Sub", found, at[:-1][None])
    reach = walk.tape.op("Where", walk.tape.op("Less", reach, 0.0), 0.0, reach)
    reach = walk.tape.op("Where", walk.tape.op("Greater", reach, spans[None]), spans[None], reach)
    slopes = (np.diff(values) / spans)[:, None]
    return walk.tape.op("Add", walk.tape.op("MatMul", reach, slopes), float(values[0]))


def _bagged(walk: Walk, estimator: Any, frame: Frame, method: str) -> str:
    classes = getattr(estimator, "n_classes_", None)
    parts = []
    for one, columns in zip(estimator.estimators_, estimator.estimators_features_, strict=True):
        if classes is not None and (len(one.classes_) != classes or not hasattr(one, method)):
            raise ImportRefused(f"holds a {type(one).__name__} that has no {method} of all classes")
        parts.append(walk.predict(one, walk.select(frame, [int(column) for column in columns]), method))
    return _mean(walk, parts)


def _boosted(walk: Walk, estimator: Any, frame: Frame, method: str) -> str:
    """SAMME: each estimator votes for a class by its weight."""
    classes = len(estimator.classes_)
    weights = np.asarray(estimator.estimator_weights_, np.float64)
    parts = []
    for one, weight in zip(estimator.estimators_, weights.tolist(), strict=False):
        voted = walk.tape.op("Equal", _voted(walk, estimator, one, frame), np.arange(classes, dtype=np.float64)[None])
        parts.append(walk.tape.op("Where", voted, weight, -1 / (classes - 1) * weight))
    found = walk.tape.op("Div", walk.tape.added(parts), float(weights.sum()))
    if classes == 2:
        found = walk.tape.total(walk.tape.op("Mul", found, np.array([[-1.0, 1.0]])))
    if method == "decision_function":
        return found
    if classes > 2:
        return softmax(walk.tape, walk.tape.op("Div", found, float(classes - 1)))
    return softmax(walk.tape, walk.tape.op("Div", walk.tape.joined([walk.tape.op("Neg", found), found]), 2.0))


def _median(walk: Walk, estimator: Any, frame: Frame, method: str) -> str:
    """The first prediction, in rising order, at which half of all weights is reached."""
    weights = np.asarray(estimator.estimator_weights_, np.float64)[: len(estimator.estimators_)]
    parts = walk.tape.joined([walk.predict(one, frame, method) for one in estimator.estimators_])
    ordered = walk.tape.op("TopK", parts, [len(weights)], axis=1, largest=0, sorted=1, outputs=2)
    reached = walk.tape.op("CumSum", walk.tape.op("Gather", weights, f"{ordered}_1", axis=0), walk.tape.whole(1))
    half = walk.tape.op("Mul", walk.tape.columns(reached, [len(weights) - 1]), 0.5)
    above = walk.tape.doubles(walk.tape.op("GreaterOrEqual", reached, half))
    return walk.tape.op("GatherElements", ordered, walk.tape.op("ArgMax", above, axis=1, keepdims=1), axis=1)


def _voted(walk: Walk, estimator: Any, one: Any, frame: Frame) -> str:
    if list(one.classes_) != list(estimator.classes_):
        raise ImportRefused(f"holds a {type(one).__name__} that does not know all classes")
    return walk.labels(one, frame)


def _one_a_class(walk: Walk, estimator: Any, frame: Frame, method: str) -> str:
    if estimator.multilabel_:
        raise ImportRefused("gives several labels at once, which is not served; save a model of one")
    if len(estimator.estimators_) == 1:
        return walk.predict(estimator.estimators_[0], frame, method)
    parts = [walk.predict(one, frame, method) for one in estimator.estimators_]
    if method == "decision_function":
        return walk.tape.joined(parts)
    each = walk.tape.joined([walk.tape.columns(part, [1]) for part in parts])
    return walk.tape.op("Div", each, walk.tape.total(each))


def _only(method: str, served: str) -> None:
    if method != served:
        raise ImportRefused(f"{method} is not served of it; -o method={served} is")


_MADE = {
    "CalibratedClassifierCV": _calibrated,
    "BaggingClassifier": _bagged,
    "BaggingRegressor": _bagged,
    "AdaBoostClassifier": _boosted,
    "AdaBoostRegressor": _median,
    "OneVsRestClassifier": _one_a_class,
}
