"""What callers do wrong: the status, the place, and never a word about our own insides."""

import json
import re
from collections.abc import Callable
from typing import Any

import msgpack
import numpy as np
import pytest
from runtime_kit import MODEL, REQUEST, body_of, buffer, document, event, json_of, predict, rank, rank_packed

from ranklet_runtime.function import Function

USER, ITEMS = REQUEST["user"], REQUEST["items"]
SENDERS = {"json": rank, "msgpack": rank_packed}
INSIDES = re.compile(
    rb"Traceback|File \"|\.py\b|site-packages|/home/|/usr/|/tmp/|AWS_|numpy\.|0x[0-9a-f]{6}", re.IGNORECASE
)


def refused(answer: dict[str, Any], status: int) -> dict[str, Any]:
    """The error document of an answer, which holds nothing of ours."""
    assert answer["statusCode"] == status, answer
    assert not INSIDES.search(body_of(answer)), answer
    assert len(answer["body"]) < 2000
    error: dict[str, Any] = json_of(answer)
    assert set(error) <= {"error", "path"}
    return error


@pytest.mark.parametrize("sender", SENDERS.values(), ids=SENDERS.keys())
@pytest.mark.parametrize(
    ("body", "status", "path"),
    [
        # The document.
        ([], 400, None),
        ([REQUEST], 400, None),
        (5, 400, None),
        (None, 400, None),
        (True, 400, None),
        ({}, 400, "$.items"),
        ({"user": USER}, 400, "$.items"),
        ({**REQUEST, "rows": 1}, 400, "$.rows"),
        ({**REQUEST, "items": []}, 400, "$.items"),
        ({**REQUEST, "items": "ids"}, 400, "$.items"),
        ({**REQUEST, "user": [31]}, 400, "$.user"),
        ({**REQUEST, "context": 20}, 400, "$.context"),
        # Missing and surplus features.
        ({**REQUEST, "user": {}}, 400, "$.user.age"),
        ({**REQUEST, "user": {"age": None}}, 400, "$.user.age"),
        ({**REQUEST, "items": {}}, 400, "$.items.id"),
        ({**REQUEST, "items": {"id": [10]}}, 400, "$.items.price"),
        ({**REQUEST, "items": {**ITEMS, "price": [1, None, 2]}}, 400, "$.items.price[1]"),
        ({**REQUEST, "items": {**ITEMS, "shape": [1, 2, 3]}}, 400, "$.items.shape"),
        ({**REQUEST, "user": {**USER, "name": "x"}}, 400, "$.user.name"),
        ({**REQUEST, "context": {"age": 31}}, 400, "$.context.age"),
        # Wrong types.
        ({**REQUEST, "user": {"age": "31"}}, 400, "$.user.age"),
        ({**REQUEST, "user": {"age": 31.0}}, 400, "$.user.age"),
        ({**REQUEST, "user": {"age": True}}, 400, "$.user.age"),
        ({**REQUEST, "user": {"age": [31]}}, 400, "$.user.age"),
        ({**REQUEST, "user": {"age": 31, "country": 7}}, 400, "$.user.country"),
        ({**REQUEST, "user": {"age": 31, "country": ["fr"]}}, 400, "$.user.country"),
        ({**REQUEST, "items": {**ITEMS, "price": [1, "2", 3]}}, 400, "$.items.price[1]"),
        ({**REQUEST, "items": {**ITEMS, "price": [1, [2], 3]}}, 400, "$.items.price[1]"),
        ({**REQUEST, "items": {**ITEMS, "price": [1, {}, 3]}}, 400, "$.items.price[1]"),
        ({**REQUEST, "items": {**ITEMS, "price": [1, 2, False]}}, 400, "$.items.price[2]"),
        ({**REQUEST, "items": {**ITEMS, "price": "1, 2, 3"}}, 400, "$.items.price"),
        ({**REQUEST, "items": {**ITEMS, "price": 3}}, 400, "$.items.price"),
        ({**REQUEST, "items": {**ITEMS, "id": [10, 30, 40.5]}}, 400, "$.items.id[2]"),
        # Numbers that do not fit.
        ({**REQUEST, "items": {**ITEMS, "id": [10, 2**63, 40]}}, 400, "$.items.id[1]"),
        ({**REQUEST, "items": {**ITEMS, "id": [10, 30, -(2**63)]}}, 200, None),
        ({**REQUEST, "items": {**ITEMS, "price": [1e300, 2, 3]}}, 400, "$.items.price[0]"),
        # Ragged columns.
        ({**REQUEST, "items": {**ITEMS, "price": [1, 2]}}, 422, "$.items.price"),
        ({**REQUEST, "items": {**ITEMS, "price": []}}, 422, "$.items.price"),
        ({**REQUEST, "items": {**ITEMS, "id": []}}, 422, "$.items.price"),
        # How many are wanted.
        ({**REQUEST, "top_k": 0}, 400, "$.top_k"),
        ({**REQUEST, "top_k": -1}, 400, "$.top_k"),
        ({**REQUEST, "top_k": 1.0}, 400, "$.top_k"),
        ({**REQUEST, "top_k": "2"}, 400, "$.top_k"),
        ({**REQUEST, "top_k": True}, 400, "$.top_k"),
        ({**REQUEST, "top_k": [2]}, 400, "$.top_k"),
        ({**REQUEST, "top_k": None}, 200, None),
    ],
)  # fmt: skip
def test_wrong_documents(films: Function, sender: Callable[..., Any], body: Any, status: int, path: str | None) -> None:
    answer = films(sender(body), None)
    if status == 200:
        assert answer["statusCode"] == 200
        return
    error = refused(answer, status)
    assert error.get("path") == path
    assert error["error"].startswith(f"{path}: " if path else "the body must be an object")


@pytest.mark.parametrize(
    "body", ["", " ", "{", '{"items": {"id": [1,]}}', "{'items': 1}", "nul", '{"items": NaN}', "\ufeff{}"]
)
def test_invalid_json(films: Function, body: str) -> None:
    for ask in (rank, predict):
        assert "body" in refused(films(ask(body), None), 400)["error"]


def test_text_that_is_json(films: Function) -> None:
    refused(films(rank('"text"'), None), 400)
    refused(films(rank_packed(msgpack.packb("text")), None), 400)


def test_empty_body(films: Function) -> None:
    for ask in (rank, rank_packed, predict):
        assert refused(films(ask(b""), None), 400) == {"error": "the body is empty"}


@pytest.mark.parametrize("cut", [1, 2, 10, 60])
def test_truncated_bodies(films: Function, cut: int) -> None:
    assert "not valid JSON" in refused(films(rank(json.dumps(REQUEST)[:-cut]), None), 400)["error"]
    assert "not valid msgpack" in refused(films(rank_packed(msgpack.packb(REQUEST)[:-cut]), None), 400)["error"]
    assert (
        "not valid JSON"
        in refused(films(predict(json.dumps({"instances": [USER]})[: -min(cut, 20)]), None), 400)["error"]
    )


def test_bytes_after_the_message(films: Function) -> None:
    refused(films(rank(json.dumps(REQUEST) + "{}"), None), 400)
    refused(films(rank_packed(msgpack.packb(REQUEST) + b"\x01"), None), 400)


@pytest.mark.parametrize(
    "content_type",
    ["text/csv", "text/html", "application/xml", "image/png", "multipart/form-data; boundary=x",
     "application/json; charset=latin-1", "application/x-protobuf", "nonsense", "application/jsonx"],
)  # fmt: skip
def test_content_types_that_are_not_read(films: Function, content_type: str) -> None:
    for path in ("rank", "predict"):
        answer = films(event(f"/v1/models/{MODEL}:{path}", json.dumps(REQUEST), content_type=content_type), None)
        assert "application/json" in refused(answer, 415)["error"]


def test_msgpack_is_not_read_where_only_json_is(films: Function) -> None:
    sent = event(f"/v1/models/{MODEL}:predict", msgpack.packb({"instances": []}), content_type="application/msgpack")
    refused(films(sent, None), 415)


def test_curls_default_type_is_not_read_natively(films: Function) -> None:
    sent = event(f"/v1/models/{MODEL}:rank", json.dumps(REQUEST), content_type="application/x-www-form-urlencoded")
    refused(films(sent, None), 415)


def test_body_in_the_other_format_than_its_type_says(films: Function) -> None:
    refused(films(rank(msgpack.packb(REQUEST)), None), 400)
    refused(films(rank_packed(json.dumps(REQUEST).encode()), None), 400)


def test_text_that_is_not_utf8(films: Function) -> None:
    latin = json.dumps({**REQUEST, "user": {"age": 31, "country": "Ö"}}, ensure_ascii=False).encode("latin-1")
    refused(films(rank(latin), None), 400)
    refused(films(predict(b'{"instances": [{"country": "\xff", "age": NaN}]}'), None), 400)
    packed = msgpack.packb(REQUEST).replace(b"\xa2fr", b"\xa2\xff\xfe")
    refused(films(rank_packed(packed), None), 400)


def test_lone_surrogates(films: Function) -> None:
    refused(films(rank('{"items": {"id": [1], "price": ["\\ud800"]}}'), None), 400)
    # The reader that allows NaN allows these as well, so they reach the features and the error's own text.
    answer = films(predict('{"instances": [{"\\ud800": NaN, "age": "\\udfff"}]}'), None)
    refused(answer, 400)


@pytest.mark.parametrize("depth", [100, 1_000, 100_000, 1_000_000])
def test_deep_nesting(films: Function, depth: int) -> None:
    for ask, opening in ((rank, '{"items":'), (predict, '{"inputs":'), (predict, '{"x": NaN, "instances":')):
        for text in (opening + "[" * depth + "]" * depth + "}", opening + '{"a":' * depth):
            refused(films(ask(text), None), 400)
    for packed in (b"\x81\xa5items" + b"\x91" * depth + b"\xc0", b"\x81\xa5items" + b"\x81\xa1a" * depth + b"\xc0"):
        refused(films(rank_packed(packed), None), 400)


def test_strings_nested_as_deep_as_parsers_read(films: Function) -> None:
    nested = '[{"b64": ""}, ' * 500 + "1" + "]" * 500
    refused(films(predict(f'{{"inputs": {{"age": [1], "id": [1], "price": [1], "country": [{nested}]}}}}'), None), 400)


def test_column_nested_as_deep_as_parsers_read(films: Function) -> None:
    nested: Any = 1
    for _ in range(900):
        nested = [nested]
    for ask in (rank, rank_packed):
        assert refused(films(ask({**REQUEST, "items": {**ITEMS, "price": nested}}), None), 400)["path"].startswith(
            "$.items.price"
        )


@pytest.mark.parametrize(
    "header", [b"\xdd\xff\xff\xff\xff", b"\xdf\xff\xff\xff\xff", b"\xdb\xff\xff\xff\xff", b"\xc6\xff\xff\xff\xff"]
)
def test_msgpack_headers_that_claim_more_than_there_is(films: Function, header: bytes) -> None:
    refused(films(rank_packed(b"\x81\xa5items" + header), None), 400)
    refused(films(rank_packed(b"\x81\xa5items" + header * 1000 + b"\x00" * 100_000), None), 400)


def test_string_of_a_million_characters(films: Function) -> None:
    long = "x" * 1_000_000
    assert films(rank({**REQUEST, "user": {"age": 31, "country": long}}), None)["statusCode"] == 200
    assert films(rank_packed({**REQUEST, "user": {"age": 31, "country": long}}), None)["statusCode"] == 200
    for ask in (rank, rank_packed):
        refused(films(ask({**REQUEST, "user": {"age": long}}), None), 400)
        refused(films(ask({**REQUEST, "user": {"age": 31, long: 1}}), None), 400)
        refused(films(ask({**REQUEST, long: 1}), None), 400)
        refused(films(ask({**REQUEST, "items": {**ITEMS, long: [1]}}), None), 400)
        refused(films(ask({**REQUEST, "top_k": long}), None), 400)
    for body in ({"instances": [{long: 1}]}, {"inputs": {long: 1}}, {"signature_name": long, "inputs": {}}):
        refused(films(predict(body), None), 400)


def test_huge_integers(films: Function) -> None:
    digits = "9" * 400_000
    for text in (
        f'{{"items": {{"id": [{digits}], "price": [1]}}, "user": {{"age": 1}}}}',
        f'{{"top_k": {digits}, "items": {{}}}}',
    ):
        refused(films(rank(text), None), 400)
    for text in (
        f'{{"instances": [{{"age": {digits}, "price": NaN}}]}}',
        f'{{"instances": [{{"age": {"9" * 4000}, "id": NaN}}]}}',
    ):
        refused(films(predict(text), None), 400)


def test_body_above_the_limit_and_just_below(open_films: Callable[..., Function]) -> None:
    films = open_films(limits={"body_bytes": 6_000_000})
    text = json.dumps(REQUEST)
    for size, status in ((6_000_000, 200), (6_000_001, 413)):
        for body in (text.ljust(size), text.ljust(size).encode()):
            assert films(rank(body), None)["statusCode"] == status
    assert "6000000 bytes" in refused(films(rank(text.ljust(6_000_001)), None), 413)["error"]
    padding = 6_000_000 - len(msgpack.packb({**REQUEST, "user": {"age": 31, "country": ""}})) - 4
    body = msgpack.packb({**REQUEST, "user": {"age": 31, "country": "x" * padding}})
    assert len(body) == 6_000_000
    assert films(rank_packed(body), None)["statusCode"] == 200
    refused(films(rank_packed(body.replace(b"x\x00", b"xx\x00") + b"\x00"), None), 413)


def test_more_candidates_than_the_limit(open_films: Callable[..., Function]) -> None:
    films = open_films(limits={"items": 4})
    for count, status in ((4, 200), (5, 413)):
        items = {"id": [10] * count, "price": [1.0] * count}
        columns = {name: buffer(values, "<f8" if name == "price" else "<i8") for name, values in items.items()}
        asked = [
            rank({"user": USER, "items": items}),
            rank_packed({"user": USER, "items": items}),
            rank_packed({"user": USER, "items": columns}),
            predict({"instances": [{"age": 31, "id": 10, "price": 1.0}] * count}),
            predict({"inputs": {"age": [31], **items}}),
        ]
        for sent in asked:
            answer = films(sent, None)
            assert answer["statusCode"] == status
            assert status == 200 or " 4" in refused(answer, 413)["error"]


def test_unknown_ids_are_counted_not_refused(films: Function) -> None:
    answer = json_of(films(rank({**REQUEST, "items": {**ITEMS, "id": [1, -5, 2**63 - 1]}}), None))
    assert answer["degraded"] == {"missing_rows:films": 3}
    assert len(answer["scores"]) == 3


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_nan_where_it_is_forbidden(films: Function, value: float) -> None:
    for column in ([1.0, value, 2.0], buffer([1.0, value, 2.0], "<f8"), buffer([1.0, value, 2.0], "<f4")):
        error = refused(films(rank_packed({**REQUEST, "items": {**ITEMS, "price": column}}), None), 400)
        assert error["path"] == "$.items.price[1]"


@pytest.mark.parametrize(
    "value",
    [
        msgpack.ExtType(5, b"abc"),
        msgpack.ExtType(127, b""),
        msgpack.Timestamp(1, 2),
        b"bytes",
        {"a": 1},
        [b"bytes"],
        [msgpack.Timestamp(1, 2)],
    ],
)
def test_msgpack_types_that_json_has_not(films: Function, value: Any) -> None:
    for side, name in (("user", "age"), ("user", "country"), ("items", "price"), ("items", "id")):
        refused(films(rank_packed({**REQUEST, side: {**REQUEST[side], name: value}}), None), 400)
    refused(films(rank_packed({**REQUEST, "top_k": value}), None), 400)
    refused(films(rank_packed({**REQUEST, "items": value}), None), 400)


@pytest.mark.parametrize(
    "key", [b"\x01", b"\xc0", b"\x90", b"\x80", b"\xc4\x03age", b"\xcb" + b"\x00" * 8, b"\xd4\x05a"]
)
@pytest.mark.parametrize("place", ["top", "user", "items", "column"])
def test_msgpack_keys_that_are_no_strings(films: Function, key: bytes, place: str) -> None:
    odd = b"\x81" + key + b"\x01"
    parts = {"user": msgpack.packb(USER), "items": msgpack.packb(ITEMS)}
    if place == "column":
        parts["items"] = b"\x81\xa5price" + odd
    elif place != "top":
        parts[place] = odd
    body = b"\x82\xa4user" + parts["user"] + b"\xa5items" + parts["items"]
    if place == "top":
        body = b"\x83" + body[1:] + key + b"\x01"
    refused(films(rank_packed(body), None), 400)


FOUR = np.arange(3, dtype="<f4").tobytes()


@pytest.mark.parametrize(
    ("lie", "path"),
    [
        ({}, ".dtype"),
        ({"dtype": "<f4"}, ".data"),
        ({"dtype": "<f4", "shape": [4], "data": FOUR}, ".data"),
        ({"dtype": "<f4", "shape": [2], "data": FOUR}, ".data"),
        ({"dtype": "<f8", "shape": [3], "data": FOUR}, ".data"),
        ({"dtype": "<f4", "shape": [3], "data": FOUR[:-1]}, ".data"),
        ({"dtype": "<f4", "shape": [3], "data": "text"}, ".data"),
        ({"dtype": "<f4", "shape": [3], "data": [0, 1, 2]}, ".data"),
        ({"dtype": "<f4", "shape": [2**32, 2**32], "data": b""}, ".data"),
        ({"dtype": "<f4", "shape": [2**63, 2], "data": b""}, ".data"),
        ({"dtype": "<f4", "shape": [-3], "data": FOUR}, ".shape"),
        ({"dtype": "<f4", "shape": [-1, -3], "data": FOUR}, ".shape"),
        ({"dtype": "<f4", "shape": [], "data": FOUR[:4]}, ".shape"),
        ({"dtype": "<f4", "shape": [1, 1, 3], "data": FOUR}, ".shape"),
        ({"dtype": "<f4", "shape": [3.0], "data": FOUR}, ".shape"),
        ({"dtype": "<f4", "shape": [True, 3], "data": FOUR}, ".shape"),
        ({"dtype": "<f4", "shape": 3, "data": FOUR}, ".shape"),
        ({"dtype": "<f4", "shape": "3", "data": FOUR}, ".shape"),
        ({"dtype": "|O", "shape": [3], "data": b"\x00" * 24}, ".dtype"),
        ({"dtype": "O", "shape": [3], "data": b"\x00" * 24}, ".dtype"),
        ({"dtype": "float32", "shape": [3], "data": FOUR}, ".dtype"),
        ({"dtype": ">f4", "shape": [3], "data": FOUR}, ".dtype"),
        ({"dtype": "|S4", "shape": [3], "data": FOUR}, ".dtype"),
        ({"dtype": "<M8[s]", "shape": [3], "data": b"\x00" * 24}, ".dtype"),
        ({"dtype": "<c8", "shape": [3], "data": b"\x00" * 24}, ".dtype"),
        ({"dtype": "<u8", "shape": [3], "data": b"\xff" * 24}, ".dtype"),
        ({"dtype": "|b1", "shape": [3], "data": b"\x01\x01\x01"}, ".dtype"),
        ({"dtype": "<f4,<f4", "shape": [1], "data": FOUR[:8]}, ".dtype"),
        ({"dtype": ["<f4"], "shape": [3], "data": FOUR}, ".dtype"),
        ({"dtype": None, "shape": [3], "data": FOUR}, ".dtype"),
        ({"dtype": "<f4", "shape": [3], "data": FOUR, "order": "F"}, ""),
        ({"dtype": "<f4", "shape": [3, 1], "data": FOUR}, ""),
    ],
)  # fmt: skip
def test_buffers_that_lie(films: Function, lie: dict[str, Any], path: str) -> None:
    error = refused(films(rank_packed({**REQUEST, "items": {**ITEMS, "price": lie}}), None), 400)
    wanted = "" if lie.keys() < {"dtype", "shape", "data"} else path
    assert error["path"] == f"$.items.price{wanted}"


def test_buffer_of_floats_is_no_column_of_ids(films: Function) -> None:
    error = refused(
        films(rank_packed({**REQUEST, "items": {**ITEMS, "id": buffer([10.0, 30.0, 40.0], "<f4")}}), None), 400
    )
    assert error["path"] == "$.items.id"


def test_buffers_of_different_lengths(films: Function) -> None:
    items = {"id": buffer([10, 20], "<i8"), "price": buffer([1.0], "<f8")}
    assert refused(films(rank_packed({"user": USER, "items": items}), None), 422)["path"] == "$.items.price"


def test_ragged_vectors(open_films: Callable[..., Function]) -> None:
    inputs = {**document()["inputs"], "look": {"side": "item", "type": "float", "length": 2, "default": [0.0, 0.0]}}
    films = open_films(inputs=inputs)
    for look, status in (([[1, 2], [1], [1, 2]], 422), ([[1, 2], 5, [1, 2]], 400), ([[1, 2]], 422)):
        for ask in (rank, rank_packed):
            assert refused(films(ask({**REQUEST, "items": {**ITEMS, "look": look}}), None), status)["path"].startswith(
                "$.items.look"
            )


def test_error_names_the_dialects_own_place(films: Function) -> None:
    body = {"instances": [{"age": 1, "id": 1, "price": 1.0}, {"age": 1, "id": 1, "price": "x"}]}
    assert refused(films(predict(body), None), 400)["error"].startswith("$.instances[1].price: ")
