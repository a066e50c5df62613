"""The DynamoDB items of a table's staged rows: one per row, or one per page of neighbouring int keys.

    a row     key as text (ints in decimal)   the packed row (`ranklet_features.packing`)
    a page    `p<key // page>`                uint16 LE count, count × uint16 LE offsets (key - (key // page) × page)
                                              ascending, then as many packed rows in that order

Whoever writes, serves or checks a table's items gets them here, so that they agree to the byte.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ranklet.errors import TableError
from ranklet_features.packing import row_dtype
from ranklet_features.spec import Table

MAX_PAGE = 65_536
"""Offsets within a page are 16 bits wide."""

MAX_ITEM_BYTES = 400 * 1024 - 2048
"""DynamoDB's limit on an item, less room for key and names."""


class Numbered(Protocol):
    """A table's items, numbered from 0, wherever they lie."""

    @property
    def table(self) -> Table:
        """The version that they make."""
        ...

    def __len__(self) -> int: ...

    def key(self, number: int) -> str:
        """The key of an item."""
        ...

    def value(self, number: int) -> bytes:
        """The value of an item."""
        ...

    def find(self, key: str) -> int | None:
        """The number of the item with this key; None where there is none."""
        ...

    def pairs(self, start: int, stop: int) -> Iterator[tuple[str, bytes]]:
        """Key and value of the items `start … stop - 1`."""
        ...

    def sample(self, size: int) -> Sequence[int]:
        """Ascending numbers of about `size` items to look at, the first and the last among them; all of fewer."""
        ...


class Items:
    """The items of a table in ascending order of its keys, numbered from 0; nothing is made before it is asked for.

    keys: int64 [rows] or text, ascending. rows: packed as `packing.pack` gives them, memory-mapped or not.
    Raises TableError for keys and rows that are not the table's, and for pages that DynamoDB cannot hold.
    """

    def __init__(self, table: Table, keys: NDArray[np.int64] | Sequence[str], rows: NDArray[Any]) -> None:
        self.table, self.keys, self.rows = table, keys, rows
        self._row_bytes = row_dtype(table.dtype, table.dim).itemsize
        self._check()

    def __len__(self) -> int:
        return len(self.keys) if self.table.page == 1 else len(self._starts)

    def key(self, number: int) -> str:
        """The key of an item."""
        if self.table.page == 1:
            return str(self.keys[number])
        return f"p{self._pages[self._starts[number]]}"

    def find(self, key: str) -> int | None:
        """The number of the item with this key; None where the table has none."""
        if self.table.key == "string":
            place = bisect_left(self.keys, key)
        else:
            try:
                wanted = int(key.removeprefix("p") if self.table.page > 1 else key)
            except ValueError:
                return None
            if not -(1 << 63) <= wanted < 1 << 63:
                return None
            names = self.keys if self.table.page == 1 else self._pages[self._starts]
            place = int(np.searchsorted(np.asarray(names), wanted))
        return place if place < len(self) and self.key(place) == key else None

    def pairs(self, start: int, stop: int) -> Iterator[tuple[str, bytes]]:
        """Key and value of the items `start … stop - 1`."""
        if self.table.page > 1:
            for number in range(start, stop):
                yield self.key(number), self._page(number)
            return
        size, names = self._row_bytes, self.keys[start:stop]
        blob = np.ascontiguousarray(self.rows[start:stop]).tobytes()
        texts = map(str, names.tolist()) if isinstance(names, np.ndarray) else names
        for place, text in enumerate(texts):
            yield text, blob[place * size : (place + 1) * size]

    def value(self, number: int) -> bytes:
        """The value of one item."""
        return self._page(number) if self.table.page > 1 else bytes(self.rows[number].tobytes())

    def sample(self, size: int) -> Sequence[int]:
        """As `Numbered` says: spread over the whole table."""
        total = len(self)
        if total <= size:
            return range(total)
        drawn = np.random.default_rng(0).choice(total, size, replace=False)
        return sorted({0, total - 1, *drawn.tolist()})

    def _page(self, number: int) -> bytes:
        start, stop = self._starts[number], self._stops[number]
        keys = np.asarray(self.keys[start:stop])
        offsets = (keys % self.table.page).astype("<u2")
        count = np.array([stop - start], "<u2")
        return b"".join((count.tobytes(), offsets.tobytes(), np.ascontiguousarray(self.rows[start:stop]).tobytes()))

    @cached_property
    def _pages(self) -> NDArray[np.int64]:
        """The page of every row."""
        pages: NDArray[np.int64] = np.asarray(self.keys, np.int64) // self.table.page
        return pages

    @cached_property
    def _starts(self) -> NDArray[np.intp]:
        if not len(self.keys):
            return np.zeros(0, np.intp)
        starts: NDArray[np.intp] = np.flatnonzero(np.r_[True, self._pages[1:] != self._pages[:-1]])
        return starts

    @cached_property
    def _stops(self) -> NDArray[np.intp]:
        return np.append(self._starts[1:], len(self.keys))

    def _check(self) -> None:
        table, where = self.table, f"table {self.table.name}"
        if len(self.keys) != len(self.rows):
            raise TableError(f"{where}: {len(self.keys)} keys and {len(self.rows)} rows; run `ranklet build` again")
        if len(self.rows) and self.rows[0].nbytes != self._row_bytes:
            raise TableError(
                f"{where}: rows of {self.rows[0].nbytes} bytes, {table.dim} numbers of {table.dtype} take "
                f"{self._row_bytes}; run `ranklet build` again"
            )
        if table.page > 1 and table.key != "int":
            raise TableError(f'{where}: page = {table.page} needs key = "int"')
        most = 2 + table.page * (2 + self._row_bytes) if table.page > 1 else self._row_bytes
        if table.page > MAX_PAGE - 1 or most > MAX_ITEM_BYTES:
            raise TableError(
                f"{where}: an item of page = {table.page} rows may take {most} bytes; DynamoDB holds items of up to "
                f"{MAX_ITEM_BYTES}, and a page of up to {MAX_PAGE - 1} rows"
            )
