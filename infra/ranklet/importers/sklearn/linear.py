"""Linear models: one product, one lookup a column of ids, and the link that the loss has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ranklet.errors import ImportRefused
from ranklet.importers.sklearn.frames import Frame, width
from ranklet.importers.sklearn.links import sigmoid, softmax

if TYPE_CHECKING:
    from ranklet.importers.sklearn.walk import Walk

LOG_LINKS = ("PoissonRegressor", "GammaRegressor", "TweedieRegressor")


def predict(walk: Walk, estimator: Any, frame: Frame, method: str) -> str:
    """coef_ · x + intercept_ through the link of `method`."""
    name = type(estimator).__name__
    scores = decision(walk, estimator, frame)
    if method == "predict":
        return walk.tape.op("Exp", scores) if name in LOG_LINKS and _is_log(estimator) else scores
    if method == "decision_function":
        return scores
    return _probabilities(walk, estimator, scores)


def decision(walk: Walk, estimator: Any, frame: Frame) -> str:
    """[n, outputs]."""
    coefficients = np.atleast_2d(np.asarray(_dense(estimator.coef_), np.float64))
    if coefficients.shape[1] != width(frame):
        raise ImportRefused(f"has {coefficients.shape[1]} weights for {width(frame)} columns; save the model again")
    bias = np.broadcast_to(np.asarray(estimator.intercept_, np.float64).reshape(-1), (coefficients.shape[0],))
    return walk.linear(frame, coefficients.T, bias)


def _dense(values: Any) -> Any:
    return values.toarray() if hasattr(values, "toarray") else values


def _is_log(estimator: Any) -> bool:
    loss = estimator._get_loss()
    kind = type(loss.link).__name__
    if kind not in ("LogLink", "IdentityLink"):
        raise ImportRefused(f"has the link {kind}; served are log and identity")
    return kind == "LogLink"


def _probabilities(walk: Walk, estimator: Any, scores: str) -> str:
    name, classes = type(estimator).__name__, len(estimator.classes_)
    if name == "SGDClassifier" and estimator.loss == "modified_huber":
        return _clipped(walk, scores, classes)
    if name == "SGDClassifier" and estimator.loss != "log_loss":
        raise ImportRefused(f"predict_proba of loss {estimator.loss!r} is not served; -o method=decision_function is")
    if classes == 2:
        positive = sigmoid(walk.tape, scores)
        return walk.tape.joined([walk.tape.op("Sub", 1.0, positive), positive])
    if name == "SGDClassifier" or (name.startswith("LogisticRegression") and _one_by_one(estimator)):
        each = sigmoid(walk.tape, scores)
        return walk.tape.op("Div", each, walk.tape.total(each))
    return softmax(walk.tape, scores)


def _clipped(walk: Walk, scores: str, classes: int) -> str:
    """(the score within -1 … 1, plus 1) / 2, of several classes as shares; all alike where no class has any."""
    tape = walk.tape
    within = tape.op("Where", tape.op("Less", scores, -1.0), -1.0, scores)
    within = tape.op("Where", tape.op("Greater", within, 1.0), 1.0, within)
    each = tape.op("Div", tape.op("Add", within, 1.0), 2.0)
    if classes == 2:
        return tape.joined([tape.op("Sub", 1.0, each), each])
    none = tape.op("Equal", tape.total(each), 0.0)
    each = tape.op("Where", none, 1.0, each)
    return tape.op("Div", each, tape.total(each))


def _one_by_one(estimator: Any) -> bool:
    """Whether each class was told from all others alone, as scikit-learn before 1.8 could."""
    kind = getattr(estimator, "multi_class", "deprecated")
    return kind == "ovr" or (kind in ("auto", "deprecated") and estimator.solver == "liblinear")
