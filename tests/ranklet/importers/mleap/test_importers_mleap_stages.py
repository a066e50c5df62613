"""Stages that Spark does not have, old spellings, and what handle_invalid does: worked out by their definitions."""

from __future__ import annotations

import base64
import json
import math
from pathlib import Path
from typing import Any

import mleap_kit as kit
import mleap_writing as w
import numpy as np
import pytest
from mleap_writing import Stage

from ranklet.importers import mleap
from ranklet.importers.proposal import Wishes
from ranklet_features.errors import InputError

A = [0.25, 1.5, -2.5, 3.0, 0.5]
B = [2.0, -1.0, 2.0, 0.75, 4.0]


def scored(stages: list[Stage], rows: dict[str, list[Any]], **options: str) -> list[Any]:
    """The scores of rows by a pipeline."""
    return kit.answers(kit.proposed(w.bundle(stages), **options), rows)["score"]


def one(op: str, attributes: dict[str, Any], **inputs: str) -> list[Stage]:
    """A pipeline of one stage that makes `out`."""
    return [Stage(op, f"{op}_1", attributes, inputs or {"input": "a"}, {"output": "out"})]


UNARY = {
    "log": math.log, "exp": math.exp, "sqrt": math.sqrt, "sin": math.sin, "cos": math.cos, "tan": math.tan,
    "abs": abs, "logit": lambda x: math.log(x / (1 - x)), "floor": math.floor, "ceil": math.ceil,
    "round_of": lambda x: math.floor(x + 0.5),
}  # fmt: skip


@pytest.mark.parametrize("name", UNARY)
def test_functions_of_one_number(name: str) -> None:
    values = (
        [0.25, 0.5, 0.75, 0.999, 0.001] if name == "logit" else [abs(x) for x in A] if name in ("log", "sqrt") else A
    )
    found = scored(one("math_unary", {"operation": w.text(name)}), {"a": values})
    np.testing.assert_allclose(found, [UNARY[name](x) for x in values], rtol=1e-12)


BINARY = {
    "add": lambda x, y: x + y, "sub": lambda x, y: x - y, "mul": lambda x, y: x * y, "div": lambda x, y: x / y,
    "rem": math.fmod, "pow": lambda x, y: abs(x) ** y, "log_n": lambda x, y: math.log(abs(x)) / math.log(abs(y)),
}  # fmt: skip


@pytest.mark.parametrize("name", BINARY)
def test_functions_of_two_numbers(name: str) -> None:
    positive = name in ("pow", "log_n")
    a, b = ([abs(x) for x in A], [abs(x) + 1 for x in B]) if positive else (A, B)
    found = scored(one("math_binary", {"operation": w.text(name)}, input_a="a", input_b="b"), {"a": a, "b": b})
    np.testing.assert_allclose(found, [BINARY[name](x, y) for x, y in zip(a, b, strict=True)], rtol=1e-12)


def test_a_missing_number_has_a_default() -> None:
    given = {"operation": w.text("sub"), "da": w.double(10.0), "db": w.double(1.0)}
    assert scored(one("math_binary", given, input_a="a", input_b="b"), {"a": [None, 5.0], "b": [2.0, None]}) == [8, 4]
    assert scored(one("math_binary", given, input_b="b"), {"b": [2.0, None]}) == [8, 9]


def test_the_first_number_that_is_there() -> None:
    found = scored(one("coalesce", {}, input0="a", input1="b"), {"a": [1.0, None, None], "b": [5.0, 6.0, None]})
    assert found == [1, 6, None]


def test_a_number_for_each_text() -> None:
    given = {"labels": w.texts(["x", "y"]), "values": w.doubles([0.5, -2.0])}
    assert scored(one("string_map", given), {"a": ["y", "x"]}) == [-2, 0.5]
    with pytest.raises(InputError, match="a"):
        scored(one("string_map", given), {"a": ["z"]})
    kept = given | {"handle_invalid": w.text("keep"), "default_value": w.double(7.0)}
    assert scored(one("string_map", kept), {"a": ["y", None, "z"]}) == [-2, 7, 7]


def indexed(**given: Any) -> list[Stage]:
    return one("string_indexer", {"labels": w.texts(["x", "y"]), "nullable_input": {}, **given})


def test_unknown_texts_are_refused_dropped_or_kept() -> None:
    assert scored(indexed(), {"a": ["y", "x"]}) == [1, 0]
    for unknown in ("z", None):
        with pytest.raises(InputError, match="a"):
            scored(indexed(), {"a": ["y", unknown]})
    assert scored(indexed(handle_invalid=w.text("skip")), {"a": ["y", "z", None]}) == [1, None, None]
    assert scored(indexed(handle_invalid=w.text("keep")), {"a": ["y", "z", None]}) == [1, 2, 2]


@pytest.mark.parametrize("value", [-1.5, 4.5, None])
def test_numbers_outside_of_buckets_are_refused_by_name(value: float | None) -> None:
    stages = one("bucketizer", {"splits": w.doubles([-1.0, 0.0, 2.0, 4.0])})
    assert scored(stages, {"a": [-1.0, 0.0, 1.9, 2.0, 4.0]}) == [0, 1, 1, 2, 2]
    with pytest.raises(InputError, match="a"):
        scored(stages, {"a": [0.0, value]})


def hot(attributes: dict[str, Any], *, old: bool = True) -> list[Stage]:
    end = "" if old else "0"
    return [
        Stage("one_hot_encoder", "hot", attributes, {f"input{end}": "a"}, {f"output{end}": "v"}),
        Stage("linear_regression", "sum", {"coefficients": w.vector([1.0, 2.0, 4.0]), "intercept": {}},
              {"features": "v"}, {"prediction": "p"}),
    ]  # fmt: skip


def test_one_hot_encoders_of_old_and_new_bundles() -> None:
    rows = {"a": [0.0, 1.0, 2.0, 3.0]}
    new = {"category_sizes": w.ints([3]), "drop_last": w.flag(False), "handle_invalid": w.text("error")}
    dropped = {"category_sizes": w.ints([4]), "drop_last": w.flag(True), "handle_invalid": w.text("error")}
    assert scored(hot(new, old=False), rows) == [1, 2, 4, None]
    assert scored(hot(dropped, old=False), rows) == [1, 2, 4, 0]
    assert scored(hot({"size": w.long(3), "drop_last": w.flag(False)}), rows) == [1, 2, 4, None]
    assert scored(hot({"size": w.long(4), "drop_last": w.flag(True)}), rows) == [1, 2, 4, 0]
    assert scored(hot({"size": w.long(3)}), rows) == [1, 2, 4, 0]
    keeping = {"size": w.long(3), "drop_last": w.flag(True), "handle_invalid": w.text("keep")}
    assert scored(hot(keeping), rows) == [1, 2, 4, 0]


def test_an_interaction_has_columns_for_categories() -> None:
    given = {"num_inputs": {"int": 2}, "num_features0": w.ints([3]), "num_features1": w.ints([1])}
    stages = [
        Stage("interaction", "i", given, {"input0": "a", "input1": "b"}, {"output": "v"}),
        Stage("linear_regression", "sum", {"coefficients": w.vector([1.0, 10.0, 100.0]), "intercept": w.double(0.5)},
              {"features": "v"}, {"prediction": "p"}),
    ]  # fmt: skip
    assert scored(stages, {"a": [0.0, 2.0, 1.0, 3.0], "b": [2.0, 3.0, -1.0, 1.0]}) == [2.5, 300.5, -9.5, None]


def test_hashed_columns_add_up_where_they_meet() -> None:
    given = {
        "num_features": w.long(1),
        "input_names": w.texts(["word", "size"]),
        "basic_types": {"type": "list", "basic_type": ["string", "double"]},
    }
    stages = [
        Stage("feature_hasher", "h", given, {"input0": "a", "input1": "b"}, {"output": "v"}),
        Stage("linear_regression", "sum", {"coefficients": w.vector([2.0]), "intercept": w.double(1.0)},
              {"features": "v"}, {"prediction": "p"}),
    ]  # fmt: skip
    assert scored(stages, {"a": ["x", None, "é", None], "b": [3.0, 3.0, None, None]}) == [9, 7, 3, 1]


def test_lists_tensors_and_scalars_in_every_spelling() -> None:
    packed = base64.b64encode(np.array([2.0, 3.0], ">f8").tobytes()).decode()
    spellings = [
        w.vector([2.0, 3.0]),
        {"type": "tensor", "base": "double", "shape": {"dimensions": [{"size": 2}]}, "value": packed},
        {"type": {"type": "tensor", "tensor": {"base": "double", "dimensions": [-1]}}, "value": [2.0, 3.0]},
    ]
    for given in spellings:
        for intercept in ({"double": 1.0}, {"type": "double", "value": 1.0}):
            attributes = {"coefficients": given, "intercept": intercept}
            stage = Stage("linear_regression", "sum", attributes, {"features": "v"}, {"prediction": "p"})
            assert scored([stage], {"v": [[1.0, 1.0], [0.0, 2.0]]}) == [6, 7]


def test_a_prediction_is_told_as_the_word_it_stands_for() -> None:
    coefficients = {
        "coefficients": w.vector([1.0]),
        "intercept": {},
        "num_classes": w.long(2),
        "threshold": w.double(0.5),
    }
    stages = [
        Stage("logistic_regression", "lr", coefficients, {"features": "a"}, {"prediction": "p"}),
        Stage(
            "reverse_string_indexer", "words", {"labels": w.texts(["no", "yes"])}, {"input": "p"}, {"output": "word"}
        ),
    ]
    found = kit.answers(kit.proposed(w.bundle(stages)), {"a": [-1.0, 0.0, 1.0]})
    assert found["word"] == ["no", "no", "yes"]
    assert found["p"] == [0, 0, 1]


def test_a_folder_is_read_as_its_zip_is(tmp_path: Path) -> None:
    bundle, rows, _ = kit.stored("sklearn_logistic")
    archive = tmp_path / "model.zip"
    archive.write_bytes(bundle)
    folder = tmp_path / "model"
    import zipfile

    with zipfile.ZipFile(archive) as file:
        file.extractall(folder)
    assert mleap.recognises(archive, bundle[:64])
    assert mleap.recognises(folder, b"")
    found = [kit.answers(mleap.propose(path, Wishes()), rows) for path in (archive, folder)]
    assert found[0] == found[1]


def test_the_same_bundle_gives_the_same_bytes() -> None:
    bundle, _, _ = kit.stored("sklearn_forest_classifier")
    assert kit.proposed(bundle).files == kit.proposed(bundle).files


def test_what_is_drawn_to_try_a_model_is_served() -> None:
    for name in kit.names():
        proposal = kit.proposed(kit.stored(name)[0], **kit.options(name))
        random = np.random.default_rng(3)
        drawn = {field: one.draw(random, 40) for field, one in proposal.inputs.items()}
        assert len(kit.answers(proposal, json.loads(json.dumps(drawn)))["score"]) == 40
