"""Directories of a cache: key → slot of the arena, EMPTY where a key is not cached."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from itertools import repeat
from operator import itemgetter
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ranklet_features.spec import Table
from ranklet_features.stores.arena import EMPTY
from ranklet_features.stores.base import Keys
from ranklet_features.stores.keys import int_keys, text_keys

RAREST = np.iinfo(np.int64).min
"""What stands for a name in the empty slot: a key that equals it is taken for found there, which is nowhere, and may be
read again although it is cached."""

_NOWHERE = EMPTY.to_bytes(8, sys.byteorder)


class Directory(Protocol):
    """Which key lies in which slot. Keys go through `normal` first: an array of int64, or a list of strings."""

    def normal(self, keys: Keys) -> Any:
        """Bring a caller's keys to the form that the other methods take. Raises TypeError for another type."""
        ...

    def find(self, keys: Any) -> NDArray[np.int64]:
        """Slots [n] in the order of `keys`; those of unknown keys are EMPTY. Only to be read."""
        ...

    def distinct(self, keys: Any, positions: NDArray[np.intp]) -> tuple[Any, NDArray[np.intp]]:
        """The distinct keys at `positions`, and for each position which of them it is."""
        ...

    def assign(self, keys: Any, chosen: NDArray[np.intp], slots: NDArray[np.integer]) -> None:
        """Put the distinct, unknown keys at `chosen` into distinct slots; whatever key was there is forgotten."""
        ...

    def forget(self, slots: NDArray[np.integer]) -> None:
        """Forget the keys in distinct `slots`."""
        ...


def directory(table: Table, entries: int) -> Directory:
    """The directory for the table's type of key."""
    return IntDirectory(table, entries) if table.key == "int" else TextDirectory(entries)


class TextDirectory:
    """A dict, and the way back from slot to key that eviction needs.

    Slots lie in the dict as the eight bytes of an int64: bytes are joined into an array in half the time that numbers
    take.
    """

    def __init__(self, entries: int) -> None:
        self._slots: dict[str, bytes] = {}
        self._names: list[str | None] = [None] * (entries + 1)

    def normal(self, keys: Keys) -> list[str]:
        return text_keys(keys)

    def find(self, keys: list[str]) -> NDArray[np.int64]:
        found: Iterable[bytes]
        try:
            # One call looks all of them up; of a single key it would not make a tuple.
            found = itemgetter(*keys)(self._slots) if len(keys) > 1 else (self._slots[key] for key in keys)
            joined = b"".join(found)
        except KeyError:
            joined = b"".join(map(self._slots.get, keys, repeat(_NOWHERE)))
        return np.frombuffer(joined, np.int64)

    def distinct(self, keys: list[str], positions: NDArray[np.intp]) -> tuple[list[str], NDArray[np.intp]]:
        order: dict[str, int] = {}
        which = [order.setdefault(keys[i], len(order)) for i in positions.tolist()]
        return list(order), np.array(which, np.intp)

    def assign(self, keys: list[str], chosen: NDArray[np.intp], slots: NDArray[np.integer]) -> None:
        self.forget(slots)
        for i, slot in zip(chosen.tolist(), slots.tolist(), strict=True):
            self._slots[keys[i]] = slot.to_bytes(8, sys.byteorder)
            self._names[slot] = keys[i]

    def forget(self, slots: NDArray[np.integer]) -> None:
        for slot in slots.tolist():
            name, self._names[slot] = self._names[slot], None
            if name is not None:
                del self._slots[name]


class IntDirectory:
    """A hash table in arrays: a key's bucket is its low bits, so ids that lie close together never collide.

    A key whose bucket is taken goes into an ordinary dict beside it, which is asked only for what the array
    does not find.
    """

    def __init__(self, table: Table, entries: int) -> None:
        self._table = table
        size = 1 << (4 * entries).bit_length()
        self._mask = np.int64(size - 1)
        # As wide as `take` wants them: narrower numbers would be converted by each of the arena's reads.
        self._buckets = np.zeros(size, np.int64)
        self._names = np.zeros(entries + 1, np.int64)
        self._names[EMPTY] = RAREST
        self._taken = np.zeros(entries + 1, np.bool_)
        self._others: dict[int, int] = {}

    def normal(self, keys: Keys) -> NDArray[np.int64]:
        return int_keys(keys, self._table)

    def find(self, keys: NDArray[np.int64]) -> NDArray[np.int64]:
        slots = self._buckets.take(keys & self._mask)
        names = self._names.take(slots)
        # As bytes: where all are found, the usual case, this takes half the time of `any` over their differences.
        if names.tobytes() != keys.tobytes():
            places = np.flatnonzero(names != keys)
            slots[places] = EMPTY
            if self._others:
                found = map(self._others.get, keys[places].tolist(), repeat(EMPTY))
                slots[places] = np.fromiter(found, np.int64, len(places))
        return slots

    def distinct(
        self, keys: NDArray[np.int64], positions: NDArray[np.intp]
    ) -> tuple[NDArray[np.int64], NDArray[np.intp]]:
        names, which = np.unique(keys[positions], return_inverse=True)
        return names, which

    def assign(self, keys: NDArray[np.int64], chosen: NDArray[np.intp], slots: NDArray[np.integer]) -> None:
        self.forget(slots)
        names = keys[chosen]
        self._names[slots], self._taken[slots] = names, True
        buckets = names & self._mask
        free = self._buckets.take(buckets) == EMPTY
        self._buckets[buckets[free]] = slots[free]
        # Not only where the bucket was taken: of two new keys with one bucket, one has lost it just now.
        lost = self._buckets.take(buckets) != slots
        self._others.update(zip(names[lost].tolist(), slots[lost].tolist(), strict=True))

    def forget(self, slots: NDArray[np.integer]) -> None:
        slots = slots[self._taken.take(slots)]
        names = self._names.take(slots)
        self._taken[slots] = False
        buckets = names & self._mask
        own = self._buckets.take(buckets) == slots
        self._buckets[buckets[own]] = EMPTY
        for name in names[~own].tolist():
            self._others.pop(name, None)
