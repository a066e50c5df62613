"""Flat values → one typed array, strictly: a bool is no number, "1" is no number, 1.0 is no int.

`struct.pack` converts and checks in one pass of C, at half the cost of numpy's own constructors. It takes
True for 1: only where a result is 0 or 1 are the types looked at. When a value is refused, the exact
place is looked for afterwards, on the error path alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import isfinite
from struct import error as StructError
from struct import pack
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranklet_features.spec import ValueType

all_of: Callable[..., Any] = np.logical_and.reduce
"""As `ndarray.all` over the first axis, without its detour through Python."""
greatest: Callable[..., Any] = np.maximum.reduce
least: Callable[..., Any] = np.minimum.reduce
"""As `ndarray.max` and `ndarray.min` over the first axis, in the same way."""


def all_finite(found: NDArray[Any]) -> bool:
    """Whether a C-contiguous array of floats holds neither NaN nor infinity; for callers that ignore overflow.

    The sum of squares tells it at a third of the cost of asking each, unless it is infinite for being large.
    """
    flat = found.reshape(-1)
    return isfinite(flat.dot(flat)) or bool(all_of(np.isfinite(flat)))


DTYPES = {"int": np.dtype(np.int64), "float": np.dtype(np.float64)}
NOUNS = {"int": "an int", "float": "a number", "string": "a string"}
CLASSES: dict[str, frozenset[type]] = {
    "int": frozenset({int}),
    "float": frozenset({int, float}),
    "string": frozenset({str}),
}
_KINDS = {"int": "iu", "float": "iuf"}
_INT64 = np.iinfo(np.int64)
_LOW, _HIGH = int(_INT64.min), int(_INT64.max)
SHORT = 100
"""Values below which looking at each one's type costs less than finding out which of them need be looked at."""

_ONES, _ZERO, _ONE = np.array([1], np.uint64), np.zeros(1), np.ones(1)
"""As arrays, because each comparison with a Python number would make one."""

BEYOND = {"int": "an int beyond 64 bits (signed)", "float": "beyond the range of a 64-bit float"}


class Fault(Exception):
    """A value that is refused; position counts the flattened values, None when it is the whole column."""

    def __init__(self, position: int | None, message: str) -> None:
        super().__init__(message)
        self.position = position


def typed(values: Sequence[Any], kind: ValueType, default: Any = None) -> Any:
    """Python values → int64 or float64 [n], or a list of str; `default` replaces None.

    Raises Fault for the first value that is not of the kind or does not fit 64 bits.
    """
    try:
        if kind == "string":
            "".join(values)
            return values
        found = packed(values, kind)
    except (StructError, TypeError, OverflowError):
        if default is None or not any(value is None for value in values):
            return _checked(values, kind, default)
        # Gaps are common: filled at once, and looked at one by one only where that does not help.
        return typed([default if value is None else value for value in values], kind)
    if not CLASSES[kind].issuperset(map(type, suspects(values, found))):
        return _checked(values, kind, default)
    return found


def suspects(values: Sequence[Any], found: NDArray[Any]) -> Sequence[Any]:
    """The values among which all bools are, as those are packed as 0 or 1; all values where that is as quick."""
    if len(found) < SHORT:
        return values
    places = zero_or_one(found).nonzero()[0].tolist()
    return values if len(places) > len(found) // 8 else [values[place] for place in places]


def zero_or_one(found: NDArray[Any]) -> NDArray[np.bool_]:
    """Where an int64 or float64 array holds 0 or 1, which is what bools are packed as."""
    inside: NDArray[np.bool_]
    inside = found.view(np.uint64) <= _ONES if found.dtype.kind == "i" else (found == _ZERO) | (found == _ONE)
    return inside


def packed(values: Sequence[Any], kind: ValueType = "int") -> NDArray[Any]:
    """Numbers → int64 or float64 [n], without a check for bools; read-only."""
    letter = "q" if kind == "int" else "d"
    return np.frombuffer(pack(f"{len(values)}{letter}", *values), DTYPES[kind])


def typed_array(array: NDArray[Any], kind: ValueType) -> NDArray[Any]:
    """A numeric array → int64 or float64 of the same shape, C-contiguous and aligned; copied only when it is not yet.

    Raises Fault for a dtype that is not of the kind, or for a uint64 beyond int64.
    """
    if array.dtype.kind not in _KINDS.get(kind, ""):
        raise Fault(None, f"{kind} values are expected, not an array of {array.dtype}")
    if array.dtype == DTYPES[kind] and array.flags.c_contiguous and array.flags.aligned:
        return array
    if kind == "int" and array.dtype.kind == "u" and (beyond := array.reshape(-1) > _HIGH).any():
        raise Fault(int(np.argmax(beyond)), BEYOND["int"])
    return array.astype(DTYPES[kind], order="C")


def describe(value: Any) -> str:
    """What a refused value is, short enough for an error message."""
    if value is None:
        return "null"
    if isinstance(value, str):
        return f"the string {value[:40]!r}" + ("…" if len(value) > 40 else "")
    if isinstance(value, float) or (isinstance(value, int) and _LOW <= value <= _HIGH):
        return f"the {type(value).__name__} {value}"
    nouns = {list: "a list", tuple: "a list", dict: "an object", np.ndarray: "an array", int: "a huge int"}
    return nouns.get(type(value), f"a value of type {type(value).__name__}")


def _checked(values: Sequence[Any], kind: ValueType, default: Any) -> Any:
    """The slow way: value by value, None replaced; raises Fault for the first stranger."""
    found = [_one(value if value is not None else default, i, kind) for i, value in enumerate(values)]
    return found if kind == "string" else packed(found, kind)


def _one(value: Any, position: int, kind: ValueType) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bool) or not _is(value, kind):
        hint = ", and the spec gives it no default" if value is None else ""
        raise Fault(position, f"{NOUNS[kind]} is expected, not {describe(value)}{hint}")
    if kind == "int" and not _LOW <= value <= _HIGH:
        raise Fault(position, BEYOND[kind])
    try:
        return float(value) if kind == "float" else value
    except OverflowError as error:
        raise Fault(position, BEYOND[kind]) from error


def _is(value: Any, kind: ValueType) -> bool:
    """What `struct.pack` and `str.join` take as well, so that both ways accept the same."""
    if kind == "float":
        return hasattr(type(value), "__float__") or hasattr(type(value), "__index__")
    return isinstance(value, int if kind == "int" else str)
