"""Raw values → typed columns: the one place where what a caller sent is checked.

A request's scalar is a column of one row, so a user's row, N candidates and a training frame run
through the same code and give the same bits.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ranklet_features.errors import InputError, ShapeError
from ranklet_features.raw import plain
from ranklet_features.spec import Input
from ranklet_features.values import NOUNS, Fault, describe, typed, typed_array

_SEQUENCES = frozenset({list, tuple})
_SCALARS = frozenset({int, float, str})


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


@dataclass(frozen=True)
class Reader:
    """Reads one input. default: the input's default as a column of one row, None when it is required."""

    name: str
    input: Input
    default: Column | None = None

    @property
    def nested(self) -> bool:
        """Whether a row's value is a list or a vector."""
        return self.input.list or self.input.length is not None

    def one(self, raw: Any) -> Column:
        """A value that came once. Raises InputError; its index is the place in the list, if it is one."""
        value = raw if type(raw) in _SCALARS else plain(raw)
        if isinstance(value, np.ndarray):
            value = value[None] if value.ndim else value.item()
        return self._read(value if isinstance(value, np.ndarray) else [value], single=True)

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
        return divmod(position, self.input.length) if self.input.length else (position,)

    def fault(
        self, index: tuple[int, ...], message: str, *, single: bool = False, kind: type[InputError] = InputError
    ) -> InputError:
        """The error for one place of this input; a value that came once has no row to name."""
        return kind(self.input.side, self.name, message, index=index[1:] if single else index)

    def _read(self, values: Any, *, single: bool) -> Column:
        if isinstance(values, np.ndarray):
            return self._array(values, single)
        if not self.nested:
            return self._column(values, len(values), None, single)
        rows = self._lists(values, single)
        lengths = np.fromiter(map(len, rows), np.int64, len(rows))
        self._check_length(lengths, single)
        flat = list(rows[0]) if len(rows) == 1 else list(chain.from_iterable(rows))
        return self._column(flat, len(rows), lengths if self.input.list else None, single)

    def _array(self, array: NDArray[Any], single: bool) -> Column:
        if array.ndim != 1 + self.nested:
            noun = f"{'a list of' if self.nested else ''} {self.input.type}".strip()
            raise self.fault(
                (), f"{noun} per row is expected, not an array of shape {list(array.shape)}", single=single
            )
        lengths = np.full(len(array), array.shape[1], np.int64) if self.nested else None
        if lengths is not None:
            self._check_length(lengths, single)
        values = array.reshape(-1) if self.input.list else array
        return self._column(values, len(array), lengths if self.input.list else None, single)

    def _column(self, values: Any, rows: int, lengths: NDArray[np.int64] | None, single: bool) -> Column:
        try:
            if isinstance(values, np.ndarray):
                found = typed_array(values, self.input.type)
            else:
                found = typed(values, self.input.type, None if self.nested else self.input.default)
        except Fault as fault:
            index = () if fault.position is None else self.index(fault.position, lengths)
            raise self.fault(index, str(fault), single=single and bool(index)) from fault.__cause__
        if self.input.length is not None:
            found = found.reshape(rows, self.input.length)
        column = Column(self, rows, found, lengths, single)
        return self._finite(column) if self.input.type == "float" and self.input.nan != "allow" else column

    def _finite(self, column: Column) -> Column:
        """NaN and infinity are one case: refused, or replaced by the default."""
        good = np.isfinite(column.values)
        if good.all():
            return column
        if self.input.nan == "default" and self.default is not None:
            return column._replace(values=np.where(good, column.values, self.default.values))
        position = int(np.argmin(good.reshape(-1)))
        value = column.values.reshape(-1)[position]
        raise column.fault(position, f'a finite number is expected, not {value} (the spec says nan = "refuse")')

    def _lists(self, values: list[Any], single: bool) -> list[Any]:
        """One list per row; nulls replaced, arrays unboxed."""
        if _SEQUENCES.issuperset(map(type, values)):
            return values
        found = []
        for row, value in enumerate(map(plain, values)):
            if isinstance(value, np.ndarray):
                value = value.tolist()
            if value is None and self.input.default is not None:
                value = self.input.default
            if type(value) not in _SEQUENCES:
                hint = "; the spec gives it no default" if value is None else ""
                noun = NOUNS[self.input.type].split()[-1]
                raise self.fault((row,), f"a list of {noun}s is expected, not {describe(value)}{hint}", single=single)
            found.append(value)
        return found

    def _check_length(self, lengths: NDArray[np.int64], single: bool) -> None:
        if self.input.length is None or (lengths == self.input.length).all():
            return
        row = int(np.argmax(lengths != self.input.length))
        message = f"a vector of {self.input.length} numbers is expected, got {lengths[row]}"
        raise self.fault((row,), message, single=single, kind=ShapeError)
