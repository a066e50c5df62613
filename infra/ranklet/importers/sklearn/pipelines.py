"""Steps after each other and side by side: what estimators hand to each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ranklet.errors import ImportRefused
from ranklet.importers.sklearn import functions
from ranklet.importers.sklearn.frames import Frame, width

if TYPE_CHECKING:
    from ranklet.importers.sklearn.walk import Walk


def transform(walk: Walk, estimator: Any, frame: Frame) -> Frame:
    """As the estimator's `transform`."""
    return {
        "Pipeline": _pipeline,
        "ColumnTransformer": _columns,
        "FeatureUnion": _union,
        "FunctionTransformer": functions.transform,
    }[type(estimator).__name__](walk, estimator, frame)


def steps(walk: Walk, named: Any, frame: Frame) -> Frame:
    """All of a pipeline's transformers."""
    for name, step in named:
        frame = _step(walk, name, step, frame)
    return frame


def _step(walk: Walk, name: str, step: Any, frame: Frame) -> Frame:
    if step is None or (isinstance(step, str) and step == "passthrough"):
        return frame
    if isinstance(step, str):
        return ()
    try:
        return walk.transform(step, frame)
    except ImportRefused as error:
        raise ImportRefused(f"step {name!r}: {error}") from error


def _pipeline(walk: Walk, estimator: Any, frame: Frame) -> Frame:
    return steps(walk, estimator.steps, frame)


def _columns(walk: Walk, estimator: Any, frame: Frame) -> Frame:
    made: tuple[Any, ...] = ()
    for name, step, columns in estimator.transformers_:
        if isinstance(step, str) and step == "drop":
            continue
        chosen = _indices(walk, estimator, name, columns, width(frame))
        if len(chosen) == 0:
            continue
        made += tuple(_step(walk, name, step, walk.select(frame, chosen)))
    return made


def _indices(walk: Walk, estimator: Any, name: str, columns: Any, count: int) -> list[int]:
    """Places of a transformer's columns: the library has them, by name, place, slice or mask."""
    known = getattr(estimator, "_transformer_to_input_indices", {})
    if name in known:
        return [int(index) for index in known[name]]
    names = [str(one) for one in getattr(estimator, "feature_names_in_", [])]
    given = [columns] if isinstance(columns, str | int | np.integer) else columns
    if isinstance(given, slice) or np.asarray(given).dtype == np.bool_:
        places: Any = np.arange(count)
        return [int(index) for index in places[given]]
    missing = [one for one in given if isinstance(one, str) and one not in names]
    if missing:
        raise ImportRefused(f"step {name!r} reads column {missing[0]!r}, which is not there; save the model again")
    return [names.index(one) if isinstance(one, str) else int(one) % count for one in given]


def _union(walk: Walk, estimator: Any, frame: Frame) -> Frame:
    made: tuple[Any, ...] = ()
    weights = estimator.transformer_weights or {}
    for name, step in estimator.transformer_list:
        if isinstance(step, str) and step == "drop":
            continue
        found = _step(walk, name, step, frame)
        made += found if name not in weights else functions.scaled(walk, found, float(weights[name]))
    return made
