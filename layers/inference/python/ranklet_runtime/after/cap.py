"""Caps: at most so many of a category in the list, or in its first places.

A category is an input of the candidate (a text, a number, or a list of them), or an attribute of the item that the
build took out of a file. Who belongs to several counts for each, and may stand where none of them is full. Who belongs
to none is not held back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ranklet_features.errors import InputError, ShapeError
from ranklet_runtime.after.attributes import Attribute
from ranklet_runtime.after.base import Pool, Scope

SINGLE = {str, int, float, type(None)}
NONE = (None, "")
"""Values that are no category."""


class Cap:
    """most: of each category. own: category → its own number. first: for how many places, None for the whole list."""

    def __init__(
        self, name: str, most: int, own: Mapping[str, int], first: int | None, attribute: Attribute | None
    ) -> None:
        self._name, self._most, self._own, self._first, self._attribute = name, most, own, first, attribute

    @classmethod
    def open(cls, scope: Scope) -> Self:
        """Raises KeyError, ValueError and OSError."""
        options = scope.options
        attribute = Attribute.open(scope.folder, options) if options.get("attribute") else None
        name = scope.manifest.item_key if attribute is not None else options["input"]
        return cls(str(name), int(options["most"]), options.get("own", {}), options.get("first"), attribute)

    def begin(self, pool: Pool) -> Counting:
        """Who may stand in this list. Raises InputError for a value that is no category."""
        values = self._values(pool)
        if self._attribute is not None:
            return Counting(self._attribute.codes(values), self._limits(self._attribute.names), self._first)
        if SINGLE.issuperset(map(type, values)):
            return self._one_each(values)
        rows = [_several(value, self._name, int(at)) for value, at in zip(values, pool.places, strict=True)]
        names = list(dict.fromkeys(chain.from_iterable(rows)))
        number = {name: at for at, name in enumerate(names)}
        codes = np.full((len(rows), max(map(len, rows), default=0)), -1, np.intp)
        for row, several in zip(codes, rows, strict=True):
            row[: len(several)] = [number[one] for one in several]
        return Counting(codes, self._limits(names), self._first)

    def _one_each(self, values: Sequence[Any]) -> Counting:
        """Of candidates none of whom belongs to several."""
        names = [name for name in dict.fromkeys(values) if name not in NONE]
        number = {**dict.fromkeys(NONE, -1), **{name: at for at, name in enumerate(names)}}
        codes = np.fromiter(map(number.__getitem__, values), np.intp, len(values))
        return Counting(codes[:, None], self._limits(names), self._first)

    def _values(self, pool: Pool) -> Sequence[Any]:
        column = pool.request.items.get(self._name)
        if column is None:
            return [None] * len(pool.places)
        if not isinstance(column, list | tuple | np.ndarray):
            raise InputError("item", self._name, f"a column is expected, not {type(column).__name__}")
        if len(column) != pool.count:
            raise ShapeError("item", self._name, f"{len(column)} values for {pool.count} candidates")
        if isinstance(column, np.ndarray):
            found: list[Any] = column[pool.places].tolist()
            return found
        return [column[at] for at in pool.places.tolist()]

    def _limits(self, names: Sequence[Any]) -> NDArray[np.intp]:
        """Of each category, and one more for what is none."""
        return np.array([*(self._own.get(str(name), self._most) for name in names), 1], np.intp)


class Counting:
    """Caps in one list. codes: intp [n, k] of categories, -1 for none."""

    def __init__(self, codes: NDArray[np.intp], limits: NDArray[np.intp], first: int | None) -> None:
        self._codes, self._left, self._first, self._place = codes, limits, first, 0

    def allowed(self) -> NDArray[np.bool_] | None:
        """As `Allowing` says."""
        if self._first is not None and self._place >= self._first:
            return None
        free = self._left > 0
        if self._codes.shape[1] == 1:
            return free[self._codes[:, 0]]
        found: NDArray[np.bool_] = np.logical_and.reduce(free[self._codes], axis=1)
        return found

    def take(self, candidate: int) -> None:
        """As `Allowing` says."""
        self._place += 1
        self._left[self._codes[candidate]] -= 1  # once for each, -1 too
        self._left[-1] = 1


def _several(value: Any, name: str, at: int) -> list[Any]:
    """The categories of one candidate, each once."""
    several = value if isinstance(value, list | tuple) else [value]
    if not all(one is None or isinstance(one, str | int | float) for one in several):
        raise InputError("item", name, "a text, a number or a list of them is expected", index=(at,))
    return list(dict.fromkeys(one for one in several if one not in NONE))
