"""A model of MovieLens-100K: whether a user likes a film, of categories with hundreds of levels."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
import lines_kit
from h2o.estimators import H2OGradientBoostingEstimator

TRAINED, ASKED = 20_000, 80
WORDS = ("movie_id", "gender", "occupation", "genre")


def train(frame: Callable[..., Any]) -> tuple[Any, dict[str, list[Any]]]:
    """(model, raw columns to ask it)."""
    rated = list(lines_kit.ratings(TRAINED))
    columns = _columns([row for row, _ in rated])
    columns["liked"] = ["yes" if rating >= lines_kit.LIKED else "no" for _, rating in rated]
    model = H2OGradientBoostingEstimator(
        ntrees=20, max_depth=4, seed=7, learn_rate=0.2, nbins_cats=64, min_rows=30, distribution="bernoulli"
    )
    model.train(y="liked", training_frame=frame(columns, (*WORDS, "liked")))
    return model, _columns(lines_kit.strangers(ASKED))


def _columns(rows: list[dict[str, Any]]) -> dict[str, list[Any]]:
    found = {name: [row[name] for row in rows] for name in ("age", "year", "gender", "occupation")}
    found["movie_id"] = [None if row["movie_id"] is None else str(row["movie_id"]) for row in rows]
    found["genre"] = [row["genres"][0] if row["genres"] else None for row in rows]
    return found
