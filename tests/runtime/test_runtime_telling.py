"""What a model tells beside its scores, and scores that it does not have."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import msgpack
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from runtime_kit import MODEL, body_of, document, event, json_of, rank, rank_packed, write_bundle

from ranklet_runtime.function import Function
from ranklet_runtime.manifest import Manifest

PRICES = [4.0, None, -1.0, 9.0]
ROOTS = [2.0, None, None, 3.0]
GRADES = ["fair", None, "cheap", "dear"]


@pytest.fixture
def roots(tmp_path: Path) -> Function:
    """score = √price, missing where there is none; `grade` by price, `twice` the price, `level` of the user."""
    folder = tmp_path / "bundle"
    write_bundle(folder, _manifest())
    onnx.save(_graph(), folder / "roots.onnx")
    return Function.open(folder, {})


def _manifest(**changes: Any) -> dict[str, Any]:
    names = ("score", "twice", "grade", "level")
    step = {
        "engine": "onnx",
        "rows": "item",
        "inputs": {"price": "price", "age": "age"},
        "outputs": {name: name for name in names},
        "artefact": "roots.onnx",
        "once": ["age"],
    }
    given = {
        "inputs": {
            "price": {"side": "item", "type": "float", "nan": "allow"},
            "age": {"side": "user", "type": "float", "default": 3.0},
        },
        "features": {
            "price": {"kind": "dense", "of": ["price"], "options": {"dtype": "float64"}},
            "age": {"kind": "dense", "of": ["age"], "options": {"dtype": "float64"}},
        },
        "tables": {},
        "steps": [step],
        "item_key": None,
        "nulls": True,
        "told": {
            "twice the price": {"tensor": "twice", "labels": None},
            "grade": {"tensor": "grade", "labels": ["cheap", "fair", "dear"]},
            "level": {"tensor": "level"},
        },
    }
    return document(**{**given, **changes})


def _graph() -> onnx.ModelProto:
    number, whole = TensorProto.DOUBLE, TensorProto.INT64
    constants = {"two": [2.0], "fair": [2.0], "dear": [8.0], "zero": [0.0], "one": [1.0]}
    nodes = [
        helper.make_node("Sqrt", ["price"], ["score"]),
        helper.make_node("Mul", ["price", "two"], ["twice"]),
        helper.make_node("Mul", ["age", "one"], ["level"]),
        helper.make_node("GreaterOrEqual", ["price", "fair"], ["is_fair"]),
        helper.make_node("GreaterOrEqual", ["price", "dear"], ["is_dear"]),
        helper.make_node("Cast", ["is_fair"], ["fair_one"], to=whole),
        helper.make_node("Cast", ["is_dear"], ["dear_one"], to=whole),
        helper.make_node("IsNaN", ["price"], ["gone"]),
        helper.make_node("Add", ["fair_one", "dear_one"], ["above"]),
        helper.make_node("Add", ["above", "first"], ["code"]),
        helper.make_node("Where", ["gone", "none", "code"], ["grade"]),
    ]
    graph = helper.make_graph(
        nodes,
        "roots",
        [helper.make_tensor_value_info(name, number, ["n", 1]) for name in ("price", "age")],
        [
            *(helper.make_tensor_value_info(name, number, ["n", 1]) for name in ("score", "twice", "level")),
            helper.make_tensor_value_info("grade", whole, ["n", 1]),
        ],
        [
            *(helper.make_tensor(name, number, [1], value) for name, value in constants.items()),
            helper.make_tensor("first", whole, [1], [1]),
            helper.make_tensor("none", whole, [1], [0]),
        ],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def _asked(**more: Any) -> dict[str, Any]:
    return {"user": {"age": 7}, "items": {"price": PRICES}, **more}


def test_json_tells_each_output_as_a_column_and_null_for_what_there_is_not(roots: Function) -> None:
    answer = json_of(roots(rank(_asked()), None))
    assert answer["scores"] == ROOTS
    assert answer["outputs"] == {"twice the price": [8.0, None, -2.0, 18.0], "grade": GRADES, "level": [7.0] * 4}


def test_msgpack_tells_numbers_as_buffers_and_labels_as_lists(roots: Function) -> None:
    document = msgpack.unpackb(body_of(roots(rank_packed(_asked()), None)))
    twice = document["outputs"]["twice the price"]
    assert twice["dtype"] == "<f8"
    np.testing.assert_array_equal(np.frombuffer(twice["data"]), [8.0, math.nan, -2.0, 18.0])
    assert document["outputs"]["grade"] == GRADES


def test_the_best_come_with_their_outputs_and_those_without_a_score_last(roots: Function) -> None:
    answer = json_of(roots(rank(_asked(top_k=3)), None))
    assert answer["items"] == [3, 0, 1]
    assert answer["scores"] == [3.0, 2.0, None]
    assert answer["outputs"]["grade"] == ["dear", "fair", None]


def test_no_candidates_tell_nothing(roots: Function) -> None:
    answer = json_of(roots(rank(_asked(items={"price": []})), None))
    assert answer == {"scores": [], "outputs": {"twice the price": [], "grade": [], "level": []}}


def test_tensorflow_serving_tells_nan_for_a_score_that_there_is_not(roots: Function) -> None:
    body = json.dumps({"inputs": {"age": [7], "price": PRICES}})
    path = f"/v1/models/{MODEL}:predict"
    told = json_of(roots(event(path, body, content_type="application/json"), None))["outputs"]
    assert [None if math.isnan(score) else score for score in told["score"]] == ROOTS
    assert told["grade"] == GRADES


def test_without_nulls_a_score_that_there_is_not_is_refused(tmp_path: Path) -> None:
    folder = write_bundle(tmp_path / "bundle", _manifest(nulls=False, told={}))
    onnx.save(_graph(), folder / "roots.onnx")
    answer = Function.open(folder, {})(rank(_asked()), None)
    assert answer["statusCode"] == 422


def test_a_manifest_of_before_tells_scores_alone(tmp_path: Path) -> None:
    folder = write_bundle(tmp_path / "bundle")
    manifest = Manifest.read(folder / "manifest.json")
    assert not manifest.told
    assert not manifest.nulls
