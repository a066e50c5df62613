"""Importers: one module a format, imported when a model.toml names it.

To add one: a module with `load`, a line here, a line in the conformance test.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import cast

from ranklet.errors import ModelError
from ranklet.importers.base import Exported, Importer
from ranklet.model import StepSource

IMPORTERS: Mapping[str, str] = {
    "lightgbm": "ranklet.importers.lightgbm",
    "numpy": "ranklet.importers.numpy",
    "onnx": "ranklet.importers.onnx",
    "xgboost": "ranklet.importers.xgboost",
}


def load(source: StepSource, folder: Path) -> Exported:
    """Read one step's model from the model's folder.

    Raises ModelError for an unknown format, ImportRefused for a model that would not be served exactly.
    """
    if source.format not in IMPORTERS:
        raise ModelError(f"steps.format is {source.format!r}; allowed: {sorted(IMPORTERS)}")
    importer = cast(Importer, importlib.import_module(IMPORTERS[source.format]))
    return importer.load(source, folder)
