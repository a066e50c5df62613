"""What callers send to trees: features by name, text for categories, one vector without names; and what ranks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from trees_kit import HERE, NAMES, WORDS, Case, read

from ranklet import draft, importers, model, pipeline
from ranklet.errors import ImportRefused
from ranklet.golden import Golden
from ranklet.importers.proposal import Proposal, Wishes

XGBOOST = {case.name: case for case in read(HERE / "xgboost.zip")}
LIGHTGBM = {case.name: case for case in read(HERE / "lightgbm.zip")}
MODELS = {"xgboost": XGBOOST, "lightgbm": LIGHTGBM}
BOTH = pytest.mark.parametrize("library", MODELS)


def saved(library: str, name: str, folder: Path) -> Path:
    ending, content = list(MODELS[library][name].files.items())[-1]
    path = folder / f"ranker.{ending}"
    path.write_bytes(content)
    return path


def proposed(library: str, name: str, folder: Path, **options: str) -> Proposal:
    return importers.propose(library, saved(library, name, folder), Wishes(options=options))


@BOTH
def test_features_with_names_are_inputs_of_their_own(library: str, tmp_path: Path) -> None:
    made = proposed(library, "frame", tmp_path)
    assert list(made.inputs) == list(NAMES)
    assert made.inputs["price"].fields == {"type": "float", "nan": "allow"}
    assert made.inputs["shop"].fields == {"type": "string", "default": "\x00missing"}
    assert made.inputs["brand"].fields == {"type": "int", "default": -1}
    assert made.features["features"]["of"] == ["age", "price", "size", "rest"]
    assert made.features["features"].get("dtype") == ("float64" if library == "lightgbm" else None)
    assert made.features["shop_id"]["vocabulary"] == [*WORDS[3], "\x00missing"]
    assert orjson.loads(made.files[made.features["brand_id"]["vocabulary"]]) == [*WORDS[4], -1]
    assert made.features["shop_id"].get("oov") == ("error" if library == "xgboost" else None)
    assert made.steps[0].options == {"categories": ["shop", "brand"]}


@BOTH
def test_features_without_names_are_one_vector(library: str, tmp_path: Path) -> None:
    made = proposed(library, "dart", tmp_path)
    assert {name: one.fields for name, one in made.inputs.items()} == {
        "features": {"type": "float", "length": 6, "nan": "allow"}
    }


@BOTH
def test_codes_where_they_are_asked_for(library: str, tmp_path: Path) -> None:
    made = proposed(library, "frame", tmp_path, categories="codes")
    assert made.features["features"]["of"] == list(NAMES)
    assert "categories" not in made.steps[0].options
    assert any("codes" in note and "brand" in note for note in made.notes)


@pytest.mark.parametrize(("library", "name"), [("xgboost", "multi:softprob"), ("lightgbm", "multiclass")])
def test_of_several_outputs_one_is_asked_for(library: str, name: str, tmp_path: Path) -> None:
    with pytest.raises(ImportRefused, match=r"predicts 3 numbers a candidate.*-o column=0 … 2"):
        proposed(library, name, tmp_path)
    assert proposed(library, name, tmp_path, column="2").steps[0].options == {"column": 2}
    with pytest.raises(ImportRefused, match=r"options.column is 3; its outputs are 0 to 2"):
        proposed(library, name, tmp_path, column="3")
    with pytest.raises(ImportRefused, match="-o column=two is no whole number"):
        proposed(library, name, tmp_path, column="two")


def test_rounds_that_are_asked_for(tmp_path: Path) -> None:
    assert proposed("xgboost", "stopped", tmp_path, iterations="best").steps[0].options == {"iterations": "best"}
    assert proposed("lightgbm", "dart", tmp_path, iterations="2").steps[0].options == {"iterations": 2}
    with pytest.raises(ImportRefused, match="-o iterations=best is no whole number"):
        proposed("lightgbm", "dart", tmp_path, iterations="best")


def test_columns_of_a_frame_that_lightgbm_does_not_tell(tmp_path: Path) -> None:
    """As of a column with one category, which no tree can read: feature_infos has none of it."""
    text = LIGHTGBM["frame"].files["txt"].decode()
    head, _, rest = text.partition("feature_infos=")
    infos, _, rest = rest.partition("\n")
    parts = infos.split(" ")
    parts[3] = "none"
    path = tmp_path / "ranker.txt"
    path.write_text(f"{head}feature_infos={' '.join(parts)}\n{rest}")
    with pytest.raises(ImportRefused, match="has 2 lists of categories, and the file does not tell of which features"):
        importers.propose("lightgbm", path, Wishes())
    told = importers.propose("lightgbm", path, Wishes(options={"categories": "shop, brand"}))
    assert told.steps[0].options == {"categories": ["shop", "brand"]}
    with pytest.raises(ImportRefused, match="name 2 different features"):
        importers.propose("lightgbm", path, Wishes(options={"categories": "shop,bread"}))


def requests(case: Case) -> list[Golden]:
    """The stored rows as callers send them, and the library's own scores."""

    def value(at: int, code: float) -> Any:
        if np.isnan(code):
            return None
        return WORDS[at][int(code)] if at in WORDS else float(code)

    rows = np.flatnonzero(~np.isinf(case.features).any(axis=1))  # JSON has no infinity
    items = {name: [value(at, case.features[row, at]) for row in rows] for at, name in enumerate(NAMES)}
    return [Golden({}, {}, items, tuple(case.answers[rows].tolist()))]


@BOTH
def test_words_and_missing_values_score_as_in_the_librarys_frame(
    library: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Through feature assembly and the handler, in every form that clients send."""
    folder = tmp_path / "functions" / "ranker"
    for name in ("frame", "frame, binary"):
        case = MODELS[library][name]
        made = draft.draft(saved(library, name, tmp_path), folder)
        assert made.golden == 6
        described = (folder / "model.toml").read_text()
        for side in ("user", "context"):
            described = described.replace(f'side = "{side}"', 'side = "item"')
        (folder / "model.toml").write_text(described)
        assert all(one.side == "item" for one in model.load(folder).inputs.values())
        (golden,) = requests(case)
        (answer,) = pipeline.answers(folder, [golden])
        np.testing.assert_allclose(answer.scores, golden.scores, rtol=1e-6, atol=1e-30)
        folder = tmp_path / "functions" / "other"
