"""Bodies that callers compressed, as Content-Encoding says: undone within the limit that holds for plain ones.

A kilobyte may claim to be a gigabyte, so what comes out is counted while it comes. A REST API undoes gzip itself and
may leave the header as it was: a body that does not begin as its encoding does is taken as it is.
https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-make-request-with-compressed-payload.html
"""

from __future__ import annotations

import zlib
from typing import Any, Protocol

from ranklet_runtime.errors import BadRequest, UnsupportedMediaType

READ = "deflate, gzip, zstd"
GZIP_WINDOW = 16 + zlib.MAX_WBITS
"""What zlib wants to hear for a gzip header and trailer (RFC 1952)."""


MAGIC = {"deflate": b"\x78", "gzip": b"\x1f\x8b", "x-gzip": b"\x1f\x8b", "zstd": b"\x28\xb5\x2f\xfd"}
"""How a stream begins: RFC 1950 section 2.2, RFC 1952 section 2.3.1, RFC 8878 section 3.1.1."""


class TooMuch(Exception):
    """The body is larger than the limit once it is expanded."""


class _Expander(Protocol):
    """What `zlib` and `compression.zstd` have in common."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = ...) -> bytes: ...


def expand(body: bytes, header: str, limit: int) -> bytes:
    """The body as it was before. header: Content-Encoding, several of them in the order they were applied.

    Raises TooMuch above `limit` bytes, BadRequest for a broken body, UnsupportedMediaType for another encoding.
    """
    for name in reversed([part.strip().lower() for part in header.split(",")]):
        if name in ("", "identity"):
            continue
        body = _expand(body, name, limit)
    return body


def _expand(body: bytes, name: str, limit: int) -> bytes:
    if name in MAGIC and not body.startswith(MAGIC[name]):
        return body
    parts: list[bytes] = []
    room = limit + 1
    # A body may be several streams, one after the other (RFC 1952 section 2.2, RFC 8878 section 3).
    while body:
        expander = _open(name)
        try:
            part = expander.decompress(body, room)
        except (zlib.error, _zstd_error()) as error:
            raise BadRequest(f"the body is not valid {name}: {error}") from error
        parts.append(part)
        room -= len(part)
        if room <= 0:
            raise TooMuch
        if not expander.eof:
            raise BadRequest(f"the body ends in the middle of its {name} stream")
        body = expander.unused_data
    return b"".join(parts)


def _open(name: str) -> _Expander:
    if name in ("gzip", "x-gzip"):
        return zlib.decompressobj(GZIP_WINDOW)
    if name == "deflate":
        return zlib.decompressobj()
    if name == "zstd" and (module := _zstd()) is not None:
        expander: _Expander = module.ZstdDecompressor()
        return expander
    raise UnsupportedMediaType(f"Content-Encoding {name[:40]!r} is not read here; send {READ}, or no compression")


def _zstd() -> Any:
    """Python's own module from 3.14 on, before it the package that brings the same."""
    try:
        from compression import zstd
    except ImportError:
        try:
            from backports import zstd
        except ImportError:
            return None
    return zstd


def _zstd_error() -> type[Exception]:
    module = _zstd()
    error: type[Exception] = zlib.error if module is None else module.ZstdError
    return error
