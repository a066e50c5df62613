"""Answers of the Runtime API that are none: each is a failure, none is waited for."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scripted_kit import ID, chunked, event, scripted
from wire_kit import START, Opened, broken, clients, never_hangs, next_of, over  # noqa: F401  fixtures

from ranklet_runtime import wire
from ranklet_runtime.wire import Broken


@pytest.mark.parametrize("status", [b"300", b"304 Not Modified", b"400 X", b"403 X", b"413 X", b"500 X", b"000 X"])
def test_a_status_that_is_no_success_is_a_failure(status: bytes, opened: Opened) -> None:
    answer = b"HTTP/1.1 " + status + b"\r\n" + ID + b"Content-Length: 0\r\n\r\n"
    with scripted(answer, answer) as server:
        api = opened(server)
        with pytest.raises(Broken, match=f"Failed to get next: {int(status[:3])}"):
            api.next()
        with pytest.raises(Broken, match=f"Failed to post invocation response: {int(status[:3])}"):
            api.post_invocation_result("8476", b"{}", "application/json")


@pytest.mark.parametrize(
    "line",
    [b"", b"x", b"{}", b"HTTP/1.1", b"HTTP/1.1 ", b"HTTP/1.1 2", b"HTTP/1.1 20 OK", b"HTTP/1.1 2000 OK", b"HTTP/1.1 1",
     b"HTTP/1.1 10", b"HTTP/1.1 1000", b"HTTP/1.1 200OK", b"HTTP/1.1 -20 OK", b"HTTP/1.1 +20 OK", b"HTTP/1.1 2e2 OK",
     b"HTTP/1.1  200 OK", "HTTP/1.1 2٠٠ OK".encode(), b"HTTP/2 200 OK", b"HTTP/1.2 200 OK", b"http/1.1 200 OK",
     b" HTTP/1.1 200 OK", b"ICY 200 OK", b"SSH-2.0-OpenSSH_9.2", b"\x16\x03\x01\x02\x00\x01"],
)  # fmt: skip
def test_a_status_line_that_is_none_is_a_failure(line: bytes) -> None:
    broken(line + b"\r\n" + ID + b"Content-Length: 2\r\n\r\n{}", "the Runtime API answers b")


@pytest.mark.parametrize(
    "length",
    [
        b"",
        b"x",
        b"-1",
        b"+2",
        b"0x2",
        b"2.0",
        b"2 2",
        b"2,2",
        b"1_0",
        b"2e0",
        "²".encode(),
        "٢".encode(),
        b"9" * 19,
        b"9" * 9000,
    ],
)
def test_a_length_that_is_no_number_is_a_failure(length: bytes) -> None:
    broken(START + b"Content-Length: " + length + b"\r\n\r\n{}", "the Runtime API answers b")


@pytest.mark.parametrize(
    "size",
    [
        b"",
        b"x",
        b"-1",
        b"+2",
        b"0x2",
        b"1_0",
        b"2.0",
        b" 2",
        b"2 2",
        b"\xb2",
        b";2",
        b"2\n",
        b"0" * 18 + b"2",
        b"f" * 9000,
    ],
)
def test_a_size_of_a_chunk_that_is_no_number_is_a_failure(size: bytes) -> None:
    head = START + b"Transfer-Encoding: chunked\r\n\r\n"
    broken(head + size + b"\r\n{}\r\n0\r\n\r\n", "the Runtime API answers b")
    broken(head + b"2\r\n{}\r\n" + size + b"\r\n\r\n", "the Runtime API answers b")


def test_a_chunk_longer_than_it_said_is_a_failure() -> None:
    broken(START + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}{}\r\n0\r\n\r\n", "the Runtime API answers b'{}'")


@pytest.mark.parametrize("encoding", [b"", b"gzip", b"identity", b"gzip, chunked"])
def test_an_unknown_encoding_is_a_failure(encoding: bytes) -> None:
    broken(START + b"Transfer-Encoding: " + encoding + b"\r\n\r\n" + chunked(b"{}"), "the Runtime API answers b")


@pytest.mark.parametrize("deadline", [b"x", b"-1", b"1.5", b"1_0", b"9" * 9000])
def test_a_deadline_that_is_no_number_is_a_failure(deadline: bytes) -> None:
    with pytest.raises(Broken, match="the Runtime API answers b"):
        next_of(event(b"{}", b"Lambda-Runtime-Deadline-Ms: " + deadline))


@pytest.mark.parametrize("line", [b"", ID.replace(b"8476", b"")])
def test_an_event_without_an_id_is_a_failure(line: bytes) -> None:
    with pytest.raises(Broken, match="an event without an id"):
        next_of(event().replace(ID, line))


TOO_MUCH = {
    "length": START + b"Content-Length: %d\r\n\r\n{}" % (wire.MOST_BODY + 1),
    "huge length": START + b"Content-Length: " + b"9" * 18 + b"\r\n\r\n{}",
    "chunk": START + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n{}" % (wire.MOST_BODY + 1),
    "huge chunk": START + b"Transfer-Encoding: chunked\r\n\r\n" + b"f" * 18 + b"\r\n{}",
}


@pytest.mark.parametrize("name", TOO_MUCH)
def test_a_body_longer_than_any_event_is_not_waited_for(name: str) -> None:
    broken(TOO_MUCH[name], "bytes are too many")


def test_what_has_no_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "MOST_HEAD", 1000)
    monkeypatch.setattr(wire, "MOST_BODY", 1000)
    much = b"x" * 3000
    more = wire.READ * b"x"
    broken(START + much + more, "a head without an end")
    broken(START + b"\r\n" + much + more, "bytes are too many")
    chunks = START + b"Transfer-Encoding: chunked\r\n\r\n"
    broken(chunks + b"1" * 3000 + more, "a head without an end")
    broken(chunks + chunked(*[b"x" * 300] * 4), "1200 bytes are too many")


@settings(max_examples=300, deadline=None)
@given(
    st.binary(max_size=200),
    st.sampled_from([b"", b"HTTP/1.1 200 OK\r\n", START + b"Transfer-Encoding: chunked\r\n\r\n"]),
)
def test_any_bytes_at_all_are_an_event_or_a_failure(content: bytes, start: bytes) -> None:
    api = over(start + content)
    try:
        body, headers = api.next()
    except Broken:
        return
    assert type(body) is bytes
    assert headers["Lambda-Runtime-Aws-Request-Id"]
