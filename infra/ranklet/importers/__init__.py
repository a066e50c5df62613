"""Importers: one module a format, imported when a model.toml names it.

To add one: a module with `recognises` and `propose` for `ranklet import`, and with `load` where the build reads the
file itself; a line here; a line in the conformance test.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import cast

from ranklet.errors import ModelError
from ranklet.importers import fallback, formats
from ranklet.importers.base import Exported, Importer
from ranklet.importers.proposal import Proposal, Proposer, Wishes
from ranklet.model import StepSource

IMPORTERS: Mapping[str, str] = {
    "alphafm": "ranklet.importers.alphafm",
    "catboost": "ranklet.importers.catboost",
    "h2o": "ranklet.importers.h2o",
    "keras": "ranklet.importers.keras",
    "libffm": "ranklet.importers.libffm",
    "libfm": "ranklet.importers.libfm",
    "lightgbm": "ranklet.importers.lightgbm",
    "mleap": "ranklet.importers.mleap",
    "numpy": "ranklet.importers.numpy",
    "onnx": "ranklet.importers.onnx",
    "pmml": "ranklet.importers.pmml",
    "sklearn": "ranklet.importers.sklearn",
    "tensorflow": "ranklet.importers.tensorflow",
    "torch": "ranklet.importers.torch",
    "vowpal": "ranklet.importers.vowpal",
    "xgboost": "ranklet.importers.xgboost",
    "xlearn": "ranklet.importers.xlearn",
    "embeddings": "ranklet.importers.embeddings",
}
"""Format → module. The first that recognises a file reads it; lines of numbers may be anything: embeddings are last."""


def recognise(path: Path, format: str | None = None) -> str:
    """The format of a file or folder, `format` where the author names it. Raises ImportRefused for an unknown one."""
    return formats.recognise(path, format, IMPORTERS)


def propose(format: str, path: Path, wishes: Wishes) -> Proposal:
    """All of functions/NAME/ that an exported model tells.

    Raises ImportRefused for a model that would not be served exactly, and where the format's library is absent.
    """
    module = importlib.import_module(IMPORTERS[format])
    if hasattr(module, "propose"):
        return cast(Proposer, module).propose(path, wishes)
    wishes.only()
    exported = load(StepSource(format=format, source=path.name), path.parent)
    return fallback.propose(exported, format, path)


def load(source: StepSource, folder: Path) -> Exported:
    """Read one step's model from the model's folder.

    Raises ModelError for an unknown format, ImportRefused for a model that would not be served exactly.
    """
    if source.format not in IMPORTERS:
        raise ModelError(f"steps.format is {source.format!r}; allowed: {sorted(IMPORTERS)}")
    importer = cast(Importer, importlib.import_module(IMPORTERS[source.format]))
    if not hasattr(importer, "load"):
        raise ModelError(
            f"steps.format is {source.format!r}, which is converted once: `ranklet import PATH --name NAME --format "
            f"{source.format}` writes a step of format onnx or numpy"
        )
    return importer.load(source, folder)
