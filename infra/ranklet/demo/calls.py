"""A plain HTTP client over one kept-alive connection, for the demo's own calls."""

from __future__ import annotations

import base64
import http.client
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import orjson

TIMEOUT_S = 30.0


class Client:
    """Calls one front; times each call."""

    def __init__(self, url: str) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=TIMEOUT_S)

    def post(self, path: str, body: bytes, content_type: str) -> tuple[int, bytes, float]:
        """POST a body; status, answer and wall time in milliseconds."""
        return self.send("POST", path, body, {"Content-Type": content_type})

    def send(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> tuple[int, bytes, float]:
        """Send a request; status, answer and wall time in milliseconds."""
        start = time.perf_counter()
        self._connection.request(method, path, body=body, headers=dict(headers))
        answer = self._connection.getresponse()
        data = answer.read()
        return answer.status, data, (time.perf_counter() - start) * 1e3

    def event(self, document: Mapping[str, Any]) -> tuple[int, bytes, float]:
        """Make the HTTP call that API Gateway would have turned into this event (payload 2.0)."""
        text = document.get("body")
        body = None if text is None else base64.b64decode(text) if document.get("isBase64Encoded") else text.encode()
        hop = ("host", "content-length", "x-forwarded-for", "x-forwarded-port", "x-forwarded-proto")
        headers = {name: value for name, value in document["headers"].items() if name.lower() not in hop}
        return self.send(document["requestContext"]["http"]["method"], document["rawPath"], body, headers)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()


def document(body: bytes) -> Any:
    """The JSON of an answer; its text where it is none, for a message."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return body[:200].decode("utf-8", "replace")
