"""The body of a request: a counted one, or one in chunks (RFC 9112, section 7.1)."""

from __future__ import annotations

import asyncio
import re
from typing import Final

from ranklet.local.http1.head import CHUNKED
from ranklet.local.http1.message import HttpFault

CHUNK_LINE: Final = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[\t\x20-\x7e\x80-\xff]*)?\r\n")
MAX_LINE: Final = 1024
MAX_TRAILERS: Final = 32
MAX_CHUNKS: Final = 1_000_000


async def read_body(reader: asyncio.StreamReader, length: int, *, limit: int) -> bytes:
    """Read a body of `length` bytes, or in chunks when that is CHUNKED; at most `limit` bytes.

    Raises HttpFault (400 malformed, 413 too long); asyncio.IncompleteReadError when the client hangs up.
    """
    if length == CHUNKED:
        return await _chunks(reader, limit)
    refuse_above(length, limit)
    return await reader.readexactly(length) if length else b""


def refuse_above(length: int, limit: int) -> None:
    """Raise HttpFault 413 for a body above the limit; to be asked before `100 Continue` is sent."""
    if length > limit:
        raise HttpFault(413, f"the body may have {limit} bytes")


async def _chunks(reader: asyncio.StreamReader, limit: int) -> bytes:
    body = bytearray()
    for _ in range(MAX_CHUNKS):
        match = CHUNK_LINE.fullmatch(await _line(reader))
        if match is None:
            raise HttpFault(400, "a chunk's size line is malformed")
        size = int(match[1], 16)
        if size == 0:
            await _skip_trailers(reader)
            return bytes(body)
        refuse_above(len(body) + size, limit)
        body += await reader.readexactly(size)
        if await reader.readexactly(2) != b"\r\n":
            raise HttpFault(400, "a chunk is longer than its size line says")
    raise HttpFault(400, "too many chunks")


async def _skip_trailers(reader: asyncio.StreamReader) -> None:
    for _ in range(MAX_TRAILERS):
        if await _line(reader) == b"\r\n":
            return
    raise HttpFault(400, "too many trailers")


async def _line(reader: asyncio.StreamReader) -> bytes:
    try:
        line = await reader.readuntil(b"\r\n")
    except asyncio.LimitOverrunError as error:
        raise HttpFault(400, "a line of a chunked body is too long") from error
    if len(line) > MAX_LINE:
        raise HttpFault(400, "a line of a chunked body is too long")
    return line
