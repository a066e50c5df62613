"""One connection: requests in, replies out, and the faults that only show on the wire."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import struct
import uuid
import zlib
from collections.abc import Callable
from email.utils import formatdate
from typing import Final

import orjson

from ranklet.local.dynamodb.errors import Refused
from ranklet.local.dynamodb.faults import Dice
from ranklet.local.http1.body import read_body
from ranklet.local.http1.head import Head, parse_head
from ranklet.local.http1.listening import serve, stop_accepting, turns
from ranklet.local.http1.message import HttpFault, reason

HEAD_BYTES: Final = 65_536
BODY_BYTES: Final = 20 << 20
"""25 items of 400 KB in base64 fit; DynamoDB's own limit is 16 MB."""

IDLE_S: Final = 75.0
READ_S: Final = 30.0
CLOSE_S: Final = 5.0
SILENCE_S: Final = 600.0
DRIPS: Final = 20
LOG = logging.getLogger(__name__)

Application = Callable[[Head, bytes], bytes]
"""The JSON answer to a request; raises Refused."""


class Wire:
    """Serves connections. `dice` is asked anew for each request, so that faults can change at run time."""

    def __init__(self, application: Application, dice: Callable[[], Dice], now: Callable[[], float]) -> None:
        self._application, self._dice, self._now = application, dice, now
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve a new connection in a task of its own."""
        if self._closed:
            writer.transport.abort()
            return
        serve(self._serve(reader, writer), writer, self._tasks)

    async def close(self, listener: asyncio.Server | None) -> None:
        """Stop listening and cut every connection."""
        self._closed = True
        if listener is not None:
            await stop_accepting(listener)
        if running := set(self._tasks):
            for task in running:
                task.cancel()
            await asyncio.wait(running, timeout=CLOSE_S)
        if listener is not None:
            listener.close()
        await turns()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # The client hung up, or is not an HTTP client: nobody is left to be told.
        try:
            with contextlib.suppress(OSError, EOFError, TimeoutError, HttpFault, asyncio.LimitOverrunError):
                while await self._one(reader, writer):
                    pass
        finally:
            # What is not sent by now is not meant to be.
            writer.transport.abort()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One request and its answer; False when the connection is to end."""
        async with asyncio.timeout(IDLE_S):
            head = parse_head(await reader.readuntil(b"\r\n\r\n"))
        if head.expects:
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        async with asyncio.timeout(READ_S):
            body = await read_body(reader, head.length, limit=BODY_BYTES)
        dice = self._dice()
        if latency := dice.latency():
            await asyncio.sleep(latency)
        return await self._answer(writer, self._reply(head, body), dice) and head.keep_alive

    def _reply(self, head: Head, body: bytes) -> tuple[int, bytes]:
        try:
            return 200, self._application(head, body)
        except Refused as error:
            refusal = error
        except Exception:
            # The outermost frame of a request: a defect here is logged and answered, and the server lives on.
            LOG.exception("%s %s failed", head.method, head.target)
            refusal = Refused("InternalServerError", "a defect of the local server; see its log", status=500)
        return refusal.status, orjson.dumps(refusal.document())

    async def _answer(self, writer: asyncio.StreamWriter, reply: tuple[int, bytes], dice: Dice) -> bool:
        """Send a reply with the faults that the dice give; False when the connection is to end."""
        faults, (status, body) = dice.faults, reply
        if dice.hit(faults.reset):
            _reset(writer)
            return False
        if dice.hit(faults.silent):
            await asyncio.sleep(SILENCE_S)
            return False
        checksum, whole, length = zlib.crc32(body), True, len(body)
        if dice.hit(faults.damage):
            body = dice.damaged(body)
        if dice.hit(faults.truncate):
            whole, body = False, body[: dice.random.randrange(len(body))]
            # Either the peer sees that bytes are missing, or a proxy has hidden it and only the checksum tells.
            length = dice.random.choice((length, len(body)))
        data = self._head(status, length, checksum, keep=whole) + body
        if dice.hit(faults.slow):
            await _slowly(writer, data, faults.slow_s, drip=dice.random.random() < 0.5)
        else:
            writer.write(data)
        async with asyncio.timeout(READ_S):
            await writer.drain()
        if not whole:
            # A graceful end: the client is to see the shortened answer, not a reset.
            writer.close()
            await writer.wait_closed()
        return whole

    def _head(self, status: int, length: int, checksum: int, *, keep: bool) -> bytes:
        now = self._now()
        return (
            f"HTTP/1.1 {status} {reason(status)}\r\nServer: ranklet\r\nDate: {formatdate(now, usegmt=True)}\r\n"
            f"Content-Type: application/x-amz-json-1.0\r\nContent-Length: {length}\r\n"
            f"Connection: {'keep-alive' if keep else 'close'}\r\nx-amzn-RequestId: {uuid.uuid4()}\r\n"
            f"x-amz-crc32: {checksum}\r\n\r\n"
        ).encode("ascii")


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close with RST, as a balancer does that has lost its target: linger time zero."""
    raw: socket.socket = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def _slowly(writer: asyncio.StreamWriter, data: bytes, seconds: float, *, drip: bool) -> None:
    """Send after `seconds`, or in pieces over that time."""
    if not drip:
        await asyncio.sleep(seconds)
        writer.write(data)
        return
    size = max(1, -(-len(data) // DRIPS))
    for start in range(0, len(data), size):
        writer.write(data[start : start + size])
        await asyncio.sleep(seconds / DRIPS)
