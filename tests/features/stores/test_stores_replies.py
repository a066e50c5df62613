"""What one reply means: rows, another try, or the end."""

from __future__ import annotations

import zlib
from base64 import b64encode
from http.client import HTTPMessage
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stores_support import make_table, vector

from ranklet_features.errors import StoreUnavailable, TableMismatch
from ranklet_features.stores.aws.connection import Reply
from ranklet_features.stores.dynamodb.replies import CredentialsExpired, Failed, Skewed, read

TABLE = make_table(["a", "b"])
PREFIX = "com.amazonaws.dynamodb.v20120810#"


def reply(document: Any, status: int = 200, **headers: str | None) -> Reply:
    body = document if isinstance(document, bytes) else orjson.dumps(document)
    message = HTTPMessage()
    named: dict[str, str | None] = {"x_amz_crc32": str(zlib.crc32(body)), **headers}
    for name, value in named.items():
        if value is not None:
            message[name.replace("_", "-")] = value
    return Reply(status, message, body)


def item(key: str, packed: bytes | None = None) -> dict[str, Any]:
    packed = vector(key).astype("<f4").tobytes() if packed is None else packed
    return {"k": {"S": key}, "v": {"B": b64encode(packed).decode()}}


def answer(*items: Any, left: Any = ()) -> dict[str, Any]:
    unprocessed = {TABLE.physical: {"Keys": [{"k": {"S": key}} for key in left]}} if left else {}
    return {"Responses": {TABLE.physical: list(items)}, "UnprocessedKeys": unprocessed}


def test_rows_are_known_by_the_key_inside_them() -> None:
    read_answer = read(reply(answer(item("b"), item("a"), left=["c"])), TABLE, {"a", "b", "c"})
    assert read_answer.values == {key: vector(key).astype("<f4").tobytes() for key in ("a", "b")}
    assert read_answer.unprocessed == {"c"}


def test_rows_that_were_not_asked_for_are_left_aside_whatever_they_hold() -> None:
    stray = [item("x", b"short"), {"k": {"S": "y"}}, item("z")]
    assert read(reply(answer(item("a"), *stray)), TABLE, {"a"}).values.keys() == {"a"}


def test_a_reply_without_a_checksum_is_read() -> None:
    assert read(reply(answer(item("a")), x_amz_crc32=None), TABLE, {"a"}).values


@pytest.mark.parametrize("checksum", ["0", "", "x", "-1", "99999999999999999999"])
def test_a_checksum_that_differs_is_another_try(checksum: str) -> None:
    with pytest.raises(Failed, match="crc32"):
        read(reply(answer(item("a")), x_amz_crc32=checksum), TABLE, {"a"})


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"{",
        b"\xff",
        [],
        None,
        5,
        "text",
        {},
        {"Responses": None},
        {"Responses": []},
        {"Responses": {TABLE.physical: None}},
        {"Responses": {TABLE.physical: [5]}},
        {"Responses": {TABLE.physical: [{"v": {"B": ""}}]}},
        {"Responses": {TABLE.physical: [{"k": {"N": "1"}, "v": {"B": ""}}]}},
        {"Responses": {TABLE.physical: []}, "UnprocessedKeys": {TABLE.physical: {}}},
        {"Responses": {TABLE.physical: []}, "UnprocessedKeys": {TABLE.physical: {"Keys": [{}]}}},
        answer({"k": {"S": "a"}, "v": {"B": "not base64!"}}),
        answer({"k": {"S": "a"}, "v": {"B": "é"}}),
    ],
)
def test_a_document_of_another_form_is_another_try_and_never_an_absent_row(document: Any) -> None:
    with pytest.raises(Failed):
        read(reply(document), TABLE, {"a"})


@pytest.mark.parametrize(
    "value", [{"S": "a"}, {"B": 5}, {}, {"NULL": True}, None, {"B": b64encode(b"x" * 31).decode()}]
)
def test_a_row_that_is_no_vector_of_the_table_is_a_mismatch(value: Any) -> None:
    with pytest.raises(TableMismatch):
        read(reply(answer({"k": {"S": "a"}, "v": value})), TABLE, {"a"})


TRANSIENT = [
    ("ProvisionedThroughputExceededException", 400),
    ("ThrottlingException", 400),
    ("RequestLimitExceeded", 400),
    ("InternalServerError", 500),
    ("ServiceUnavailable", 503),
    ("AnythingElse", 502),
    ("AnythingElse", 429),
]


@pytest.mark.parametrize(("code", "status"), TRANSIENT)
def test_throttles_and_server_faults_are_another_try(code: str, status: int) -> None:
    with pytest.raises(Failed, match=code):
        read(reply({"__type": PREFIX + code, "message": "m"}, status), TABLE, {"a"})


@pytest.mark.parametrize("body", [b"", b"<html>Bad Gateway</html>", b"[]", b"{}"])
@pytest.mark.parametrize("status", [400, 403, 500, 503])
def test_an_error_without_a_code_is_another_try(body: bytes, status: int) -> None:
    with pytest.raises(Failed):
        read(reply(body, status), TABLE, {"a"})


def test_the_code_is_found_in_the_header_as_well() -> None:
    with pytest.raises(StoreUnavailable, match="AccessDeniedException"):
        read(reply(b"", 400, x_amzn_errortype="AccessDeniedException:http://internal/"), TABLE, {"a"})


@pytest.mark.parametrize("prefix", [PREFIX, "com.amazon.coral.service#", ""])
@pytest.mark.parametrize("code", ["AccessDeniedException", "ValidationException", "InvalidSignatureException"])
def test_a_refusal_is_final_and_repeats_nothing_but_its_code(prefix: str, code: str) -> None:
    message = "User: arn:aws:iam::123456789012:user/x is not authorized"
    with pytest.raises(StoreUnavailable, match=code) as refusal:
        read(reply({"__type": prefix + code, "Message": message}, 400), TABLE, {"a"})
    assert "123456789012" not in str(refusal.value) and TABLE.physical in str(refusal.value)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("InvalidSignatureException", "Signature expired: 20260101T000000Z is now earlier than 20260101T000500Z"),
        ("InvalidSignatureException", "Signature not yet current: 20260101T000000Z is still later than"),
        ("RequestExpired", "Request has expired."),
    ],
)
def test_a_refused_date_tells_awss_time(code: str, message: str) -> None:
    error = {"__type": "com.amazon.coral.service#" + code, "message": message}
    with pytest.raises(Skewed) as skewed:
        read(reply(error, 400, date="Thu, 01 Jan 2026 00:00:07 GMT"), TABLE, {"a"})
    assert skewed.value.server_time == 1_767_225_607.0
    for date in (None, "yesterday", ""):
        with pytest.raises(StoreUnavailable):
            read(reply(error, 400, date=date), TABLE, {"a"})


@pytest.mark.parametrize("code", ["ExpiredTokenException", "UnrecognizedClientException", "ExpiredToken"])
def test_expired_credentials_are_told_apart(code: str) -> None:
    with pytest.raises(CredentialsExpired):
        read(reply({"__type": PREFIX + code}, 400), TABLE, {"a"})


def test_a_table_that_is_not_there_is_a_mismatch() -> None:
    with pytest.raises(TableMismatch, match="tables push"):
        read(reply({"__type": PREFIX + "ResourceNotFoundException"}, 400), TABLE, {"a"})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=4) | st.just(item("a")["v"]["B"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["Responses", "UnprocessedKeys", TABLE.physical, "Keys", "k", "v", "S", "B", "__type"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=25,
)


@settings(max_examples=500, deadline=None)
@given(document=JSON, status=st.sampled_from([200, 200, 200, 400, 500]), checked=st.booleans())
def test_no_document_escapes_the_three_outcomes(document: Any, status: int, checked: bool) -> None:
    """Rows of the right length, Failed, or an error of the store: never another exception."""
    try:
        found = read(reply(document, status, **({} if checked else {"x_amz_crc32": None})), TABLE, {"a", ""})
    except (Failed, StoreUnavailable, TableMismatch):
        return
    assert all(len(packed) == 4 * TABLE.dim for packed in found.values.values())
