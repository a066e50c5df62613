"""The kind `vw`: names of Vowpal Wabbit's. Its hashes are held to the tool's own answers with the importer's tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sklearn.utils import murmurhash3_32

from ranklet_features import FeaturePlan, FeatureSpec
from ranklet_features.errors import InputError, ShapeError, SpecError
from ranklet_features.spec import Feature, Input

SEED, LAST = 77, (1 << 18) - 1


def ids(declared: Input, values: list[Any], **options: Any) -> list[Any]:
    spec = FeatureSpec({"a": declared}, {"f": Feature("vw", ("a",), {"bits": 18, "seed": SEED, **options})})
    found: list[Any] = FeaturePlan.compile(spec, Path(), {}).assemble_columns({"a": values}).tensors["f"].tolist()
    return found


def hashed(name: str) -> int:
    return int(murmurhash3_32(name.encode(), SEED, positive=True)) & LAST


def test_a_name_of_digits_is_a_number_and_any_other_is_hashed() -> None:
    found = ids(Input("item", "string"), ["12", "007", "x", "", "-3", "Żółw", "１２"])
    wanted = [12 + SEED, 7 + SEED, hashed("x"), -1, hashed("-3"), hashed("Żółw"), hashed("１２")]
    assert found == wanted


def test_integers_are_hashed_as_their_text() -> None:
    assert ids(Input("item", "int"), [12, -3, 2**40], absent=-3) == [12 + SEED, -1, (2**40 + SEED) & LAST]
    assert ids(Input("item", "int"), [12, -3]) == [12 + SEED, hashed("-3")]
    assert ids(Input("item", "int"), [12, -3], before="m=") == [hashed("m=12"), hashed("m=-3")]
    assert ids(Input("item", "int"), [12, -3, 0], before="90") == [9012 + SEED, hashed("90-3"), 900 + SEED]
    assert ids(Input("item", "int"), [12], before="90", plain=True) == [hashed("9012")]
    assert ids(Input("item", "int"), [2**63 - 1], before="9") == [(9 * 10**19 + 2**63 - 1 + SEED) & LAST]
    assert ids(Input("item", "string"), ["12"], plain=True) == [hashed("12")]
    assert ids(Input("item", "string"), ["12"], before="3") == [312 + SEED]


def test_lists_are_padded_with_nothing() -> None:
    declared = Input("item", "string", list=True, default=[])
    assert ids(declared, [["a", "b"], [], ["5"]], before="t") == [
        [hashed("ta"), hashed("tb")],
        [-1, -1],
        [hashed("t5"), -1],
    ]


def test_many_and_one_hash_alike() -> None:
    texts = [f"name {i}".replace(" ", "_") for i in range(50)]
    assert ids(Input("item", "string"), texts) == [ids(Input("item", "string"), [text])[0] for text in texts]


@pytest.mark.parametrize("text", ["a b", "a:1", "a|b", "a\tb"])
def test_what_would_end_a_name_is_refused_with_its_row(text: str) -> None:
    with pytest.raises(InputError, match="ends a name"):
        ids(Input("item", "string"), ["fine", text])


def test_weights_must_fit_their_list() -> None:
    lists = Input("item", "string", list=True, default=[])
    inputs = {"a": lists, "w": Input("item", "float", list=True, default=[])}
    spec = FeatureSpec(inputs, {"f": Feature("vw", ("a",), {"bits": 4, "weights": "w"})})
    plan = FeaturePlan.compile(spec, Path(), {})
    made = plan.assemble_columns({"a": [["x", "y"], ["z"]], "w": [[0.5, 2.0], [1.0]]}).tensors
    assert made["f_weights"].tolist() == [[0.5, 2.0], [1.0, 0.0]]
    with pytest.raises(ShapeError, match="1 weights for the 2 values"):
        plan.assemble_columns({"a": [["x", "y"]], "w": [[0.5]]})


@pytest.mark.parametrize(
    "options", [{"bits": 0}, {"bits": 33}, {"seed": -1}, {"before": "a b"}, {"absent": 3}, {"weights": "a"}]
)
def test_options_that_mean_nothing_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(SpecError):
        ids(Input("item", "string"), ["x"], **options)
