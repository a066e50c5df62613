"""CatBoost itself on its file."""

from __future__ import annotations

import importlib
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranklet.importers.catboost.document import MAGIC
from ranklet.importers.catboost.features import Features
from ranklet.importers.catboost.losses import RAW
from ranklet.importers.proposal import Columns

KINDS = {
    RAW: "RawFormulaVal",
    "probability": "Probability",
    "exponent": "Exponent",
    "uncertainty": "RMSEWithUncertainty",
}


@dataclass(frozen=True)
class Own:
    """order: the inputs as CatBoost has them. categories: which of them are. kind: of prediction; column: of it."""

    name: str
    model: Any
    library: Any
    order: Sequence[str]
    categories: Sequence[int]
    kind: str
    column: int | None

    def scores(self, columns: Columns) -> NDArray[Any]:
        """As the protocol says."""
        taken = [self._values(at, columns[name]) for at, name in enumerate(self.order)]
        rows = [list(row) for row in zip(*taken, strict=True)]
        pool = self.library.Pool(rows, cat_features=list(self.categories), feature_names=self.model.feature_names_)
        found = np.asarray(self.model.predict(pool, prediction_type=KINDS[self.kind], thread_count=1))
        if found.ndim == 1:
            return found
        return found[:, -1 if self.column is None else self.column]

    def _values(self, at: int, values: Sequence[Any]) -> Sequence[Any]:
        if at in self.categories:
            return values
        return [np.nan if value is None else float(np.float32(value)) for value in values]


def of(content: bytes, features: Features, kind: str, *, column: int | None) -> Own | None:
    """content: of the file. None where CatBoost is not installed."""
    try:
        library = importlib.import_module("catboost.core")  # an extra, and only to be asked
    except ImportError:
        return None
    form = "cbm" if content.startswith(MAGIC) else "json"
    with tempfile.NamedTemporaryFile(suffix=f".{form}") as file:
        file.write(content)
        file.flush()
        model = library.CatBoost().load_model(file.name, format=form)
    order = [features.names[at] for at in np.argsort(features.flat).tolist()]
    categories = sorted(one.flat_feature_index for one in features.categories)
    return Own(f"catboost {version('catboost')}", model, library, order, categories, kind, column)
