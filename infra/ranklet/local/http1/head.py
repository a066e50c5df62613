"""The head of a request: bytes in, request line and headers out. Pure, so that it can be fuzzed by itself."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from ranklet.local.http1.message import Headers, HttpFault

MAX_FIELDS: Final = 200
TOKEN: Final = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
VISIBLE: Final = re.compile(rb"[\x21-\x7e]+")
FIELD_TEXT: Final = re.compile(rb"[\t\x20-\x7e\x80-\xff]*")
ABSOLUTE: Final = re.compile(r"https?://[^/?#]*", re.IGNORECASE)
CHUNKED: Final = -1
"""A body's length when it comes in chunks."""


@dataclass(frozen=True)
class Head:
    """Request line and headers, and what they say of the connection and the body.

    length: bytes of the body, or CHUNKED. expects: the client waits for `100 Continue`.
    """

    method: str
    target: str
    version: str
    headers: Headers
    length: int
    keep_alive: bool
    expects: bool


def parse_head(head: bytes) -> Head:
    """Read everything up to and including the blank line.

    Raises HttpFault: 400 for anything that two readers could take differently, 417, 431, 501 or 505.
    """
    line, *fields = head.removeprefix(b"\r\n").removesuffix(b"\r\n\r\n").split(b"\r\n")
    method, target, version = _request_line(line)
    if len(fields) > MAX_FIELDS:
        raise HttpFault(431, f"more than {MAX_FIELDS} headers")
    headers = tuple(_field(field) for field in fields)
    if version == "HTTP/1.1" and len(_values(headers, "host")) != 1:
        raise HttpFault(400, "HTTP/1.1 wants exactly one Host header")
    return Head(
        method=method,
        target=target,
        version=version,
        headers=headers,
        length=_body_length(headers, version),
        keep_alive=_keep_alive(headers, version),
        expects=_expects(headers, version),
    )


def _request_line(line: bytes) -> tuple[str, str, str]:
    parts = line.split(b" ")
    if len(parts) != 3 or not TOKEN.fullmatch(parts[0]) or not VISIBLE.fullmatch(parts[1]):
        raise HttpFault(400, "the request line is not `METHOD target HTTP/1.1`")
    if parts[2] not in (b"HTTP/1.1", b"HTTP/1.0"):
        known = re.fullmatch(rb"HTTP/\d\.\d", parts[2])
        raise HttpFault(505 if known else 400, "only HTTP/1.1 and HTTP/1.0 are spoken here")
    return parts[0].decode(), _origin_form(parts[1].decode()), parts[2].decode()


def _origin_form(target: str) -> str:
    """`/path?query` of a target; a proxy's absolute form loses scheme and host, `*` and `host:port` are refused."""
    if match := ABSOLUTE.match(target):
        target = target[match.end() :]
        target = target if target.startswith("/") else "/" + target
    if not target.startswith("/"):
        raise HttpFault(400, "the target must be a path")
    return target.split("#", 1)[0]


def _field(field: bytes) -> tuple[str, str]:
    name, colon, value = field.partition(b":")
    value = value.strip(b" \t")
    # A blank before the colon, a folded line and a bare CR or LF are the classic ways of hiding a header.
    if not colon or not TOKEN.fullmatch(name) or not FIELD_TEXT.fullmatch(value):
        raise HttpFault(400, "a header line is malformed")
    return name.decode(), value.decode("latin-1")


def _values(headers: Headers, name: str) -> list[str]:
    return [value for key, value in headers if key.lower() == name]


def _body_length(headers: Headers, version: str) -> int:
    lengths, codings = _values(headers, "content-length"), _values(headers, "transfer-encoding")
    if codings:
        if lengths or len(codings) > 1 or version == "HTTP/1.0":
            raise HttpFault(400, "the length of the body is ambiguous")
        if codings[0].lower() != "chunked":
            raise HttpFault(501, "the only transfer coding known here is chunked")
        return CHUNKED
    if not lengths:
        return 0
    if len(lengths) > 1 or not re.fullmatch(r"[0-9]{1,18}", lengths[0]):
        raise HttpFault(400, "Content-Length must be one decimal number")
    return int(lengths[0])


def _keep_alive(headers: Headers, version: str) -> bool:
    options = {option.strip().lower() for value in _values(headers, "connection") for option in value.split(",")}
    return "close" not in options and (version == "HTTP/1.1" or "keep-alive" in options)


def _expects(headers: Headers, version: str) -> bool:
    expectations = _values(headers, "expect")
    if expectations and expectations[-1].lower() != "100-continue":
        raise HttpFault(417, "the only expectation known here is 100-continue")
    return bool(expectations) and version == "HTTP/1.1"
