"""LightGBM itself on its file."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


class Own:
    """A Booster."""

    def __init__(self, path: Path) -> None:
        library = importlib.import_module("lightgbm")  # an extra, and only to be asked
        self.name = f"lightgbm {library.__version__}"
        self._booster = library.Booster(model_file=str(path))

    def predict(self, features: NDArray[np.float32]) -> NDArray[Any]:
        """As the protocol says."""
        found: NDArray[Any] = self._booster.predict(features.astype(np.float64), num_threads=1)
        return found
