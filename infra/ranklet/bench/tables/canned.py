"""Canned transport: sockets that answer from memory, so that a read is nothing but the client's own work.

boto3 and our client are given sockets of one class. A request that is sent the first time is passed on to the wire
server; from then on its body is answered with the very bytes that came back: the same HTTP bytes for both, without the
system calls, the wake-ups and the idle processor of a real connection, which weigh on a short read more than on a long
one.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch
from urllib.parse import urlsplit

END = b"\r\n\r\n"
CHUNK = 1 << 16


class Tape:
    """Answers by the body of their request, recorded from one endpoint."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._address = (str(parts.hostname), parts.port)
        self._answers: dict[bytes, bytes] = {}

    def answer(self, request: bytes) -> bytes:
        """The whole HTTP answer to a whole HTTP request."""
        body = request[request.index(END) :]
        if body not in self._answers:
            self._answers[body] = self._ask(request)
        return self._answers[body]

    def _ask(self, request: bytes) -> bytes:
        with socket.create_connection(self._address) as real:
            real.sendall(request)
            answer = real.recv(CHUNK)
            while END not in answer or not _is_whole(answer):
                answer += real.recv(CHUNK)
        return answer


class CannedSocket(socket.socket):
    """Connected to nothing, but a socket to whoever polls it: there is never anything unasked to be read."""

    def __init__(self, tape: Tape) -> None:
        ours, self._peer = socket.socketpair()
        super().__init__(ours.family, ours.type, ours.proto, ours.detach())
        self._tape = tape
        self._sent = b""
        self._left = memoryview(b"")

    def sendall(self, data: Any, flags: int = 0, /) -> None:
        """Take a request, or a part of it."""
        self._sent += data

    def recv_into(self, buffer: Any, nbytes: int = 0, flags: int = 0, /) -> int:
        """Give the answer, or what is left of it, as far as it fits."""
        if not self._left:
            self._left, self._sent = memoryview(self._tape.answer(self._sent)), b""
        size = min(len(buffer), len(self._left))
        buffer[:size] = self._left[:size]
        self._left = self._left[size:]
        return size

    def close(self) -> None:
        """Close both ends."""
        self._peer.close()
        super().close()


@contextmanager
def connecting(tape: Tape) -> Iterator[None]:
    """Connections that are opened meanwhile, by our client or by botocore, are to the tape."""
    with (
        patch("ranklet_features.stores.aws.connection._connected", lambda endpoint, deadline: CannedSocket(tape)),
        patch("urllib3.connection.HTTPConnection._new_conn", lambda connection: CannedSocket(tape)),
    ):
        yield


def _is_whole(answer: bytes) -> bool:
    head, _, body = answer.partition(END)
    length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
    return len(body) >= int(length)
