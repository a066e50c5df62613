"""Pages: items that hold all rows of a range of integer keys, so that rows which are wanted together cost one read.

key      `p<key // page>`
value    uint16 LE count, count × uint16 LE offsets (key - (key // page) × page) ascending, then as many packed rows
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranklet_features.errors import TableMismatch
from ranklet_features.packing import from_bytes, row_dtype
from ranklet_features.spec import Table

COUNT_BYTES = OFFSET_BYTES = 2


def name(number: int) -> str:
    """The key of a page's item."""
    return f"p{number}"


def number(name: str) -> int:
    """The page of an item's key."""
    return int(name[1:])


def joined(pages: Mapping[str, bytes], table: Table) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """The keys of all rows in the pages, ascending, and the rows, packed. Raises TableMismatch for a damaged page."""
    row_bytes = row_dtype(table.dtype, table.dim).itemsize
    keys, rows = [np.empty(0, np.int64)], []
    for page in sorted(map(number, pages)):
        value = pages[name(page)]
        count = int.from_bytes(value[:COUNT_BYTES], "little")
        start = COUNT_BYTES + count * OFFSET_BYTES
        if len(value) != start + count * row_bytes:
            raise _damaged(table, page, f"has {len(value)} bytes")
        offsets = np.frombuffer(value, "<u2", count, COUNT_BYTES).astype(np.int64)
        if count and (offsets[-1] >= table.page or not (offsets[1:] > offsets[:-1]).all()):
            raise _damaged(table, page, "has keys that are not its own, or not in their order")
        # An array of one: the first page begins below the least int64, which arrays pass through and come back from.
        keys.append(offsets + np.array([page]) * table.page)
        rows.append(value[start:])
    return np.concatenate(keys), from_bytes(b"".join(rows), dtype=table.dtype, dim=table.dim)


def _damaged(table: Table, page: int, what: str) -> TableMismatch:
    return TableMismatch(
        f"table {table.name}: {table.physical}, item {name(page)} {what}; "
        f"pinned are pages of up to {table.page} rows of {table.dim} numbers of {table.dtype}"
    )
