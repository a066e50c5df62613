"""Events of API Gateway in both payload formats, from documents in the shape that AWS documents."""

import base64
import binascii
import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from runtime_kit import MODEL, REQUEST, Context, body_of, event, expected, json_of, rank

from ranklet_runtime import events
from ranklet_runtime.errors import BadRequest, PayloadTooLarge
from ranklet_runtime.function import Function
from ranklet_runtime.messages import HttpRequest, HttpResponse

FOLDER = Path(__file__).parent / "events"
V2, V1 = (json.loads((FOLDER / name).read_bytes()) for name in ("http-api-v2.json", "rest-api-v1.json"))


def test_both_payload_formats_are_answered_alike(films: Function) -> None:
    answers = [films(document, Context()) for document in (V2, V1)]
    assert answers[0] == answers[1]
    assert answers[0]["statusCode"] == 200
    assert json_of(answers[0])["scores"] == pytest.approx(expected(REQUEST), abs=1e-6)


def test_both_payload_formats_read_as_the_same_request() -> None:
    two, one = (events.decode(document, 1000) for document in (V2, V1))
    assert (two.method, two.path, two.body) == (one.method, one.path, one.body)
    assert {name: two.headers[name] for name in ("accept", "content-type")} == {
        name: one.headers[name] for name in ("accept", "content-type")
    }


@pytest.mark.parametrize("document", [V2, V1], ids=["2.0", "1.0"])
def test_base64_body_is_undone(films: Function, document: dict[str, Any]) -> None:
    encoded = base64.b64encode(document["body"].encode()).decode()
    assert films({**document, "body": encoded, "isBase64Encoded": True}, None) == films(document, None)


@pytest.mark.parametrize("body", ["!", "abc", "ab=c", "YWJj\nYWJj", "Yé=="])
def test_broken_base64_is_a_bad_request(films: Function, body: str) -> None:
    answer = films({**V2, "body": body, "isBase64Encoded": True}, None)
    assert answer["statusCode"] == 400
    assert "not valid base64" in json_of(answer)["error"]


@settings(deadline=None, max_examples=300)
@given(st.integers(0, 40), st.text("AQz9+/=-_ \n\0é", max_size=12))
def test_base64_is_as_strict_as_the_standard_library_at_its_strictest(groups: int, end: str) -> None:
    text = "QUJD" * groups + end
    document = {"rawPath": "/", "requestContext": {"http": {"method": "POST"}}, "body": text, "isBase64Encoded": True}
    try:
        expected: bytes | None = binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        expected = None
    if expected is None:
        with pytest.raises(BadRequest, match="base64"):
            events.decode(document, 1000)
    else:
        assert events.decode(document, 1000).body == expected


def test_body_that_is_not_utf8_is_a_bad_request(films: Function) -> None:
    assert json_of(films({**V2, "body": "\ud800"}, None))["error"] == "the body is not valid UTF-8"


def test_stage_is_taken_off_the_path() -> None:
    document = copy.deepcopy(V2)
    document["rawPath"] = "/prod/films/ping"
    document["requestContext"]["stage"] = "prod"
    assert events.decode(document, 1000).path == "/films/ping"
    document["rawPath"] = "/production/ping"
    assert events.decode(document, 1000).path == "/production/ping"


def test_percent_encoding_is_undone(films: Function) -> None:
    answer = films({**V2, "rawPath": f"/v1/models/{MODEL}%3Arank"}, None)
    assert answer["statusCode"] == 200


@pytest.mark.parametrize("headers", [None, {}, {"content-type": None}, {"content-type": ["a"]}])
def test_headers_may_be_absent(films: Function, headers: Any) -> None:
    assert films({**V2, "headers": headers}, None)["statusCode"] == 200


def test_body_may_be_absent(films: Function) -> None:
    without = {name: value for name, value in V2.items() if name not in ("body", "isBase64Encoded")}
    answer = films(without, None)
    assert answer["statusCode"] == 400
    assert json_of(answer)["error"] == "the body is empty"


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        "text",
        17,
        {},
        {"key1": "value1"},
        {"Records": [{"body": "{}"}]},
        {"rawPath": "/films/ping"},
        {"rawPath": 5, "requestContext": {"http": {"method": "GET"}}},
        {"rawPath": "/films/ping", "requestContext": {"http": {"method": None}}},
        {"rawPath": "/films/ping", "requestContext": None},
        {"httpMethod": "GET"},
        {"httpMethod": "GET", "path": None},
        {"httpMethod": 7, "path": "/films/ping"},
        {"httpMethod": "GET", "path": []},
        {"httpMethod": "GET", "path": {}},
        {**V2, "headers": "text"},
        {**V2, "headers": {5: "text"}},
        {**V2, "body": {"user": {}}},
        {**V2, "body": 5},
    ],
)
def test_what_is_no_event_of_api_gateway_is_refused_and_says_so(films: Function, document: Any) -> None:
    answer = films(document, None)
    assert answer["statusCode"] == 400
    assert json_of(answer)["error"].startswith("not an API Gateway event")


@pytest.mark.parametrize("encoded", [False, True])
@pytest.mark.parametrize(("size", "fits"), [(99, True), (100, True), (101, False), (102, False), (103, False)])
def test_body_limit_counts_decoded_bytes(encoded: bool, size: int, fits: bool) -> None:
    content = b"x" * size
    body = base64.b64encode(content).decode() if encoded else content.decode()
    document = {**V2, "body": body, "isBase64Encoded": encoded}
    if fits:
        assert events.decode(document, 100).body == content
    else:
        with pytest.raises(PayloadTooLarge, match="100 bytes"):
            events.decode(document, 100)


def test_body_limit_counts_bytes_not_characters() -> None:
    with pytest.raises(PayloadTooLarge):
        events.decode({**V2, "body": "é" * 51}, 100)


def test_far_too_large_base64_is_refused_before_it_is_decoded() -> None:
    with pytest.raises(PayloadTooLarge):
        events.decode({**V2, "body": "!" * 1000, "isBase64Encoded": True}, 100)


def test_method_is_read_in_any_case() -> None:
    assert events.decode({**V1, "httpMethod": "post"}, 1000).method == "POST"


def test_binary_answer_is_base64_and_says_so() -> None:
    answer = events.encode(HttpResponse(200, b"\x00\xff", "application/msgpack", {"x-a": "b"}))
    assert answer == {
        "statusCode": 200,
        "headers": {"content-type": "application/msgpack", "x-a": "b"},
        "body": "AP8=",
        "isBase64Encoded": True,
    }


def test_text_answer_is_text() -> None:
    answer = events.encode(HttpResponse(404, '{"error":"é"}'.encode()))
    assert (answer["body"], answer["isBase64Encoded"]) == ('{"error":"é"}', False)


@pytest.mark.parametrize(("character", "fits"), [("a", 6_000_000), ("é", 1_000_000), ('"', 3_000_000)])
def test_answer_that_lambda_would_refuse_is_refused_here(character: str, fits: int) -> None:
    body = (character * fits).encode()
    written = json.dumps(events.encode(HttpResponse(200, body)))
    assert len(written) <= events.ANSWER_BYTES
    with pytest.raises(PayloadTooLarge, match="top_k"):
        events.encode(HttpResponse(200, body + body))


def test_answer_above_lambdas_limit_is_413(open_films: Callable[..., Function]) -> None:
    films = open_films(
        inputs={
            "age": {"side": "user", "type": "int", "default": 0},
            "country": {"side": "user", "type": "string", "default": "??"},
            "hour": {"side": "context", "type": "int", "default": 12},
            "id": {"side": "item", "type": "int", "default": 10},
            "price": {"side": "item", "type": "float", "default": 0.0},
            "rating": {"side": "item", "type": "float", "default": 3.0},
            "name": {"side": "item", "type": "string"},
        },
        item_key="name",
    )
    # A quote takes one byte in the request's base64, two in the answer, and three more where that is a JSON string.
    answer = films(rank(json.dumps({"items": {"name": ['"' * 2_500_000]}, "top_k": 1}).encode()), None)
    assert answer["statusCode"] == 413
    assert "top_k" in json_of(answer)["error"]


def test_error_of_an_unreadable_event_has_a_body() -> None:
    with pytest.raises(BadRequest):
        events.decode({}, 100)


def test_request_is_a_value() -> None:
    assert events.decode(event("/a", "b", method="GET"), 10) == HttpRequest("GET", "/a", {}, b"b")


def test_body_of_an_answer_is_what_was_written(films: Function) -> None:
    assert body_of(films(rank(REQUEST), None)).startswith(b'{"scores":[')
