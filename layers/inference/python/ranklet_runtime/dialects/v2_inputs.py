"""The inputs of a V2 request: names, datatypes, shapes, and their values as the columns that features take."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any

import numpy as np
import orjson

from ranklet_features.spec import Input
from ranklet_runtime.dialects.tensors import BYTES, DATATYPES, Datatype, Flat
from ranklet_runtime.errors import BadRequest, PayloadTooLarge, Unprocessable

INPUTS = "inputs"
INT = frozenset({int})
REFUSED = frozenset({"shared_memory_region", "classification"})
"""Parameters of a tensor without which the answer would be another."""

PLAIN = {one.name: (one.sort, one.dtype, one.size) for one in DATATYPES.values() if one.plain or one is BYTES}

TYPES = {"int": "INT64", "float": "FP64", "string": "BYTES"}
SENT = {"int": ("int",), "float": ("int", "float"), "string": ("string",)}
"""Type of a raw feature → sorts of datatypes that hold it; nothing is rounded or parsed."""


def named(tensors: Any, key: str) -> dict[str, dict[str, Any]]:
    """The objects of `inputs` or `outputs` by name, in order. Raises BadRequest."""
    if type(tensors) is not list:
        raise BadRequest("must be a list of objects, each with a `name`", path=f"$.{key}")
    found: dict[str, dict[str, Any]] = {}
    for at, one in enumerate(tensors):
        if type(one) is not dict or type(name := one.get("name")) is not str:
            raise BadRequest("must be an object with a `name`", path=f"$.{key}[{at}]")
        found[name] = one
        if len(found) <= at:
            raise BadRequest(f"{name[:80]!r} is there twice", path=f"$.{key}[{at}].name")
    return found


def plain(one: Mapping[str, Any], declared: Input, body: bytes, *, start: int, limit: int) -> tuple[Flat, int] | None:
    """One value a row, as a feature takes it, and where its bytes end: nearly all of a request, so in one go.

    None for everything else, and for whatever is wrong: `head` and what follows it say what.
    """
    try:
        sort, dtype, width = PLAIN[one["datatype"]]
        shape = one["shape"]
        rows = shape[0]
    except (LookupError, TypeError):
        return None
    if (
        declared.list
        or declared.length is not None
        or sort not in SENT[declared.type]
        or type(rows) is not int
        or not 0 < rows <= limit
        or (len(shape) > 1 and shape[1:] != [1])
    ):
        return None
    data: Any = one.get("data")
    parameters = one.get("parameters")
    if parameters is None:
        # What has 64 bits is read by the feature itself; of all others the datatype says what they may be.
        if width in (0, 8) and type(data) is list and len(data) == rows and type(data[0]) is not list:
            return data, start
        return None
    size = parameters.get("binary_data_size") if type(parameters) is dict and len(parameters) == 1 else None
    if data is not None or not width or type(size) is not int or size != rows * width or start + size > len(body):
        return None
    return np.frombuffer(body, dtype, rows, start), start + size


def head(one: Mapping[str, Any], limit: int, *, path: str) -> tuple[Datatype, list[int]]:
    """Datatype and shape. limit: of rows. Raises BadRequest, and PayloadTooLarge for more rows."""
    datatype, shape = one.get("datatype"), one.get("shape")
    kind = DATATYPES.get(datatype) if type(datatype) is str else None
    if kind is None:
        raise BadRequest(f"must be one of {', '.join(DATATYPES)}", path=f"{path}.datatype")
    if type(shape) is not list or not shape or not INT.issuperset(map(type, shape)) or min(shape) < 0:
        raise BadRequest("must be a list of sizes, the number of rows first", path=f"{path}.shape")
    if shape[0] > limit:
        raise PayloadTooLarge(f"{shape[0]} rows; this model takes {limit}", path=f"{path}.shape")
    return kind, shape


def size_of(one: Mapping[str, Any], path: str) -> int | None:
    """How many bytes the values have; None where they stand in `data`. Raises BadRequest."""
    if (parameters := one.get("parameters")) is None:
        return None
    check_parameters(parameters, path)
    size = parameters.get("binary_data_size")
    if size is None:
        return None
    if type(size) is not int or size < 0:
        raise BadRequest("must be a number of bytes", path=f"{path}.parameters.binary_data_size")
    if one.get("data") is not None:
        raise BadRequest("has both `data` and binary_data_size", path=path)
    return size


def check_parameters(parameters: Any, path: str) -> None:
    """Raises BadRequest for parameters that are none, or that would change the answer."""
    if type(parameters) is not dict:
        raise BadRequest("must be an object", path=f"{path}.parameters")
    if not REFUSED.isdisjoint(parameters):
        name = min(REFUSED.intersection(parameters))
        raise BadRequest(f"{name} is not served here; leave it out", path=f"{path}.parameters")


def as_column(values: Flat, kind: Datatype, shape: list[int], *, declared: Input, path: str) -> Flat:
    """A raw feature as the features take it: [n], or rows of [n, k]. Raises BadRequest, Unprocessable for shapes."""
    nested = declared.list or declared.length is not None
    if nested and kind is BYTES and len(shape) == 1:
        return [_parsed(text, f"{path}[{at}]") for at, text in enumerate(values)]
    if kind.sort != declared.type and kind.sort not in SENT[declared.type]:
        raise BadRequest(f"is {TYPES[declared.type]}, not {kind.name}", path=f"{path}.datatype")
    if not nested:
        if len(shape) > 1 and prod(shape[1:]) != 1:
            raise Unprocessable(f"one value a row is expected, [n] or [n, 1], not {shape}", path=f"{path}.shape")
        return values
    if len(shape) != 2:
        raise Unprocessable(f"a list of values a row is expected, [n, k], not {shape}", path=f"{path}.shape")
    rows, width = shape
    if isinstance(values, list):
        return [values[at * width : (at + 1) * width] for at in range(rows)]
    return values.reshape(rows, width)


def _parsed(text: Any, path: str) -> Any:
    """One list of several that differ in length. A wrong value in it is the feature's affair."""
    try:
        return orjson.loads(text) if text is not None else None
    except (orjson.JSONDecodeError, TypeError) as error:
        raise BadRequest("lists of different lengths are JSON texts, as `[1, 2]`", path=path) from error


def as_tensor(values: Flat, kind: Datatype, shape: list[int], *, path: str) -> Flat:
    """One of the model's own tensors, in its shape. Raises BadRequest."""
    if isinstance(values, list):
        if kind is not BYTES:
            raise BadRequest(f"every value must be a number of {kind.name}", path=path)
        return values
    try:
        return values.reshape(shape)
    except ValueError as error:  # a shape of no values may have sizes beyond any array
        raise BadRequest(f"no tensor has the shape {shape}", path=f"{path}.shape") from error
