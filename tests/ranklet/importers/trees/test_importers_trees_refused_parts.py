"""Linear leaves, vectors, weights and categories that do not fit: refused with their place, and damaged ones too."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from trees_kit import HERE, read

from ranklet import importers
from ranklet.errors import ImportRefused
from ranklet.importers.proposal import Wishes
from ranklet.model import StepSource

XGBOOST = {case.name: case for case in read(HERE / "xgboost.zip")}
LIGHTGBM = {case.name: case for case in read(HERE / "lightgbm.zip")}
Load = Callable[..., Any]
Change = Callable[[Any], None]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """load(library, content, **options)."""

    def loaded(library: str, content: bytes, **options: Any) -> Any:
        (tmp_path / "model").write_bytes(content)
        return importers.load(StepSource(format=library, source="model", options=options), tmp_path)

    return loaded


def changed(name: str, change: Change) -> bytes:
    """A model of XGBoost after a change of its booster."""
    whole = json.loads(XGBOOST[name].files["json"])
    change(whole["learner"]["gradient_booster"])
    return json.dumps(whole).encode()


def at(path: str, value: Any) -> Change:
    """Another value at a path."""

    def change(booster: Any) -> None:
        *parts, last = [int(part) if part.isdigit() else part for part in path.split(".")]
        for part in parts:
            booster = booster[part]
        booster[last] = value

    return change


TREE = "model.trees.0"
CASES: list[tuple[str, Change, str]] = [
    ("gblinear", at("model.weights", [1.0]), "weights has 1 entries, not 7"),
    ("gblinear", at("model.weights.0", float("nan")), "its weights are not all finite"),
    ("gblinear", at("model.weights.6", float("inf")), "its base score is .*not finite"),
    ("gblinear", at("model.rounds", 1), "model.rounds is not known here"),
    ("gblinear", at("name", "gbtree"), "model.boosted_rounds is not known here"),
    ("vectors", at(f"{TREE}.leaf_weights", [1.0]), "leaf_weights has 1 numbers, which its leaves do not fit"),
    ("vectors", at(f"{TREE}.leaf_weights", []), "leaf_weights has 0 numbers"),
    ("vectors", at(f"{TREE}.tree_param.size_leaf_vector", "3"), "size_leaf_vector is 3; the model has 2 outputs"),
    ("vectors", at(f"{TREE}.tree_param.size_leaf_vector", "99999999999"), "size_leaf_vector is 99999999999"),
    ("vectors", at("model.tree_info", [0]), "tree_info has 1 entries"),
    ("vectors, dart", at("weight_drop", [1.0, 1.0, 1.0, 1.0]), "both have weight_drop"),
    ("dart", at("model.weight_drop", [1.0]), "weight_drop has 1 entries for 8 trees"),
    ("frame", at("model.cats.enc.3.offsets", [0, 1]), r"enc\[3\].offsets do not fit its values"),
    ("frame", at("model.cats.enc.3.offsets", [0, 9, 3, 24]), r"enc\[3\].offsets do not fit its values"),
    ("frame", at("model.cats.enc.3.values.0", 999), r"enc\[3\].offsets do not fit its values"),
    ("frame", at("model.cats.enc.3.values.0", 200), r"enc\[3\].values is no UTF-8"),
    ("frame", at("model.cats.enc.3.values.0", "a"), r"enc\[3\].values is .*not a list of whole numbers"),
    ("frame", at("model.cats.enc.4.values.1", 100), r"enc\[4\] has a category twice"),
    ("frame", at("model.cats.enc", [{}]), "enc has 1 entries, not 6"),
    ("frame", at("model.cats.enc.0", 3), r"enc\[0\] is 3, not a map"),
    ("frame", at("model.cats.extra", 3), "cats.extra is not known here"),
]


@pytest.mark.parametrize(("name", "change", "what"), CASES, ids=[case[2] for case in CASES])
def test_an_xgboost_model_with_a_part_that_does_not_fit(load: Load, name: str, change: Change, what: str) -> None:
    with pytest.raises(ImportRefused, match=f"(?s)model: .*{what}"):
        load("xgboost", changed(name, change))


LINES = [
    ("linear", "num_features", "1", "num_features has 1 entries"),
    ("linear", "num_features", "99999999 0 0 0 0 0 0", "num_features is .*not numbers of features"),
    ("linear", "num_features", "-1 1 1 1 1 1 1", "num_features is .*not numbers of features"),
    ("linear", "leaf_features", "1", "leaf_features has 1 entries"),
    ("linear", "leaf_coeff", "nan", "leaf_coeff has 1 entries"),
    ("linear", "leaf_const", "1 2 3 4 5 6 nan", "leaf constant nan"),
    ("frame", "pandas_categorical", "[[1", "pandas_categorical: is no JSON"),
    ("frame", "pandas_categorical", "[" * 100_000, "pandas_categorical: is no JSON"),
    ("frame", "pandas_categorical", "{}", "pandas_categorical: is no list of lists"),
    ("frame", "pandas_categorical", "[[1.5], [2.5]]", "served are different texts, or different whole numbers"),
    ("frame", "pandas_categorical", '[["a", "a"], [1]]', "served are different texts"),
    ("frame", "pandas_categorical", '[["\\ud800"], [1]]', "served are different texts"),
    ("frame", "pandas_categorical", f"[[{10**30}], [1]]", "served are different texts"),
    ("frame", "pandas_categorical", "[[1]]", "name 1 different features, as many as"),
    ("frame", "pandas_categorical", "[[1], [2], [3]]", "name 3 different features"),
]


@pytest.mark.parametrize(("name", "field", "value", "what"), LINES, ids=[f"{row[1]} {row[3]}" for row in LINES])
def test_a_lightgbm_model_with_a_line_that_does_not_fit(
    load: Load, name: str, field: str, value: str, what: str
) -> None:
    text = LIGHTGBM[name].files["txt"].decode()
    parts = re.split(rf"(?m)^({field}[=:].*)$", text)
    parts[-2] = f"{field}{parts[-2][len(field)]}{value}"
    with pytest.raises(ImportRefused, match=f"(?s)model: .*{what}"):
        load("lightgbm", "".join(parts).encode(), **LIGHTGBM[name].options)


def test_a_leaf_that_reads_a_feature_that_is_none(load: Load) -> None:
    text = LIGHTGBM["linear"].files["txt"].decode()
    for feature, what in (("77", "has leaf feature 77"), ("-1", "leaf_features is")):
        worse = re.sub(r"(?m)^(leaf_features=) *\d+", rf"\g<1>{feature}", text)
        with pytest.raises(ImportRefused, match=what):
            load("lightgbm", worse.encode())


def test_categories_of_features_that_have_none(load: Load) -> None:
    content = XGBOOST["frame"].files["ubj"]
    for given, what in (
        (["price"], r"options.categories has 'price'; the file names categories of \['brand', 'shop'\]"),
        ("shop", "options.categories is 'shop'; give a list of names"),
    ):
        with pytest.raises(ImportRefused, match=what):
            load("xgboost", content, categories=given)
    with pytest.raises(ImportRefused, match="name 2 different features, as many as pandas_categorical"):
        load("lightgbm", LIGHTGBM["frame"].files["txt"], categories=["shop"])


@pytest.mark.parametrize(
    "names", [["a", "b", "c", "d", "e", "e"], ["a", "b", "c", "d", "e", "\ud800"]], ids=["twice", "half"]
)
def test_names_of_features_that_no_input_can_have(load: Load, names: list[str]) -> None:
    whole = json.loads(XGBOOST["frame"].files["json"])
    whole["learner"]["feature_names"] = names
    with pytest.raises(ImportRefused, match=r"learner.feature_names is .*not names that differ"):
        load("xgboost", json.dumps(whole).encode())


def test_rounds_of_gblinear(load: Load) -> None:
    with pytest.raises(ImportRefused, match="gblinear predicts by all rounds"):
        load("xgboost", XGBOOST["gblinear"].files["ubj"], iterations=1)


@pytest.mark.parametrize(
    ("library", "name"),
    [
        ("xgboost", "vectors"),
        ("xgboost", "gblinear"),
        ("xgboost", "frame"),
        ("lightgbm", "linear"),
        ("lightgbm", "frame"),
    ],
)
def test_damaged_files_are_refused_or_proposed_and_nothing_else(library: str, name: str, tmp_path: Path) -> None:
    chance, refused = random.Random(name), 0
    case = {"xgboost": XGBOOST, "lightgbm": LIGHTGBM}[library][name]
    ending, content = list(case.files.items())[-1]
    path = tmp_path / f"m.{ending}"
    for number in range(40):
        damaged = bytearray(content)
        for _ in range(chance.choice((1, 8))):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        path.write_bytes(damaged if number % 2 else content[: chance.randrange(len(content))])
        try:
            importers.propose(library, path, Wishes(options={"column": "0"}))
        except ImportRefused as error:
            assert str(tmp_path) not in str(error)
            refused += 1
    assert refused > 0
