"""A folder of its own for a CatBoost model: each feature an input, one tensor of all, one graph of trees."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from ranklet.importers import checking, proving
from ranklet.importers.catboost import features, graph, loading, losses, oracle, trees
from ranklet.importers.catboost.features import Features
from ranklet.importers.catboost.inputs import INTEGERS, STRINGS, inputs
from ranklet.importers.catboost.loading import Loaded
from ranklet.importers.catboost.losses import Prediction
from ranklet.importers.npz import npz
from ranklet.importers.proposal import Proposal, Wishes
from ranklet.importers.trees import packing
from ranklet.importers.trees.records import Ensemble
from ranklet.model import StepSource
from ranklet_features.kinds import ctrs

OUTPUT, COLUMN = "output", "column"
GRAPH, ARRAYS = "export/model.onnx", "export/model.npz"
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
    content, ensemble = graph.make(found, read, predicted, column=column)
    proposal = Proposal(
        inputs=inputs(found, read, options),
        features={graph.INPUT: _feature(read)},
        steps=(StepSource(format="onnx", source=GRAPH),),
        score=graph.SCORE,
        files={GRAPH: content} | ({TABLES: npz(ctrs.arrays(read.tables))} if read.categories else {}),
        oracle=None if loaded.misread else oracle.of(loaded.content, read, predicted.kind, column=column),
        notes=_notes(loaded, read, predicted, column),
    )
    if proposal.oracle is not None:
        proving.hold(proposal, relative=RELATIVE)
    return _packed(proposal, ensemble) if packing.chosen(ensemble, None, ids=False) else proposal


def _packed(proposal: Proposal, ensemble: Ensemble) -> Proposal:
    """The same, served by NumPy. CatBoost compares floats and adds doubles."""
    options = packing.options(ensemble) | {"compared": "float32"}
    step = StepSource(format="numpy", engine=packing.ENGINE, source=ARRAYS, options=options)
    files = {name: content for name, content in proposal.files.items() if name != GRAPH}
    notes = (*proposal.notes, f'trees this flat are served by NumPy (engine = "{packing.ENGINE}"), without onnxruntime')
    packed = replace(proposal, steps=(step,), files=files | {ARRAYS: npz(packing.arrays(ensemble))}, notes=notes)
    if packed.oracle is not None:
        checking.check(packed)
    return packed


def _feature(read: Features) -> dict[str, Any]:
    if not read.categories:
        return {"kind": "dense", "of": list(read.names)}
    return {"kind": "catboost", "of": list(read.names), "numbers": len(read.numbers), "vocabulary": TABLES}


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
