"""Numbers → numbers: scaled, normalised, multiplied, projected, and columns chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ranklet.errors import ImportRefused
from ranklet.importers.sklearn.frames import Frame, Numbers, width

if TYPE_CHECKING:
    from ranklet.importers.sklearn.walk import Walk


def transform(walk: Walk, estimator: Any, frame: Frame) -> Frame:
    """As the estimator's `transform`."""
    name = type(estimator).__name__
    if hasattr(estimator, "get_support"):
        return walk.select(frame, np.flatnonzero(estimator.get_support()).tolist())
    if name in ("PCA", "TruncatedSVD"):
        return _projected(walk, estimator, frame)
    if name == "PolynomialFeatures":
        return _powers(walk, estimator, frame)
    _hint(walk, estimator, frame)
    values = walk.dense(frame)
    return (Numbers(_SCALED[name](walk, estimator, values), width(frame)),)


def _row(values: Any) -> Any:
    return np.asarray(values, np.float64)[None]


def _hint(walk: Walk, estimator: Any, frame: Frame) -> None:
    """Where the training data lay."""
    for low, span in (("mean_", "scale_"), ("center_", "scale_"), ("data_min_", "data_range_")):
        centre, scale = getattr(estimator, low, None), getattr(estimator, span, None)
        if centre is not None and scale is not None and len(centre) == width(frame):
            values = np.stack([centre + at * scale for at in (-2.0, -0.3, 0.0, 0.7, 2.0)], axis=1)
            walk.hint(frame, values.tolist())
            return


def _standard(walk: Walk, estimator: Any, values: str) -> str:
    if estimator.with_mean:
        values = walk.tape.op("Sub", values, _row(estimator.mean_))
    return walk.tape.op("Div", values, _row(estimator.scale_)) if estimator.with_std else values


def _robust(walk: Walk, estimator: Any, values: str) -> str:
    if estimator.with_centering:
        values = walk.tape.op("Sub", values, _row(estimator.center_))
    return walk.tape.op("Div", values, _row(estimator.scale_)) if estimator.with_scaling else values


def _min_max(walk: Walk, estimator: Any, values: str) -> str:
    made = walk.tape.op("Add", walk.tape.op("Mul", values, _row(estimator.scale_)), _row(estimator.min_))
    if not estimator.clip:
        return made
    low, high = (float(bound) for bound in estimator.feature_range)
    made = walk.tape.op("Where", walk.tape.op("Less", made, low), low, made)
    return walk.tape.op("Where", walk.tape.op("Greater", made, high), high, made)


def _max_abs(walk: Walk, estimator: Any, values: str) -> str:
    made = walk.tape.op("Div", values, _row(estimator.scale_))
    if not getattr(estimator, "clip", False):
        return made
    made = walk.tape.op("Where", walk.tape.op("Less", made, -1.0), -1.0, made)
    return walk.tape.op("Where", walk.tape.op("Greater", made, 1.0), 1.0, made)


def normalised(walk: Walk, values: str, norm: str) -> str:
    """Rows of length one, rows of zeros as they are."""
    kinds = {"l1": "ReduceL1", "l2": "ReduceL2"}
    if norm == "max":
        length = walk.tape.op("ReduceMax", walk.tape.op("Abs", values), [1], keepdims=1)
    else:
        length = walk.tape.op(kinds[norm], values, [1], keepdims=1)
    return walk.tape.op("Div", values, walk.tape.op("Where", walk.tape.op("Equal", length, 0.0), 1.0, length))


def _binary(walk: Walk, estimator: Any, values: str) -> str:
    return walk.tape.doubles(walk.tape.op("Greater", values, float(estimator.threshold)))


_SCALED = {
    "StandardScaler": _standard,
    "RobustScaler": _robust,
    "MinMaxScaler": _min_max,
    "MaxAbsScaler": _max_abs,
    "Normalizer": lambda walk, estimator, values: normalised(walk, values, estimator.norm),
    "Binarizer": _binary,
}


def _projected(walk: Walk, estimator: Any, frame: Frame) -> Frame:
    components = np.asarray(estimator.components_, np.float64)
    if components.ndim != 2 or components.shape[1] != width(frame):
        raise ImportRefused(f"has components of {components.shape} for {width(frame)} columns; save the model again")
    bias = np.zeros(len(components))
    if type(estimator).__name__ == "PCA":
        bias = -(components @ np.asarray(estimator.mean_, np.float64))
    made = walk.linear(frame, components.T, bias)
    if getattr(estimator, "whiten", False):
        scale = np.sqrt(np.asarray(estimator.explained_variance_, np.float64))
        least = np.finfo(scale.dtype).eps
        made = walk.tape.op("Div", made, _row(np.where(scale < least, least, scale)))
    return (Numbers(made, len(components)),)


def _powers(walk: Walk, estimator: Any, frame: Frame) -> Frame:
    """Products of columns, one for each row of `powers_`."""
    powers = np.asarray(estimator.powers_, np.int64)
    if powers.shape[1] != width(frame) or powers.size > 1 << 24:
        raise ImportRefused(f"has powers of {powers.shape} for {width(frame)} columns")
    most = int(powers.sum(axis=1).max(initial=0))
    values = walk.dense(frame)
    padded = walk.tape.op("Concat", values, _ones(walk, values), axis=1)
    places = np.full((len(powers), max(most, 1)), width(frame))
    for row, counts in enumerate(powers):
        factors = np.repeat(np.arange(len(counts)), counts)
        places[row, : len(factors)] = factors
    made = walk.tape.columns(padded, places[:, 0])
    for column in range(1, places.shape[1]):
        made = walk.tape.op("Mul", made, walk.tape.columns(padded, places[:, column]))
    return (Numbers(made, len(powers)),)


def _ones(walk: Walk, values: str) -> str:
    """[n, 1], whatever stands in the values."""
    first = walk.tape.columns(values, [0])
    return walk.tape.doubles(
        walk.tape.op("Or", walk.tape.op("IsNaN", first), walk.tape.op("Not", walk.tape.op("IsNaN", first)))
    )
