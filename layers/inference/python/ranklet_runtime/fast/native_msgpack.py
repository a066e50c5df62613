"""ranklet's own form in msgpack, its columns raw buffers: each becomes an array over the message's own memory."""

from __future__ import annotations

from binascii import b2a_base64
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import msgpack
import numpy as np
from numpy.typing import NDArray

from ranklet_features.blocks import HELD
from ranklet_runtime import buffers
from ranklet_runtime.bodies import MSGPACK, MSGPACK_TYPES, accepted, media_type, read_msgpack
from ranklet_runtime.buffers import DTYPES
from ranklet_runtime.errors import BadRequest
from ranklet_runtime.fast.base import LONGEST, NUMBERS, Asked, Inputs
from ranklet_runtime.served import Served

LETTERS = {letter: kind for kind, letter in NUMBERS.items()}


class NativeMsgpack:
    """`{"user": {…}, "context": {…}, "items": {name: buffer}, "top_k": …}`."""

    def __init__(self, served: Served, inputs: Inputs) -> None:
        self._inputs, self._sides = inputs, tuple(inputs.once.items())
        self._once = len(inputs.defaults)
        self._dtypes = {
            name: {text: dtype for text, dtype in DTYPES.items() if letter and dtype.char in HELD[LETTERS[letter]]}
            for name, letter in inputs.items.items()
        }

    def decode(self, body: bytes, headers: Mapping[str, str]) -> Asked | None:
        """As the protocol says."""
        try:
            named = media_type(headers.get("content-type"))
            if named not in MSGPACK_TYPES or accepted(headers.get("accept")) not in (None, MSGPACK):
                return None
            return self._read(read_msgpack(body))
        except (BadRequest, LookupError, TypeError, ValueError, AttributeError):
            return None

    def encode(self, scores: NDArray[np.float32], asked: Asked) -> dict[str, Any] | None:
        """As the protocol says."""
        if asked.top_k is not None or scores.nbytes > LONGEST:
            return None
        text = b2a_base64(before(asked.n) + scores.tobytes(), newline=False).decode()
        return {"statusCode": 200, "headers": {"content-type": MSGPACK}, "body": text, "isBase64Encoded": True}

    def _read(self, document: Any) -> Asked | None:
        given, fields, top_k = document["items"], 1, None
        once: dict[str, Any] = {}
        items: dict[str, Any] = {}
        for side, names in self._sides:
            if side in document:
                part = document[side]
                if not names.issuperset(part):
                    return None
                once.update(part)
                fields += 1
        if len(document) != fields:
            top_k = document["top_k"]
            if type(top_k) is not int or top_k < 1 or len(document) != fields + 1:
                return None
        n = -1
        for name, buffer in given.items():
            dtypes = self._dtypes[name]
            if not dtypes and type(buffer) is list:
                column: Any = buffer
            else:
                data, shape = buffer["data"], buffer["shape"]
                column = np.frombuffer(data, dtypes[buffer["dtype"]])
                if type(data) is not bytes or len(buffer) != 3 or shape != [len(column)] or type(shape[0]) is not int:
                    return None
            if len(column) != n:
                if n >= 0:
                    return None
                n = len(column)
            items[name] = column
        if not 0 < n <= self._inputs.limit:
            return None
        if len(once) < self._once:
            once = {**self._inputs.defaults, **once}
        return Asked(once, items, n, top_k, MSGPACK)


@lru_cache(maxsize=256)
def before(n: int) -> bytes:
    """What stands before the bytes of n scores, which are the answer's end."""
    scores = np.zeros(n, np.float32)
    packed: bytes = msgpack.packb({"scores": buffers.write(scores)})
    return packed[: -scores.nbytes]
