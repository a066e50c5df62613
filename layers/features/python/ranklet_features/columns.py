"""Raw values → typed columns: the one place where what a caller sent is checked.

A request's scalar is a column of one row, so a user's row, N candidates and a training frame run
through the same code and give the same bits.
"""

from __future__ import annotations

from itertools import chain
from math import isfinite, nan
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ranklet_features.errors import InputError, ShapeError
from ranklet_features.raw import plain
from ranklet_features.spec import Input
from ranklet_features.values import CLASSES, DTYPES, NOUNS, Fault, all_of, describe, packed, typed, typed_array

_SEQUENCES = frozenset({list, tuple})


class Column(NamedTuple):
    """One input's values for every row of a side.

    values: int64 or float64 [rows], or [rows, length] of a vector input, C-contiguous and aligned; a list
    of str for strings. A list input holds the values of all rows one after the other, cut by `lengths`.
    Never written to: the memory may be the caller's.
    single: the side came once, so that errors name no row.
    """

    reader: Reader
    rows: int
    values: Any
    lengths: NDArray[np.int64] | None = None
    single: bool = False

    def fault(self, position: int, message: str) -> InputError:
        """The error for the value at a position of the flattened `values`."""
        return self.reader.fault(self.reader.index(position, self.lengths), message, single=self.single)


class Reader:
    """Reads one input; holds nothing of a request.

    default: the input's default as a column of one row, None when a value is required. nested: a value is a list.
    finite_only: NaN and infinity are not taken as they are.
    """

    def __init__(self, name: str, declared: Input, default: Column | None = None) -> None:
        self.name, self.side, self.type = name, declared.side, declared.type
        self.list, self.length, self.nan = declared.list, declared.length, declared.nan
        self.nested = declared.list or declared.length is not None
        self.default, self.raw_default = default, _default(declared)
        self._null = nan if self.nested and declared.nan == "allow" else None if self.nested else self.raw_default
        self.finite_only = declared.type == "float" and declared.nan != "allow"

    def one(self, raw: Any) -> Column:
        """A value that came once. Raises InputError; its index is the place in the list, if it is one."""
        if type(raw) in CLASSES[self.type] and not self.nested and (column := self._plain(raw)) is not None:
            return column
        if self.list and type(raw) is list:
            return self._column(raw, 1, np.array((len(raw),)), True)
        value = plain(raw)
        if isinstance(value, np.ndarray):
            return self._read(value[None] if value.ndim else [value.item()], single=True)
        return self._read([value], single=True)

    def many(self, raw: Any) -> Column:
        """A column: one value per row. Raises InputError with the row of the fault."""
        values = raw if type(raw) is list else plain(raw)
        if type(values) is not list and not (isinstance(values, np.ndarray) and values.ndim):
            raise self.fault((), f"a list with one value per row is expected, not {describe(values)}")
        return self._read(values, single=False)

    def absent(self, rows: int, *, single: bool) -> Column:
        """The default, once per row. Raises InputError when there is none."""
        if self.default is None:
            raise self.fault((), "missing, and the spec gives it no default")
        values, lengths = self.default.values, self.default.lengths
        if rows != 1:
            values = values * rows if isinstance(values, list) else np.tile(values, (rows, 1)[: values.ndim])
            lengths = None if lengths is None else np.repeat(lengths, rows)
        return Column(self, rows, values, lengths, single)

    def index(self, position: int, lengths: NDArray[np.int64] | None) -> tuple[int, ...]:
        """Where a position of the flattened values stands: (row,) or (row, place in its list)."""
        if lengths is not None:
            ends = np.cumsum(lengths)
            row = int(np.searchsorted(ends, position, side="right"))
            return row, position - int(ends[row] - lengths[row])
        return divmod(position, self.length) if self.length else (position,)

    def fault(
        self, index: tuple[int, ...], message: str, *, single: bool = False, kind: type[InputError] = InputError
    ) -> InputError:
        """The error for one place of this input; a value that came once has no row to name."""
        return kind(self.side, self.name, message, index=index[1:] if single else index)

    def _plain(self, raw: Any) -> Column | None:
        """The common single value, without a list in between; None sends the others the long way."""
        if self.type == "string":
            return Column(self, 1, [raw], None, True)
        try:
            if self.finite_only and not isfinite(raw):
                return None
            return Column(self, 1, np.array((raw,), DTYPES[self.type]), None, True)
        except OverflowError:
            return None

    def _read(self, values: Any, *, single: bool) -> Column:
        if isinstance(values, np.ndarray):
            return self._array(values, single)
        if not self.nested:
            return self._column(values, len(values), None, single)
        rows = self._lists(values, single)
        lengths = packed(list(map(len, rows)))
        self._check_length(lengths, single)
        flat = list(rows[0]) if len(rows) == 1 else list(chain.from_iterable(rows))
        return self._column(flat, len(rows), lengths if self.list else None, single)

    def _array(self, array: NDArray[Any], single: bool) -> Column:
        rows = len(array)
        if array.ndim != 1 + self.nested:
            noun = f"{'a list of ' if self.nested else 'one '}{self.type}{'' if single else ' per row'}"
            shape = list(array.shape[1:] if single else array.shape)
            raise self.fault((), f"{noun} is expected, not an array of shape {shape}")
        if not self.nested:
            return self._column(array, rows, None, single)
        lengths = np.full(rows, array.shape[1], np.int64)
        self._check_length(lengths, single)
        return self._column(array.reshape(-1), rows, lengths if self.list else None, single)

    def _column(self, values: Any, rows: int, lengths: NDArray[np.int64] | None, single: bool) -> Column:
        try:
            if isinstance(values, np.ndarray):
                found = typed_array(values, self.type)
            else:
                found = typed(values, self.type, self._null)
        except Fault as fault:
            if fault.position is None:
                raise self.fault((), str(fault)) from fault
            raise self.fault(self.index(fault.position, lengths), str(fault), single=single) from fault
        if self.length is not None:
            found = found.reshape(rows, self.length)
        column = Column(self, rows, found, lengths, single)
        return self._finite(column) if self.finite_only else column

    def _finite(self, column: Column) -> Column:
        """NaN and infinity are one case: refused, or replaced by the default."""
        good = np.isfinite(column.values)
        if all_of(good.reshape(-1)):
            return column
        if self.nan == "default" and self.default is not None:
            return column._replace(values=np.where(good, column.values, self.default.values))
        position = int(np.argmin(good.reshape(-1)))
        value = column.values.reshape(-1)[position]
        raise column.fault(position, f"a finite number is expected, not {value}; the spec refuses NaN and infinity")

    def _lists(self, values: list[Any], single: bool) -> list[Any]:
        """One list per row; nulls replaced, arrays unboxed."""
        if _SEQUENCES.issuperset({value.__class__ for value in values}):
            return values
        return [self._list(value, row, single) for row, value in enumerate(map(plain, values))]

    def _list(self, value: Any, row: int, single: bool) -> Any:
        if isinstance(value, np.ndarray):
            value = value.tolist()
        if value is None and self.raw_default is not None:
            value = self.raw_default
        if type(value) not in _SEQUENCES:
            hint = ", and the spec gives it no default" if value is None else ""
            noun = f"a list of {NOUNS[self.type].split()[-1]}s"
            raise self.fault((row,), f"{noun} is expected, not {describe(value)}{hint}", single=single)
        return value

    def _check_length(self, lengths: NDArray[np.int64], single: bool) -> None:
        if self.length is None or (lengths == self.length).all():
            return
        row = int(np.argmax(lengths != self.length))
        message = f"a vector of {self.length} numbers is expected, got {lengths[row]}"
        raise self.fault((row,), message, single=single, kind=ShapeError)


def _default(declared: Input) -> Any:
    """The declared default; of an input that allows NaN and declares none, NaN: what is not sent is missing."""
    if declared.default is not None or declared.nan != "allow" or declared.list:
        return declared.default
    return nan if declared.length is None else [nan] * declared.length
