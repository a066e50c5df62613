"""The native form: its two formats, its answers, and the order of the best."""

from collections.abc import Callable
from typing import Any

import msgpack
import numpy as np
import pytest
from runtime_kit import (
    KEYS,
    MODEL,
    REQUEST,
    body_of,
    buffer,
    event,
    expected,
    json_of,
    rank,
    rank_packed,
)

from ranklet_runtime.function import Function

BUFFERS = {
    "id": buffer(REQUEST["items"]["id"], "<i4"),
    "price": buffer(REQUEST["items"]["price"], "<f4"),
    "rating": buffer(REQUEST["items"]["rating"], "<f8"),
}


def packed(answer: dict[str, Any]) -> dict[str, Any]:
    """The msgpack body of an answer, its buffers read as its documentation says."""
    assert answer["statusCode"] == 200, answer
    assert answer["headers"]["content-type"] == "application/msgpack"
    document = msgpack.unpackb(body_of(answer))
    assert document["scores"].keys() == {"dtype", "shape", "data"}
    return {name: unpacked(value) for name, value in document.items()}


def unpacked(value: Any) -> Any:
    if not isinstance(value, dict) or "data" not in value:
        return value
    return np.frombuffer(value["data"], value["dtype"]).reshape(value["shape"])


def test_json_scores_are_the_models(films: Function) -> None:
    answer = json_of(films(rank(REQUEST), None))
    assert answer.keys() == {"scores"}
    assert answer["scores"] == pytest.approx(expected(REQUEST), abs=1e-6)


def test_defaults_stand_in_for_what_is_left_out(films: Function) -> None:
    request = {"user": {"age": 31}, "items": {"id": [10, 20], "price": [1.0, 2.0]}}
    assert json_of(films(rank(request), None))["scores"] == pytest.approx(expected(request), abs=1e-6)


@pytest.mark.parametrize("side", ["user", "context"])
def test_null_side_is_an_absent_one(films: Function, side: str) -> None:
    answer = films(rank({**REQUEST, side: None}), None)
    assert answer["statusCode"] == (400 if side == "user" else 200)


def test_msgpack_lists_and_buffers_give_the_same_bits(films: Function) -> None:
    lists = packed(films(rank_packed(REQUEST), None))["scores"]
    buffers = packed(films(rank_packed({**REQUEST, "items": BUFFERS}), None))["scores"]
    assert lists.tobytes() == buffers.tobytes()
    assert lists.dtype == np.float32
    assert lists.tolist() == pytest.approx(expected(REQUEST), abs=1e-6)
    assert json_of(films(rank(REQUEST), None))["scores"] == pytest.approx(lists.tolist(), abs=1e-7)


@pytest.mark.parametrize("dtype", ["|i1", "<i2", "<i4", "<i8", "|u1", "<u2", "<u4"])
def test_every_integer_dtype_reads_as_its_numbers(films: Function, dtype: str) -> None:
    items = {**BUFFERS, "id": buffer(REQUEST["items"]["id"], dtype)}
    scores = packed(films(rank_packed({**REQUEST, "items": items}), None))["scores"]
    assert scores.tolist() == pytest.approx(expected(REQUEST), abs=1e-6)


@pytest.mark.parametrize("dtype", ["<f2", "<f4", "<f8", "<i2"])
def test_every_float_dtype_reads_as_its_numbers(films: Function, dtype: str) -> None:
    request = {**REQUEST, "items": {**REQUEST["items"], "price": [2, 4, 8]}}
    items = {**request["items"], "price": buffer(request["items"]["price"], dtype)}
    scores = packed(films(rank_packed({**request, "items": items}), None))["scores"]
    assert scores.tolist() == pytest.approx(expected(request), abs=1e-6)


def test_vectors_travel_in_buffers_of_two_sizes_and_a_users_in_one_of_one(open_films: Callable[..., Function]) -> None:
    inputs = {
        "taste": {"side": "user", "type": "float", "length": 2},
        "look": {"side": "item", "type": "float", "length": 2},
    }
    features = {name: {"kind": "dense", "of": [name]} for name in inputs}
    step = {"engine": "dot", "rows": "item", "inputs": {"user": "taste", "item": "look"}, "outputs": {"logit": "score"}}
    films = open_films(inputs=inputs, features=features, tables={}, steps=[step], item_key=None)
    looks = [[1.0, 2.0], [0.5, -1.0], [0.0, 0.25]]
    plain = {"user": {"taste": [2.0, 4.0]}, "items": {"look": looks}}
    raw = {"user": {"taste": buffer([2.0, 4.0], "<f4")}, "items": {"look": buffer(looks, "<f4")}}
    assert json_of(films(rank(plain), None))["scores"] == [10.0, -3.0, 1.0]
    assert packed(films(rank_packed(raw), None))["scores"].tolist() == [10.0, -3.0, 1.0]
    assert json_of(films(rank({**plain, "top_k": 2}), None)) == {"items": [0, 2], "scores": [10.0, 1.0]}


@pytest.mark.parametrize("content_type", [None, "", "application/octet-stream"])
def test_format_is_told_by_the_body_when_no_type_tells_it(films: Function, content_type: str | None) -> None:
    for body, form in ((rank(REQUEST)["body"].encode(), "json"), (msgpack.packb(REQUEST), "msgpack")):
        answer = films(event(f"/v1/models/{MODEL}:rank", body, content_type=content_type), None)
        assert answer["statusCode"] == 200
        assert answer["headers"]["content-type"] == f"application/{form}"


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "APPLICATION/JSON", "application/json; charset=utf-8", 'application/json;charset="UTF-8"'],
)
def test_json_types(films: Function, content_type: str) -> None:
    assert films({**rank(REQUEST), "headers": {"Content-Type": content_type}}, None)["statusCode"] == 200


@pytest.mark.parametrize("content_type", ["application/msgpack", "application/x-msgpack", "application/vnd.msgpack"])
def test_msgpack_types(films: Function, content_type: str) -> None:
    packed(films({**rank_packed(REQUEST), "headers": {"content-type": content_type}}, None))


@pytest.mark.parametrize(
    ("accept", "json_request", "packed_request"),
    [
        ("*/*", "json", "msgpack"),
        ("application/msgpack", "msgpack", "msgpack"),
        ("application/x-msgpack;q=0.9, */*", "msgpack", "msgpack"),
        ("application/json", "json", "json"),
        ("application/json, application/msgpack", "json", "json"),
        ("text/html", "json", "msgpack"),
    ],
)
def test_accept_chooses_the_format(films: Function, accept: str, json_request: str, packed_request: str) -> None:
    for sent, form in (
        (rank(REQUEST, accept=accept), json_request),
        (rank_packed(REQUEST, accept=accept), packed_request),
    ):
        assert films(sent, None)["headers"]["content-type"] == f"application/{form}"


def order(scores: list[float]) -> list[int]:
    return sorted(range(len(scores)), key=lambda i: (-scores[i], i))


@pytest.mark.parametrize("top_k", [1, 2, 3, 4, 2**63, 2**64 - 1])
def test_top_k_gives_the_best_first(films: Function, top_k: int) -> None:
    scores = expected(REQUEST)
    best = order(scores)[:top_k]
    answer = json_of(films(rank({**REQUEST, "top_k": top_k}), None))
    assert answer["items"] == [REQUEST["items"]["id"][i] for i in best]
    assert answer["scores"] == pytest.approx([scores[i] for i in best], abs=1e-6)


def test_equal_scores_keep_their_order(films: Function) -> None:
    request = {"user": {"age": 31}, "items": {"id": [10, 20, 10, 20, 10], "price": [1.0] * 5}, "top_k": 4}
    first, second = (10, 20) if expected(request)[0] > expected(request)[1] else (20, 10)
    answer = json_of(films(rank(request), None))
    assert answer["items"] == [first] * (3 if first == 10 else 2) + [second] * (1 if first == 10 else 2)


def test_best_items_of_a_buffer_are_a_buffer(films: Function) -> None:
    answer = packed(films(rank_packed({**REQUEST, "items": BUFFERS, "top_k": 2}), None))
    best = order(expected(REQUEST))[:2]
    assert answer["items"].dtype == np.int32
    assert answer["items"].tolist() == [REQUEST["items"]["id"][i] for i in best]


def test_best_items_of_a_list_are_a_list(films: Function) -> None:
    answer = packed(films(rank_packed({**REQUEST, "top_k": 2}), None))
    assert isinstance(answer["items"], list)


def test_items_without_ids_are_named_by_position(open_films: Callable[..., Function]) -> None:
    answer = json_of(open_films(item_key=None)(rank({**REQUEST, "top_k": 3}), None))
    assert answer["items"] == order(expected(REQUEST))


def test_missing_rows_are_counted_and_scored_with_the_default(films: Function) -> None:
    request = {**REQUEST, "items": {"id": [10, 99, 98], "price": [1.0, 2.0, 3.0]}}
    answer = json_of(films(rank(request), None))
    assert answer["degraded"] == {"missing_rows:films": 2}
    assert answer["scores"] == pytest.approx(expected(request), abs=1e-6)
    assert not set(KEYS) & {98, 99}
    assert packed(films(rank_packed(request), None))["degraded"] == {"missing_rows:films": 2}


@pytest.mark.parametrize("extra", [{}, {"top_k": 5}])
def test_no_candidates_give_no_scores(films: Function, extra: dict[str, Any]) -> None:
    request = {**REQUEST, "items": {"id": [], "price": []}, **extra}
    wanted = {"items": [], "scores": []} if extra else {"scores": []}
    assert json_of(films(rank(request), None)) == wanted
    assert packed(films(rank_packed(request), None))["scores"].shape == (0,)


def test_empty_buffers_give_no_scores(films: Function) -> None:
    request = {**REQUEST, "items": {"id": buffer([], "<i8"), "price": buffer([], "<f4")}, "top_k": 1}
    answer = packed(films(rank_packed(request), None))
    assert (answer["items"].shape, answer["scores"].shape) == ((0,), (0,))


def test_last_of_duplicate_keys_wins(films: Function) -> None:
    text = '{"user": {"age": 1, "age": 31}, "user": {"age": 31}, "items": {"id": [1], "id": [10], "price": [2]}}'
    wanted = expected({"user": {"age": 31}, "items": {"id": [10], "price": [2]}})
    assert json_of(films(rank(text), None))["scores"] == pytest.approx(wanted, abs=1e-6)
    twice = msgpack.packb({"user": {"age": 31}, "items": {"id": [10], "price": [2]}})
    doubled = bytes([0x83]) + twice[1:] + msgpack.packb("user") + msgpack.packb({"age": 31})
    assert packed(films(rank_packed(doubled), None))["scores"].tolist() == pytest.approx(wanted, abs=1e-6)


def test_surplus_may_be_ignored(open_films: Callable[..., Function]) -> None:
    films = open_films(surplus="ignore")
    request = {**REQUEST, "note": 1, "user": {**REQUEST["user"], "x": 1}, "items": {**REQUEST["items"], "y": [1]}}
    assert json_of(films(rank(request), None))["scores"] == pytest.approx(expected(REQUEST), abs=1e-6)


def test_string_ids_come_back_as_they_were(open_films: Callable[..., Function]) -> None:
    inputs = {"name": {"side": "item", "type": "string"}, "price": {"side": "item", "type": "float"}}
    films = open_films(
        inputs=inputs,
        features={"price": {"kind": "dense", "of": ["price"]}},
        tables={},
        steps=[
            {
                "engine": "dot",
                "rows": "item",
                "inputs": {"user": "price", "item": "price"},
                "outputs": {"logit": "score"},
            }
        ],
        item_key="name",
    )
    names = ["é", "x" * 1_000_000, "\u0000"]
    request = {"items": {"name": names, "price": [1.0, 3.0, 2.0]}, "top_k": 3}
    wanted = [names[1], names[2], names[0]]
    assert json_of(films(rank(request), None))["items"] == wanted
    assert packed(films(rank_packed(request), None))["items"] == wanted
