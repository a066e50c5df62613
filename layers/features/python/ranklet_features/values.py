"""Flat values → one typed array, strictly: a bool is no number, "1" is no number, 1.0 is no int.

Whether all values have an allowed type is decided in C; the faulty one is looked for only when the answer is no.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranklet_features.spec import ValueType

DTYPES = {"int": np.dtype(np.int64), "float": np.dtype(np.float64)}
NOUNS = {"int": "an int", "float": "a number", "string": "a string"}
_ACCEPTED: dict[str, frozenset[type]] = {
    "int": frozenset({int}),
    "float": frozenset({int, float}),
    "string": frozenset({str}),
}
_KINDS = {"int": "iu", "float": "iuf"}
_INT64 = np.iinfo(np.int64)


class Fault(Exception):
    """A value that is refused; position counts the flattened values, None when it is the whole column."""

    def __init__(self, position: int | None, message: str) -> None:
        super().__init__(message)
        self.position = position


def typed(values: Sequence[Any], kind: ValueType, default: Any = None) -> Any:
    """Python values → int64 or float64 [n], or the list of str itself; `default` replaces None.

    Raises Fault for the first value that is not of the kind or does not fit 64 bits.
    """
    if not _ACCEPTED[kind].issuperset(map(type, values)):
        values = _repaired(values, kind, default)
    if kind == "string":
        return values
    try:
        return np.fromiter(values, DTYPES[kind], len(values))
    except OverflowError as error:
        raise _too_big(values, kind) from error


def typed_array(array: NDArray[Any], kind: ValueType) -> NDArray[Any]:
    """A numeric array → int64 or float64 of the same shape, C-contiguous and aligned, copied only when it is not yet.

    Raises Fault for a dtype that is not of the kind, or for a uint64 beyond int64.
    """
    if array.dtype.kind not in _KINDS.get(kind, ""):
        raise Fault(None, f"{kind} values are expected, not an array of {array.dtype}")
    if kind == "int" and array.dtype.kind == "u" and array.dtype.itemsize == 8 and array.size:
        flat = array.reshape(-1)
        if flat.max() > _INT64.max:
            raise Fault(int(np.argmax(flat > _INT64.max)), "an int beyond 64 bits (signed)")
    if array.dtype == DTYPES[kind] and array.flags.c_contiguous and array.flags.aligned:
        return array
    return array.astype(DTYPES[kind], order="C")


def describe(value: Any) -> str:
    """What a refused value is, short enough for an error message."""
    if value is None:
        return "null"
    if isinstance(value, str):
        return f"the string {value[:40]!r}" + ("…" if len(value) > 40 else "")
    if isinstance(value, int | float) and len(text := _text(value)) <= 40:
        return f"the {type(value).__name__} {text}"
    nouns = {list: "a list", tuple: "a list", dict: "an object", np.ndarray: "an array", bytes: "bytes"}
    return nouns.get(type(value), f"a {type(value).__name__}")


def _text(value: float) -> str:
    return str(value) if isinstance(value, float) or value.bit_length() < 128 else "x" * 41


def _repaired(values: Sequence[Any], kind: ValueType, default: Any) -> list[Any]:
    """Values with None replaced and numpy scalars unboxed; raises Fault for the first other stranger."""
    found = []
    for position, value in enumerate(values):
        if isinstance(value, np.generic):
            value = value.item()
        if value is None and default is not None:
            value = default
        if type(value) not in _ACCEPTED[kind]:
            hint = "; the spec gives it no default" if value is None else ""
            raise Fault(position, f"{NOUNS[kind]} is expected, not {describe(value)}{hint}")
        found.append(value)
    return found


def _too_big(values: Sequence[Any], kind: ValueType) -> Fault:
    fits: Callable[[Any], bool] = _fits_int if kind == "int" else _fits_float
    position = next(i for i, value in enumerate(values) if not fits(value))
    return Fault(position, "an int beyond 64 bits (signed)" if kind == "int" else "beyond the range of a float")


def _fits_int(value: int) -> bool:
    return int(_INT64.min) <= value <= int(_INT64.max)


def _fits_float(value: float) -> bool:
    try:
        float(value)
    except OverflowError:
        return False
    return True
