"""API Gateway's side of HTTP: an event becomes an `HttpRequest`, an `HttpResponse` becomes Lambda's proxy answer.

Payload formats 2.0 (HTTP API, function URL) and 1.0 (REST API) differ in where method and path stand, and in whether
header names are lower-cased; nothing else of an event is read. A body that API Gateway does not take for text (msgpack,
and JSON without a Content-Type) arrives in base64 and is undone here, before anybody looks at it; so is compression.
"""

from __future__ import annotations

import json
import sys
from binascii import a2b_base64, b2a_base64
from collections.abc import Callable, Mapping
from functools import cache, partial
from types import MappingProxyType
from typing import Any

from ranklet_runtime.errors import BadRequest, PayloadTooLarge
from ranklet_runtime.messages import HttpRequest, HttpResponse

ANSWER_BYTES = 6_291_556
"""What Lambda lets through as a synchronous answer, counted after it was written as JSON."""

WORST_ESCAPE = 3
"""A byte of UTF-8 takes at most three in the answer's JSON: two for a quote, `\\uXXXX` for two or more bytes."""

COPY = "ranklet-shadow"
"""What stands in the event of a request that another version answered, as `ranklet_runtime.shadow` has it."""

NO_QUERY: Mapping[str, str] = MappingProxyType({})

NOT_AN_EVENT = (
    "not an API Gateway event: payload 2.0 has `rawPath` and `requestContext.http.method`, payload 1.0 has `path` and "
    "`httpMethod`; see the examples in events/"
)


def decode(event: Any, limit: int) -> HttpRequest:
    """The request of an event in payload format 2.0 or 1.0.

    limit: bytes that the body may have once base64 and compression are undone.
    Raises BadRequest for anything that is not such an event, is broken base64 or broken gzip, UnsupportedMediaType
    for a compression that is not read, PayloadTooLarge above the limit.
    """
    try:
        if "rawPath" in event:
            method, path = event["requestContext"]["http"]["method"], _below_stage(event)
        else:
            method, path = event["httpMethod"], event["path"]
        headers = {name.lower(): text for name, text in (event.get("headers") or {}).items() if isinstance(text, str)}
    except (KeyError, TypeError, AttributeError) as error:
        raise BadRequest(NOT_AN_EVENT) from error
    if not (isinstance(method, str) and isinstance(path, str)):
        raise BadRequest(NOT_AN_EVENT)
    body = _body(event, limit)
    if body and "content-encoding" in headers:
        body = _expanded(body, headers["content-encoding"], limit)
    return HttpRequest(method.upper(), _decoded(path), headers, body, event.get("queryStringParameters") or NO_QUERY)


def _expanded(body: bytes, encoding: str, limit: int) -> bytes:
    # Imported here: few callers compress.
    from ranklet_runtime.compressed import TooMuch, expand

    try:
        return expand(body, encoding, limit)
    except TooMuch as error:
        raise _too_large(limit) from error


def _decoded(path: str) -> str:
    if "%" not in path:
        return path
    # Imported here: rarely needed, and 3 ms of every cold start.
    from urllib.parse import unquote

    return unquote(path)


def _below_stage(event: Mapping[str, Any]) -> str:
    """`rawPath` without the stage, which payload 2.0 puts before it unless it is the default one."""
    path: str = event["rawPath"]
    stage = event["requestContext"].get("stage", "$default")
    return path.removeprefix(f"/{stage}") if path.startswith(f"/{stage}/") else path


def _body(event: Mapping[str, Any], limit: int) -> bytes:
    text = event.get("body")
    if text is None:
        return b""
    if not isinstance(text, str):
        raise BadRequest(NOT_AN_EVENT)
    encoded = bool(event.get("isBase64Encoded"))
    # Before decoding: a body that is refused anyhow shall not be copied first.
    if len(text) > (limit + 2) // 3 * 4 if encoded else len(text) > limit:
        raise _too_large(limit)
    try:
        body = from_base64()(text) if encoded else text.encode()
    except ValueError as error:  # binascii.Error and UnicodeEncodeError are such
        raise BadRequest("the body is not valid " + ("base64" if encoded else "UTF-8")) from error
    if len(body) > limit:
        raise _too_large(limit)
    return body


@cache
def from_base64() -> Callable[[str | bytes], bytes]:
    """What decodes strictly: no character of another alphabet, no padding but at the end.

    pybase64 takes 2 µs for 43 KB, where the standard library takes 80. It is imported for the first body that needs
    it: callers of text shall not wait for it at a cold start. A layer without it costs that time, and no request.
    """
    if sys.version_info >= (3, 12):  # below, it would bring typing_extensions along
        try:
            from pybase64 import b64decode
        except ImportError:
            pass
        else:
            return partial(b64decode, validate=True)
    return partial(a2b_base64, strict_mode=True)


def _too_large(limit: int) -> PayloadTooLarge:
    return PayloadTooLarge(f"the body is larger than the {limit} bytes this model takes; send fewer candidates")


def encode(response: HttpResponse) -> dict[str, Any]:
    """Lambda's proxy answer, the same for both payload formats.

    Raises PayloadTooLarge for an answer that Lambda would not let through.
    """
    body = response.body
    binary = response.content_type != "application/json"
    text = b2a_base64(body, newline=False).decode() if binary else body.decode()
    if len(body) * WORST_ESCAPE > ANSWER_BYTES and len(json.dumps(text)) > ANSWER_BYTES - 4096:
        raise PayloadTooLarge("the answer would be larger than Lambda allows; send fewer candidates or ask for `top_k`")
    return {
        "statusCode": response.status,
        "headers": {"content-type": response.content_type, **response.headers},
        "body": text,
        "isBase64Encoded": binary,
    }
