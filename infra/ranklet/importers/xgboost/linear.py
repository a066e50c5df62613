"""The booster gblinear: a weight for each feature and output, then a bias (src/gbm/gblinear_model.h)."""

from __future__ import annotations

import numpy as np

from ranklet.importers.trees.checks import MAX_WIDTH
from ranklet.importers.trees.records import Floats
from ranklet.importers.xgboost.fields import Fields


def read(booster: Fields, width: int, outputs: int) -> tuple[Floats, Floats]:
    """Weights [width, outputs] and bias [outputs], float32."""
    booster.only({"name", "model"})
    model = booster.at("model")
    model.only({"weights", "boosted_rounds"})
    rows = min(width, MAX_WIDTH) + 1
    held = model.floats("weights", rows * outputs).reshape(rows, outputs)
    return np.asarray(held[:-1]), np.asarray(held[-1])
