"""XGBoost itself on its file."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranklet.importers.proposal import Columns
from ranklet.importers.trees import frames
from ranklet.importers.trees.drafting import Given


class Own:
    """A Booster. Early stopping counts where scikit-learn's interface wrote the file, as it does in the import."""

    def __init__(self, given: Given) -> None:
        self._library = importlib.import_module("xgboost")  # an extra, and only to be asked
        self.name = f"xgboost {self._library.__version__}"
        self._given = frames.ready(given)
        self._booster = self._library.Booster()
        self._booster.load_model(given.path)

    def scores(self, columns: Columns) -> NDArray[Any]:
        """As the protocol says."""
        booster = self._booster
        rows = frames.of(self._given, columns, np.float32)
        named = {} if frames.framed(self._given) else {"feature_types": booster.feature_types}
        if named:
            named["feature_names"] = booster.feature_names
        matrix = self._library.DMatrix(rows, enable_categorical=True, **named)
        found: NDArray[Any] = booster.predict(matrix, iteration_range=(0, self._rounds()))
        return frames.ranking(self._given, found)

    def _rounds(self) -> int:
        """0 for all of them."""
        asked, booster = self._given.options.get("iterations"), self._booster
        if isinstance(asked, int):
            return asked
        stopped = booster.attr("best_iteration")
        best = asked == "best" or (asked is None and booster.attr("scikit_learn") and self._given.ensemble.trees)
        return int(stopped) + 1 if best and stopped is not None else 0
