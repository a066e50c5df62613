"""The graph of a model: symmetric trees by gathers, others by the shared `TreeEnsemble`; each held to its records."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ranklet.errors import ImportRefused
from ranklet.importers.catboost import oblivious, trees
from ranklet.importers.catboost.document import Document
from ranklet.importers.catboost.features import Features
from ranklet.importers.catboost.losses import Prediction
from ranklet.importers.trees import checks, lowering, trial, walking
from ranklet.importers.trees.records import Ensemble
from ranklet_runtime.engines.ort import faults, open_session
from ranklet_runtime.errors import ManifestError

INPUT, SCORE = oblivious.INPUT, lowering.SCORE
TOLERANCE = 1e-9
"""Relative, of sums in another order; a wrong turn costs a leaf."""


def make(found: Document, read: Features, predicted: Prediction, *, column: int | None) -> tuple[bytes, Ensemble]:
    """The graph, and the records that it is held to.

    Trees of the output that ranks; of all outputs where the link needs all. column: the output, None of one.

    Raises ImportRefused naming the tree that is none.
    """
    if not read.width:
        raise ImportRefused("its trees ask nothing of its features, so that all scores are one; train again")
    scale, biases = trees.bias(found)
    link, times, whole = predicted.link, 1.0, predicted.link == "softmax"
    if predicted.kind == "uncertainty" and column == 1:
        link, times = "exp", 2.0  # its second output is the logarithm of a standard deviation
    kept = range(len(biases)) if whole else [column or 0]
    place = column if whole else None
    symmetric = trees.symmetric(found, read, len(biases), kept=kept, scale=scale)
    others = trees.others(found, read, len(biases), kept=kept, scale=scale)
    ensemble = Ensemble(
        trees=(*trees.records(symmetric), *others),
        dtype="float64",
        strict=False,
        width=read.width,
        base=tuple(biases[output] for output in kept),
        link=link,
        scale=times,
    )
    checks.check(ensemble)
    if not symmetric:
        content = lowering.lower(ensemble, column=place)
        trial.run(ensemble, content, column=place)
        return content, ensemble
    content = oblivious.lower(symmetric, ensemble, column=place or 0)
    _try(ensemble, content, place or 0)
    return content, ensemble


def _try(ensemble: Ensemble, content: bytes, column: int) -> None:
    """Raises ImportRefused where onnxruntime does not give what walking the trees gives, of values at their borders."""
    with np.errstate(over="ignore"):  # next to the border that parts missing values from all others
        rows = trial.turning_points(replace(ensemble, dtype="float32")).astype(np.float32)
    try:
        (found,) = open_session(content, threads=1).run(None, {INPUT: rows})
    except ManifestError as error:
        raise ImportRefused(str(error)) from error
    except faults() as error:
        raise ImportRefused(f"onnxruntime does not run its trees: {error}") from error
    wanted = walking.predict(ensemble, rows)[:, column]
    same = np.isclose(found, wanted, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True)
    if not same.all():
        row = int(np.argmin(same))
        raise ImportRefused(f"onnxruntime gives {found[row]} for {rows[row].tolist()}, the trees {wanted[row]}")
