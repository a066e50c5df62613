"""Connections: keep-alive, time limits, and an end that leaves nothing behind.

One task per connection answers one request after the other. The application is a coroutine `Request → Response`;
what it cannot be asked (a malformed head, a body too long, a client too slow) becomes an HttpFault, and `fault` gives
that its shape. The address is always 127.0.0.1: this is one machine's cloud.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from ranklet.local.http1.body import read_body, refuse_above
from ranklet.local.http1.head import Head, parse_head
from ranklet.local.http1.listening import serve, stop_accepting, turns
from ranklet.local.http1.message import HttpFault, Request, Response

HOST: Final = "127.0.0.1"
LOG = logging.getLogger(__name__)
MAX_REQUESTS: Final = 1_000_000
LINGER_BYTES: Final = 64 * 1024 * 1024
LINGER_S: Final = 2.0

Application = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True)
class Limits:
    """Bytes and seconds that one client may take.

    idle_s: between two requests. head_s: from a head's first byte to its last. body_s, write_s: for a whole body.
    """

    head_bytes: int = 65_536
    body_bytes: int = 10 * 1024 * 1024
    idle_s: float = 75.0
    head_s: float = 10.0
    body_s: float = 30.0
    write_s: float = 30.0


def plain_fault(fault: HttpFault) -> Response:
    """The answer to a fault where nobody asked for another shape."""
    return Response(fault.status, (("Content-Type", "text/plain"),), fault.message.encode())


class Server:
    """A listener on 127.0.0.1; `port` is known after `start`."""

    def __init__(
        self,
        application: Application,
        *,
        limits: Limits | None = None,
        fault: Callable[[HttpFault], Response] = plain_fault,
    ) -> None:
        self._application, self._limits, self._fault = application, limits or Limits(), fault
        self._listener: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._answering: set[asyncio.Task[None]] = set()
        self._closing = False
        self.port = 0

    async def start(self, port: int = 0) -> int:
        """Listen on a port of 127.0.0.1 (0: any free one) and tell it. Raises OSError when it is taken."""
        self._listener = await asyncio.start_server(self._accept, HOST, port, limit=self._limits.head_bytes)
        self.port = int(self._listener.sockets[0].getsockname()[1])
        return self.port

    async def close(self, grace_s: float = 5.0) -> None:
        """Refuse new connections, let running answers end for `grace_s`, then cut what is left."""
        self._closing = True
        if self._listener is not None:
            await stop_accepting(self._listener)
            self._listener.close()
        for idle in self._connections - self._answering:
            idle.cancel()
        if self._answering:
            await asyncio.wait(set(self._answering), timeout=grace_s)
        for late in self._connections:
            late.cancel()
        if self._connections:
            await asyncio.wait(set(self._connections), timeout=LINGER_S)
        await turns()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serve(self._serve(reader, writer), writer, self._connections)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            for _ in range(MAX_REQUESTS):
                if self._closing or not await self._one(reader, writer):
                    return
        except HttpFault as fault:
            with contextlib.suppress(OSError, TimeoutError):
                await self._refuse(reader, writer, fault)
        except (OSError, EOFError, TimeoutError):
            # The client hung up, or stopped reading: nobody is left to be told.
            writer.transport.abort()
        finally:
            writer.close()
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(LINGER_S):
                    await writer.wait_closed()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Read one request and answer it; False when the connection is to end."""
        raw = await self._read_head(reader)
        if raw is None:
            return False
        head = parse_head(raw)
        request = await self._read_rest(reader, writer, head, size=len(raw))
        task = asyncio.current_task()
        assert task is not None
        self._answering.add(task)
        try:
            response = await self._answer(request)
            close = not head.keep_alive or self._closing
            await self._write(writer, response.encode(without_body=head.method == "HEAD", close=close))
        finally:
            self._answering.discard(task)
        return not close

    async def _read_head(self, reader: asyncio.StreamReader) -> bytes | None:
        """The next head, None when the client is done with the connection. Raises HttpFault 408 or 431."""
        try:
            async with asyncio.timeout(self._limits.idle_s):
                first = await reader.read(1)
        except TimeoutError:
            return None
        if not first:
            return None
        try:
            async with asyncio.timeout(self._limits.head_s):
                return first + await reader.readuntil(b"\r\n\r\n")
        except TimeoutError as error:
            raise HttpFault(408, "the head of the request took too long") from error
        except asyncio.LimitOverrunError as error:
            raise HttpFault(431, f"request line and headers may have {self._limits.head_bytes} bytes") from error

    async def _read_rest(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: Head, *, size: int
    ) -> Request:
        refuse_above(head.length, self._limits.body_bytes)
        if head.expects and head.length:
            await self._write(writer, b"HTTP/1.1 100 Continue\r\n\r\n")
        try:
            async with asyncio.timeout(self._limits.body_s):
                body = await read_body(reader, head.length, limit=self._limits.body_bytes)
        except TimeoutError as error:
            raise HttpFault(408, "the body of the request took too long") from error
        peer = writer.get_extra_info("peername")
        address = str(peer[0]) if peer else HOST
        return Request(head.method, head.target, head.version, head.headers, body, address, size)

    async def _answer(self, request: Request) -> Response:
        try:
            return await self._application(request)
        except HttpFault as fault:
            return self._fault(fault)
        except Exception:
            # The outermost frame of a request, as a Lambda handler is: a defect is logged and answered, and must
            # not take the other connections along.
            LOG.exception("%s %s failed", request.method, request.target)
            return self._fault(HttpFault(500, "internal error"))

    async def _write(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        writer.write(data)
        async with asyncio.timeout(self._limits.write_s):
            await writer.drain()

    async def _refuse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, fault: HttpFault) -> None:
        """Answer a fault and read on for a while: closing over unread bytes would reset the answer away."""
        await self._write(writer, self._fault(fault).encode(without_body=False, close=True))
        if writer.can_write_eof():
            writer.write_eof()
        async with asyncio.timeout(LINGER_S):
            for _ in range(LINGER_BYTES // 65_536):
                if not await reader.read(65_536):
                    return
