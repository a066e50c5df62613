"""Clients of the Runtime API for tests of `ranklet_runtime.wire`: over TCP and over memory; answers however framed."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from scripted_kit import ID, Scripted, chunked, event

from ranklet_runtime.wire import Broken, RuntimeApi

AGENT = "aws-lambda-python/3.13.0-4.2.2"
START = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n" + ID
BIG = bytes(range(256)) * (6 * 4096)
"""6 MB."""


@pytest.fixture(autouse=True)
def never_hangs() -> Iterator[None]:
    """A read that waits for what never comes fails its test; a client's reads are interrupted by signals."""

    def late(*_: object) -> None:
        raise AssertionError("it hangs")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(50)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture(name="opened")
def clients() -> Iterator[Callable[[str | Scripted], RuntimeApi]]:
    """Makes clients, whose sockets are closed at the end."""
    made: list[RuntimeApi] = []

    def make(place: str | Scripted) -> RuntimeApi:
        made.append(RuntimeApi(place if isinstance(place, str) else place.address, AGENT, None))
        return made[-1]

    yield make
    for api in made:
        api._close()


Opened = Callable[["str | Scripted"], RuntimeApi]


class Pieces:
    """A connection in memory, from which one read gives one piece; then the other side has closed."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = [piece for piece in pieces if piece]
        self.sent = b""
        self.closed = False

    def sendall(self, data: bytes) -> None:
        self.sent += data

    def recv(self, most: int) -> bytes:
        piece = self._pieces.pop(0) if self._pieces else b""
        if len(piece) > most:
            self._pieces.insert(0, piece[most:])
        return piece[:most]

    def recv_into(self, view: memoryview) -> int:
        piece = self.recv(len(view))
        view[: len(piece)] = piece
        return len(piece)

    def close(self) -> None:
        self.closed = True


def over(*pieces: bytes) -> RuntimeApi:
    """A client whose new connections are Pieces."""
    api = RuntimeApi("memory:1", AGENT, None)

    def connected() -> Pieces:
        api._socket = Pieces(*pieces)  # type: ignore[assignment]
        return api._socket

    api._connected = connected  # type: ignore[method-assign]
    return api


def next_of(answer: bytes) -> tuple[bytes, dict[str, Any]]:
    """What an answer to `next` gives."""
    return over(answer).next()


WHOLE = {
    "length": event(b'{"a": [1, 2]}', b"X: y"),
    "empty": event(b""),
    "one chunk": START + b"Transfer-Encoding: chunked\r\n\r\n" + chunked(b'{"a": [1, 2]}'),
    "chunks": START + b"Transfer-Encoding: Chunked\r\n\r\n" + chunked(b'{"a"', b": [1", b", 2]}"),
    "no chunk": START + b"Transfer-Encoding: chunked\r\n\r\n" + chunked(),
    "extensions": START + b"Transfer-Encoding: chunked\r\n\r\n" + chunked(b'{"a"', b": 1}", extension=b' ; a="b;c"'),
    "trailers": START + b"Transfer-Encoding: chunked\r\n\r\n" + chunked(b"{", b"}", trailers=b"A: b\r\nC: d\r\n"),
    "written otherwise": START + b"transfer-encoding:chunked\r\n\r\n" + b"00A\r\n0123456789\r\n00\r\n\r\n",
    "both": START + b"Content-Length: 99\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(b"{}"),
    "continue": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nA: b\r\n\r\n" + event(),
    "no reason": event().replace(b"200 OK", b"200"),
    "no content": event().replace(b"200 OK", b"204 No Content").partition(b"Content-Length")[0] + b"\r\n",
    "close": event(b"{}", b"Connection: close"),
    "1.0": event(b"{}", b"Connection: keep-alive").replace(b"HTTP/1.1", b"HTTP/1.0"),
}
"""Answers that say where they end."""
BODIES = {
    "length": b'{"a": [1, 2]}',
    "empty": b"",
    "one chunk": b'{"a": [1, 2]}',
    "chunks": b'{"a": [1, 2]}',
    "no chunk": b"",
    "extensions": b'{"a": 1}',
    "written otherwise": b"0123456789",
    "no content": b"",
}
CLOSING = ("close", "1.0")
UNENDED = START + b"\r\n" + b'{"a": 1}'


def broken(answer: bytes, message: str) -> None:
    """An answer is refused, and its connection closed."""
    api = over(answer)
    connection = api._connected()
    api._connected = lambda: pytest.fail("connects again")  # type: ignore[method-assign]
    with pytest.raises(Broken, match=message):
        api.next()
    assert api._socket is None
    assert connection.closed
