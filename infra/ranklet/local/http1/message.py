"""The records that cross the server's boundary: a request, a response, and the fault that is one."""

from __future__ import annotations

import http
import time
from dataclasses import dataclass
from email.utils import formatdate
from functools import lru_cache

Headers = tuple[tuple[str, str], ...]
"""Names as they were sent, values as latin-1 text without surrounding blanks, in the order of arrival."""

NO_BODY = frozenset({204, 304})


class HttpFault(Exception):
    """A request that cannot be answered by the application; the connection is closed after the answer."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


@dataclass(frozen=True)
class Request:
    """One request, its body complete and without transfer coding.

    target: path and query as sent (`/a%20b?c=d`). peer: the client's address. head_bytes: request line and headers.
    """

    method: str
    target: str
    version: str
    headers: Headers
    body: bytes
    peer: str = "127.0.0.1"
    head_bytes: int = 0

    def header(self, name: str) -> str | None:
        """The last value of a header, by its name in lower case."""
        return next((value for key, value in reversed(self.headers) if key.lower() == name), None)


@dataclass(frozen=True)
class Response:
    """One response; length, date and connection headers are the server's affair."""

    status: int
    headers: Headers = ()
    body: bytes = b""

    def encode(self, *, without_body: bool, close: bool) -> bytes:
        """The bytes on the wire. A HEAD request gets the length of the body that GET would get."""
        lines = [f"HTTP/1.1 {self.status} {reason(self.status)}", f"Date: {_date(int(time.time()))}"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        if self.status not in NO_BODY:
            lines.append(f"Content-Length: {len(self.body)}")
        lines.append(f"Connection: {'close' if close else 'keep-alive'}")
        head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")
        return head if without_body or self.status in NO_BODY else head + self.body


def reason(status: int) -> str:
    """The reason phrase of a status, empty for one that has no name."""
    try:
        return http.HTTPStatus(status).phrase
    except ValueError:
        return ""


@lru_cache(maxsize=1)
def _date(second: int) -> str:
    return formatdate(second, usegmt=True)
