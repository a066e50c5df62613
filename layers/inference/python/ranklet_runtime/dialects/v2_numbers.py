"""The tensors of a V2 request in JSON, their numbers straight into arrays: half the time of a body of 500 candidates.

Only what is plain is read: tensors with a name, a datatype of QUICK, a shape, and `data` that is flat and of that
datatype. Whatever is otherwise, or wrong, is left to `v2_inputs`, which says what.
"""

from __future__ import annotations

from math import prod
from typing import Any, NamedTuple

import numpy as np
from csimdjson import Array, Object, Parser

from ranklet_features.kinds.dense import LARGE
from ranklet_runtime.bodies import write_json
from ranklet_runtime.dialects.tensors import BYTES, DATATYPES, FP32, Datatype, Flat
from ranklet_runtime.dialects.v2_inputs import INPUTS, INT

FIELDS = 4
LARGEST = 500_000
"""Bytes of a body after which the parser is made anew, as it keeps three times as much for the next one."""

QUICK = {"INT64": "i", "FP64": "d", "FP32": "d", "BYTES": ""}
"""Datatype → the letter of its numbers as simdjson hands them on; "" for texts."""

ESCAPED = b"\\u005"
"""What a bracket in a text may begin with, which counts for none in the body."""

UNUSUAL = (LookupError, TypeError, ValueError, AttributeError, RuntimeError)


class Tensor(NamedTuple):
    """One input. values: flat, in row-major order."""

    kind: Datatype
    shape: list[int]
    values: Flat


class Numbers:
    """Reads one body after the other; a parser keeps its memory."""

    def __init__(self) -> None:
        self._parser = Parser()

    def read(self, body: bytes, limit: int) -> tuple[dict[str, Any], dict[str, Tensor]] | None:
        """The document without its inputs, and those by name; None for what is not plain. limit: of rows."""
        try:
            found = _read(self._parser.parse(body), body, limit)
        except UNUSUAL:
            self._parser = Parser()  # the old one may still be held by what was read
            return None
        if len(body) > LARGEST:
            self._parser = Parser()
        return found


def _read(document: Any, body: bytes, limit: int) -> tuple[dict[str, Any], dict[str, Tensor]] | None:
    if type(document) is not Object:
        return None
    more = {name: python_of(document[name]) for name in document if name != INPUTS}
    given = document[INPUTS]
    tensors = {one["name"]: _tensor(one, limit) for one in given}
    "".join(tensors)
    # A list in a list of numbers would not show in a buffer: one bracket for each list, and none in a name.
    lists = 1 + 2 * len(tensors) + write_json(more).count(b"[")
    if len(document) != len(more) + 1 or len(tensors) != len(given) or body.count(b"[") != lists or ESCAPED in body:
        return None
    return more, tensors


def python_of(value: Any) -> Any:
    """A value of simdjson's as Python has it."""
    if type(value) is Object:
        return value.as_dict()
    return value.as_list() if type(value) is Array else value


def _tensor(one: Any, limit: int) -> Tensor:
    kind, shape, data = DATATYPES[one["datatype"]], one["shape"].as_list(), one["data"]
    if len(one) != FIELDS or not shape or not INT.issuperset(map(type, shape)) or min(shape) < 0:
        raise ValueError(shape)
    if shape[0] > limit or prod(shape) != len(data):
        raise ValueError(shape)
    if kind is BYTES:
        values = data.as_list()
        "".join(values)
        return Tensor(kind, shape, values)
    numbers = np.frombuffer(data.as_buffer(of_type=QUICK[kind.name]), np.int64 if kind.sort == "int" else np.float64)
    if len(numbers) != len(data):
        raise ValueError(shape)
    if kind is FP32:
        if not numbers.dot(numbers) < LARGE:
            raise ValueError("beyond 32 bits, perhaps")
        numbers = numbers.astype(np.float32)
    return Tensor(kind, shape, numbers)
