"""Values of an expression: arrays of [rows], or of [1] where they are the same for all.

A number is a double, NaN where it is missing. A text is an object array of str, None where it is missing. A boolean is
0 where it is missing, 1 for false and 2 for true.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ranklet_features.columns import Column
from ranklet_features.errors import SpecError

Array = NDArray[Any]
Columns = Mapping[str, Column]
Kind = Literal["double", "float", "integer", "string", "boolean"]

NUMBERS: tuple[Kind, ...] = ("double", "float", "integer")
MISSING_TEXT = "\x00missing"
"""What stands for a text that was not sent: no caller sends it."""
GONE, FALSE, TRUE = 0, 1, 2
_NONE = np.array([None], object)


class Made(NamedTuple):
    """A compiled expression. kind: of its values. run: columns → its values. fields: the raw fields that it reads."""

    kind: Kind
    run: Callable[[Columns], Array]
    fields: tuple[str, ...] = ()

    @property
    def number(self) -> bool:
        """Whether its values are numbers."""
        return self.kind in NUMBERS


def missing(kind: Kind, values: Array) -> Array:
    """Where values are missing."""
    if kind in NUMBERS:
        return np.isnan(values)
    gone = np.array([GONE]) if kind == "boolean" else _NONE
    found: Array = np.equal(values, gone).astype(np.bool_)
    return found


def nothing(kind: Kind) -> Array:
    """A missing value."""
    if kind in NUMBERS:
        return np.array([np.nan])
    return np.array([GONE], np.int64) if kind == "boolean" else np.array([None], object)


def constant(value: Any, kind: Kind) -> Array:
    """One value of a kind."""
    if value is None:
        return nothing(kind)
    if kind in NUMBERS:
        return np.array([narrowed(float(value), kind)])
    if kind == "boolean":
        return np.array([TRUE if value in (True, "true") else FALSE], np.int64)
    return np.array([value], object)


def narrowed(value: float, kind: Kind) -> float:
    """A number as a value of its kind."""
    return float(np.float32(value)) if kind == "float" else value


def kind_of(value: Any) -> Kind:
    """Of a constant as JSON has it."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, str):
        return "string"
    return "integer" if isinstance(value, int) else "double"


def texts(values: list[Any]) -> Array:
    """An object array of them."""
    found = np.empty(len(values), object)
    found[:] = values
    return found


def bools(yes: Array, gone: Array | None = None) -> Array:
    """A mask as booleans, missing where `gone`."""
    found = np.where(yes, TRUE, FALSE)
    return found if gone is None else np.where(gone, GONE, found)


def widest(kinds: list[Kind]) -> Kind:
    """What numbers of several kinds are computed as."""
    return "double" if "double" in kinds else "float" if "float" in kinds else "integer"


def refuse(message: str) -> SpecError:
    """An expression that is none."""
    return SpecError(message)
