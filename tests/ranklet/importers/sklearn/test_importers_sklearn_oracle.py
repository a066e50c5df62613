"""In an environment with XGBoost and LightGBM: their estimators in pipelines, and MovieLens-100K."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sklearn_kit as kit

pytestmark = pytest.mark.oracle
NAMES = (
    "xgboost_classifier", "xgboost_three", "xgboost_regressor", "xgboost_forest", "xgboost_poisson",
    "lightgbm_classifier", "lightgbm_three", "lightgbm_regressor", "calibrated_boosters", "stacked_boosters",
)  # fmt: skip


@pytest.fixture
def boosters() -> Any:
    """The samples, which import both libraries."""
    pytest.importorskip("xgboost")
    pytest.importorskip("lightgbm")
    import sklearn_boosters

    assert set(sklearn_boosters.SAMPLES) == set(NAMES)
    return sklearn_boosters.SAMPLES


@pytest.mark.parametrize("name", NAMES)
def test_boosters_score_as_they_do_themselves(name: str, boosters: Any, tmp_path: Path) -> None:
    sample = boosters[name]
    model, rows = kit.trained(sample)
    proposal = kit.proposed(model, tmp_path, **sample.options)
    found = kit.scores(proposal, kit.sent(model, rows), tmp_path)
    relative = 1e-5 if "lightgbm" not in name else 1e-6  # XGBoost adds in 32 bits
    np.testing.assert_allclose(found, kit.own(model, rows, sample.options), rtol=relative, atol=1e-7)


@pytest.mark.parametrize("name", ["films_linear", "films_boosted"])
def test_films_rank_as_the_pipeline_ranks_them(name: str, tmp_path: Path) -> None:
    import sklearn_films
    from sklearn.metrics import roc_auc_score

    model = sklearn_films.train(name)
    frame, liked = sklearn_films.table(sklearn_films.TRAINED + sklearn_films.HELD_OUT)
    frame, liked = frame[sklearn_films.TRAINED :], liked[sklearn_films.TRAINED :]
    proposal = kit.proposed(model, tmp_path)
    columns = {name: [None if value != value else value for value in frame[name].tolist()] for name in frame}
    columns["genres"] = [text.split("|") for text in columns["genres"]]
    found, wanted = kit.scores(proposal, columns, tmp_path), model.predict_proba(frame)[:, 1]
    np.testing.assert_allclose(found, wanted, rtol=1e-6)
    assert np.argsort(-found, kind="stable").tolist() == np.argsort(-wanted, kind="stable").tolist()
    assert roc_auc_score(liked, found) > 0.7
