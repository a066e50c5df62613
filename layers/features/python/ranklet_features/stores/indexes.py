"""Indexes of a resident table: key → position of its row, -1 where the table has no such key.

Integer keys never pass through Python objects: ids that lie close together are looked up in an array over
their range, ids that are scattered by binary search.
"""

from __future__ import annotations

from itertools import repeat
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ranklet_features.spec import Table
from ranklet_features.stores.base import Keys
from ranklet_features.stores.keys import int_keys, require_text, text_keys

SPARSENESS = 8
"""An array over the keys' range may take this many int32 cells per row (32 bytes) before binary search is used."""

SMALL_SPAN = 1 << 16
"""A range up to this size always gets its array: 256 KB."""


class Index(Protocol):
    """Finds rows by key."""

    def slots(self, keys: Keys) -> NDArray[np.integer]:
        """Positions [n] in the order of `keys`, -1 where absent. Raises TypeError for keys of another type."""
        ...


def int_index(table: Table, keys: NDArray[np.int64]) -> Index:
    """The index for ascending, unique integer keys."""
    span = int(keys[-1]) - int(keys[0]) + 1 if len(keys) else 0
    if 0 < span <= max(SMALL_SPAN, SPARSENESS * len(keys)):
        return SpanIndex(table, keys, span)
    return SortedIndex(table, keys)


class SpanIndex:
    """An int32 array over the range of the keys; two vector operations per lookup."""

    def __init__(self, table: Table, keys: NDArray[np.int64], span: int) -> None:
        self._table = table
        self._low = keys[0]
        self._span = np.uint64(span)
        # One cell more than the range: every key outside is sent there and finds -1.
        self._cells = np.full(span + 1, -1, np.int32)
        self._cells[keys - self._low] = np.arange(len(keys), dtype=np.int32)

    def slots(self, keys: Keys) -> NDArray[np.integer]:
        # As unsigned numbers, keys below the range wrap to huge ones: one comparison checks both ends.
        offsets = (int_keys(keys, self._table) - self._low).view(np.uint64)
        cells: NDArray[np.int32] = self._cells.take(np.minimum(offsets, self._span).view(np.int64))
        return cells


class SortedIndex:
    """Binary search over the ascending keys; no memory beyond the (mapped) keys themselves."""

    def __init__(self, table: Table, keys: NDArray[np.int64]) -> None:
        self._table = table
        self._keys = keys

    def slots(self, keys: Keys) -> NDArray[np.integer]:
        wanted = int_keys(keys, self._table)
        if not len(self._keys):
            return np.full(len(wanted), -1)
        slots = np.searchsorted(self._keys, wanted)
        slots[self._keys.take(slots, mode="clip") != wanted] = -1
        return slots


class TextIndex:
    """A dict: what Python has that is fastest for strings."""

    def __init__(self, table: Table, keys: list[str]) -> None:
        self._table = table
        self._slots = dict(zip(keys, range(len(keys)), strict=True))

    def slots(self, keys: Keys) -> NDArray[np.integer]:
        wanted = text_keys(keys)
        slots = np.fromiter(map(self._slots.get, wanted, repeat(-1)), np.int64, len(wanted))
        if (absent := slots < 0).any():
            require_text([wanted[i] for i in np.flatnonzero(absent)], self._table)
        return slots
