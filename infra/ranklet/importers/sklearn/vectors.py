"""Support vector machines: a kernel against the support vectors, and their weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ranklet.errors import ImportRefused
from ranklet.importers.sklearn.distances import squared
from ranklet.importers.sklearn.frames import Floats, Frame, width

if TYPE_CHECKING:
    from ranklet.importers.sklearn.walk import Walk


def predict(walk: Walk, estimator: Any, frame: Frame, method: str) -> str:
    """As the estimator's `method`: SVR's prediction, the decision of two classes."""
    if method == "predict_proba":
        raise ImportRefused(
            "predict_proba by Platt's scaling is not served: -o method=decision_function, or CalibratedClassifierCV"
        )
    points, weights = _checked(estimator, width(frame))
    values = walk.dense(frame)
    walk.hint(frame, points[:32].T.tolist())
    found = walk.tape.op("MatMul", _kernel(walk, estimator, values, points), weights)
    return walk.tape.op("Add", found, float(np.asarray(estimator.intercept_).reshape(-1)[0]))


def _checked(estimator: Any, columns: int) -> tuple[Floats, Floats]:
    if hasattr(estimator, "classes_") and len(estimator.classes_) > 2:
        raise ImportRefused(
            f"has {len(estimator.classes_)} classes, each against each; served are two: OneVsRestClassifier(SVC())"
        )
    if estimator._sparse:
        raise ImportRefused("was fitted on sparse columns; fit it on dense ones (OneHotEncoder(sparse_output=False))")
    points = np.asarray(estimator.support_vectors_, np.float64)
    weights = np.asarray(estimator.dual_coef_, np.float64)
    if points.ndim != 2 or points.shape[1] != columns or weights.shape != (1, len(points)):
        raise ImportRefused(f"has support vectors of {points.shape} for {columns} columns; save the model again")
    if int(np.sum(estimator._n_support)) != len(points) and hasattr(estimator, "classes_"):
        raise ImportRefused("counts its support vectors otherwise than it has them; save the model again")
    if np.shape(estimator._dual_coef_) != weights.shape or np.shape(estimator.support_) != (len(points),):
        raise ImportRefused("has weights for other support vectors than its own; save the model again")
    return points, weights.T


def _kernel(walk: Walk, estimator: Any, values: str, points: Floats) -> str:
    kind, tape, gamma = estimator.kernel, walk.tape, float(estimator._gamma)
    if kind == "rbf":
        return tape.op("Exp", tape.op("Mul", squared(walk, values, points), -gamma))
    if kind not in ("linear", "poly", "sigmoid"):
        raise ImportRefused(f"has the kernel {kind!r}; served are rbf, linear, poly, sigmoid")
    product = tape.op("MatMul", values, np.ascontiguousarray(points.T))
    if kind == "linear":
        return product
    shifted = tape.op("Add", tape.op("Mul", product, gamma), float(estimator.coef0))
    return tape.op("Tanh", shifted) if kind == "sigmoid" else tape.op("Pow", shifted, float(estimator.degree))
