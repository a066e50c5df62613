"""Naive Bayes: sums of logarithms, then a softmax."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ranklet.errors import ImportRefused
from ranklet.importers.sklearn.frames import Floats, Frame, Numbers, width
from ranklet.importers.sklearn.links import softmax

if TYPE_CHECKING:
    from ranklet.importers.sklearn.walk import Walk


def predict(walk: Walk, estimator: Any, frame: Frame, method: str) -> str:
    """As the estimator's `method`."""
    if method != "predict_proba":
        raise ImportRefused(f"{method} is not served of it; -o method=predict_proba is")
    return softmax(walk.tape, _KINDS[type(estimator).__name__](walk, estimator, frame))


def _gaussian(walk: Walk, estimator: Any, frame: Frame) -> str:
    """Σ (x - θ)² / σ² of each class by itself: squares multiplied out would lose digits."""
    theta, var = (np.asarray(one, np.float64) for one in (estimator.theta_, estimator.var_))
    if theta.shape != var.shape or theta.shape[1:] != (width(frame),):
        raise ImportRefused(f"has means of {theta.shape} for {width(frame)} columns; save the model again")
    values = walk.dense(frame)
    walk.hint(frame, [[centre + at for at in (-1.0, 0.0, 1.0)] for centre in theta.mean(axis=0).tolist()])
    parts = []
    for number, prior in enumerate(np.asarray(estimator.class_prior_, np.float64)):
        off = walk.tape.op("Sub", values, theta[number][None])
        off = walk.tape.op("Div", walk.tape.op("Mul", off, off), var[number][None])
        start = float(np.log(prior) - 0.5 * np.sum(np.log(2.0 * np.pi * var[number])))
        parts.append(walk.tape.op("Sub", start, walk.tape.op("Mul", walk.tape.total(off), 0.5)))
    return walk.tape.joined(parts)


def _multinomial(walk: Walk, estimator: Any, frame: Frame) -> str:
    return _weighed(walk, frame, estimator.feature_log_prob_, estimator.class_log_prior_)


def _complement(walk: Walk, estimator: Any, frame: Frame) -> str:
    prior = estimator.class_log_prior_ if len(estimator.classes_) == 1 else np.zeros(len(estimator.classes_))
    return _weighed(walk, frame, estimator.feature_log_prob_, prior)


def _bernoulli(walk: Walk, estimator: Any, frame: Frame) -> str:
    if estimator.binarize is not None:
        ones = walk.tape.doubles(walk.tape.op("Greater", walk.dense(frame), float(estimator.binarize)))
        frame = (Numbers(ones, width(frame)),)
    known = np.asarray(estimator.feature_log_prob_, np.float64)
    rest = np.log(1 - np.exp(known))
    return _weighed(walk, frame, known - rest, np.asarray(estimator.class_log_prior_) + rest.sum(axis=1))


def _weighed(walk: Walk, frame: Frame, weights: Any, prior: Any) -> str:
    found: Floats = np.asarray(weights, np.float64)
    if found.ndim != 2 or found.shape[1] != width(frame):
        raise ImportRefused(f"has weights of {found.shape} for {width(frame)} columns; save the model again")
    return walk.linear(frame, found.T, np.asarray(prior, np.float64))


_KINDS = {
    "GaussianNB": _gaussian,
    "MultinomialNB": _multinomial,
    "ComplementNB": _complement,
    "BernoulliNB": _bernoulli,
}
