"""Every estimator and pipeline that is served, trained here and imported: scikit-learn's predictions are the truth."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import sklearn_kit as kit
from sklearn_terms import SAMPLES

from ranklet import draft, importers, pipeline
from ranklet.importers.proposal import Wishes

BUILT = ("hot", "categories", "tagged", "histogram", "dicts")
"""Text, lists, numbers with holes, named values: a draft of each is replayed through the handler."""


@pytest.mark.parametrize("name", SAMPLES)
def test_a_draft_scores_as_the_model_does(name: str, tmp_path: Path) -> None:
    sample = SAMPLES[name]
    model, rows = kit.trained(sample)
    columns, wanted = kit.sent(model, rows), kit.own(model, rows, sample.options)
    proposal = kit.proposed(model, tmp_path, **sample.options)  # holds itself to odd rows as well
    found = kit.scores(proposal, columns, tmp_path)
    np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-9)
    assert len(np.unique(wanted)) > 1


@pytest.mark.parametrize("name", BUILT)
def test_a_draft_builds(name: str, tmp_path: Path) -> None:
    sample = SAMPLES[name]
    path = kit.save(sample.train(), tmp_path / "model.skops")
    made = draft.draft(path, tmp_path / "functions" / "ranker", wishes=Wishes(options=sample.options))
    assert made.format == "sklearn"
    built = pipeline.build(tmp_path / "functions" / "ranker", out=tmp_path / "build", progress=lambda text: None)
    assert built.certificate.rows == made.golden > 0


def test_a_joblib_file_is_read_where_the_author_trusts_it(tmp_path: Path) -> None:
    import joblib

    model, rows = kit.trained(SAMPLES["hot"])
    for name, packed in {"model.joblib": 0, "packed.joblib": 3, "model.pkl": 0}.items():
        joblib.dump(model, tmp_path / name, compress=packed)
        if not packed:
            assert importers.recognise(tmp_path / name) == "sklearn"
        proposal = importers.propose("sklearn", tmp_path / name, Wishes(trust_pickle=True))
        found = kit.scores(proposal, kit.sent(model, rows), tmp_path)
        np.testing.assert_allclose(found, kit.own(model, rows, {}), rtol=1e-6)


def test_text_is_looked_up_before_the_graph_and_numbers_stay_doubles(tmp_path: Path) -> None:
    proposal = kit.proposed(SAMPLES["hot"].train(), tmp_path)
    assert {name: fields["kind"] for name, fields in proposal.features.items()} == {
        "numbers": "dense",
        "gender_id": "category",
        "city_id": "category",
        "job_id": "category",
    }
    assert proposal.features["numbers"]["dtype"] == "float64"
    assert proposal.inputs["city"].fields == {"type": "string", "default": "\x00missing"}
    assert proposal.inputs["age"].fields == {"type": "float", "nan": "allow"}


def test_another_class_and_another_method_are_taken(tmp_path: Path) -> None:
    model, rows = kit.trained(SAMPLES["logistic_named"])
    columns = kit.sent(model, rows)
    yes = kit.scores(kit.proposed(model, tmp_path, **{"class": "yes"}), columns, tmp_path)
    first = kit.scores(kit.proposed(model, tmp_path, column="0"), columns, tmp_path)
    np.testing.assert_allclose(yes + first, 1, rtol=1e-12)
    labels = SAMPLES["logistic"].train()
    assert set(kit.scores(kit.proposed(labels, tmp_path, method="predict"), columns, tmp_path)) == {0.0, 1.0}


def test_what_the_author_should_check_is_said(tmp_path: Path) -> None:
    notes = " ".join(kit.proposed(SAMPLES["tagged"].train(), tmp_path).notes)
    assert "the probability of class 1 of 2" in notes
    assert "tags is a list of terms, as CountVectorizer.build_analyzer() makes them" in notes
    assert "the model knows no names" in " ".join(kit.proposed(SAMPLES["ridge"].train(), tmp_path).notes)
