"""What CatBoost's import writes down: inputs by name and type, notes, a folder that takes the model trained anew."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import catboost_kit
import numpy as np

from ranklet import draft, model
from ranklet.importers.proposal import Proposal, Wishes


def _proposed(name: str, folder: Path, options: str = "", form: str = "json") -> Proposal:
    return catboost_kit.proposed(catboost_kit.stored(name).models[form], folder, options)


def _fields(proposal: Proposal) -> dict[str, Any]:
    return {name: dict(one.fields) for name, one in proposal.inputs.items()}


def test_inputs_are_the_features_by_name_and_type(tmp_path: Path) -> None:
    assert _fields(_proposed("films", tmp_path)) == {
        "age": {"type": "float", "nan": "allow"},
        "year": {"type": "float", "nan": "allow"},
        "tags": {"type": "float"},
        "gender": {"type": "string"},
        "occupation": {"type": "string"},
        "genre": {"type": "string"},
    }
    assert list(_proposed("unnamed", tmp_path).inputs) == ["feature_0", "feature_1", "feature_2"]


def test_integers_are_told_by_their_hashes_or_by_the_author(tmp_path: Path) -> None:
    guessed = _fields(_proposed("ids", tmp_path))
    assert guessed["user_id"] == guessed["movie_id"] == {"type": "int"}
    assert guessed["gender"] == {"type": "string"}
    asked = _fields(_proposed("ids", tmp_path, "strings=user_id ints=gender"))
    assert [asked[name]["type"] for name in ("user_id", "movie_id", "gender")] == ["string", "int", "int"]


def test_what_the_model_does_not_look_at_may_be_left_out(tmp_path: Path) -> None:
    document = catboost_kit.document("numbers")
    info = document["features_info"]
    info["float_features"].append({**info["float_features"][0], "borders": [], "feature_index": 3})
    info["float_features"][-1] |= {"flat_feature_index": 3, "feature_id": "unused", "has_nans": False}
    info["categorical_features"] = [{"feature_id": "idle", "feature_index": 0, "flat_feature_index": 4}]
    proposal = catboost_kit.proposed(document, tmp_path)
    assert _fields(proposal)["unused"]["nan"] == "allow"
    assert _fields(proposal)["idle"] == {"type": "string", "default": ""}
    known = catboost_kit.stored("numbers")
    found = catboost_kit.scores(proposal, known.columns, tmp_path)
    np.testing.assert_allclose(found, known.scores[""], rtol=1e-9)


def test_drawn_categories_are_those_that_the_model_knows(tmp_path: Path) -> None:
    proposal = _proposed("films", tmp_path)
    drawn = proposal.inputs["occupation"].draw(np.random.default_rng(1), 200)
    assert {"student", "programmer", "writer"} <= set(drawn)
    ids = _proposed("ids", tmp_path).inputs["movie_id"].draw(np.random.default_rng(1), 200)
    assert all(type(one) is int for one in ids)
    assert sum(1 <= one <= 1682 for one in ids) > 150


def test_notes_say_what_the_score_is_and_what_to_check(tmp_path: Path) -> None:
    told = " ".join(_proposed("classes", tmp_path, "column=good").notes)
    assert "CatBoost's Probability, output 'good' of bad, fair, good" in told
    assert "categories (gender, occupation, genre) are hashed" in told
    assert "misreads" in " ".join(_proposed("means", tmp_path).notes)
    assert "misreads" not in " ".join(_proposed("means", tmp_path, form="cbm").notes)


def test_a_model_trained_anew_is_taken_into_the_folder(tmp_path: Path) -> None:
    first, second = (tmp_path / f"{name}.cbm" for name in ("may", "june"))
    first.write_bytes(catboost_kit.stored("films").models["cbm"])
    second.write_bytes(catboost_kit.stored("counts").models["cbm"])
    folder = tmp_path / "functions" / "films"
    draft.draft(first, folder, wishes=Wishes(options={"output": "raw"}))
    before = (folder / "vocabularies" / "features.npz").read_bytes()
    made = draft.renew(second, folder, wishes=Wishes(options={"output": "raw"}))
    assert made.golden > 0
    assert (folder / "vocabularies" / "features.npz").read_bytes() != before
    assert model.load(folder).inputs["occupation"].type == "string"
