"""From a fitted model to a proposal: its columns, the walk, and the graph with the features that feed it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ranklet.errors import ImportRefused
from ranklet.importers.proposal import Proposal
from ranklet.importers.sklearn import dicts
from ranklet.importers.sklearn.choice import Choice
from ranklet.importers.sklearn.frames import Frame, Raw
from ranklet.importers.sklearn.oracle import Own
from ranklet.importers.sklearn.sources import Form, Sources
from ranklet.importers.sklearn.terms import VECTORIZERS
from ranklet.importers.sklearn.walk import Walk
from ranklet.importers.tape import Tape
from ranklet.model import StepSource

ARTEFACT = "export/model.onnx"


def draft(model: Any, chosen: Choice) -> Proposal:
    """Raises ImportRefused naming the estimator that is not served."""
    names, form = _columns(model)
    tape = Tape()
    sources = Sources(names, form=form, tape=tape)
    walk = Walk(tape, sources)
    frame: Frame = tuple(Raw(column) for column in range(len(sources.names)))
    score = _score(walk, model, frame, chosen)
    used = tape.reads(score)
    own = Own(model, chosen, sources)
    own.probe()
    sources.settle()
    inputs, features = sources.proposed(used)
    files = {
        ARTEFACT: tape.graph(sources.graph_inputs(used), {"score": tape.doubles(score)}, "sklearn"),
        **sources.files,
    }
    step = StepSource(format="onnx", source=ARTEFACT)
    notes = tuple(_notes(model, sources, chosen))
    return Proposal(inputs, features, (step,), "score", files=files, oracle=own, notes=notes)


def _score(walk: Walk, model: Any, frame: Frame, chosen: Choice) -> str:
    if chosen.method == "predict" and getattr(model, "classes_", None) is not None:
        labels = walk.tape.op("Cast", walk.labels(model, frame), to=7)
        return walk.tape.op("Gather", np.asarray(model.classes_, np.float64), labels, axis=0)
    found = walk.predict(model, frame, chosen.method)
    return found if chosen.column is None else walk.tape.columns(found, [chosen.column])


def _columns(model: Any) -> tuple[list[str], Form]:
    """Names of the columns that the model was fitted on, invented ones where they had none."""
    for one in _inside(model):
        kind, count = type(one).__name__, getattr(one, "n_features_in_", None)
        if (found := getattr(one, "feature_names_in_", None)) is not None:
            return [str(name) for name in found], "frame"
        if kind in VECTORIZERS:
            return ["terms"], "terms"
        if kind == "DictVectorizer":
            return dicts.names(one), "dicts"
        if isinstance(count, int | np.integer):
            return [f"x{column}" for column in range(min(int(count), 1 << 17))], "array"
    raise ImportRefused(
        f"{type(model).__name__} is not fitted, or does not say how many columns it reads; fit it, save it"
    )


def _inside(model: Any) -> Iterator[Any]:
    """The model, then what it hands its columns to first."""
    for _ in range(20):
        yield model
        if type(model).__name__ == "Pipeline" and model.steps:
            model = next((step for _, step in model.steps if step not in ("passthrough", None)), None)
        else:
            model = next(
                (
                    getattr(model, name)
                    for name in ("best_estimator_", "regressor_", "estimator_", "estimator")
                    if hasattr(model, name)
                ),
                None,
            )
        if model is None:
            return


def _notes(model: Any, sources: Sources, chosen: Choice) -> Iterator[str]:
    classes = getattr(model, "classes_", None)
    if classes is not None and chosen.method == "predict_proba":
        names = np.asarray(classes).tolist()
        yield f"the score is the probability of class {names[chosen.column or 0]!r} of {len(names)}"
    else:
        yield f"the score is what {chosen.method} returns"
    if any(column.kind == "string" and column.missing for column in sources.columns):
        yield "a missing text (null, or not sent) is NaN to the library, as pandas reads it"
    yield from sources.notes
    if sources.vector:
        yield f"features is {len(sources.names)} numbers in the order of training: the model knows no names of them"
