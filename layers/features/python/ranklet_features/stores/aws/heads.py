"""The head of an HTTP answer in the plain form that AWS sends; http.client reads every other form.

http.client parses headers as those of a mail, which is a fifth of what reading 100 rows costs.
"""

from __future__ import annotations

import re
from typing import NamedTuple

STATUS = re.compile(rb"HTTP/1\.1 (20[0-36]|[45]\d\d)(?: [^\r\n]*)?\r\n")
"""Not 1xx, 204, 304 and the like: those have no body, whatever their headers say."""

NAME = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+")
END = b"\r\n\r\n"

_names: set[str] = set()
MOST_NAMES = 256
"""Names that were found to be such, so that those of every answer are not looked at again."""

MOST = 4096
"""Bytes of a plain head at most; DynamoDB's take 300, S3's 600."""


class Head(NamedTuple):
    """headers: by lower-case name. size: bytes of the head, with the empty line. length: bytes of the body."""

    status: int
    headers: dict[str, str]
    size: int
    length: int
    keep_alive: bool


def plain(answer: memoryview) -> Head | None:
    """Parse what an answer begins with.

    None where the head is not whole, or not plain: another version, folded, repeated or malformed header lines, no
    Content-Length, a Transfer-Encoding.
    """
    start = bytes(answer[:MOST])
    end = start.find(END)
    status = STATUS.match(start, 0, end + 2) if end >= 0 else None
    if status is None:
        return None
    lines = start[status.end() : end].decode("latin-1").split("\r\n")
    headers: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip(" \t")
    length = headers.get("content-length", "")
    whole = len(headers) == len(lines) and _are_names(headers) and "transfer-encoding" not in headers
    if not whole or not (length.isascii() and length.isdigit()):
        return None
    keep_alive = "close" not in headers.get("connection", "").lower()
    return Head(int(status[1]), headers, end + len(END), int(length), keep_alive)


def _are_names(headers: dict[str, str]) -> bool:
    if headers.keys() <= _names:
        return True
    fit = all(map(NAME.fullmatch, headers))
    if fit and len(_names) + len(headers) <= MOST_NAMES:
        _names.update(headers)
    return fit
