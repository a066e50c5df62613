"""Reading a document of maps, lists and arrays, with the place of what is absent or of another type."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranklet.errors import ImportRefused

_MISSING = object()


@dataclass(frozen=True)
class Fields:
    """A map of the document. place: where it is, such as `learner.gradient_booster`."""

    values: Mapping[str, Any]
    place: str

    def at(self, name: str) -> Fields:
        """The map `name`."""
        return self.of(self._get(name), name)

    def of(self, value: Any, name: str) -> Fields:
        """A value that must be a map."""
        if not isinstance(value, Mapping):
            raise self.fault(name, value, "a map")
        return Fields(value, self._place(name))

    def text(self, name: str, default: str | None = None) -> str:
        """A string."""
        value = self._get(name, default)
        if not isinstance(value, str):
            raise self.fault(name, value, "text")
        return value

    def whole(self, name: str, default: int | None = None) -> int:
        """A whole number; XGBoost writes its parameters as text."""
        value = self._get(name, default)
        try:
            if isinstance(value, bool | float) or not isinstance(value, str | int):
                raise ValueError
            return int(value)
        except ValueError as error:
            raise self.fault(name, value, "a whole number") from error

    def items(self, name: str) -> list[Any]:
        """A list of anything."""
        value = self._get(name)
        if isinstance(value, np.ndarray):
            value = value.tolist()
        if not isinstance(value, list):
            raise self.fault(name, value, "a list")
        return value

    def ints(self, name: str, length: int | None = None) -> NDArray[np.int64]:
        """A list of whole numbers."""
        return self._array(name, length, "biu").astype(np.int64)

    def floats(self, name: str, length: int | None = None) -> NDArray[np.float32]:
        """A list of numbers, rounded to 32 bits, which they were before they became text."""
        with np.errstate(over="ignore"):
            return self._array(name, length, "iuf").astype(np.float32)

    def only(self, known: set[str]) -> None:
        """Refuse fields that are not known: what they mean may change predictions."""
        if unknown := sorted(set(self.values) - known):
            raise ImportRefused(f"{self._place(unknown[0])} is not known here; save the model with XGBoost up to 3.4")

    def has(self, name: str) -> bool:
        """Whether there is such a field."""
        return name in self.values

    def fault(self, name: str, value: Any, wanted: str) -> ImportRefused:
        """For a field that is not what it must be."""
        shown = repr(value)
        shown = shown if len(shown) <= 60 else f"{shown[:57]}…"
        return ImportRefused(f"{self._place(name)} is {shown}, not {wanted}; save the model again")

    def _array(self, name: str, length: int | None, kinds: str) -> NDArray[Any]:
        value = self._get(name)
        try:
            found = np.asarray(value) if isinstance(value, list | np.ndarray) else np.asarray("")
        except (ValueError, OverflowError) as error:
            raise self.fault(name, value, "a list of numbers") from error
        if found.ndim != 1 or (found.dtype.kind not in kinds and len(found)):
            raise self.fault(name, value, "a list of whole numbers" if "f" not in kinds else "a list of numbers")
        if length is not None and len(found) != length:
            raise ImportRefused(f"{self._place(name)} has {len(found)} entries, not {length}; save the model again")
        return found

    def _get(self, name: str, default: Any = None) -> Any:
        value = self.values.get(name, _MISSING)
        if value is not _MISSING:
            return value
        if default is None:
            raise ImportRefused(f"{self._place(name)} is missing; save the model again with XGBoost 1.3 or newer")
        return default

    def _place(self, name: str) -> str:
        return f"{self.place}.{name}" if self.place else name
