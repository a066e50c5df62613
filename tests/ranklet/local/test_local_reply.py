"""What functions return, as API Gateway's documentation says it is answered."""

from __future__ import annotations

import json
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ranklet.local.http1.message import Response
from ranklet.local.reply import Malformed, http_answer

TEXT = "text/plain; charset=utf-8"


def reply(document: Any, version: Literal["1.0", "2.0"] = "2.0") -> Response:
    payload = document if isinstance(document, bytes) else json.dumps(document).encode()
    return http_answer(payload, version=version, default_type=TEXT)


@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_whole_record_becomes_the_answer(version: Literal["1.0", "2.0"]) -> None:
    record = {
        "statusCode": 201,
        "headers": {"content-type": "a/b", "X-N": 5, "X-B": True},
        "body": "é",
        "isBase64Encoded": False,
    }
    answer = reply(record, version)
    assert (answer.status, answer.body) == (201, "é".encode())
    assert answer.headers == (("content-type", "a/b"), ("X-N", "5"), ("X-B", "true"))


def test_base64_body_is_decoded() -> None:
    assert reply({"statusCode": 200, "body": "AAH/", "isBase64Encoded": True}).body == b"\x00\x01\xff"


def test_body_without_a_type_gets_the_apis_own() -> None:
    assert reply({"statusCode": 200, "body": "a"}).headers == (("Content-Type", TEXT),)
    assert reply({"statusCode": 200}).body == b""


def test_cookies_become_headers() -> None:
    answer = reply({"statusCode": 200, "cookies": ["a=1; Secure", "b=2"]})
    assert [value for name, value in answer.headers if name == "Set-Cookie"] == ["a=1; Secure", "b=2"]


def test_multiple_values_stand_above_single_ones() -> None:
    answer = reply(
        {"statusCode": 200, "headers": {"X-A": "1", "X-B": "2"}, "multiValueHeaders": {"x-a": ["3", "4"]}}, "1.0"
    )
    assert [pair for pair in answer.headers if pair[0] != "Content-Type"] == [("x-a", "3"), ("x-a", "4"), ("X-B", "2")]


def test_headers_of_the_connection_are_the_fronts_own() -> None:
    headers = {"Content-Length": "999", "transfer-encoding": "chunked", "Connection": "close", "Date": "x", "X": "y"}
    answer = reply({"statusCode": 200, "headers": headers, "multiValueHeaders": {"Content-Length": ["1"]}})
    assert [name for name, _ in answer.headers] == ["Content-Type", "X"]


def test_header_text_above_ascii_goes_as_utf8() -> None:
    answer = reply({"statusCode": 200, "headers": {"X": "é"}})
    assert "é".encode() in answer.encode(without_body=False, close=False)


@pytest.mark.parametrize(
    ("document", "body"),
    [
        ("Hello from Lambda!", b"Hello from Lambda!"),
        ({"message": "Hello from Lambda!"}, b'{"message": "Hello from Lambda!"}'),
        ([1, 2], b"[1, 2]"),
        (5, b"5"),
        (None, b"null"),
        ({"statusCode": None, "body": "x"}, b'{"statusCode": null, "body": "x"}'),
    ],
)
def test_format_2_takes_an_answer_without_status_for_the_body(document: Any, body: bytes) -> None:
    answer = reply(document)
    assert (answer.status, answer.headers, answer.body) == (200, (("Content-Type", "application/json"),), body)


@pytest.mark.parametrize("document", ["text", {"message": "x"}, [1], None, {"statusCode": None}])
def test_format_1_wants_a_status(document: Any) -> None:
    with pytest.raises(Malformed):
        reply(document, "1.0")


def test_status_may_be_a_text() -> None:
    assert reply({"statusCode": "404"}).status == 404


MALFORMED: list[Any] = [
    b"not json",
    b"",
    b'{"statusCode": NaN}',
    {"statusCode": "ok"},
    {"statusCode": 99},
    {"statusCode": 100},
    {"statusCode": 600},
    {"statusCode": True},
    {"statusCode": 200.5},
    {"statusCode": [200]},
    {"statusCode": 200, "body": {"a": 1}},
    {"statusCode": 200, "body": 5},
    {"statusCode": 200, "body": "*", "isBase64Encoded": True},
    {"statusCode": 200, "body": "AAA", "isBase64Encoded": True},
    {"statusCode": 200, "headers": ["a"]},
    {"statusCode": 200, "headers": {"X": ["a"]}},
    {"statusCode": 200, "headers": {"X": None}},
    {"statusCode": 200, "headers": {"X": "a\r\nSet-Cookie: b"}},
    {"statusCode": 200, "headers": {"X\r\nY": "a"}},
    {"statusCode": 200, "headers": {"": "a"}},
    {"statusCode": 200, "multiValueHeaders": {"X": "a"}},
    {"statusCode": 200, "multiValueHeaders": {"X": [["a"]]}},
    {"statusCode": 200, "cookies": "a=1"},
    {"statusCode": 200, "cookies": ["a\nb"]},
]


@pytest.mark.parametrize("document", MALFORMED, ids=repr)
def test_what_is_no_answer_is_malformed(document: Any) -> None:
    with pytest.raises(Malformed):
        reply(document)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-1000, 1000) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
records = st.fixed_dictionaries(
    {},
    optional={
        "statusCode": st.integers(150, 650) | json_values,
        "headers": st.dictionaries(st.text(max_size=8), st.text()) | json_values,
        "multiValueHeaders": json_values,
        "cookies": st.lists(st.text(), max_size=3) | json_values,
        "body": st.text() | json_values,
        "isBase64Encoded": st.booleans() | json_values,
    },
)


@settings(deadline=None)
@given(records | json_values, st.sampled_from(["1.0", "2.0"]))
def test_any_answer_is_either_sent_whole_or_malformed(document: Any, version: Literal["1.0", "2.0"]) -> None:
    try:
        answer = reply(document, version)
    except Malformed:
        return
    encoded = answer.encode(without_body=False, close=True)
    lines = encoded.partition(b"\r\n\r\n")[0].split(b"\r\n")
    # Status, date, connection and, where there is a body, its length: no value has made a line of its own.
    assert len(lines) == len(answer.headers) + 3 + (answer.status not in (204, 304))
    assert 200 <= answer.status <= 599
