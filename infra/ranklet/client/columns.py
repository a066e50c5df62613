"""The caller's columns as they travel: numbers as raw little-endian buffers, all else as plain lists.

A buffer is `{"dtype": "<f4", "shape": [n], "data": <bytes>}`; the server reads these ten types. Lists of numbers become
one where all are of one kind. An array of anything else, and what is ragged, goes as a list.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranklet.client.errors import BadAnswer, BadCall
from ranklet.client.messages import Column

DTYPES = {name: np.dtype(name) for name in ("<f2", "<f4", "<f8", "|i1", "<i2", "<i4", "<i8", "|u1", "<u2", "<u4")}
WIDER = {np.dtype("<u8"): np.dtype("<i8"), np.dtype(np.longdouble): np.dtype("<f8")}
"""What has no buffer of its own, and the one that holds it, if the values fit."""
OF_LISTS: Mapping[type, str] = {int: "<i8", float: "<f8"}


def given(items: Mapping[str, Any]) -> dict[str, Column]:
    """The columns of candidates: lists, tuples, ranges, arrays, and what can be one (a Series). Raises BadCall."""
    if not isinstance(items, Mapping):
        raise BadCall(f"must map names to columns, not be {type(items).__name__}", "$.items")
    columns = {name: _column(column, f"$.items.{name}") for name, column in items.items()}
    first = next(iter(columns), "")
    for name, column in columns.items():
        if len(column) != len(columns[first]):
            raise BadCall(f"{len(column)} values, and $.items.{first} has {len(columns[first])}", f"$.items.{name}")
    return columns


def _column(column: Any, path: str) -> Column:
    if isinstance(column, list):
        return column
    if hasattr(column, "__array__"):
        array = np.asarray(column)
        if array.ndim not in (1, 2):
            raise BadCall(f"a column has a value or a vector a candidate, not shape {list(array.shape)}", path)
        if array.dtype.kind not in "biufUO":
            raise BadCall(f"values of type {array.dtype} do not travel; give numbers or text", path)
        return array if array.dtype.kind in "iuf" else array.tolist()
    if isinstance(column, Sequence) and not isinstance(column, str | bytes | bytearray | memoryview):
        return list(column)
    raise BadCall(f"must be a column, a list or an array, not {type(column).__name__}", path)


def count(columns: Mapping[str, Column]) -> int:
    """How many candidates there are."""
    return len(next(iter(columns.values()), ()))


def cut(columns: Mapping[str, Column], part: slice) -> dict[str, Column]:
    """The columns of some candidates."""
    return {name: column[part] for name, column in columns.items()}


def packed(value: Any) -> Any:
    """A column, or a value of the user, for msgpack."""
    if isinstance(value, list):
        kinds = set(map(type, value))
        dtype = OF_LISTS.get(kinds.pop()) if len(kinds) == 1 else None
        try:
            return value if dtype is None else _buffer(np.array(value, dtype))
        except OverflowError:  # above 64 bits: the server says what it takes
            return value
    if isinstance(value, np.ndarray):
        array = _plain(value)
        return array.tolist() if array.dtype.str not in DTYPES else _buffer(array)
    return value.item() if isinstance(value, np.generic) else value


def listed(value: Any) -> Any:
    """A column, or a value of the user, for JSON."""
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value


def _plain(array: NDArray[Any]) -> NDArray[Any]:
    """The array in a type that buffers have, where there is one that holds it."""
    little = array.astype(array.dtype.newbyteorder("<"), copy=False)
    wider = WIDER.get(little.dtype)
    if wider is None or little.dtype.str in DTYPES:
        return little
    widened = little.astype(wider)
    return little if wider.kind == "i" and (widened < 0).any() else widened


def _buffer(array: NDArray[Any]) -> dict[str, Any]:
    return {"dtype": array.dtype.str, "shape": list(array.shape), "data": array.tobytes()}


def unpacked(value: Any, name: str) -> Column:
    """A column of an answer. Raises BadAnswer."""
    if isinstance(value, list):
        return value
    if not isinstance(value, dict) or value.keys() != {"dtype", "shape", "data"}:
        raise BadAnswer(f"`{name}` of the answer is neither a list nor a buffer")
    named, shape, data = value["dtype"], value["shape"], value["data"]
    dtype = DTYPES.get(named) if isinstance(named, str) else None
    sizes = isinstance(shape, list) and 0 < len(shape) < 3 and all(type(size) is int and size >= 0 for size in shape)
    if dtype is None or not sizes or not isinstance(data, bytes) or len(data) != prod(shape) * dtype.itemsize:
        raise BadAnswer(f"`{name}` of the answer is a buffer whose parts disagree")
    return np.frombuffer(data, dtype).reshape(shape).copy()  # the caller may write into it
