"""XGBoost itself on its file."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


class Own:
    """A Booster. Early stopping counts where scikit-learn's interface wrote the file, as it does in the import."""

    def __init__(self, path: Path) -> None:
        self._library = importlib.import_module("xgboost")  # an extra, and only to be asked
        self.name = f"xgboost {self._library.__version__}"
        self._booster = self._library.Booster()
        self._booster.load_model(path)

    def predict(self, features: NDArray[np.float32]) -> NDArray[Any]:
        """As the protocol says."""
        booster = self._booster
        matrix = self._library.DMatrix(
            features, feature_names=booster.feature_names, feature_types=booster.feature_types, enable_categorical=True
        )
        stopped = booster.attr("best_iteration") if booster.attr("scikit_learn") else None
        rounds = (0, int(stopped) + 1) if stopped is not None else (0, 0)
        found: NDArray[Any] = booster.predict(matrix, iteration_range=rounds)
        return found
