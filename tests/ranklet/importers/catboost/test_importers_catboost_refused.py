"""What CatBoost's import refuses, in words; damaged files of both kinds are refused or read as what they say."""

from __future__ import annotations

import copy
import json
import random
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import catboost_kit
import pytest

from ranklet import importers
from ranklet.errors import ImportRefused
from ranklet.importers import catboost
from ranklet.importers.proposal import Wishes

Document = dict[str, Any]


def _info(document: Document) -> Document:
    found: Document = document["features_info"]
    return found


def _ctr(document: Document) -> Document:
    found: Document = _info(document)["ctrs"][0]
    return found


def _table(document: Document) -> Document:
    found: Document = document["ctr_data"][_ctr(document)["identifier"]]
    return found


def _tree(document: Document) -> Document:
    found: Document = document["oblivious_trees"][0]
    return found


def _set(place: Callable[[Document], Any], key: Any, value: Any) -> Callable[[Document], None]:
    def change(document: Document) -> None:
        place(document)[key] = value

    return change


def _loss(kind: Any) -> Callable[[Document], None]:
    return _set(lambda document: document["model_info"]["params"], "loss_function", {"type": kind})


def _two_cuts(document: Document) -> None:
    given = document["model_info"]["params"]["cat_feature_params"]["simple_ctrs"]
    given.append({**given[0], "target_binarization": {"border_count": 5}})


def _deep(document: Document) -> None:
    del document["oblivious_trees"]
    leaf = {"value": 0.5}
    split = copy.deepcopy(next(one for one in catboost_kit.document("films")["oblivious_trees"][0]["splits"]))
    node: Document = leaf
    for _ in range(600):
        node = {"split": split, "left": leaf, "right": node}
    document["trees"] = [node]


BROKEN: dict[str, tuple[Callable[[Document], None], str]] = {
    "no features": (lambda document: document.pop("features_info"), "features_info"),
    "no trees": (lambda document: document.pop("oblivious_trees"), "oblivious_trees or trees"),
    "text": (_set(_info, "text_features", [{}]), "text features are not served"),
    "embedding": (_set(_info, "embedding_features", [{}]), "embedding features are not served"),
    "feature index": (
        _set(lambda d: _info(d)["float_features"][1], "feature_index", 7),
        "float_features: feature_index must count",
    ),
    "huge feature index": (
        _set(lambda d: _info(d)["categorical_features"][1], "feature_index", 1 << 40),
        "categorical_features: feature_index must count",
    ),
    "flat index": (
        _set(lambda d: _info(d)["float_features"][1], "flat_feature_index", 0),
        "flat_feature_index",
    ),
    "two names": (
        _set(lambda d: _info(d)["float_features"][1], "feature_id", "age"),
        "two features are called 'age'",
    ),
    "huge border": (
        _set(lambda d: _info(d)["float_features"][0], "borders", [1e39]),
        "borders are not all finite",
    ),
    "treatment": (
        _set(lambda d: _info(d)["float_features"][0], "nan_value_treatment", "AsNew"),
        "nan_value_treatment is 'AsNew'",
    ),
    "ctr type": (_set(_ctr, "ctr_type", "Median"), "ctr_type is 'Median'"),
    "no table": (_set(_ctr, "identifier", "none"), "saved without its CTRs"),
    "no elements": (_set(_ctr, "elements", []), "elements is empty"),
    "element": (
        _set(lambda d: _ctr(d)["elements"][0], "combination_element", "text_feature"),
        "'text_feature', which is not known",
    ),
    "element's feature": (
        _set(lambda d: _ctr(d)["elements"][0], "cat_feature_index", 99),
        "categorical feature 99; there are 3",
    ),
    "target border": (_set(_ctr, "target_border_idx", 5), "target_border_idx is 5"),
    "huge prior": (_set(_ctr, "prior_numerator", 1e300), "not finite"),
    "stride": (_set(_table, "hash_stride", 7), "no rows of 7"),
    "stride of one": (_set(_table, "hash_stride", 1), "no rows of 1"),
    "hash": (lambda d: _table(d)["hash_map"].__setitem__(0, "one"), "must hold a hash"),
    "huge hash": (lambda d: _table(d)["hash_map"].__setitem__(0, str(1 << 70)), "must hold a hash"),
    "hash twice": (
        lambda d: _table(d)["hash_map"].extend(_table(d)["hash_map"][-3:]),
        "a hash twice",
    ),
    "split index": (_set(lambda d: _tree(d)["splits"][0], "split_index", 10**6), "split_index is 1000000"),
    "negative split": (_set(lambda d: _tree(d)["splits"][0], "split_index", -1), "split_index is -1"),
    "split type": (_set(lambda d: _tree(d)["splits"][0], "split_type", "Estimated"), "'Estimated'"),
    "split border": (_set(lambda d: _tree(d)["splits"][0], "border", 12345.0), "border is 12345"),
    "leaves": (lambda d: _tree(d)["leaf_values"].pop(), "leaf_values for"),
    "depth": (lambda d: _tree(d)["splits"].extend(_tree(d)["splits"] * 9), "leaf_values for"),
    "leaf": (lambda d: _tree(d)["leaf_values"].__setitem__(0, "much"), "leaf_values"),
    "scale": (_set(lambda d: d, "scale_and_bias", [1]), "scale_and_bias"),
    "bias": (_set(lambda d: d, "scale_and_bias", [1, [0, 0]]), "outputs"),
    "unknown loss": (_loss("Fashion"), "its loss is 'Fashion', which is not known here; -o output=raw"),
    "no loss": (_loss(None), "its loss is not in the file; -o output=raw"),
    "two targets": (_loss("MultiRMSE"), "MultiRMSE's targets; give the .cbm"),
    "two cuts": (_two_cuts, "several TargetBorderCount; give the .cbm"),
    "deep": (_deep, "deep"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_not_served_is_refused_by_name(name: str, tmp_path: Path) -> None:
    change, message = BROKEN[name]
    document = catboost_kit.document("films")
    change(document)
    with pytest.raises(ImportRefused) as refused:
        catboost_kit.proposed(document, tmp_path)
    assert message in str(refused.value)
    assert str(refused.value).startswith("ranker.json: ")
    assert str(tmp_path) not in str(refused.value)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_numbers_that_are_none_are_refused(number: str, tmp_path: Path) -> None:
    document = catboost_kit.document("numbers")
    document["features_info"]["float_features"][0]["borders"][0] = "here"
    content = json.dumps(document).replace('"here"', number).encode()
    with pytest.raises(ImportRefused, match=r"no JSON|not all finite|borders"):
        catboost_kit.proposed(content, tmp_path)


def test_nesting_without_end_is_refused(tmp_path: Path) -> None:
    document = catboost_kit.document("lossguide")
    document["trees"] = ["here"]
    nested = '{"left":' * 200_000 + "{}" + "}" * 200_000
    with pytest.raises(ImportRefused, match="too deep"):
        catboost_kit.proposed(json.dumps(document).replace('"here"', nested).encode(), tmp_path)


def test_tables_that_would_fill_the_memory_are_refused(tmp_path: Path) -> None:
    document = catboost_kit.document("films")
    one, table = _ctr(document), _table(document)
    table["hash_map"] = [part for at in range(20_000) for part in (str(at), 1, 2)]
    _info(document)["ctrs"] = [one] * 4000
    with pytest.raises(ImportRefused, match=r"more than \d+ values"):
        catboost_kit.proposed(document, tmp_path)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("classes", "", r"3 outputs \(bad, fair, good\); one of them ranks: -o column=NAME"),
        ("classes", "column=best", "none is 'best'"),
        ("films", "column=1", "it has one output"),
        ("films", "output=exponent", "predicts probability or raw"),
        ("Poisson", "output=probability", "predicts exponent or raw"),
        ("numbers", "output=probability", "predicts raw"),
        ("films", "ints=age", "no categorical feature is called 'age'"),
        ("films", "strings=nothing", "no categorical feature is called 'nothing'"),
    ],
)
def test_options_that_do_not_fit_are_refused(name: str, options: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ImportRefused, match=message):
        catboost_kit.proposed(catboost_kit.stored(name).models["json"], tmp_path, options)


def test_a_loss_that_is_not_known_is_served_raw(tmp_path: Path) -> None:
    document = catboost_kit.document("films")
    _loss("Fashion")(document)
    known = catboost_kit.proposed(catboost_kit.document("films"), tmp_path, "output=raw")
    assert catboost_kit.proposed(document, tmp_path, "output=raw").files == known.files


def _cbm(name: str = "films") -> bytes:
    return catboost_kit.stored(name).models["cbm"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"CBM1", "beyond its end"),
        (b"CBM1" + struct.pack("<I", 1 << 31), "beyond its end"),
        (b"CBM1" + struct.pack("<II", 4, 0xFFFFFFFF), "beyond its end"),
        (_cbm()[:-40], "beyond its end"),
        (_cbm()[: len(_cbm()) // 2], "beyond its end"),
        (_cbm().replace(b"FlabuffersModel_v1", b"FlabuffersModel_v9"), "format is 'FlabuffersModel_v9'"),
        (_cbm().replace(b"static_provider_v1", b"text_processing_v1"), "'text_processing_v1'"),
    ],
)
def test_a_cbm_that_is_none_is_refused(content: bytes, message: str, tmp_path: Path) -> None:
    with pytest.raises(ImportRefused, match=message):
        catboost_kit.proposed(content, tmp_path)


@pytest.mark.parametrize("form", ["json", "cbm"])
@pytest.mark.parametrize("name", ["films", "lossguide", "means"])
def test_damaged_files_are_refused_or_read_as_what_they_say(name: str, form: str, tmp_path: Path) -> None:
    whole = catboost_kit.stored(name).models[form]
    options = "column=bad" if name == "lossguide" else ""
    chance, refused = random.Random(f"{name} {form}"), 0
    for number in range(60):
        changed = bytearray(whole)
        for _ in range(chance.randint(1, 6)):
            changed[chance.randrange(len(changed))] = chance.choice([0, 255, 127, chance.randrange(256)])
        content = bytes(changed[: chance.randrange(len(changed))] if number % 4 == 0 else changed)
        try:
            catboost_kit.proposed(content, tmp_path, options)
        except ImportRefused as error:
            assert str(tmp_path) not in str(error)
            refused += 1
    assert refused >= 15


def test_values_of_any_type_in_any_place_are_refused_or_read(tmp_path: Path) -> None:
    chance = random.Random(3)
    odd = [None, -1, 0, 1 << 62, 1e300, "", "9", [], [[]], {}, True]
    for _ in range(150):
        document = catboost_kit.document("depthwise one by one" if chance.random() < 0.3 else "counts")
        for _ in range(chance.randint(1, 3)):
            _replace(document, chance, odd)
        try:
            catboost_kit.proposed(document, tmp_path)
        except ImportRefused as error:
            assert str(tmp_path) not in str(error)


def _replace(document: Any, chance: random.Random, odd: list[Any]) -> None:
    """One value, at a random depth."""
    place = document
    while True:
        keys: list[Any] = list(place) if isinstance(place, dict) else list(range(len(place)))
        if not keys:
            return
        key = chance.choice(keys)
        inner = isinstance(place[key], dict | list) and len(place[key])
        if not inner or chance.random() < 0.15:
            place[key] = chance.choice(odd)
            return
        place = place[key]


def test_it_knows_both_files_and_no_others(tmp_path: Path) -> None:
    for form, content in catboost_kit.stored("films").models.items():
        path = tmp_path / f"model.{form}.bin"
        path.write_bytes(content)
        assert importers.recognise(path) == "catboost"
    assert not catboost.recognises(tmp_path, b"")
    assert not catboost.recognises(tmp_path, b'{"learner": {')
    with pytest.raises(ImportRefused, match="it is no file"):
        catboost.propose(tmp_path, Wishes())
