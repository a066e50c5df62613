"""What a function returned, as the HTTP answer that API Gateway makes of it.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html. Format 2.0
takes anything without a `statusCode` for the body of a 200; format 1.0 and REST want the whole record. What does not
fit is `Malformed`: the caller gets the API's own error, and the reason is for the log.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from typing import Any, Final, Literal

import orjson

from ranklet.local.http1.message import Response

NAME: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
VALUE: Final = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f]*")
CONNECTION: Final = frozenset(
    {"connection", "content-length", "date", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"}
)
"""Headers that belong to the front's own connection; a function cannot set them."""


class Malformed(Exception):
    """The function's answer is none that API Gateway understands; the text says why."""


def http_answer(payload: bytes, *, version: Literal["1.0", "2.0"], default_type: str, decode: bool = True) -> Response:
    """The answer to the client. default_type: of a body without one. decode: undo base64, where it is said to be such.

    Raises Malformed.
    """
    try:
        document = orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        raise Malformed(f"the answer is not JSON: {error}") from error
    if not isinstance(document, dict) or document.get("statusCode") is None:
        if version == "1.0":
            raise Malformed("the answer has no statusCode")
        return _inferred(document, payload)
    headers = tuple(_headers(document))
    if not any(name.lower() == "content-type" for name, _ in headers):
        headers = (("Content-Type", default_type), *headers)
    return Response(_status(document["statusCode"]), headers, _body(document, decode=decode))


def _inferred(document: Any, payload: bytes) -> Response:
    """Without a statusCode the answer itself is the body: a text as it is, everything else as its JSON."""
    body = document.encode() if isinstance(document, str) else payload
    return Response(200, (("Content-Type", "application/json"),), body)


def _status(value: Any) -> int:
    if isinstance(value, str) and re.fullmatch(r"[0-9]{3}", value):
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 200 <= value <= 599:
        raise Malformed(f"statusCode is {value!r}, allowed are 200 to 599")
    return value


def _body(document: dict[str, Any], *, decode: bool) -> bytes:
    body = document.get("body")
    if body is None:
        return b""
    if not isinstance(body, str):
        raise Malformed(f"body is a {type(body).__name__}, it must be a string")
    if not decode or document.get("isBase64Encoded") is not True:
        return body.encode("utf-8", "replace")
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Malformed(f"isBase64Encoded is true, body is not base64: {error}") from error


def _headers(document: dict[str, Any]) -> Iterator[tuple[str, str]]:
    multiple = _mapping(document, "multiValueHeaders")
    for name, values in multiple.items():
        if not isinstance(values, list):
            raise Malformed(f"multiValueHeaders.{name} is not a list")
        yield from (_header(name, value) for value in values if name.lower() not in CONNECTION)
    several = {name.lower() for name in multiple}
    for name, value in _mapping(document, "headers").items():
        if name.lower() not in several | CONNECTION:
            yield _header(name, value)
    cookies = document.get("cookies") or []
    if not isinstance(cookies, list):
        raise Malformed("cookies is not a list")
    yield from (_header("Set-Cookie", cookie) for cookie in cookies)


def _mapping(document: dict[str, Any], field: str) -> dict[str, Any]:
    value = document.get(field)
    if value is not None and not isinstance(value, dict):
        raise Malformed(f"{field} is not an object")
    return value or {}


def _header(name: str, value: Any) -> tuple[str, str]:
    if isinstance(value, bool):
        value = "true" if value else "false"
    elif isinstance(value, int | float):
        value = str(value)
    if not isinstance(value, str) or not VALUE.fullmatch(value) or not NAME.fullmatch(name):
        raise Malformed(f"the header {name!r} has a name or a value that HTTP does not allow")
    # On the wire a header is bytes; what is above ASCII goes as UTF-8.
    return name, value.strip().encode().decode("latin-1")
