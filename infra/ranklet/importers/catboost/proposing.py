"""A folder of its own for a CatBoost model: each feature an input, one tensor of all, one graph of trees."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ranklet.errors import ImportRefused
from ranklet.importers import proving
from ranklet.importers.catboost import drawing, features, graph, known, loading, losses, oracle, trees
from ranklet.importers.catboost.document import Document
from ranklet.importers.catboost.features import Features
from ranklet.importers.catboost.loading import Loaded
from ranklet.importers.catboost.losses import Prediction
from ranklet.importers.npz import npz
from ranklet.importers.proposal import Proposal, ProposedInput, Wishes
from ranklet.model import StepSource
from ranklet_features.kinds import ctrs

OUTPUT, COLUMN, INTEGERS, STRINGS = "output", "column", "ints", "strings"
TABLES = "vocabularies/features.npz"
RELATIVE = 1e-6


def propose(path: Path, wishes: Wishes) -> Proposal:
    """As the protocol says. options.output, column: what ranks. options.ints, strings: types of categories."""
    options = wishes.only(OUTPUT, COLUMN, INTEGERS, STRINGS)
    loaded = loading.load(path)
    found = loaded.document
    read = features.read(found, loaded.entries)
    outputs = len(trees.bias(found)[1])
    predicted = losses.prediction(found, outputs, options.get(OUTPUT))
    column = losses.column(predicted.names, options.get(COLUMN))
    content = graph.make(found, read, predicted, column=column)
    artefact = f"export/{path.stem}.onnx"
    proposal = Proposal(
        inputs=_inputs(found, read, options),
        features={graph.INPUT: _feature(read)},
        steps=(StepSource(format="onnx", source=artefact),),
        score=graph.SCORE,
        files={artefact: content} | ({TABLES: npz(ctrs.arrays(read.tables))} if read.categories else {}),
        oracle=None if loaded.misread else oracle.of(loaded.content, read, predicted.kind, column=column),
        notes=_notes(loaded, read, predicted, column),
    )
    if proposal.oracle is not None:
        proving.hold(proposal, relative=RELATIVE)
    return proposal


def _feature(read: Features) -> dict[str, Any]:
    if not read.categories:
        return {"kind": "dense", "of": list(read.names)}
    return {"kind": "catboost", "of": list(read.names), "numbers": len(read.numbers), "vocabulary": TABLES}


def _inputs(found: Document, read: Features, options: Any) -> dict[str, ProposedInput]:
    inputs = {}
    for name, one in zip(read.names, read.numbers, strict=False):
        missing = one.has_nans or one.nan_value_treatment != "AsIs"
        fields = {"type": "float", "nan": "allow"} if missing else {"type": "float"}
        borders = np.array(one.borders or [], np.float32)
        inputs[name] = ProposedInput(fields, partial(drawing.numbers, borders, missing))
    whole = _asked(options, read)
    for at, texts in enumerate(known.texts(found, read)):
        name = read.names[len(read.numbers) + at]
        if whole.get(name, known.is_integer(read, at, texts)):
            numbers = [text for text in texts if known.whole(text)]
            inputs[name] = ProposedInput({"type": "int"}, partial(drawing.integers, numbers))
        else:
            inputs[name] = ProposedInput({"type": "string"}, partial(drawing.texts, texts))
    return inputs


def _asked(options: Any, read: Features) -> dict[str, bool]:
    """Category → whether it is an integer, as the author says."""
    categories = read.names[len(read.numbers) :]
    found: dict[str, bool] = {}
    for option, whole in ((INTEGERS, True), (STRINGS, False)):
        for name in filter(None, options.get(option, "").split(",")):
            if name not in categories:
                raise ImportRefused(f"-o {option}: no categorical feature is called {name!r}; they are {categories}")
            found[name] = whole
    return found


def _notes(loaded: Loaded, read: Features, predicted: Prediction, column: int | None) -> tuple[str, ...]:
    notes = [f"its score is CatBoost's {oracle.KINDS[predicted.kind]}"]
    if column is not None:
        notes[0] += f", output {predicted.names[column]!r} of {', '.join(predicted.names[:30])}"
    if read.categories:
        names = ", ".join(read.names[len(read.numbers) :])
        notes.append(f"categories ({names}) are hashed: the file does not say whether they are texts or integers")
    if loaded.misread:
        notes.append("CatBoost misreads the sums of means in its own JSON: give the .cbm for scores of its own")
    return tuple(notes)
