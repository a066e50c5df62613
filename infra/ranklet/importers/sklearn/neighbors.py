"""Nearest neighbours among the rows of training, all of which are in the graph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ranklet.errors import ImportRefused
from ranklet.importers.sklearn.distances import absolute, squared
from ranklet.importers.sklearn.frames import Floats, Frame, width

if TYPE_CHECKING:
    from ranklet.importers.sklearn.walk import Walk

MAX_POINTS = 100_000


def predict(walk: Walk, estimator: Any, frame: Frame, method: str) -> str:
    """Means over the nearest, of values or of classes."""
    points = _points(estimator, width(frame))
    answers = _answers(estimator, len(points))
    values = walk.dense(frame)
    walk.hint(frame, points[:32].T.tolist())
    distances = _distances(walk, estimator, values, points)
    nearest, rows = _nearest(walk, distances, int(estimator.n_neighbors))
    found = walk.tape.op("Gather", answers, rows, axis=0)  # [n, k, outputs]
    if estimator.weights == "uniform":
        return walk.tape.op("ReduceMean", found, [1], keepdims=0)
    weights = walk.tape.op("Unsqueeze", _weights(walk, nearest), [2])
    total = walk.tape.op("ReduceSum", walk.tape.op("Mul", found, weights), [1], keepdims=0)
    return walk.tape.op("Div", total, walk.tape.op("ReduceSum", weights, [1], keepdims=0))


def _points(estimator: Any, columns: int) -> Floats:
    if estimator.weights not in ("uniform", "distance"):
        raise ImportRefused("has weights by a function; served are 'uniform' and 'distance'")
    if hasattr(estimator._fit_X, "toarray"):
        raise ImportRefused("was fitted on sparse columns; fit it on dense ones (OneHotEncoder(sparse_output=False))")
    points = np.asarray(estimator._fit_X, np.float64)
    if points.ndim != 2 or points.shape[1] != columns:
        raise ImportRefused(f"has rows of {points.shape} for {columns} columns; save the model again")
    if not estimator.n_neighbors <= len(points) <= MAX_POINTS:
        raise ImportRefused(f"keeps {len(points)} rows of training; served are up to {MAX_POINTS}")
    if estimator._tree is not None:  # compiled code believes its arrays: made anew, for the oracle
        kind, more = type(estimator._tree), estimator.effective_metric_params_ or {}
        estimator._tree = kind(points, estimator.leaf_size, metric=estimator.effective_metric_, **more)
    return points


def _answers(estimator: Any, count: int) -> Floats:
    """Of each row of training: its value, or 1 in its class's column."""
    known = np.asarray(estimator._y)
    known = known[:, 0] if known.ndim == 2 and known.shape[1] == 1 else known
    if known.shape != (count,):
        raise ImportRefused("predicts several targets, which is not served of neighbours; save a model of one")
    if not hasattr(estimator, "classes_"):
        values: Floats = known.astype(np.float64)[:, None]
        return values
    ones: Floats = (known[:, None] == np.arange(len(estimator.classes_))).astype(np.float64)
    return ones


def _distances(walk: Walk, estimator: Any, values: str, points: Floats) -> str:
    metric = estimator.effective_metric_
    power = (estimator.effective_metric_params_ or {}).get("p", 2)
    if metric == "euclidean" or (metric == "minkowski" and power == 2):
        return walk.tape.op("Sqrt", squared(walk, values, points))
    if metric == "manhattan" or (metric == "minkowski" and power == 1):
        return absolute(walk, values, points)
    raise ImportRefused(f"measures by {metric!r}; served are euclidean and manhattan")


def _nearest(walk: Walk, distances: str, count: int) -> tuple[str, str]:
    """The distances [n, k] and the rows [n, k] of the nearest."""
    rows = walk.tape.op("TopK", distances, [count], axis=1, largest=0, sorted=1, outputs=2)
    return rows, f"{rows}_1"


def _weights(walk: Walk, distances: str) -> str:
    """1 / distance; where one is at no distance, only those count."""
    zero = walk.tape.doubles(walk.tape.op("Equal", distances, 0.0))
    any_zero = walk.tape.op("Greater", walk.tape.op("ReduceMax", zero, [1], keepdims=1), 0.0)
    return walk.tape.op("Where", any_zero, zero, walk.tape.op("Div", 1.0, distances))
