"""The kind `terms` and the form of that name: how often terms are found in texts. Counts are held to JPMML's with the
importer of PMML; here the many-at-once is held to the one-by-one, and what is refused is shown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranklet_features import FeaturePlan, FeatureSpec
from ranklet_features.errors import InputError, SpecError
from ranklet_features.expressions.values import MISSING_TEXT
from ranklet_features.spec import Feature, Input, Side

TERMS = [
    ["fox", 1.0], ["Fox", 0.5], ["brown fox", 2.0], ["fox fox", -1.0], ["", 3.0], ["café", 1.5], ["fo", 1.0],
    ["!", 1.0], ["fox", 7.0], ["straße x", 1.0],
]  # fmt: skip
WORDS = st.sampled_from(
    ["fox", "fix", "Fox", "FOX,", "brown", "café", "CAFÉ", "fo", "straße", "STRASSE", "x", "\U0001f642", "ox"]
)
TEXTS = st.lists(WORDS, max_size=8).map(" ".join) | st.text(max_size=12)
INDEXES: dict[str, dict[str, Any]] = {
    "plain": {},
    "case": {"case": True},
    "binary": {"weight": "binary"},
    "log": {"weight": "log"},
    "words": {"words": "\\b[a-z]{2,}\\b", "view": True},
    "near": {"distance": 1},
    "nearer": {"distance": 2, "best": True},
    "far": {"distance": 3, "case": True},
    "table": {"tables": [[[["fix", ["fox"], False], ["(b)rown", [1, "ox fox"], False]], True]]},
}


def plan_of(folder: Path, index: dict[str, Any], terms: Any = TERMS, side: Side = "item", **more: Any) -> FeaturePlan:
    (folder / "terms.json").write_text(json.dumps(terms))
    fields = {"expr": '["field","s"]', "index": json.dumps(index), "vocabulary": "terms.json", **more}
    inputs = {"s": Input(side=side, type="string", default=MISSING_TEXT), "x": Input(side="item")}
    singly = {
        f"t{at}": Feature("expression", ("s",), {"expr": json.dumps(one)})
        for at, one in enumerate(
            ["call", "*", [["terms", ["field", "s"], ["constant", term], json.dumps(index)], ["constant", weight]], {}]
            for term, weight in terms
        )
    }
    features = {"many": Feature("terms", ("s",), fields), **singly, "x": Feature("dense", ("x",), {})}
    return FeaturePlan.compile(FeatureSpec(inputs, features), folder, {})


@pytest.fixture(scope="module", params=INDEXES)
def plan(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> FeaturePlan:
    return plan_of(tmp_path_factory.mktemp("terms"), INDEXES[request.param])


@given(texts=st.lists(TEXTS | st.just(MISSING_TEXT), min_size=1, max_size=4))
def test_many_terms_at_once_are_worth_what_each_is_alone(plan: FeaturePlan, texts: list[str]) -> None:
    made = plan.assemble_columns({"s": texts, "x": [0.0] * len(texts)}).tensors
    singly = np.stack([made[f"t{at}"] for at in range(len(TERMS))], axis=1)
    np.testing.assert_array_equal(made["many"], singly)


def test_words_are_counted(tmp_path: Path) -> None:
    made = plan_of(tmp_path, {}).assemble_columns({"s": ["The brown FOX, fox!", "", MISSING_TEXT], "x": [0.0] * 3})
    assert made.tensors["many"][0].tolist() == [2, 1, 2, -1, 0, 0, 0, 0, 14, 0]
    assert not made.tensors["many"][1].any()
    assert np.isnan(made.tensors["many"][2]).all()


def test_what_follows_from_a_count_is_told_of_counts_that_were_never_seen(tmp_path: Path) -> None:
    count = ["field", "count"]
    square = ["call", "*", [count, count], {}]
    then = json.dumps(["call", "if", [["call", "isMissing", [count], {}], ["constant", -1.0], square], {}])
    plan = plan_of(tmp_path, {}, [["fox", 1.0], ["ox", 1.0]], then=then)
    made = plan.assemble_columns({"s": ["fox " * 50, MISSING_TEXT], "x": [0.0] * 2}).tensors["many"]
    assert made.tolist() == [[2500, 0], [-1, -1]]


def test_worth_is_rounded_to_32_bits_where_the_model_says_so(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, {}, [["fox", 0.1], ["ox", 1e60]], narrow=True)
    made = plan.assemble_columns({"s": ["fox fox fox", "ox"], "x": [0.0] * 2}).tensors["many"]
    assert made.tolist() == [[float(np.float32(3 * 0.1)), 0], [0, np.inf]]


def test_a_users_text_is_counted_once(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, {}, side="user")
    made = plan.assemble({"s": "fox"}, {}, {"x": [1.0, 2.0, 3.0]})
    assert made.tensors["many"].shape == (1, len(TERMS))


def test_texts_that_are_too_long_are_refused_by_the_place(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, {"limit": 5})
    with pytest.raises(InputError, match=r"has 8 characters; this model's patterns take at most 5") as caught:
        plan.assemble_columns({"s": ["fox", "fox fox "], "x": [0.0] * 2})
    assert caught.value.index == (1,)


@pytest.mark.parametrize("put", ["aa", "a "])
def test_a_table_that_never_settles_ends(tmp_path: Path, put: str) -> None:
    plan = plan_of(tmp_path, {"tables": [[[["a", [put], False]], True]]})
    with pytest.raises(InputError, match=r"still changes after 100 rounds|characters; this model's"):
        plan.assemble_columns({"s": ["banana"], "x": [0.0]})


@pytest.mark.parametrize(
    ("given_", "message"),
    [
        ({"index": "{"}, "is no index of terms"),
        ({"index": '{"words":"("}'}, "is no index of terms"),
        ({"index": '{"weight":"heavy"}'}, "has the weight 'heavy'"),
        ({"index": '{"distance":-1}'}, "distance -1"),
        ({"index": '{"unknown":1}'}, "is no index of terms"),
        ({"expr": '["field","z"]'}, "no input 'z'"),
        ({"expr": '["field","x"]'}, "it reads 'x', which stands not in of"),
        ({"vocabulary": "none.json"}, "cannot read the vocabulary 'none.json'"),
        ({"vocabulary": "bad.json"}, r"has \['a'\], which must be a text and a number"),
        ({"vocabulary": "empty.json"}, "must be a list of"),
        ({"then": '["constant","a"]'}, "then makes a string"),
        ({"then": '["field","s"]'}, "no input 's'"),
    ],
)
def test_a_spec_that_is_none_is_refused(tmp_path: Path, given_: dict[str, Any], message: str) -> None:
    (tmp_path / "bad.json").write_text('[["a"]]')
    (tmp_path / "empty.json").write_text("[]")
    with pytest.raises(SpecError, match=message):
        plan_of(tmp_path, {}, **given_) if "index" not in given_ else _with_index(tmp_path, given_["index"])


def _with_index(folder: Path, index: str) -> None:
    (folder / "terms.json").write_text(json.dumps(TERMS))
    fields = {"expr": '["field","s"]', "index": index, "vocabulary": "terms.json"}
    inputs = {"s": Input(side="item", type="string", default=MISSING_TEXT)}
    FeaturePlan.compile(FeatureSpec(inputs, {"many": Feature("terms", ("s",), fields)}), folder, {})
