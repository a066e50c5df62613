"""Bodies as bytes: which format a header names, and reading JSON and msgpack without surprises.

What is read here is data from anybody: depth, sizes and types are bounded by the parsers, and whatever they refuse
is a BadRequest.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any, NoReturn

import msgpack
import orjson

from ranklet_runtime.errors import BadRequest

JSON = "application/json"
MSGPACK = "application/msgpack"
MSGPACK_TYPES = frozenset({MSGPACK, "application/x-msgpack", "application/vnd.msgpack"})

LONGEST_ARRAY = 100_000
"""Elements of one msgpack array. A five-byte header may claim any number, and the parser takes the room at once."""


@lru_cache(maxsize=64)
def media_type(header: str | None) -> str:
    """The lower-case media type of a Content-Type; "" without one. A charset other than UTF-8 stays in it."""
    name, *parameters = (part.strip().lower() for part in (header or "").split(";"))
    for parameter in parameters:
        charset = parameter.removeprefix("charset=").strip('"')
        if charset != parameter and charset not in ("utf-8", "utf8", "us-ascii"):
            return f"{name}; {parameter}"
    return name


@lru_cache(maxsize=64)
def accepted(header: str | None) -> str | None:
    """JSON or MSGPACK when an Accept header names it (the first one wins), else None: answer as you were asked."""
    for part in (header or "").split(","):
        name = media_type(part)
        if name == JSON:
            return JSON
        if name in MSGPACK_TYPES:
            return MSGPACK
    return None


def read_json(body: bytes) -> Any:
    """The value of a JSON text. The last of duplicate keys wins. Raises BadRequest."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadRequest(f"the body is not valid JSON: {error}" if body else "the body is empty") from error


def read_json_with_nan(body: bytes) -> Any:
    """As `read_json`, and NaN, Infinity and -Infinity may stand bare, as Python and TensorFlow Serving write them."""
    if b"NaN" not in body and b"Infinity" not in body:
        return read_json(body)
    try:
        return orjson.loads(body)  # they stand in a text
    except orjson.JSONDecodeError:
        pass
    try:
        return json.loads(body.decode())
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"the body is not valid JSON: {error}") from error


def read_msgpack(body: bytes) -> Any:
    """The value of a msgpack message: strings in UTF-8, no extension types, keys are strings or bytes.

    Raises BadRequest.
    """
    longest = min(len(body), LONGEST_ARRAY)
    try:
        return msgpack.unpackb(body, ext_hook=_refuse_extension, max_array_len=longest)
    except (ValueError, msgpack.UnpackException) as error:
        detail = str(error) or type(error).__name__
        raise BadRequest(f"the body is not valid msgpack: {detail}" if body else "the body is empty") from error


def _refuse_extension(code: int, data: bytes) -> NoReturn:
    raise ValueError(f"extension type {code} is not read here")


def write_json(document: Any) -> bytes:
    """JSON with NumPy arrays as lists; what `orjson` cannot write is a fault of ours."""
    return orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY)


def printable(text: str, longest: int = 500) -> str:
    """Text that may repeat what a caller sent, short enough for an error and always encodable as UTF-8."""
    shown = text if len(text) <= longest else f"{text[:longest]}…"
    return shown.encode("utf-8", "replace").decode()
