"""Attributes of a stage by name: scalars, lists and tensors, as MLeap and its Python package write them.

`{"double": 0.5}`, `{"type": "list", "string": […]}`, `{"type": "tensor", "double": […], "shape": {"dimensions": […]}}`;
before 0.8 `{"type": …, "value": …}`. What is zero is left out by the writer, so that `{}` is 0; null is NaN.
"""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Mapping
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from ranklet.errors import ImportRefused

BASES = (
    "double",
    "float",
    "long",
    "int",
    "short",
    "byte",
    "boolean",
    "string",
    "data_shape",
    "tensor",
    "basic_type",
    "byte_string",
)
BIG_ENDIAN = {"double": ">f8", "float": ">f4", "long": ">i8", "int": ">i4", "short": ">i2"}
"""Of a tensor in bytes."""
NO_NUMBERS = ("string", "data_shape", "tensor", "basic_type")
Floats = NDArray[np.float64]


class Attributes:
    """place: of the stage, for messages."""

    def __init__(self, given: Mapping[str, Any], place: str) -> None:
        self._given, self._place = given, place

    def refuse(self, message: str) -> NoReturn:
        """Raise ImportRefused that names the stage."""
        raise ImportRefused(f"{self._place} {message}")

    def has(self, name: str) -> bool:
        """Whether it was given."""
        return self._given.get(name) is not None

    def number(self, name: str, default: float | None = None) -> float:
        """A finite number, unless its name is that of a value that may be NaN."""
        found = self.maybe(name, default)
        if not math.isfinite(found):
            self.refuse(f"has {name} = {found}, which is not finite; train again")
        return found

    def maybe(self, name: str, default: float | None = None) -> float:
        """A number, or NaN."""
        value = self._value(name, default, 0.0)
        if isinstance(value, list) and len(value) == 1:
            value = value[0]
        return self._float(name, value)

    def whole(self, name: str, default: int | None = None) -> int:
        """A whole number of at least 0."""
        found = self.number(name, default)
        if not found.is_integer() or not 0 <= found < 2**31:
            self.refuse(f"has {name} = {found:g}, where a whole number stands")
        return int(found)

    def flag(self, name: str, *, default: bool) -> bool:
        """A boolean."""
        value = self._value(name, default, False)
        if not isinstance(value, bool):
            self.refuse(f"has {name} = {str(value)[:40]}, where true or false stands")
        return value

    def text(self, name: str, default: str | None = None) -> str:
        """A text."""
        value = self._value(name, default, "")
        if not isinstance(value, str):
            self.refuse(f"has {name} = {str(value)[:40]}, where a text stands")
        return value

    def texts(self, name: str) -> list[str]:
        """A list of texts."""
        value = self._value(name, None, [])
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            self.refuse(f"has {name}, which is no list of texts")
        return value

    def numbers(self, name: str, *, finite: bool = True) -> Floats:
        """A list or a vector of numbers."""
        value = self._value(name, None, [])
        if not isinstance(value, list):
            value = [value]
        try:
            found = np.array([math.nan if one is None else one for one in value], np.float64)
        except (TypeError, ValueError, OverflowError):
            self.refuse(f"has {name}, which is no list of numbers")
        if found.ndim != 1 or any(isinstance(one, str) for one in value):
            self.refuse(f"has {name}, which is no list of numbers")
        if finite and not np.isfinite(found).all():
            self.refuse(f"has {name} with a number that is not finite; train again")
        return found

    def matrix(self, name: str, *, by_rows: bool = False) -> Floats:
        """A tensor of two dimensions: Spark's writes column after column, the Python package row after row."""
        values, dimensions = self.numbers(name), self._dimensions(name)
        if len(dimensions) != 2 or dimensions[0] * dimensions[1] != len(values) or min(dimensions) < 1:
            self.refuse(f"has {name} of {len(values)} numbers and the shape {dimensions[:8]}, which is no matrix")
        return np.ascontiguousarray(values.reshape(dimensions, order="C" if by_rows else "F"))

    def vectors(self, name: str) -> Floats:
        """A list of vectors of one size."""
        value = self._value(name, None, [])
        if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
            self.refuse(f"has {name}, which is no list of vectors")
        found = [Attributes({name: one | {"type": "tensor"}}, self._place).numbers(name) for one in value]
        if not found or len({len(one) for one in found}) != 1 or not len(found[0]):
            self.refuse(f"has {name}, which is no list of vectors of one size")
        return np.stack(found)

    def widths(self, name: str) -> list[int | None]:
        """Of a list of shapes: None of a scalar, the size of a vector."""
        found: list[int | None] = []
        for one in self._value(name, None, []):
            base = one.get("base") if isinstance(one, dict) else None
            if base not in ("scalar", "tensor"):
                self.refuse(f"has {name} with a shape that is neither scalar nor tensor, and not served")
            sizes = _sizes(one.get("tensorShape") or one.get("tensor_shape") or {})
            if base == "tensor" and (len(sizes) != 1 or sizes[0] < 1):
                self.refuse(f"has {name} with a tensor of the shape {sizes[:8]}, which is no vector")
            found.append(sizes[0] if base == "tensor" else None)
        return found

    def _dimensions(self, name: str) -> list[int]:
        given = self._given[name]
        kind = given.get("type")
        if isinstance(kind, dict) and isinstance(kind.get("tensor"), dict):
            given = {"shape": kind["tensor"]}
        return _sizes(given.get("shape") or given)

    def _value(self, name: str, default: Any, zero: Any) -> Any:
        given = self._given.get(name)
        if given is None:
            if default is None:
                self.refuse(f"has no {name}; export the model again")
            return default
        if not isinstance(given, dict):
            self.refuse(f"has {name} = {str(given)[:40]}, which is no attribute; export the model again")
        if given.get("indices"):
            self.refuse(f"has {name} as a sparse tensor, which is not served")
        if "value" in given:
            return self._packed(name, given) if isinstance(given["value"], str) and "base" in given else given["value"]
        found = [given[base] for base in BASES if base in given]
        return found[0] if found else zero

    def _packed(self, name: str, given: Mapping[str, Any]) -> list[float]:
        dtype = BIG_ENDIAN.get(str(given["base"]))
        if dtype is None:
            self.refuse(f"has {name} as a tensor of {str(given['base'])[:20]}, which is not served")
        try:
            found: list[float] = np.frombuffer(base64.b64decode(given["value"], validate=True), dtype).tolist()
        except (binascii.Error, ValueError):
            self.refuse(f"has {name} as a tensor whose bytes are damaged")
        return found

    def _float(self, name: str, value: Any) -> float:
        if value is None:
            return math.nan
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.refuse(f"has {name} = {str(value)[:40]}, where a number stands")
        try:
            return float(value)
        except OverflowError:
            return math.inf


def _sizes(shape: Any) -> list[int]:
    """The sizes of {"dimensions": [{"size": 3}, …]} or {"dimensions": [3, …]}."""
    given = shape.get("dimensions") if isinstance(shape, dict) else None
    found = [one.get("size", 0) if isinstance(one, dict) else one for one in given or ()]
    return [one if type(one) is int else 0 for one in found]
