"""CatBoost itself beside the import: models trained anew, in both of its files, on rows that the import draws."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import catboost_kit
import numpy as np
import pytest

from ranklet import draft, pipeline
from ranklet.importers.proposal import Wishes

pytestmark = pytest.mark.oracle
catboost = pytest.importorskip("catboost.core")
sys.path.insert(0, str(Path(__file__).parent))

import make_models  # noqa: E402
from catboost_zoo import QUIET, Case, cases, trained  # noqa: E402

CASES = list(cases())


@pytest.fixture(scope="module")
def rows() -> Any:
    return trained()


@pytest.mark.filterwarnings("ignore:Failed to import numba")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_catboost_agrees_on_every_drawn_row(case: Case, rows: Any, tmp_path: Path) -> None:
    given, labels = rows
    pool = make_models.pool_of(case, given, labels)
    params = {**QUIET, "iterations": 40, "depth": 5, "loss_function": "RMSE", **case.params}
    model = catboost.CatBoost(params).fit(pool)
    for form in case.forms if "cbm" in case.forms else ("json", "cbm"):
        content = make_models.saved(model, form, None)
        for options in case.scores:
            proposal = catboost_kit.proposed(content, tmp_path, options)  # which holds it to CatBoost
            if case.name == "means" and form == "json":
                assert proposal.oracle is None
                continue
            assert proposal.oracle is not None
            assert proposal.oracle.name.startswith("catboost ")
            columns = {name: one.draw(np.random.default_rng(7), 300) for name, one in proposal.inputs.items()}
            found = catboost_kit.scores(proposal, columns, tmp_path)
            wanted = proposal.oracle.scores(columns)
            np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-12)


def test_a_draft_has_catboosts_own_golden_scores(tmp_path: Path) -> None:
    path = tmp_path / "ranker.cbm"
    path.write_bytes(catboost_kit.stored("films").models["cbm"])
    made = draft.draft(path, tmp_path / "functions" / "films", wishes=Wishes())
    assert any("catboost 1" in note for note in made.notes)
    built = pipeline.build(made.folder, out=tmp_path / "build", progress=lambda text: None)
    assert built.certificate.rows == made.golden > 0


def test_text_features_are_refused_by_name(tmp_path: Path) -> None:
    data = [[float(at), "good film" if at % 3 else "bad film"] for at in range(200)]
    pool = catboost.Pool(data, [at % 3 > 0 for at in range(200)], text_features=[1])
    model = catboost.CatBoost({**QUIET, "iterations": 3, "loss_function": "Logloss"}).fit(pool)
    with pytest.raises(Exception, match="text"):
        catboost_kit.proposed(make_models.saved(model, "cbm", None), tmp_path)


def test_catboost_itself_is_wrong_on_json_that_lost_tables(rows: Any, tmp_path: Path) -> None:
    given, labels = rows
    case = next(case for case in CASES if case.name == "two cuts")
    pool = make_models.pool_of(case, given, labels)
    model = catboost.CatBoost({**QUIET, "iterations": 20, **case.params, "loss_function": "RMSE"}).fit(pool)
    content = make_models.saved(model, "json", None)
    again = tmp_path / "again.json"
    again.write_bytes(content)
    lost = catboost.CatBoost().load_model(str(again), format="json")
    assert np.abs(lost.predict(pool) - model.predict(pool)).max() > 0.01
    with pytest.raises(Exception, match="TargetBorderCount"):
        catboost_kit.proposed(json.loads(content), tmp_path)
