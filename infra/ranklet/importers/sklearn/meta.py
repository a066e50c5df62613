"""Estimators of estimators: pipelines, votes, stacks, calibration, searches, transformed targets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ranklet.errors import ImportRefused
from ranklet.importers.sklearn import functions, pipelines
from ranklet.importers.sklearn.frames import Frame, Numbers

if TYPE_CHECKING:
    from ranklet.importers.sklearn.walk import Walk


def predict(walk: Walk, estimator: Any, frame: Frame, method: str) -> str:
    """As the estimator's `method`."""
    name = type(estimator).__name__
    if name == "Pipeline":
        return _pipeline(walk, estimator, frame, method)
    if name in _ONE:
        return walk.predict(getattr(estimator, _ONE[name]), frame, method)
    return _MADE[name](walk, estimator, frame, method)


_ONE = {
    **dict.fromkeys(("GridSearchCV", "RandomizedSearchCV"), "best_estimator_"),
    **dict.fromkeys(("HalvingGridSearchCV", "HalvingRandomSearchCV"), "best_estimator_"),
    **dict.fromkeys(("TunedThresholdClassifierCV", "FixedThresholdClassifier"), "estimator_"),
    "FrozenEstimator": "estimator",
}


def _pipeline(walk: Walk, estimator: Any, frame: Frame, method: str) -> str:
    if not estimator.steps:
        raise ImportRefused("has no steps; fit it and save it again")
    before = pipelines.steps(walk, estimator.steps[:-1], frame)
    name, last = estimator.steps[-1]
    try:
        return walk.predict(last, before, method)
    except ImportRefused as error:
        raise ImportRefused(f"step {name!r}: {error}") from error


def _mean(walk: Walk, parts: list[str], weights: Any) -> str:
    """As numpy.average has it."""
    given = np.ones(len(parts)) if weights is None else np.asarray(weights, np.float64)
    if len(given) != len(parts):
        raise ImportRefused(f"has {len(given)} weights for {len(parts)} estimators; save the model again")
    weighted = [walk.tape.op("Mul", part, float(weight)) for part, weight in zip(parts, given, strict=True)]
    return walk.tape.op("Div", walk.tape.added(weighted), float(given.sum()))


def _voting(walk: Walk, estimator: Any, frame: Frame, method: str) -> str:
    if method == "predict_proba" and estimator.voting != "soft":
        raise ImportRefused("votes hard; train it with voting='soft', whose probabilities rank")
    parts = [walk.predict(one, frame, method) for one in estimator.estimators_]
    kept = [
        weight for (_, one), weight in zip(estimator.estimators, estimator.weights or (), strict=False) if one != "drop"
    ]
    return _mean(walk, parts, kept or None)


def _stacking(walk: Walk, estimator: Any, frame: Frame, method: str) -> str:
    made = []
    for one, how in zip(estimator.estimators_, estimator.stack_method_, strict=True):
        if how == "predict" and hasattr(one, "classes_"):
            raise ImportRefused(f"stacks the labels of {type(one).__name__}; use stack_method='predict_proba'")
        columns, found = 1, walk.predict(one, frame, how)
        if how != "predict":
            classes = len(one.classes_)
            columns = 1 if classes == 2 else classes
            if how == "predict_proba" and classes == 2:
                found = walk.tape.columns(found, [1])
        made.append(Numbers(found, columns))
    return walk.predict(estimator.final_estimator_, (*made, *(frame if estimator.passthrough else ())), method)


def _transformed(walk: Walk, estimator: Any, frame: Frame, method: str) -> str:
    found = walk.predict(estimator.regressor_, frame, method)
    inverse = estimator.transformer_
    kind = type(inverse)
    if kind.__module__ == "sklearn.preprocessing._function_transformer":
        if inverse.inverse_func is None:
            return found
        made = functions.known(inverse.inverse_func)
        if made is None:
            raise ImportRefused(f"inverse_func is none of those that are known; {functions.ADVICE}")
        return made(walk.tape, found)
    if kind.__module__ == "sklearn.preprocessing._data" and kind.__name__ in (
        "StandardScaler",
        "MinMaxScaler",
        "RobustScaler",
    ):
        return _unscaled(walk, inverse, found)
    raise ImportRefused(f"transformer {kind.__name__} is not served; served are functions and StandardScaler")


def _unscaled(walk: Walk, scaler: Any, found: str) -> str:
    name = type(scaler).__name__
    if name == "MinMaxScaler":
        return walk.tape.op("Div", walk.tape.op("Sub", found, float(scaler.min_[0])), float(scaler.scale_[0]))
    centre = scaler.mean_ if name == "StandardScaler" else scaler.center_
    if scaler.scale_ is not None:
        found = walk.tape.op("Mul", found, float(scaler.scale_[0]))
    return found if centre is None else walk.tape.op("Add", found, float(centre[0]))


def _selected(walk: Walk, estimator: Any, frame: Frame, method: str) -> str:
    return walk.predict(
        estimator.estimator_, walk.select(frame, np.flatnonzero(estimator.get_support()).tolist()), method
    )


def _dummy(walk: Walk, estimator: Any, frame: Frame, method: str) -> str:
    raise ImportRefused("gives every row the same, which ranks nothing; train a model")


_MADE = {
    "VotingClassifier": _voting,
    "VotingRegressor": _voting,
    "StackingClassifier": _stacking,
    "StackingRegressor": _stacking,
    "TransformedTargetRegressor": _transformed,
    "RFE": _selected,
    "RFECV": _selected,
    "DummyClassifier": _dummy,
    "DummyRegressor": _dummy,
}
