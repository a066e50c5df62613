"""A server on raw TCP that answers as it is told, byte for byte, for tests of a client of the Runtime API."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Sequence

CLOSE, RESET = "close", "reset"
"""Ends of a connection: as usual, and as where the other process has died."""
Piece = bytes | str | Callable[[], object]
Request = tuple[int, bytes, bytes]
"""The connection's number, head, body."""

ID = b"Lambda-Runtime-Aws-Request-Id: 8476\r\n"
DONE = b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"


def event(body: bytes = b"{}", *more: bytes) -> bytes:
    """An answer to `next` with headers more than the usual ones."""
    lines = b"".join(line + b"\r\n" for line in more)
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n%b%bContent-Length: %d\r\n\r\n%b" % (
        ID,
        lines,
        len(body),
        body,
    )


def chunked(*chunks: bytes, trailers: bytes = b"", extension: bytes = b"") -> bytes:
    """A body in chunks."""
    written = [b"%x%b\r\n%b\r\n" % (len(chunk), extension, chunk) for chunk in chunks]
    return b"".join([*written, b"0", extension, b"\r\n", trailers, b"\r\n"])


class Scripted:
    """Answers its nth request with the nth of `answers`, the pieces of which are sent apart, called, or end it all."""

    def __init__(self, answers: Sequence[bytes | Sequence[Piece]], host: str = "127.0.0.1") -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, 0), family=family)
        self.port: int = self._listener.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        self.requests: list[Request] = []
        self._answers = iter(answers)
        self._connection: socket.socket | None = None
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def connections(self) -> list[int]:
        """The connection over which each request came."""
        return [number for number, _, _ in self.requests]

    def close(self) -> None:
        """End it, whatever it waits for."""
        for one in (self._listener, self._connection):
            with contextlib.suppress(OSError, AttributeError):
                one.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(10)
        assert not self._thread.is_alive()

    def _serve(self) -> None:
        number = 0
        with contextlib.suppress(OSError):  # the listener is closed
            while True:
                self._connection, _ = self._listener.accept()
                with self._connection as connection, contextlib.suppress(OSError):
                    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    self._talk(number, connection)
                number += 1

    def _talk(self, number: int, connection: socket.socket) -> None:
        while (request := self._request(connection)) is not None:
            self.requests.append((number, *request))
            answer = next(self._answers)
            pieces = [answer] if isinstance(answer, bytes) else answer
            for at, piece in enumerate(pieces):
                if piece == RESET:
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                if piece in (CLOSE, RESET):
                    return
                if isinstance(piece, bytes):
                    if at:
                        time.sleep(0.001)  # that the last one went out alone
                    connection.sendall(piece)
                else:
                    piece()

    @staticmethod
    def _request(connection: socket.socket) -> tuple[bytes, bytes] | None:
        got = b""
        while b"\r\n\r\n" not in got:
            if not (more := connection.recv(1 << 16)):
                return None
            got += more
        head, _, body = got.partition(b"\r\n\r\n")
        sizes = [line[15:] for line in head.split(b"\r\n") if line[:15].lower() == b"content-length:"]
        parts, missing = [body], int(sizes[0]) - len(body) if sizes else 0
        while missing:
            parts.append(connection.recv(min(missing, 1 << 20)))
            missing -= len(parts[-1])
        return head, b"".join(parts)


@contextlib.contextmanager
def scripted(*answers: bytes | Sequence[Piece], host: str = "127.0.0.1") -> Iterator[Scripted]:
    """A Scripted for the time of a `with`."""
    server = Scripted(answers, host)
    try:
        yield server
    finally:
        server.close()
