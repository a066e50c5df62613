"""One HTTP request as API Gateway sees it, before it is an event; and what is fixed about the API it came to."""

from __future__ import annotations

import base64
import os
import time
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final, Literal
from urllib.parse import parse_qsl, unquote

from ranklet.local.cors import Cors
from ranklet.local.function import ACCOUNT
from ranklet.local.http1.message import Headers

Kind = Literal["http", "rest", "url"]

HOP_BY_HOP: Final = frozenset(
    {"connection", "expect", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}
)
TEXT_TYPES: Final = frozenset({"application/json", "application/xml", "application/javascript"})


@dataclass(frozen=True)
class Api:
    """The API that the front plays.

    kind: an HTTP API, a REST API or a function's URL, which differ in events, paths and error texts. stage: `$default`
    has no path part of its own, any other name is the first part of the path. binary: the media types that a REST API
    takes for bytes. cors: None where pages in a browser may not call.
    """

    kind: Kind = "http"
    stage: str = "$default"
    api_id: str = "local"
    region: str = "us-east-1"
    binary: tuple[str, ...] = ("*/*",)
    cors: Cors | None = None

    @property
    def domain(self) -> str:
        """The host name that AWS would give the API."""
        if self.kind == "url":
            return f"{self.api_id}.lambda-url.{self.region}.on.aws"
        return f"{self.api_id}.execute-api.{self.region}.amazonaws.com"

    @property
    def account(self) -> str:
        """The account that owns the API."""
        return ACCOUNT


@dataclass(frozen=True)
class Call:
    """A request with API Gateway's own headers added and those of the connection taken away.

    target: path and query as sent. now: seconds since the epoch. request_id: also the answer's header.
    """

    method: str
    target: str
    headers: Headers
    body: bytes = b""
    source_ip: str = "127.0.0.1"
    protocol: str = "HTTP/1.1"
    request_id: str = field(default_factory=lambda: new_request_id())
    now: float = field(default_factory=time.time)

    @property
    def raw_path(self) -> str:
        """The path as sent, still percent-encoded."""
        return self.target.split("?", 1)[0]

    @property
    def path(self) -> str:
        """The path decoded."""
        return unquote(self.raw_path, errors="replace")

    @property
    def query(self) -> str:
        """What follows the question mark, as sent."""
        return self.target.partition("?")[2]

    def query_pairs(self) -> list[tuple[str, str]]:
        """Names and values of the query, decoded, in their order; a name without `=` has an empty value."""
        return parse_qsl(self.query, keep_blank_values=True, errors="replace")

    def header(self, name: str) -> str | None:
        """The last value of a header, by its name in lower case."""
        return next((value for key, value in reversed(self.headers) if key.lower() == name), None)

    def time_text(self) -> str:
        """The time as access logs write it, in UTC."""
        return time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(self.now))


def forwarded(headers: Headers, *, source_ip: str, port: int, length: int) -> Headers:
    """The headers that reach the function: what concerns the connection is dropped, what a front adds is added."""
    kept = tuple((name, value) for name, value in headers if name.lower() not in HOP_BY_HOP | {"content-length"})
    present = {name.lower(): value for name, value in kept}
    others = tuple((name, value) for name, value in kept if name.lower() != "x-forwarded-for")
    before = present.get("x-forwarded-for")
    added = [
        ("Content-Length", str(length)),
        ("X-Forwarded-For", f"{before}, {source_ip}" if before else source_ip),
        ("X-Forwarded-Port", str(port)),
        ("X-Forwarded-Proto", "http"),
    ]
    if "x-amzn-trace-id" not in present:
        added.append(("X-Amzn-Trace-Id", new_trace_id()))
    taken = {name.lower() for name, _ in added}
    return tuple((name, value) for name, value in others if name.lower() not in taken) + tuple(added)


def body_fields(call: Call, *, binary: Collection[str] | None) -> tuple[str | None, bool]:
    """The event's `body` and `isBase64Encoded`.

    Text only for text/* and JSON, XML and JavaScript; everything else, a missing Content-Type included, is base64. What
    is compressed is base64 here too (what an HTTP API makes of compressed text was not checked in AWS).
    binary: what a REST API takes for bytes, text being all else; with */* even JSON is base64. None for other APIs.
    """
    if not call.body:
        return None, False
    if _is_bytes(call, binary):
        return base64.b64encode(call.body).decode(), True
    return call.body.decode("utf-8", "replace"), False


def _is_bytes(call: Call, binary: Collection[str] | None) -> bool:
    if binary is not None:
        return matches(call.header("content-type"), binary)
    compressed = (call.header("content-encoding") or "identity").lower() != "identity"
    return compressed or not is_text(call.header("content-type"))


def matches(header: str | None, types: Collection[str]) -> bool:
    """Whether the first media type of a header is one of a REST API's binary ones; JSON where there is none."""
    first = (header or "application/json").split(",", 1)[0].split(";", 1)[0].strip().lower()
    return "*/*" in types or first in types


def is_text(content_type: str | None) -> bool:
    """Whether API Gateway hands a body of this type on as text; parameters such as a charset do not matter."""
    media = (content_type or "").split(";", 1)[0].strip().lower()
    return media.startswith("text/") or media in TEXT_TYPES


def new_request_id() -> str:
    """An id of the shape that HTTP APIs use: 15 characters and `=`."""
    return base64.b64encode(os.urandom(11)).decode()


def new_trace_id() -> str:
    """An X-Ray root, not sampled."""
    return f"Root=1-{int(time.time()):08x}-{os.urandom(12).hex()}"
