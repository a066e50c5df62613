"""Numbers of many inputs at once: one conversion and one check for a whole block of columns, not one for each.

A request's time goes into calls more than into numbers: between two runs of a model the processor has forgotten most of
the code, and six columns of 500 cost a fifth of what they cost one by one. Only what is plain is read here: numbers,
all of them there, finite, of one length. Whatever else a column holds (a null, a bool, NaN, text, another length) is
not judged: it is left out, and its own reader takes it or says what is wrong with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from struct import error as StructError
from struct import pack, pack_into
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranklet_features.columns import Column, Reader
from ranklet_features.spec import ValueType
from ranklet_features.values import CLASSES, DTYPES, SHORT, all_finite, zero_or_one

Sides = Mapping[str, Mapping[str, Any]]
Names = tuple[str, ...]

LETTERS: Mapping[ValueType, str] = {"int": "q", "float": "d"}
HELD: Mapping[ValueType, str] = {"int": "bhilqBHI", "float": "bhilqBHILQefd"}
"""Type of an input → `dtype.char` of the arrays that it takes without a look at their values."""

LONGEST = 20_000
"""Rows from which on copying an array costs more than it saves: frames, not requests."""


class Columns(dict[str, Column]):
    """The columns of one request by input. A block's are made when somebody asks for one, which not every feature does.

    tables: the names of a block's inputs → float64 or int64 [inputs, rows].
    """

    def __init__(self) -> None:
        super().__init__()
        self.tables: dict[Names, NDArray[Any]] = {}
        self._blocks: list[Block] = []

    def add(self, block: Block, table: NDArray[Any]) -> None:
        """All columns of a block."""
        self.tables[block.names] = table
        self._blocks.append(block)

    def find(self, name: str) -> Column | None:
        """The column, if it was read."""
        return self[name] if name in self or any(name in block.places for block in self._blocks) else None

    def __missing__(self, name: str) -> Column:
        for block in self._blocks:
            if (at := block.places.get(name)) is not None:
                table = self.tables[block.names]
                column = self[name] = Column(block.readers[at], table.shape[1], table[at], None, block.single)
                return column
        raise KeyError(name)


class Block:
    """Inputs of one type with one number a row; holds nothing of a request. single: they come once."""

    def __init__(self, readers: Sequence[Reader], *, single: bool) -> None:
        kind = readers[0].type
        self.readers, self.single = tuple(readers), single
        self.names: Names = tuple(reader.name for reader in readers)
        self.places = {name: at for at, name in enumerate(self.names)}
        self._wanted = [(reader.side, reader.name) for reader in readers]
        self._letter, self._held, self._classes = LETTERS[kind], HELD[kind], CLASSES[kind]
        self._dtype, self._checks = DTYPES[kind], kind == "float"
        self._form = f"{len(readers)}{self._letter}"

    def read(self, sides: Sides, columns: Columns) -> int:
        """Add the columns that are plain. How many rows they have; -1 if some are left to their readers."""
        raws = [sides[side].get(name) for side, name in self._wanted]
        return self._once(raws, columns) if self.single else self._many(raws, columns)

    def _once(self, raws: list[Any], columns: Columns) -> int:
        if not self._classes.issuperset(map(type, raws)):
            return -1
        try:
            table = np.frombuffer(pack(self._form, *raws), self._dtype)
        except (StructError, OverflowError):
            return -1
        if self._checks and not all_finite(table):
            return -1
        columns.add(self, table.reshape(-1, 1))
        return 1

    def _many(self, raws: list[Any], columns: Columns) -> int:
        first = next((raw for raw in raws if raw is not None), None)
        rows = len(first) if type(first) is list or (type(first) is np.ndarray and first.ndim) else 0
        if not 0 < rows <= LONGEST:
            return -1
        table = np.empty((len(raws), rows), self._dtype)
        left = self._fill(table, raws)
        if list in map(type, raws):
            left |= self._strangers(table, raws, left)
        if self._checks and not all_finite(table):
            left |= self._infinite(table)
        if not left:
            columns.add(self, table)
            return rows
        for at, reader in enumerate(self.readers):
            if at not in left:
                columns[reader.name] = Column(reader, rows, table[at])
        return -1

    def _fill(self, table: NDArray[Any], raws: list[Any]) -> set[int]:
        """Write the columns into the table. The places of those that are not plain."""
        left: set[int] = set()
        rows, buffer = table.shape[1], table.data
        form, size = f"{rows}{self._letter}", rows * table.itemsize
        for at, raw in enumerate(raws):
            try:
                if type(raw) is list:
                    pack_into(form, buffer, at * size, *raw)  # which counts the values, too
                    continue
                if type(raw) is np.ndarray and raw.shape == (rows,) and raw.dtype.char in self._held:
                    table[at] = raw
                    continue
            except (StructError, TypeError, OverflowError):
                pass
            left.add(at)
            table[at] = 2  # whatever stood there: nothing that is looked into below
        return left

    def _strangers(self, table: NDArray[Any], raws: list[Any], left: set[int]) -> set[int]:
        """The places of lists that are numbers to `pack_into` alone: True, which it takes for 1."""
        rows = table.shape[1]
        lists = [at for at, raw in enumerate(raws) if type(raw) is list and at not in left]
        if rows >= SHORT and len(lists) == len(raws):
            places = zero_or_one(table.reshape(-1)).nonzero()[0].tolist()
            few = len(places) <= table.size // 8
            if few and self._classes.issuperset([type(raws[place // rows][place % rows]) for place in places]):
                return set()
        return {at for at in lists if not self._classes.issuperset(map(type, raws[at]))}

    def _infinite(self, table: NDArray[Any]) -> set[int]:
        finite = np.isfinite(table).all(axis=1).tolist()
        return {at for at, reader in enumerate(self.readers) if reader.finite_only and not finite[at]}


def blocks_of(readers: Sequence[Reader], wanted: Iterable[Names], *, single: bool) -> tuple[Block, ...]:
    """The blocks in which inputs of one number are read; one input alone gains nothing.

    wanted: inputs that a feature reads side by side, which make a block of their own where that goes.
    """
    left = {reader.name: reader for reader in readers if reader.type in LETTERS and not reader.nested}
    found = []
    for names in wanted:
        some = {name: left[name] for name in names if name in left}
        if len(some) == len(names) > 1 and len({reader.type for reader in some.values()}) == 1:
            found.append(Block([left.pop(name) for name in names], single=single))
    for kind in LETTERS:
        alike = [reader for reader in left.values() if reader.type == kind]
        if len(alike) > 1:
            found.append(Block(alike, single=single))
    return tuple(found)
