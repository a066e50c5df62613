"""The head of a request: what is read, what is refused, and that nothing else happens."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ranklet.local.http1.head import CHUNKED, parse_head
from ranklet.local.http1.message import HttpFault, Response


def head(*lines: str) -> bytes:
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"


def test_request_line_and_headers_are_read_in_their_order() -> None:
    read = parse_head(head("POST /a%20b?c=d HTTP/1.1", "Host: x", "X-One:  1 ", "x-one:2", "Content-Length: 3"))
    assert (read.method, read.target, read.version) == ("POST", "/a%20b?c=d", "HTTP/1.1")
    assert read.headers == (("Host", "x"), ("X-One", "1"), ("x-one", "2"), ("Content-Length", "3"))
    assert (read.length, read.keep_alive, read.expects) == (3, True, False)


@pytest.mark.parametrize(
    ("target", "read"),
    [
        ("http://front:8080/a?b=c", "/a?b=c"),
        ("https://front", "/"),
        ("http://front?b", "/?b"),
        ("/a#fragment", "/a"),
        ("/a://b", "/a://b"),
    ],
)
def test_target_becomes_a_path_with_its_query(target: str, read: str) -> None:
    assert parse_head(head(f"GET {target} HTTP/1.1", "Host: x")).target == read


@pytest.mark.parametrize(
    ("lines", "keep"),
    [
        (("GET / HTTP/1.1", "Host: x"), True),
        (("GET / HTTP/1.1", "Host: x", "Connection: Close"), False),
        (("GET / HTTP/1.1", "Host: x", "Connection: upgrade, close"), False),
        (("GET / HTTP/1.0",), False),
        (("GET / HTTP/1.0", "Connection: keep-alive"), True),
    ],
)
def test_connection_persists_by_version_and_header(lines: tuple[str, ...], keep: bool) -> None:
    assert parse_head(head(*lines)).keep_alive is keep


def test_chunked_body_has_no_length() -> None:
    assert parse_head(head("POST / HTTP/1.1", "Host: x", "Transfer-Encoding: Chunked")).length == CHUNKED


def test_only_http_1_1_clients_are_told_to_continue() -> None:
    assert parse_head(head("POST / HTTP/1.1", "Host: x", "Expect: 100-Continue")).expects
    assert not parse_head(head("POST / HTTP/1.0", "Expect: 100-continue")).expects


HOST = "Host: x"
REFUSED = [
    (400, "GET /", HOST),
    (400, "GET  / HTTP/1.1", HOST),
    (400, "GET / HTTP/1.1 ", HOST),
    (400, "GET /a b HTTP/1.1", HOST),
    (400, "G(T / HTTP/1.1", HOST),
    (400, "GET /é HTTP/1.1", HOST),
    (400, "GET / http/1.1", HOST),
    (400, "OPTIONS * HTTP/1.1", HOST),
    (400, "CONNECT front:80 HTTP/1.1", HOST),
    (505, "GET / HTTP/2.0", HOST),
    (505, "PRI / HTTP/3.0", HOST),
    (400, "GET / HTTP/1.1"),
    (400, "GET / HTTP/1.1", HOST, "host: y"),
    (400, "GET / HTTP/1.1", HOST, "No-Colon"),
    (400, "GET / HTTP/1.1", HOST, "Blank : before"),
    (400, "GET / HTTP/1.1", HOST, ": nameless"),
    (400, "GET / HTTP/1.1", HOST, "X: a", " folded"),
    (400, "GET / HTTP/1.1", HOST, "X: a\nY: b"),
    (400, "GET / HTTP/1.1", HOST, "X: a\rY: b"),
    (400, "GET / HTTP/1.1", HOST, "X: a\0b"),
    (400, "POST / HTTP/1.1", HOST, "Content-Length: 1", "Content-Length: 1"),
    (400, "POST / HTTP/1.1", HOST, "Content-Length: 1, 1"),
    (400, "POST / HTTP/1.1", HOST, "Content-Length: +1"),
    (400, "POST / HTTP/1.1", HOST, "Content-Length: -1"),
    (400, "POST / HTTP/1.1", HOST, "Content-Length: 0x1"),
    (400, "POST / HTTP/1.1", HOST, "Content-Length: ²"),
    (400, "POST / HTTP/1.1", HOST, "Content-Length:"),
    (400, "POST / HTTP/1.1", HOST, "Content-Length: 9999999999999999999"),
    (400, "POST / HTTP/1.1", HOST, "Content-Length: 1", "Transfer-Encoding: chunked"),
    (400, "POST / HTTP/1.1", HOST, "Transfer-Encoding: chunked", "Transfer-Encoding: chunked"),
    (400, "POST / HTTP/1.0", "Transfer-Encoding: chunked"),
    (501, "POST / HTTP/1.1", HOST, "Transfer-Encoding: gzip, chunked"),
    (501, "POST / HTTP/1.1", HOST, "Transfer-Encoding: xchunked"),
    (501, "POST / HTTP/1.1", HOST, "Transfer-Encoding: identity"),
    (417, "POST / HTTP/1.1", HOST, "Expect: the unexpected"),
    (431, "GET / HTTP/1.1", HOST, *(f"X-{number}: 1" for number in range(200))),
]


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: " ".join(case[1:3]).encode("unicode_escape").decode()[:60])
def test_what_two_readers_could_take_differently_is_refused(case: tuple[int, *tuple[str, ...]]) -> None:
    status, *lines = case
    with pytest.raises(HttpFault) as refused:
        parse_head(head(*lines))
    assert refused.value.status == status


@settings(deadline=None)
@given(
    st.binary(max_size=300)
    | st.lists(
        st.sampled_from(
            [
                b"GET / HTTP/1.1",
                b"\r\n",
                b"\n",
                b"Host: x",
                b":",
                b" ",
                b"Content-Length: 5",
                b"Transfer-Encoding: chunked",
                b"\x00",
                b"\xff",
            ]
        )
    ).map(b"".join)
)
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    try:
        read = parse_head(raw + b"\r\n\r\n")
    except HttpFault as fault:
        assert 400 <= fault.status <= 505
    else:
        assert read.target.startswith("/")
        assert read.length >= CHUNKED


def test_response_carries_length_even_where_it_carries_no_body() -> None:
    encoded = Response(200, (("X", "y"),), b"body").encode(without_body=True, close=True)
    assert encoded.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"\r\nContent-Length: 4\r\n" in encoded
    assert b"\r\nConnection: close\r\n" in encoded
    assert encoded.endswith(b"\r\n\r\n")


def test_response_without_content_carries_neither_length_nor_body() -> None:
    encoded = Response(204, body=b"body").encode(without_body=False, close=False)
    assert b"Content-Length" not in encoded
    assert encoded.endswith(b"\r\n\r\n")
