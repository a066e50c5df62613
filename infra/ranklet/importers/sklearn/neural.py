"""Multi-layer perceptrons: products and activations, layer after layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ranklet.errors import ImportRefused
from ranklet.importers.sklearn.frames import Frame, Numbers, width
from ranklet.importers.sklearn.links import sigmoid, softmax

if TYPE_CHECKING:
    from ranklet.importers.sklearn.walk import Walk

ACTIVATIONS = {
    "identity": lambda tape, given: given,
    "relu": lambda tape, given: tape.op("Relu", given),
    "tanh": lambda tape, given: tape.op("Tanh", given),
    "logistic": sigmoid,
    "softmax": softmax,
}


def predict(walk: Walk, estimator: Any, frame: Frame, method: str) -> str:
    """As the estimator's `method`."""
    *inner, last = zip(estimator.coefs_, estimator.intercepts_, strict=True)
    for weights, bias in inner:
        frame = (Numbers(_active(walk, estimator.activation, _layer(walk, frame, weights, bias)), len(bias)),)
    found = _active(walk, estimator.out_activation_, _layer(walk, frame, *last))
    if method != "predict_proba" or len(estimator.classes_) > 2:
        return found
    return walk.tape.joined([walk.tape.op("Sub", 1.0, found), found])


def _layer(walk: Walk, frame: Frame, weights: Any, bias: Any) -> str:
    weights, bias = np.asarray(weights, np.float64), np.asarray(bias, np.float64)
    if weights.shape != (width(frame), len(bias)):
        raise ImportRefused(f"has a layer of {weights.shape} for {width(frame)} columns; save the model again")
    return walk.linear(frame, weights, bias)


def _active(walk: Walk, name: str, given: str) -> str:
    if name not in ACTIVATIONS:
        raise ImportRefused(f"has the activation {name!r}; served are {', '.join(ACTIVATIONS)}")
    return str(ACTIVATIONS[name](walk.tape, given))
