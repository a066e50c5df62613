"""HTTP/1.1 as a load generator speaks it: connections kept alive, one request at a time on each, TLS.

httpx takes half a millisecond of CPU for a request, as long as many a function does for its answer; a generator that is
busy measures itself. This one writes a request's bytes in one piece and reads an answer by its length. It knows no
redirects, cookies, proxies or HTTP/2, which no gateway in front of a model asks for.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

from ranklet.errors import LoadError

HEAD = 65_536
BODY = 64 * 1024 * 1024
"""Bytes of a head, and of an answer: ten times of what Lambda answers."""


class Answer(NamedTuple):
    """Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Garbled(Exception):
    """What came is no HTTP answer."""


class Target:
    """Where requests go. path: what stands before every request's own."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        try:
            port = parts.port
        except ValueError as error:
            raise LoadError(f"{url!r}: {error}") from error
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise LoadError(f"--url is http(s)://<host>[:<port>][/<stage>], without the model's path, not {url!r}")
        self.scheme, self.host, self.path = parts.scheme, parts.hostname, parts.path.rstrip("/")
        self.port = port or (443 if parts.scheme == "https" else 80)
        self.netloc = parts.netloc.rpartition("@")[2]
        self.tls = ssl.create_default_context() if parts.scheme == "https" else None


def written(target: Target, path: str, headers: Mapping[str, str], body: bytes) -> bytes:
    """A POST request's bytes."""
    given = {"host": target.netloc, "content-length": str(len(body)), **headers}
    lines = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in given.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body


class Wire:
    """At most `most` connections to a target; those that are free wait for the next request, the last one used first.

    opened: how many were opened so far. waited: requests that had to wait until one was free.
    """

    def __init__(self, target: Target, *, most: int) -> None:
        self._target = target
        self._free: list[_Connection] = []
        self._room = asyncio.Semaphore(most)
        self.opened = self.waited = 0

    async def exchange(self, request: bytes) -> Answer:
        """The answer to a request's bytes. Raises OSError, EOFError or Garbled where there is none."""
        self.waited += self._room.locked()
        async with self._room:
            while self._free:
                connection = self._free.pop()
                # The server may have closed it while it was idle; then nobody has seen the request, and another
                # connection takes it.
                with contextlib.suppress(_Stale):
                    return await self._on(connection, request)
            return await self._on(await self._open(), request)

    def close(self) -> None:
        """Drop all free connections."""
        for connection in self._free:
            connection.close()
        self._free.clear()

    async def _open(self) -> _Connection:
        self.opened += 1
        target = self._target
        return _Connection(*await asyncio.open_connection(target.host, target.port, ssl=target.tls, limit=HEAD))

    async def _on(self, connection: _Connection, request: bytes) -> Answer:
        try:
            answer, keep = await connection.exchange(request)
        except BaseException:
            connection.close()
            raise
        if keep:
            self._free.append(connection)
        else:
            connection.close()
        return answer


class _Stale(Exception):
    """A connection was closed before a byte of the answer came, after it had served others."""


class _Connection:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer, self._used = reader, writer, False

    def close(self) -> None:
        self._writer.transport.abort()

    async def exchange(self, request: bytes) -> tuple[Answer, bool]:
        """The answer, and whether the connection may be used again."""
        used, self._used = self._used, True
        try:
            self._writer.write(request)
            await self._writer.drain()
            head = await self._reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError as error:
            if used and not error.partial:
                raise _Stale from error
            raise
        except ConnectionError as error:
            if used:
                raise _Stale from error
            raise
        except asyncio.LimitOverrunError as error:
            raise Garbled("a head without end") from error
        status, headers = _parsed(head)
        body, whole = await self._body(status, headers)
        return Answer(status, headers, body), whole and headers.get("connection", "").lower() != "close"

    async def _body(self, status: int, headers: Mapping[str, str]) -> tuple[bytes, bool]:
        """The body, and whether its end was known before the connection's."""
        if status in (204, 304):
            return b"", True
        if headers.get("transfer-encoding", "").lower() == "chunked":
            return await self._chunks(), True
        length = headers.get("content-length")
        if length is None:
            return await self._reader.read(BODY), False
        if not length.isdecimal() or int(length) > BODY:
            raise Garbled(f"Content-Length: {length}")
        return await self._reader.readexactly(int(length)), True

    async def _chunks(self) -> bytes:
        body = bytearray()
        while True:
            line = await self._reader.readuntil(b"\r\n")
            try:
                size = int(line.partition(b";")[0], 16)
            except ValueError as error:
                raise Garbled("a chunk without a size") from error
            if size == 0:
                while await self._reader.readuntil(b"\r\n") != b"\r\n":
                    pass
                return bytes(body)
            if size < 0 or len(body) + size > BODY:
                raise Garbled("a body above 64 MB")
            body += (await self._reader.readexactly(size + 2))[:-2]


def _parsed(head: bytes) -> tuple[int, dict[str, str]]:
    line, *fields = head[:-4].decode("latin-1").split("\r\n")
    version, _, rest = line.partition(" ")
    if not version.startswith("HTTP/1.") or not rest[:3].isdecimal():
        raise Garbled(f"no HTTP/1.1: {line[:80]!r}")
    pairs = (field.partition(":") for field in fields)
    return int(rest[:3]), {name.strip().lower(): value.strip() for name, _, value in pairs}
