"""Columns made of distances to points: KMeans' centres, and kernels in finitely many columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ranklet.errors import ImportRefused
from ranklet.importers.sklearn.distances import squared
from ranklet.importers.sklearn.frames import Floats, Frame, Numbers, width

if TYPE_CHECKING:
    from ranklet.importers.sklearn.walk import Walk


def transform(walk: Walk, estimator: Any, frame: Frame) -> Frame:
    """As the estimator's `transform`."""
    return _KINDS[type(estimator).__name__](walk, estimator, frame)


def _centres(walk: Walk, estimator: Any, frame: Frame) -> Frame:
    points = _points(estimator.cluster_centers_, frame)
    walk.hint(frame, points.T.tolist())
    return (Numbers(walk.tape.op("Sqrt", squared(walk, walk.dense(frame), points)), len(points)),)


def _sampled(walk: Walk, estimator: Any, frame: Frame) -> Frame:
    """Random Fourier features: √(2 / columns) cos(x · w + b)."""
    weights = np.asarray(estimator.random_weights_, np.float64)
    made = walk.linear(frame, weights, np.asarray(estimator.random_offset_, np.float64))
    made = walk.tape.op("Mul", walk.tape.op("Cos", made), float(np.sqrt(2.0 / weights.shape[1])))
    return (Numbers(made, weights.shape[1]),)


def _approximated(walk: Walk, estimator: Any, frame: Frame) -> Frame:
    """A kernel to some points of the training, times a matrix."""
    if estimator.kernel != "rbf" or estimator.kernel_params:
        raise ImportRefused(f"has the kernel {estimator.kernel!r}; served is rbf")
    points = _points(estimator.components_, frame)
    gamma = 1.0 / points.shape[1] if estimator.gamma is None else float(estimator.gamma)
    near = walk.tape.op("Exp", walk.tape.op("Mul", squared(walk, walk.dense(frame), points), -gamma))
    turned = np.ascontiguousarray(np.asarray(estimator.normalization_, np.float64).T)
    return (Numbers(walk.tape.op("MatMul", near, turned), turned.shape[1]),)


def _points(given: Any, frame: Frame) -> Floats:
    if hasattr(given, "toarray"):
        raise ImportRefused("was fitted on sparse columns; fit it on dense ones (OneHotEncoder(sparse_output=False))")
    points: Floats = np.asarray(given, np.float64)
    if points.ndim != 2 or points.shape[1] != width(frame):
        raise ImportRefused(f"has points of {points.shape} for {width(frame)} columns; save the model again")
    return points


_KINDS = {
    "KMeans": _centres,
    "MiniBatchKMeans": _centres,
    "BisectingKMeans": _centres,
    "Nystroem": _approximated,
    "RBFSampler": _sampled,
}
