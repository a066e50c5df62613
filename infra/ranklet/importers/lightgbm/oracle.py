"""LightGBM itself on its file."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranklet.importers.proposal import Columns
from ranklet.importers.trees import frames
from ranklet.importers.trees.drafting import Given


class Own:
    """A Booster."""

    def __init__(self, given: Given) -> None:
        library = importlib.import_module("lightgbm")  # an extra, and only to be asked
        self.name = f"lightgbm {library.__version__}"
        self._given = frames.ready(given)
        self._booster = library.Booster(model_file=str(given.path))

    def scores(self, columns: Columns) -> NDArray[Any]:
        """As the protocol says."""
        rows = frames.of(self._given, columns, np.float64)
        rounds = self._given.options.get("iterations", -1)
        found: NDArray[Any] = self._booster.predict(rows, num_threads=1, num_iteration=rounds)
        return frames.ranking(self._given, found)
