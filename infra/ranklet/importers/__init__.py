"""Importers: one module a format, imported when a model.toml names it.

To add one: a module with `load`, a line here, a line in the conformance test.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import cast

from ranklet.errors import ModelError
from ranklet.importers.base import Exported, Importer, Oracle
from ranklet.model import StepSource

IMPORTERS: Mapping[str, str] = {
    "lightgbm": "ranklet.importers.lightgbm",
    "numpy": "ranklet.importers.numpy",
    "onnx": "ranklet.importers.onnx",
    "xgboost": "ranklet.importers.xgboost",
}

ORACLES: Mapping[str, str] = {
    "lightgbm": "ranklet.importers.lightgbm.oracle",
    "xgboost": "ranklet.importers.xgboost.oracle",
}
"""Formats that the import turns into another → the source library, which answers for the file itself."""


def oracle(format: str, path: Path) -> Oracle | None:
    """The source library on a file, None where onnxruntime reads the file itself.

    Raises ImportError when the library is not installed.
    """
    return cast(Oracle, importlib.import_module(ORACLES[format]).Own(path)) if format in ORACLES else None


def load(source: StepSource, folder: Path) -> Exported:
    """Read one step's model from the model's folder.

    Raises ModelError for an unknown format, ImportRefused for a model that would not be served exactly.
    """
    if source.format not in IMPORTERS:
        raise ModelError(f"steps.format is {source.format!r}; allowed: {sorted(IMPORTERS)}")
    importer = cast(Importer, importlib.import_module(IMPORTERS[source.format]))
    return importer.load(source, folder)
