"""Numbers of many inputs at once: one conversion and one check for a whole block of columns, not one for each.

A request's time goes into calls more than into numbers: six columns of 500 cost a third of what they cost one by one.
Only what is plain is read here: numbers, all of them there, finite, of one length. Whatever else a column holds (a
null, a bool, NaN, text, another length) is not judged: it is left out, and its own reader takes it or says what is
wrong with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import repeat
from struct import error as StructError
from struct import pack, pack_into
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranklet_features.columns import Column, Reader
from ranklet_features.spec import ValueType
from ranklet_features.values import CLASSES, DTYPES, all_of, zero_or_one

Sides = Mapping[str, Mapping[str, Any]]

LETTERS: Mapping[ValueType, str] = {"int": "q", "float": "d"}
HELD: Mapping[ValueType, str] = {"int": "bhilqBHI", "float": "bhilqBHILQefd"}
"""Type of an input → `dtype.char` of the arrays that it takes without a look at their values."""

SHORT = 100
"""Rows below which looking at each value's type costs less than finding out which of them need be looked at."""

LONGEST = 20_000
"""Rows from which on copying an array costs more than it saves: frames, not requests."""


class Block:
    """Inputs of one type with one number a row; holds nothing of a request."""

    def __init__(self, kind: ValueType, readers: Sequence[Reader]) -> None:
        self._kind, self._readers = kind, tuple(readers)
        self._names = [(reader.side, reader.name) for reader in readers]
        self._letter, self._held, self._classes = LETTERS[kind], HELD[kind], CLASSES[kind]
        self._form = f"{len(readers)}{self._letter}"

    def once(self, sides: Sides, columns: dict[str, Column]) -> None:
        """Add the columns of values that came once: all of them, or none where one is not plain."""
        raws = [sides[side].get(name) for side, name in self._names]
        if not self._classes.issuperset(map(type, raws)):
            return
        try:
            table = np.frombuffer(pack(self._form, *raws), DTYPES[self._kind])
        except (StructError, OverflowError):
            return
        if self._kind == "float" and not all_of(np.isfinite(table)):
            return
        for reader, values in zip(self._readers, table.reshape(-1, 1), strict=True):
            columns[reader.name] = Column(reader, 1, values, None, True)

    def many(self, sides: Sides, columns: dict[str, Column]) -> None:
        """Add the columns of a value per row that are plain, and as long as the first of them."""
        raws = [sides[side].get(name) for side, name in self._names]
        rows = next((len(raw) for raw in raws if type(raw) is list or (type(raw) is np.ndarray and raw.ndim)), 0)
        if not 0 < rows <= LONGEST:
            return
        table = np.empty((len(raws), rows), DTYPES[self._kind])
        plain = [self._fill(table, at, raw) for at, raw in enumerate(raws)]
        if any(taken and type(raw) is list for taken, raw in zip(plain, raws, strict=True)):
            self._leave_strangers(table, raws, plain)
        if self._kind == "float" and not all_of(np.isfinite(table).reshape(-1)):
            self._leave_infinite(table, plain)
        for reader, values, taken in zip(self._readers, table, plain, strict=True):
            if taken:
                columns[reader.name] = Column(reader, rows, values)

    def _fill(self, table: NDArray[Any], at: int, raw: Any) -> bool:
        """Write one column into the table; False where it is not plain."""
        rows = table.shape[1]
        try:
            if type(raw) is list:
                # `pack_into` counts the values, too.
                pack_into(f"{rows}{self._letter}", table.data, at * rows * table.itemsize, *raw)
                return True
            if type(raw) is np.ndarray and raw.shape == (rows,) and raw.dtype.char in self._held:
                table[at] = raw
                return True
        except (StructError, TypeError, OverflowError):
            pass
        table[at] = 2  # whatever stood there: nothing that is looked into below
        return False

    def _leave_strangers(self, table: NDArray[Any], raws: Sequence[Any], plain: list[bool]) -> None:
        """Not plain is what looks like a number to `pack_into` alone: True, which it takes for 1."""
        for at, values in self._suspects(table, raws):
            if plain[at] and type(raws[at]) is list and not self._classes.issuperset(map(type, values)):
                plain[at] = False

    def _suspects(self, table: NDArray[Any], raws: Sequence[Any]) -> Iterable[tuple[int, Sequence[Any]]]:
        """Columns with values of theirs among which all bools are."""
        rows = table.shape[1]
        if rows < SHORT:
            return enumerate(raws)
        places = np.flatnonzero(zero_or_one(table))
        if len(places) > table.size // 16:
            return enumerate(raws)
        return ((at, raws[at][row : row + 1]) for at, row in map(divmod, places.tolist(), repeat(rows)))

    def _leave_infinite(self, table: NDArray[Any], plain: list[bool]) -> None:
        finite = np.isfinite(table).all(axis=1).tolist()
        for at, reader in enumerate(self._readers):
            if reader.finite_only and not finite[at]:
                plain[at] = False


def blocks_of(readers: Sequence[Reader]) -> tuple[Block, ...]:
    """The blocks in which some of the inputs can be read; one input alone gains nothing."""
    kinds: tuple[ValueType, ...] = ("int", "float")
    found = ((kind, [one for one in readers if one.type == kind and not one.nested]) for kind in kinds)
    return tuple(Block(kind, alike) for kind, alike in found if len(alike) > 1)
