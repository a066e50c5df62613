"""The Open Inference Protocol V2 against the native form: same model, same scores, in JSON and in bytes."""

import base64
import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from runtime_kit import (
    COUNTRIES,
    MODEL,
    REQUEST,
    body_of,
    document,
    event,
    expected,
    json_of,
    rank,
    write_bundle,
)
from test_runtime_imports import NEVER, OURS, STANDARD, imported, tops

from ranklet_runtime.dialects import tensors
from ranklet_runtime.dialects.v2 import VERSION
from ranklet_runtime.function import Function

PATH = f"/v2/models/{MODEL}/infer"
SCORES = pytest.approx(expected(REQUEST), abs=1e-6)
DATATYPES = {"age": "INT64", "country": "BYTES", "hour": "INT64", "id": "INT64", "price": "FP64", "rating": "FP64"}
NUMPY = {name: kind.dtype for name, kind in tensors.DATATYPES.items()}


def columns(request: dict[str, Any] = REQUEST) -> dict[str, list[Any]]:
    once = {**request["user"], **request.get("context", {})}
    return {**{name: [value] for name, value in once.items()}, **request["items"]}


def tensor(name: str, values: list[Any], **changes: Any) -> dict[str, Any]:
    return {"name": name, "datatype": DATATYPES[name], "shape": [len(values)], "data": values, **changes}


def inputs(request: dict[str, Any] = REQUEST, **changes: dict[str, Any]) -> list[dict[str, Any]]:
    """The tensors of a request in JSON; `price={"data": …}` changes a field of one."""
    return [tensor(name, values, **changes.get(name, {})) for name, values in columns(request).items()]


def infer(body: Any, *, path: str = PATH, content_type: str | None = "application/json") -> dict[str, Any]:
    return event(path, body if isinstance(body, str | bytes) else json.dumps(body), content_type=content_type)


def packed(datatype: str, values: Any) -> bytes:
    if datatype == "BYTES":
        texts = [value if isinstance(value, bytes) else value.encode() for value in np.ravel(values).tolist()]
        return b"".join(struct.pack("<I", len(text)) + text for text in texts)
    return np.asarray(values, NUMPY[datatype]).tobytes()


def binary(given: list[dict[str, Any]], **fields: Any) -> dict[str, Any]:
    """An event with the tensors' data as bytes, as tritonclient sends it: without a Content-Type."""
    parts, heads = [], []
    for one in given:
        part = one["data"] if isinstance(one["data"], bytes) else packed(one["datatype"], one["data"])
        parts.append(part)
        head = {key: value for key, value in one.items() if key != "data"}
        heads.append({**head, "parameters": {"binary_data_size": len(part), **one.get("parameters", {})}})
    return joined({"inputs": heads, **fields}, b"".join(parts))


def joined(head: Any, rest: bytes, length: object = None) -> dict[str, Any]:
    text = head if isinstance(head, bytes) else json.dumps(head).encode()
    size = str(len(text) if length is None else length)
    return event(PATH, text + rest, inference_header_content_length=size)


def outputs_of(answer: dict[str, Any]) -> dict[str, list[Any]]:
    """The outputs of an answer, those in bytes read by the book."""
    assert answer["statusCode"] == 200, answer["body"]
    body = body_of(answer)
    length = answer["headers"].get("inference-header-content-length")
    head, rest = (body, b"") if length is None else (body[: int(length)], body[int(length) :])
    assert (answer["headers"]["content-type"] == "application/octet-stream") == (length is not None)
    found = {}
    for one in json.loads(head)["outputs"]:
        assert one["shape"] == [len(one["data"])] if "data" in one else len(one["shape"]) == 1
        if "data" in one:
            found[one["name"]] = one["data"]
            continue
        size = one["parameters"]["binary_data_size"]
        part, rest = rest[:size], rest[size:]
        if one["datatype"] != "BYTES":
            found[one["name"]] = np.frombuffer(part, NUMPY[one["datatype"]]).tolist()
            continue
        words: list[Any] = []
        while part:
            end = 4 + struct.unpack_from("<I", part)[0]
            words.append(part[4:end].decode())
            part = part[end:]
        found[one["name"]] = words
    assert rest == b""
    return found


def test_json_tensors_give_scores(films: Function) -> None:
    assert json_of(films(infer({"inputs": inputs()}), None)) == {
        "model_name": MODEL,
        "model_version": "3",
        "outputs": [{"name": "score", "datatype": "FP32", "shape": [3], "data": SCORES}],
    }


@pytest.mark.parametrize("content_type", [None, "application/octet-stream", "text/plain", "application/x-odd"])
def test_content_type_is_not_looked_at(films: Function, content_type: str | None) -> None:
    body = json.dumps({"inputs": inputs()}).encode()
    assert outputs_of(films(infer(body, content_type=content_type), None)) == {"score": SCORES}


def test_bytes_give_scores_as_bytes_where_they_are_asked_for(films: Function) -> None:
    answer = films(binary(inputs(), parameters={"binary_data_output": True}), None)
    assert answer["headers"]["content-type"] == "application/octet-stream"
    assert outputs_of(answer) == {"score": SCORES}
    native = json_of(films(rank(REQUEST), None))["scores"]
    assert np.array_equal(np.float32(outputs_of(answer)["score"]), np.float32(native))


def test_bytes_are_answered_in_json_unless_asked_otherwise(films: Function) -> None:
    assert json_of(films(binary(inputs()), None))["outputs"][0]["data"] == SCORES


@pytest.mark.parametrize(
    ("output", "whole", "as_bytes"),
    [(None, True, True), (None, False, False), (True, False, True), (False, True, False), (True, None, True)],
)
def test_an_outputs_own_wish_goes_before_the_requests(
    films: Function, output: bool | None, whole: bool | None, as_bytes: bool
) -> None:
    wish = {} if output is None else {"parameters": {"binary_data": output}}
    parameters = {} if whole is None else {"parameters": {"binary_data_output": whole}}
    answer = films(infer({"inputs": inputs(), "outputs": [{"name": "score", **wish}], **parameters}), None)
    assert ("inference-header-content-length" in answer["headers"]) == as_bytes
    assert outputs_of(answer) == {"score": SCORES}


def test_json_and_bytes_may_stand_side_by_side(films: Function) -> None:
    country = packed("BYTES", ["fr"])
    price = packed("FP32", [2.5, 4, 0.5])
    mixed = inputs()
    del mixed[1]["data"], mixed[4]["data"]
    mixed[1]["parameters"] = {"binary_data_size": len(country)}
    mixed[4] |= {"datatype": "FP32", "parameters": {"binary_data_size": len(price)}}
    assert outputs_of(films(joined({"inputs": mixed}, country + price), None)) == {"score": SCORES}


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("shape", [[3], [3, 1], [3, 1, 1]])
def test_data_is_flat_or_nested_and_a_row_of_one_value_is_the_value(
    films: Function, shape: list[int], nested: bool
) -> None:
    def one(values: list[Any]) -> list[Any]:
        found: list[Any] = np.reshape(np.array(values, object), [len(values), *shape[1:]]).tolist()
        return found if nested else values

    changes = {name: {"shape": [len(values), *shape[1:]], "data": one(values)} for name, values in columns().items()}
    assert outputs_of(films(infer({"inputs": inputs(REQUEST, **changes)}), None)) == {"score": SCORES}


@pytest.mark.parametrize("ask", [infer, binary])
def test_users_row_may_be_repeated_for_every_candidate(films: Function, ask: Callable[..., Any]) -> None:
    repeated = [{**one, "shape": [3], "data": one["data"] * 3} if one["shape"] == [1] else one for one in inputs()]
    asked = ask(repeated) if ask is binary else ask({"inputs": repeated})
    assert outputs_of(films(asked, None)) == {"score": SCORES}


@pytest.mark.parametrize("repeated", [False, True])
def test_one_user_is_computed_once(films: Function, monkeypatch: pytest.MonkeyPatch, repeated: bool) -> None:
    seen = []
    score = films.scorer.score
    monkeypatch.setattr(films.scorer, "score", lambda asked, **rest: seen.append(asked) or score(asked, **rest))
    times = 3 if repeated else 1
    given = [{**one, "shape": [times], "data": one["data"] * times} if one["shape"] == [1] else one for one in inputs()]
    assert outputs_of(films(binary(given), None)) == {"score": SCORES}
    assert (seen[0].per_row, seen[0].user) == (False, REQUEST["user"])


@pytest.mark.parametrize("ask", [infer, binary])
def test_rows_of_different_users_are_scored_each_with_its_own(films: Function, ask: Callable[..., Any]) -> None:
    candidate = {"price": [1.5], "rating": [2.0]}
    requests = [
        {"user": {"age": age, "country": country}, "context": {"hour": 1}, "items": {**candidate, "id": [key]}}
        for age, country, key in ((20, "at", 10), (30, "xx", 20), (40, "de", 99))
    ]
    rows = {name: [columns(request)[name][0] for request in requests] for name in DATATYPES}
    given = [tensor(name, values) for name, values in rows.items()]
    wanted = [expected(request)[0] for request in requests]
    answer = films(ask(given) if ask is binary else ask({"inputs": given}), None)
    assert outputs_of(answer) == {"score": pytest.approx(wanted, abs=1e-6)}


@pytest.mark.parametrize(
    ("name", "datatype"),
    [
        *((name, kind) for name in ("id", "age") for kind in ("INT8", "INT16", "INT32", "INT64")),
        *(("id", kind) for kind in ("UINT8", "UINT16", "UINT32", "UINT64")),
        *(("price", kind) for kind in ("FP16", "FP32", "FP64", "INT32", "UINT8")),
        ("country", "BYTES"),
    ],
)
def test_datatypes_hold_what_fits_them(films: Function, name: str, datatype: str) -> None:
    request = {**REQUEST, "items": {**REQUEST["items"], "price": [2, 4, 1]}}
    scores = pytest.approx(expected(request), abs=1e-6)
    given = inputs(request, **{name: {"datatype": datatype}})
    assert outputs_of(films(infer({"inputs": given}), None)) == {"score": scores}
    assert outputs_of(films(binary(given), None)) == {"score": scores}


def test_bf16_is_read_from_bytes(films: Function) -> None:
    halves = (np.array([2.5, 4, 0.5], "<f4").view("<u4") >> 16).astype("<u2").tobytes()
    given = inputs(REQUEST, price={"datatype": "BF16", "data": halves})
    assert outputs_of(films(binary(given), None)) == {"score": SCORES}


@pytest.mark.parametrize("ask", [infer, binary])
def test_a_number_is_what_its_datatype_makes_of_it(films: Function, ask: Callable[..., Any]) -> None:
    def scores(datatype: str, values: list[float]) -> list[float]:
        given = inputs(REQUEST, price={"datatype": datatype, "data": values})
        return outputs_of(films(ask(given) if ask is binary else ask({"inputs": given}), None))["score"]

    narrow = [float(np.float16(value)) for value in (2.3, 4.7, 0.1)]
    assert scores("FP16", [2.3, 4.7, 0.1]) == scores("FP64", narrow) != scores("FP64", [2.3, 4.7, 0.1])


def test_null_in_json_is_a_missing_value(films: Function) -> None:
    given = inputs(REQUEST, rating={"data": [4.5, None, 1.0]}, country={"data": [None]}, hour={"data": [None]})
    request = {
        "user": {"age": 31},
        "items": {**REQUEST["items"], "rating": [4.5, 3.0, 1.0]},
    }
    assert outputs_of(films(infer({"inputs": given}), None)) == {"score": pytest.approx(expected(request), abs=1e-6)}
    narrow = inputs(REQUEST, rating={"datatype": "FP32", "data": [4.5, None, 1.0]})
    wanted = expected({**REQUEST, "items": {**REQUEST["items"], "rating": [4.5, 3.0, 1.0]}})
    assert outputs_of(films(infer({"inputs": narrow}), None)) == {"score": pytest.approx(wanted, abs=1e-6)}


def test_an_input_may_be_left_out_where_it_has_a_default(films: Function) -> None:
    given = [one for one in inputs() if one["name"] not in ("hour", "country")]
    scores = expected({"user": {"age": 31}, "items": REQUEST["items"]})
    assert outputs_of(films(infer({"inputs": given}), None)) == {"score": pytest.approx(scores, abs=1e-6)}


@pytest.mark.parametrize("ask", [infer, binary])
def test_no_candidates_give_no_scores(films: Function, ask: Callable[..., Any]) -> None:
    given = [one if one["shape"] == [1] else {**one, "shape": [0], "data": []} for one in inputs()]
    answer = films(ask(given) if ask is binary else ask({"inputs": given}), None)
    assert outputs_of(answer) == {"score": []}


def test_empty_bytes_may_have_null_data_beside_them(films: Function) -> None:
    given = [one if one["shape"] == [1] else {**one, "shape": [0], "data": []} for one in inputs()]
    given = [
        {**one, "data": None, "parameters": {"binary_data_size": 0}} if one["data"] == [] else one for one in given
    ]
    assert outputs_of(films(infer({"inputs": given}), None)) == {"score": []}


def test_id_comes_back_and_parameters_change_nothing(films: Function) -> None:
    parameters = {"sequence_id": 7, "priority": 1, "timeout": 100, "mine": "x", "binary_data_output": False}
    body = {"id": "42 ü", "model_name": "other", "parameters": parameters, "inputs": inputs()}
    body["inputs"][0]["parameters"] = {"content_type": "np"}
    answer = json_of(films(infer(body), None))
    assert answer["id"] == "42 ü"
    assert answer["outputs"][0]["data"] == SCORES
    assert "parameters" not in answer


def test_versions_are_paths(films: Function) -> None:
    body = {"inputs": inputs()}
    for path in (f"/v2/models/{MODEL}/versions/3/infer", f"/{MODEL}/v2/models/{MODEL}/infer"):
        assert outputs_of(films(infer(body, path=path), None)) == {"score": SCORES}
    absent = films(infer(body, path=f"/v2/models/{MODEL}/versions/9/infer"), None)
    assert absent["statusCode"] == 404
    assert json_of(absent).keys() == {"error"}


def test_what_was_defaulted_is_told_in_parameters_and_in_a_header(films: Function) -> None:
    request = {**REQUEST, "items": {**REQUEST["items"], "id": [10, 99, 98]}}
    answer = films(infer({"inputs": inputs(request)}), None)
    assert json_of(answer)["parameters"] == {"degraded": "missing_rows:films=2"}
    assert answer["headers"]["x-ranklet-degraded"] == "missing_rows:films=2"
    assert "parameters" not in json_of(films(infer({"inputs": inputs()}), None))


def get(films: Function, path: str) -> Any:
    return json_of(films(event(path, method="GET"), None))


def test_server_is_described(films: Function) -> None:
    server = {"name": "ranklet", "version": VERSION, "extensions": ["binary_tensor_data"]}
    for path in ("/v2", "/v2/", f"/{MODEL}/v2"):
        assert get(films, path) == server
    project = (Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8")
    assert f'version = "{VERSION}"' in project


def test_health_is_told(films: Function) -> None:
    assert get(films, "/v2/health/live")["live"] is True
    assert get(films, "/v2/health/ready")["ready"] is True
    for path in (f"/v2/models/{MODEL}/ready", f"/v2/models/{MODEL}/versions/3/ready"):
        assert get(films, path) == {"name": MODEL, "ready": True}
    assert films(event("/v2/models/other/ready", method="GET"), None)["statusCode"] == 404


def test_model_is_described_by_its_features_and_its_own_tensors(films: Function) -> None:
    metadata = get(films, f"/v2/models/{MODEL}")
    assert metadata == get(films, f"/v2/models/{MODEL}/versions/3")
    assert {key: metadata[key] for key in ("name", "versions", "platform")} == {
        "name": MODEL,
        "versions": ["3"],
        "platform": "ranklet",
    }
    told = {one["name"]: (one["datatype"], one["shape"], one["parameters"]) for one in metadata["inputs"]}
    assert {name: datatype for name, (datatype, _, _) in told.items()} == DATATYPES
    assert told["age"] == ("INT64", [-1], {"side": "user", "optional": False})
    assert told["country"] == ("BYTES", [-1], {"side": "user", "optional": True})
    assert metadata["outputs"] == [{"name": "score", "datatype": "FP32", "shape": [-1]}]
    own = {one["name"]: one for one in metadata["parameters"]["tensors"]}
    assert own["vector"] == {"name": "vector", "datatype": "FP32", "shape": [-1, 2], "parameters": {"side": "item"}}
    assert own["country"]["datatype"] == "INT64"


WIDE: dict[str, Any] = {
    "inputs": {
        "seen": {"side": "user", "type": "int", "list": True},
        "size": {"side": "item", "type": "float", "length": 2, "default": [0.5, 0.25]},
        "tags": {"side": "item", "type": "int", "list": True, "default": [30]},
    },
    "features": {
        "seen": {"kind": "embedding", "of": ["seen"], "options": {"table": "films", "pool": "sum"}},
        "size": {"kind": "dense", "of": ["size"]},
        "tags": {"kind": "embedding", "of": ["tags"], "options": {"table": "films", "pool": "sum"}},
    },
    "steps": [
        {
            "engine": "linear",
            "rows": "item",
            "inputs": {"seen": "seen", "size": "size", "tags": "tags"},
            "outputs": {"score": "score"},
            "artefact": "wide.npz",
        }
    ],
    "item_key": None,
}
WIDE_WEIGHTS = {"wide.npz": {"bias": [0.0], "w.seen": [0.5, 0.25], "w.size": [1.0, -1.0], "w.tags": [0.125, 0.5]}}


def wide_tensors(size: Any = None, tags: Any = None) -> list[dict[str, Any]]:
    return [
        {"name": "seen", "datatype": "INT64", "shape": [1, 2], "data": [10, 20]},
        size or {"name": "size", "datatype": "FP32", "shape": [2, 2], "data": [1.0, 2.0, 3.0, 4.0]},
        tags or {"name": "tags", "datatype": "INT32", "shape": [2, 1], "data": [10, 20]},
    ]


def wide_scores(films: Function, tags: list[Any], size: list[Any]) -> Any:
    answer = json_of(films(rank({"user": {"seen": [10, 20]}, "items": {"size": size, "tags": tags}}), None))
    return pytest.approx(answer["scores"], abs=1e-7)


@pytest.mark.parametrize("ask", [infer, binary])
def test_vectors_and_lists_are_tensors_of_two_dimensions(
    open_films: Callable[..., Function], ask: Callable[..., Any]
) -> None:
    films = open_films(weights=WIDE_WEIGHTS, **WIDE)
    wanted = wide_scores(films, [[10], [20]], [[1.0, 2.0], [3.0, 4.0]])
    given = wide_tensors()
    assert outputs_of(films(ask(given) if ask is binary else ask({"inputs": given}), None)) == {"score": wanted}
    empty = {"name": "tags", "datatype": "INT64", "shape": [2, 0], "data": []}
    given = wide_tensors(tags=empty)
    wanted = wide_scores(films, [[], []], [[1.0, 2.0], [3.0, 4.0]])
    assert outputs_of(films(ask(given) if ask is binary else ask({"inputs": given}), None)) == {"score": wanted}


@pytest.mark.parametrize("ask", [infer, binary])
def test_lists_of_different_lengths_are_json_texts(
    open_films: Callable[..., Function], ask: Callable[..., Any]
) -> None:
    films = open_films(weights=WIDE_WEIGHTS, **WIDE)
    given = wide_tensors(tags={"name": "tags", "datatype": "BYTES", "shape": [2], "data": ["[10, 20]", "null"]})
    wanted = wide_scores(films, [[10, 20], None], [[1.0, 2.0], [3.0, 4.0]])
    assert outputs_of(films(ask(given) if ask is binary else ask({"inputs": given}), None)) == {"score": wanted}
    for text, place in (("[10", "$.inputs.tags[1]"), ("5", "$.inputs.tags[1]"), ('["a"]', "$.inputs.tags[1][0]")):
        given = wide_tensors(tags={"name": "tags", "datatype": "BYTES", "shape": [2], "data": ["[10]", text]})
        refused = films(infer({"inputs": given}), None)
        assert refused["statusCode"] == 400
        assert json_of(refused)["error"].startswith(f"{place}: ")


def test_a_missing_vector_is_null_in_json_texts(open_films: Callable[..., Function]) -> None:
    films = open_films(weights=WIDE_WEIGHTS, **WIDE)
    size = {"name": "size", "datatype": "BYTES", "shape": [2], "data": ["[1.0, 2.0]", "null"]}
    wanted = wide_scores(films, [[10], [20]], [[1.0, 2.0], None])
    assert outputs_of(films(infer({"inputs": wide_tensors(size=size)}), None)) == {"score": wanted}


@pytest.mark.parametrize("ask", [infer, binary])
def test_the_models_own_tensors_may_be_sent(films: Function, ask: Callable[..., Any]) -> None:
    vectors = [[0.5, -1.0], [-0.75, 2.0], [1.5, 0.0]]
    given: list[dict[str, Any]] = [
        {"name": "age", "datatype": "FP32", "shape": [1, 1], "data": [31.0]},
        {"name": "country", "datatype": "INT64", "shape": [1], "data": [COUNTRIES.index("fr")]},
        {"name": "hour", "datatype": "FP64", "shape": [1], "data": [20.0]},
        {"name": "price", "datatype": "FP32", "shape": [3, 1], "data": [2.5, 4.0, 0.5]},
        {"name": "rating", "datatype": "FP16", "shape": [3], "data": [4.5, 3.0, 1.0]},
        {"name": "vector", "datatype": "FP32", "shape": [3, 2], "data": np.ravel(vectors).tolist()},
    ]
    shapes = {"age": [], "country": [], "hour": [], "price": [], "rating": []}
    own = {one["name"]: one for one in get(films, f"/v2/models/{MODEL}")["parameters"]["tensors"]}
    for one in given:
        assert own[one["name"]]["shape"][1:] in (shapes.get(one["name"], [2]), [1])
        one["shape"] = [one["shape"][0], *own[one["name"]]["shape"][1:]]
    answer = films(ask(given) if ask is binary else ask({"inputs": given}), None)
    assert outputs_of(answer) == {"score": SCORES}
    given[5]["name"] = "vektor"
    refused = films(ask(given) if ask is binary else ask({"inputs": given}), None)
    assert refused["statusCode"] == 400


TOLD = {
    "steps": [{**document()["steps"][0], "outputs": {"score": "score", "logit": "logit"}}],
    "told": {
        "margin": {"tensor": "logit"},
        "rank": {"tensor": "country", "labels": [5, 6, 7]},
        "gaps": {"tensor": "country", "labels": [True, False]},
        "word": {"tensor": "country", "labels": ["österreich", "deutschland"]},
        "mixed": {"tensor": "country", "labels": [1, "two", 3.5]},
    },
}
"""Codes of the country: 0 for "at" (null), 1 for "de", 2 for "fr", 3 for others."""


def told(country: str) -> dict[str, Any]:
    return {**REQUEST, "user": {"age": 31, "country": country}}


@pytest.mark.parametrize("as_bytes", [False, True])
def test_further_outputs_have_the_datatype_of_what_they_tell(
    open_films: Callable[..., Function], as_bytes: bool
) -> None:
    films = open_films(**TOLD)
    body = {"inputs": inputs(told("de")), "parameters": {"binary_data_output": as_bytes}}
    answer = films(infer(body), None)
    found = outputs_of(answer)
    native = json_of(films(rank(told("de")), None))
    assert list(found) == ["score", "margin", "rank", "gaps", "word", "mixed"]
    assert found["margin"] == pytest.approx(native["outputs"]["margin"], abs=1e-9)
    assert (found["rank"], found["gaps"]) == ([5] * 3, [True] * 3)
    assert (found["word"], found["mixed"]) == (["österreich"] * 3, ["1"] * 3)
    length = int(answer["headers"].get("inference-header-content-length", 10**6))
    datatypes = [one["datatype"] for one in json.loads(body_of(answer)[:length])["outputs"]]
    assert datatypes == ["FP32", "FP64", "INT64", "BOOL", "BYTES", "BYTES"]
    metadata = get(films, f"/v2/models/{MODEL}")["outputs"]
    assert [one["datatype"] for one in metadata] == datatypes


def test_what_is_not_told_is_null_in_json_and_nan_or_empty_in_bytes(open_films: Callable[..., Function]) -> None:
    films = open_films(**TOLD)
    answer = films(infer({"inputs": inputs(told("at"))}), None)
    found = outputs_of(answer)
    assert [found[name] for name in ("rank", "gaps", "word", "mixed")] == [[None] * 3] * 4
    assert [one["datatype"] for one in json_of(answer)["outputs"]][2:] == ["FP64", "FP64", "BYTES", "BYTES"]
    body = {"inputs": inputs(told("at")), "parameters": {"binary_data_output": True}}
    found = outputs_of(films(infer(body), None))
    assert np.isnan([found["rank"], found["gaps"]]).all()
    assert (found["word"], found["mixed"]) == ([""] * 3, [""] * 3)


def test_outputs_are_told_in_the_order_asked_for(open_films: Callable[..., Function]) -> None:
    films = open_films(**TOLD)
    asked = [{"name": "word", "parameters": {"binary_data": True}}, {"name": "margin"}, {"name": "score"}]
    found = outputs_of(films(infer({"inputs": inputs(told("de")), "outputs": asked}), None))
    assert list(found) == ["word", "margin", "score"]
    assert list(outputs_of(films(infer({"inputs": inputs(told("de")), "outputs": []}), None))) == [
        "score",
        *TOLD["told"],
    ]


def test_a_score_that_the_model_does_not_have_is_null_or_nan(
    films: Function, open_films: Callable[..., Function]
) -> None:
    nan = {"price": {"side": "item", "type": "float", "nan": "allow"}}
    films = open_films(inputs={**document()["inputs"], **nan}, nulls=True)
    given = inputs(REQUEST, price={"data": [2.5, None, 0.5]})
    assert outputs_of(films(infer({"inputs": given}), None))["score"][1] is None
    asked = {"inputs": given, "parameters": {"binary_data_output": True}}
    assert np.isnan(outputs_of(films(infer(asked), None))["score"]).tolist() == [False, True, False]


def flag(**fields: Any) -> dict[str, Any]:
    """An input of BOOL that no model has."""
    return {"name": "x", "datatype": "BOOL", "shape": [1], **fields}


def replaced(at: int, **changes: Any) -> list[dict[str, Any]]:
    given = inputs()
    given[at] = {key: value for key, value in {**given[at], **changes}.items() if value is not ...}
    return given


PRICE = 4
MALFORMED: dict[str, tuple[Any, int, str]] = {
    "no JSON": ("{", 400, "the body is not valid JSON"),
    "empty": ("", 400, "the body is empty"),
    "a list": ([], 400, "the body must be an object"),
    "no inputs": ({}, 400, "$.inputs: "),
    "inputs of an object": ({"inputs": {}}, 400, "$.inputs: "),
    "an input of a number": ({"inputs": [3]}, 400, "$.inputs[0]: "),
    "an input without a name": ({"inputs": replaced(1, name=...)}, 400, "$.inputs[1]: "),
    "a name of a number": ({"inputs": replaced(1, name=5)}, 400, "$.inputs[1]: "),
    "an input twice": ({"inputs": [*inputs(), inputs()[2]]}, 400, "$.inputs[6].name: 'hour' is there twice"),
    "an unknown input": ({"inputs": replaced(PRICE, name="prize")}, 400, "$.inputs.prize: "),
    "a missing input": ({"inputs": inputs()[:3]}, 400, "$.inputs."),
    "no datatype": ({"inputs": replaced(PRICE, datatype=...)}, 400, "$.inputs.price.datatype: must be one of BOOL"),
    "an unknown datatype": ({"inputs": replaced(PRICE, datatype="FP8")}, 400, "$.inputs.price.datatype: "),
    "a datatype of a list": ({"inputs": replaced(PRICE, datatype=["FP32"])}, 400, "$.inputs.price.datatype: "),
    "fractions for whole numbers": ({"inputs": replaced(3, datatype="FP32")}, 400, "$.inputs.id.datatype: is INT64"),
    "words for numbers": ({"inputs": replaced(3, datatype="BYTES")}, 400, "$.inputs.id.datatype: "),
    "numbers for words": ({"inputs": replaced(1, datatype="INT8", data=[1])}, 400, "$.inputs.country.datatype: "),
    "BOOL for numbers": ({"inputs": replaced(3, datatype="BOOL", data=[True] * 3)}, 400, "$.inputs.id.datatype: "),
    "no shape": ({"inputs": replaced(PRICE, shape=...)}, 400, "$.inputs.price.shape: "),
    "an empty shape": ({"inputs": replaced(PRICE, shape=[])}, 400, "$.inputs.price.shape: "),
    "a shape of fractions": ({"inputs": replaced(PRICE, shape=[3.0])}, 400, "$.inputs.price.shape: "),
    "a shape of true": ({"inputs": replaced(PRICE, shape=[True])}, 400, "$.inputs.price.shape: "),
    "a negative size": ({"inputs": replaced(PRICE, shape=[-1])}, 400, "$.inputs.price.shape: "),
    "a shape of two values a row": ({"inputs": replaced(PRICE, shape=[1, 3])}, 400, "$.inputs.price.shape: one value"),
    "more rows than allowed": ({"inputs": replaced(PRICE, shape=[2001])}, 413, "$.inputs.price.shape: 2001 rows"),
    "a size beyond all": ({"inputs": replaced(PRICE, shape=[0, 2**62])}, 400, "$.inputs.price"),
    "no data": ({"inputs": replaced(PRICE, data=...)}, 400, "$.inputs.price: "),
    "data of a text": ({"inputs": replaced(PRICE, data="123")}, 400, "$.inputs.price: "),
    "too little data": ({"inputs": replaced(PRICE, data=[1.0])}, 400, "$.inputs.price: 1 values for the shape [3]"),
    "ragged data": ({"inputs": replaced(PRICE, shape=[3, 1], data=[[1], [2, 3], []])}, 400, "$.inputs.price: "),
    "half nested data": ({"inputs": replaced(PRICE, shape=[3, 1], data=[[1], 2, 3])}, 400, "$.inputs.price: "),
    "a row too few": ({"inputs": replaced(PRICE, shape=[3, 1], data=[[1], [2]])}, 400, "$.inputs.price: "),
    "nested data in a flat shape": ({"inputs": replaced(PRICE, data=[[1], [2], [3]])}, 400, "$.inputs.price[0]: "),
    "fewer rows than others": ({"inputs": replaced(PRICE, shape=[2], data=[1, 2])}, 400, "$.inputs.price: "),
    "a word for a number": ({"inputs": replaced(PRICE, data=[1.0, "2", 3.0])}, 400, "$.inputs.price[1]: a number"),
    "true for a number": ({"inputs": replaced(PRICE, data=[1.0, True, 3.0])}, 400, "$.inputs.price[1]: a number"),
    "true for an int": ({"inputs": replaced(3, data=[10, 30, True])}, 400, "$.inputs.id[2]: an int"),
    "a fraction for an int": ({"inputs": replaced(3, data=[10, 30.5, 40])}, 400, "$.inputs.id[1]: an int"),
    "null without a default": ({"inputs": replaced(PRICE, data=[1.0, None, 3.0])}, 400, "$.inputs.price[1]: a number"),
    "a number for a word": ({"inputs": replaced(1, data=[5])}, 400, "$.inputs.country[0]: a string"),
    "beyond the datatype": ({"inputs": replaced(3, datatype="INT8", data=[10, 300, 40])}, 400, "$.inputs.id[1]: 300"),
    "below the datatype": ({"inputs": replaced(3, datatype="UINT8", data=[10, -1, 40])}, 400, "$.inputs.id[1]: -1"),
    "beyond FP16": ({"inputs": replaced(PRICE, datatype="FP16", data=[1, 70000, 2])}, 400, "$.inputs.price[1]: 70000"),
    "beyond int64": (
        {"inputs": replaced(3, datatype="UINT64", data=[10, 2**64 - 1, 40])},
        400,
        "$.inputs.id[1]: an int beyond 64 bits",
    ),
    "BOOL of numbers": ({"inputs": [*inputs(), flag(data=[1])]}, 400, "$.inputs.x: "),
    "BF16 in JSON": ({"inputs": replaced(PRICE, datatype="BF16")}, 400, "$.inputs.price: BF16 has no form in JSON"),
    "parameters of a list": ({"inputs": replaced(PRICE, parameters=[])}, 400, "$.inputs.price.parameters: "),
    "shared memory": (
        {"inputs": replaced(PRICE, data=..., parameters={"shared_memory_region": "r"})},
        400,
        "$.inputs.price.parameters: shared_memory_region is not served",
    ),
    "an id of a number": ({"inputs": inputs(), "id": 5}, 400, "$.id: "),
    "request parameters of a list": ({"inputs": inputs(), "parameters": []}, 400, "$.parameters: "),
    "a wish that is no yes or no": (
        {"inputs": inputs(), "parameters": {"binary_data_output": 1}},
        400,
        "$.parameters.binary_data_output: ",
    ),
    "outputs of an object": ({"inputs": inputs(), "outputs": {}}, 400, "$.outputs: "),
    "an output of a text": ({"inputs": inputs(), "outputs": ["score"]}, 400, "$.outputs[0]: "),
    "an output twice": ({"inputs": inputs(), "outputs": [{"name": "score"}] * 2}, 400, "$.outputs[1].name: "),
    "an unknown output": (
        {"inputs": inputs(), "outputs": [{"name": "score"}, {"name": "prob"}]},
        400,
        "$.outputs.prob: not an output of this model; outputs: score",
    ),
    "classes of an output": (
        {"inputs": inputs(), "outputs": [{"name": "score", "parameters": {"classification": 2}}]},
        400,
        "$.outputs.score.parameters: classification is not served",
    ),
    "a wish of an output that is a text": (
        {"inputs": inputs(), "outputs": [{"name": "score", "parameters": {"binary_data": "yes"}}]},
        400,
        "$.outputs.score.parameters.binary_data: ",
    ),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_json_is_refused_with_its_place(films: Function, name: str) -> None:
    body, status, message = MALFORMED[name]
    refused(films, infer(body), status, message)


def refused(films: Function, asked: dict[str, Any], status: int, message: str) -> None:
    answer = films(asked, None)
    found = json_of(answer)
    assert (answer["statusCode"], list(found)) == (status, ["error"]), answer["body"]
    assert found["error"].startswith(message), found["error"]


def sized(size: Any, data: Any = ..., datatype: str = "FP32") -> list[dict[str, Any]]:
    return replaced(PRICE, data=data, datatype=datatype, parameters={"binary_data_size": size})


TWELVE = np.array([2.5, 4.0, 0.5], "<f4").tobytes()
DAMAGED: dict[str, tuple[dict[str, Any], str]] = {
    "a length of a word": (joined({"inputs": sized(12)}, TWELVE, "x"), "Inference-Header-Content-Length is"),
    "a negative length": (joined({"inputs": sized(12)}, TWELVE, -1), "Inference-Header-Content-Length is"),
    "a length in other digits": (joined({"inputs": sized(12)}, TWELVE, "٣"), "Inference-Header-Content-Length is"),
    "an endless length": (joined({"inputs": sized(12)}, TWELVE, "9" * 5000), "Inference-Header-Content-Length is"),
    "a length beyond the body": (joined({"inputs": sized(12)}, TWELVE, 10**6), "Inference-Header-Content-Length is"),
    "a length of nothing": (joined({"inputs": sized(12)}, TWELVE, 0), "the body is empty"),
    "a length within the JSON": (joined({"inputs": sized(12)}, TWELVE, 20), "the body is not valid JSON"),
    "a length within the bytes": (joined(json.dumps({"inputs": sized(12)}).encode() + b"\xff", TWELVE), "the body is"),
    "bytes without a length": (infer({"inputs": sized(12)}), "$.inputs.price: binary_data_size is 12, but 0 bytes"),
    "bytes that are absent": (joined({"inputs": sized(12)}, TWELVE[:8]), "$.inputs.price: binary_data_size is 12, but"),
    "bytes too many": (joined({"inputs": sized(12)}, TWELVE + b"1"), "1 bytes follow that belong to no input"),
    "a size too large": (joined({"inputs": sized(16)}, TWELVE + b"1234"), "$.inputs.price: binary_data_size is 16, m"),
    "a size of a text": (joined({"inputs": sized("12")}, TWELVE), "$.inputs.price.parameters.binary_data_size: "),
    "a size of true": (joined({"inputs": sized(True)}, TWELVE), "$.inputs.price.parameters.binary_data_size: "),
    "a negative size": (joined({"inputs": sized(-12)}, TWELVE), "$.inputs.price.parameters.binary_data_size: "),
    "a huge size": (joined({"inputs": sized(2**62)}, TWELVE), "$.inputs.price: binary_data_size is "),
    "data and bytes": (joined({"inputs": sized(12, [1.0] * 3)}, TWELVE), "$.inputs.price: has both"),
    "NaN": (
        joined({"inputs": sized(12)}, np.array([1, np.nan, 2], "<f4").tobytes()),
        "$.inputs.price[1]: a finite number is expected",
    ),
    "infinity": (
        joined({"inputs": sized(6, datatype="FP16")}, np.array([1, 2, np.inf], "<f2").tobytes()),
        "$.inputs.price[2]: a finite number is expected",
    ),
    "beyond int64": (
        binary(replaced(3, datatype="UINT64", data=np.array([1, 2**63, 5], "<u8").tobytes())),
        "$.inputs.id[1]: an int beyond 64 bits",
    ),
    "BOOL of 2": (
        joined({"inputs": [*inputs(), flag(parameters={"binary_data_size": 1})]}, b"\x02"),
        "$.inputs.x: the bytes of BOOL are 0 and 1",
    ),
    "a text that ends early": (
        binary(replaced(1, data=struct.pack("<I", 10) + b"fr")),
        "$.inputs.country: 6 bytes do not hold 1 of BYTES",
    ),
    "a length that ends early": (binary(replaced(1, data=b"\x02\0")), "$.inputs.country: 2 bytes do not hold 1 of"),
    "no text": (binary(replaced(1, data=b"")), "$.inputs.country: 0 bytes do not hold 1 of BYTES"),
    "two texts for one": (binary(replaced(1, data=packed("BYTES", ["fr", "at"]))), "$.inputs.country: 12 bytes do not"),
    "a text of another encoding": (
        binary(replaced(1, data=packed("BYTES", [b"\xff\xfe"]))),
        "$.inputs.country[0]: not valid UTF-8",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_bytes_are_refused(films: Function, name: str) -> None:
    asked, message = DAMAGED[name]
    refused(films, asked, 400, message)


def test_bytes_that_were_taken_for_text_are_refused_with_the_remedy(films: Function) -> None:
    asked = binary(inputs())
    asked["headers"]["content-type"] = "application/json"
    assert outputs_of(films(asked, None)) == {"score": SCORES}  # as a REST API hands it on
    asked["body"] = base64.b64decode(asked["body"]).decode(errors="replace")
    asked["isBase64Encoded"] = False
    refused(films, asked, 400, "the bytes of its tensors were taken for text on the way, as Content-Type is")


def test_rows_beyond_the_limit_are_refused_before_anything_is_made_of_them(films: Function) -> None:
    given = [{"name": "age", "datatype": "INT64", "shape": [10**12, 0], "data": []}]
    refused(films, infer({"inputs": given}), 413, "$.inputs.age.shape: 1000000000000 rows; this model takes 2000")


def test_surplus_inputs_are_ignored_where_the_model_says_so(open_films: Callable[..., Function]) -> None:
    films = open_films(surplus="ignore")
    given = [*inputs(), {"name": "more", "datatype": "FP32", "shape": [3, 2], "data": [0.5] * 6}]
    assert outputs_of(films(binary(given), None)) == {"score": SCORES}


def test_wrong_methods_and_paths_have_the_error_shape(films: Function) -> None:
    for method, path, status in (
        ("GET", PATH, 405),
        ("POST", f"/v2/models/{MODEL}/ready", 405),
        ("POST", "/v2/models/other/infer", 404),
        ("POST", f"/v2/models/{MODEL}/versions/x/infer", 404),
    ):
        answer = films(event(path, "{}", method=method), None)
        assert answer["statusCode"] == status
        assert list(json_of(answer)) == ["error"]


def test_it_imports_nothing_that_other_dialects_do_not(tmp_path: Path) -> None:
    bundle = write_bundle(tmp_path / "bundle", document(dialects=["v2"]))
    asked = binary(inputs(), parameters={"binary_data_output": True})
    found = imported(tmp_path, bundle, [asked, infer({"inputs": inputs()}), infer({})])
    assert found["statuses"] == [200, 200, 400]
    # The layer may bring all but the first.
    assert tops(found["new"]) - OURS - STANDARD <= {"numpy", "pybase64", "csimdjson", "_cython_3_1_2"}
    assert not tops(found["all"]) & NEVER
    assert "ranklet_runtime.dialects.v2_metadata" not in found["new"]
