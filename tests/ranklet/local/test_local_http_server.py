"""Connections over real sockets: keep-alive, limits, slow and hostile clients, and the end."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import random
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from ranklet.local.http1.message import Request, Response
from ranklet.local.http1.server import Limits, Server

LIMITS = Limits(head_bytes=4096, body_bytes=1_000_000, idle_s=5.0, head_s=0.5, body_s=1.5, write_s=2.0)


async def describe(request: Request) -> Response:
    """Tells what arrived; `/fail` is a defect of the application, `/wait` takes a while."""
    if request.target == "/fail":
        raise RuntimeError("a defect")
    if request.target == "/wait":
        await asyncio.sleep(0.3)
    text = f"{request.method} {request.target} {len(request.body)} {sum(request.body)}"
    return Response(200, (("Content-Type", "text/plain"),), text.encode())


@contextmanager
def serving(limits: Limits = LIMITS) -> Iterator[int]:
    """A server in a thread; the port."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def run(work: object) -> int:
        return asyncio.run_coroutine_threadsafe(work, loop).result(20)  # type: ignore[arg-type]

    server = Server(describe, limits=limits)
    try:
        yield run(server.start())
        run(server.close(grace_s=1.0))
        assert not server._connections
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


@pytest.fixture
def port() -> Iterator[int]:
    with serving() as number:
        yield number


@contextmanager
def connected(port: int) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as sock:
        yield sock


def exchange(port: int, raw: bytes) -> bytes:
    """Send bytes, tell that no more come, read to the end."""
    with connected(port) as sock:
        with contextlib.suppress(OSError):  # refused before all was sent
            sock.sendall(raw)
            sock.shutdown(socket.SHUT_WR)
        return read_all(sock)


def read_all(sock: socket.socket) -> bytes:
    received = b""
    with contextlib.suppress(ConnectionResetError):
        while data := sock.recv(65_536):
            received += data
    return received


def body_of(raw: bytes) -> bytes:
    return raw.partition(b"\r\n\r\n")[2]


def test_one_connection_serves_many_requests(port: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    sockets = set()
    for number in range(20):
        connection.request("POST", f"/{number}", body=b"\x01" * number)
        answer = connection.getresponse()
        sockets.add(connection.sock)
        assert answer.read() == f"POST /{number} {number} {number}".encode()
    assert len(sockets) == 1
    connection.close()


def test_pipelined_requests_are_answered_in_their_order(port: int) -> None:
    raw = exchange(port, b"".join(b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n" % number for number in range(5)))
    assert [raw.count(b"GET /%d 0 0" % number) for number in range(5)] == [1] * 5
    assert raw.index(b"GET /0 ") < raw.index(b"GET /4 ")


def test_chunked_body_is_put_together(port: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request(
        "POST",
        "/",
        body=iter([b"\x01" * 10, b"\x01" * 70_000]),
        encode_chunked=True,
        headers={"Transfer-Encoding": "chunked"},
    )
    assert connection.getresponse().read() == b"POST / 70010 70010"
    connection.request("GET", "/next")
    assert connection.getresponse().read() == b"GET /next 0 0"
    connection.close()


def test_chunk_extensions_and_trailers_are_skipped(port: int) -> None:
    head = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert body_of(exchange(port, head + b"2;a=b\r\n\x01\x01\r\n0\r\nTrailer: x\r\n\r\n")) == b"POST / 2 2"


@pytest.mark.parametrize(
    "chunks", [b"x\r\n", b"-1\r\n", b"2\r\nabc\r\n0\r\n\r\n", b"\r\n", b"1" * 2000 + b"\r\n", b"0" * 20 + b"\r\n"]
)
def test_malformed_chunks_are_refused_and_the_connection_ends(port: int, chunks: bytes) -> None:
    raw = exchange(port, b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks)
    assert raw.startswith(b"HTTP/1.1 400 ")
    assert b"Connection: close" in raw


def test_smuggled_request_is_never_answered(port: int) -> None:
    raw = exchange(
        port,
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n",
    )
    assert raw.startswith(b"HTTP/1.1 400 ")
    assert b"smuggled" not in raw


def test_client_that_asks_is_told_to_continue(port: int) -> None:
    with connected(port) as sock:
        sock.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
        assert sock.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        sock.sendall(b"\x01\x01")
        assert body_of(sock.recv(1000)) == b"POST / 2 2"


def test_client_that_asks_with_too_long_a_body_is_refused_before_it_sends(port: int) -> None:
    with connected(port) as sock:
        sock.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000001\r\nExpect: 100-continue\r\n\r\n")
        assert sock.recv(1000).startswith(b"HTTP/1.1 413 ")


def test_too_long_a_body_is_refused_and_the_answer_arrives(port: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request("POST", "/", body=b"x" * 1_000_001)
    assert connection.getresponse().status == 413
    connection.close()
    chunked = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nF4241\r\n"
    assert exchange(port, chunked + b"x" * 1_000_001).startswith(b"HTTP/1.1 413 ")


def test_body_of_the_limit_is_taken(port: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request("POST", "/", body=b"\x01" * 1_000_000)
    assert connection.getresponse().read() == b"POST / 1000000 1000000"
    connection.close()


def test_too_long_a_head_is_refused(port: int) -> None:
    assert exchange(port, b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 5000 + b"\r\n\r\n").startswith(b"HTTP/1.1 431 ")
    assert exchange(port, b"x" * 5000).startswith(b"HTTP/1.1 431 ")


@pytest.mark.parametrize(
    "start",
    [b"GET / HT", b"GET / HTTP/1.1\r\nHost: x\r\n", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nab"],
)
def test_slow_client_is_told_and_let_go(port: int, start: bytes) -> None:
    with connected(port) as sock:
        sock.sendall(start)
        assert read_all(sock).startswith(b"HTTP/1.1 408 ")


def test_idle_connection_is_closed_without_a_word() -> None:
    with serving(Limits(idle_s=0.2)) as port, connected(port) as sock:
        assert read_all(sock) == b""


def test_head_request_gets_length_and_no_body(port: int) -> None:
    raw = exchange(port, b"HEAD /a HTTP/1.1\r\nHost: x\r\n\r\n")
    assert b"Content-Length: 11\r\n" in raw
    assert body_of(raw) == b""


def test_blank_line_before_a_request_is_skipped(port: int) -> None:
    assert body_of(exchange(port, b"\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n")) == b"GET / 0 0"


def test_http_1_0_client_gets_an_answer_and_the_end(port: int) -> None:
    raw = exchange(port, b"GET / HTTP/1.0\r\n\r\n")
    assert raw.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"Connection: close" in raw


def test_defect_of_the_application_is_a_500_without_details(port: int) -> None:
    raw = exchange(port, b"GET /fail HTTP/1.1\r\nHost: x\r\n\r\nGET /after HTTP/1.1\r\nHost: x\r\n\r\n")
    assert raw.startswith(b"HTTP/1.1 500 ")
    assert b"a defect" not in raw
    assert b"GET /after" in raw


def test_client_that_hangs_up_harms_nobody(port: int) -> None:
    for raw in (
        b"",
        b"GET",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nab",
        b"GET /wait HTTP/1.1\r\nHost: x\r\n\r\n",
    ):
        with connected(port) as sock:
            sock.sendall(raw)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    assert body_of(exchange(port, b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n")) == b"GET /a 0 0"


def test_request_that_runs_is_answered_while_the_server_closes() -> None:
    with serving() as port:
        sock = socket.create_connection(("127.0.0.1", port), timeout=5)
        sock.sendall(b"GET /wait HTTP/1.1\r\nHost: x\r\n\r\n")
        threading.Event().wait(0.1)
    with sock:
        answer = read_all(sock)
    assert body_of(answer) == b"GET /wait 0 0"
    assert b"Connection: close" in answer


def test_only_this_machine_is_listened_to(port: int) -> None:
    addresses = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)}
    for address in addresses - {"127.0.0.1", "127.0.1.1"}:
        with pytest.raises(OSError):
            socket.create_connection((str(address), port), timeout=1)
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.2", port), timeout=1)


PIECES = [
    b"GET / HTTP/1.1\r\n", b"POST /x HTTP/1.1\r\n", b"Host: x\r\n", b"\r\n", b"\n", b"\r", b"Content-Length: 3\r\n",
    b"Content-Length: 99999999\r\n", b"Transfer-Encoding: chunked\r\n", b"Expect: 100-continue\r\n", b"3\r\nabc\r\n",
    b"0\r\n\r\n", b"abc", b"\x00\xff\x80", b"HTTP/1.1 200 OK\r\n", b"Connection: close\r\n", b": \r\n", b" ",
    b"x" * 5000,
]  # fmt: skip


def test_random_streams_neither_hang_nor_break_the_server(port: int) -> None:
    chance = random.Random(7)
    for _ in range(150):
        pieces = [
            chance.choice(PIECES) if chance.random() < 0.8 else chance.randbytes(chance.randrange(40))
            for _ in range(chance.randrange(1, 12))
        ]
        received = exchange(port, b"".join(pieces))
        assert received == b"" or received.startswith(b"HTTP/1.1 "), pieces
    assert body_of(exchange(port, b"GET /alive HTTP/1.1\r\nHost: x\r\n\r\n")) == b"GET /alive 0 0"
