"""A bounded cache in front of a store that is slow to read.

It remembers rows and, as long, that a key is absent: an unknown item would otherwise be asked for in every
request. What could not be read is never remembered. Only keys that are not cached go to the store behind,
in one call per request.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranklet_features.errors import StoreError
from ranklet_features.stores.arena import EMPTY, Arena
from ranklet_features.stores.base import UNAVAILABLE, EmbeddingStore, Keys, Rows
from ranklet_features.stores.directories import directory


class CachedStore:
    """At most `table.cache_entries` rows, each for `table.cache_ttl_s` seconds.

    Not safe for threads: Lambda gives an environment one request at a time.
    """

    def __init__(self, inner: EmbeddingStore, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.table = inner.table
        self._inner = inner
        self._clock = clock
        self._arena: Arena | None = Arena(self.table.cache_entries, self.table.dim)
        self._directory = directory(self.table, self.table.cache_entries)

    def rows(self, keys: Keys, *, deadline: float | None = None) -> Rows:
        """Read rows, those that are not cached from the store behind. Raises what it raises."""
        if self._arena is None:
            raise StoreError(f"table {self.table.name}: read after close")
        names = self._directory.normal(keys)
        now = self._clock()
        slots = self._directory.find(names)
        # Copied before anything is evicted to make room for this request's other keys.
        answer = Rows(*self._arena.read(slots))
        if not self._arena.all_live(slots, now):
            absent = np.flatnonzero(~self._arena.live(slots, now))
            self._forget(self._arena, slots[absent])
            wanted, which = self._directory.distinct(names, absent)
            read = self._inner.rows(wanted, deadline=deadline)
            answer.values[absent], answer.status[absent] = read.values[which], read.status[which]
            self._remember(self._arena, wanted, read, expires=now + self.table.cache_ttl_s)
        return answer

    def close(self) -> None:
        """Drop the memory and close the store behind."""
        self._arena = None
        self._inner.close()

    def _forget(self, arena: Arena, slots: NDArray[np.integer]) -> None:
        """Drop rows that have expired, so that a key never lies in two slots."""
        expired = np.unique(slots[slots != EMPTY])
        self._directory.forget(expired)
        arena.drop(expired)

    def _remember(self, arena: Arena, keys: Any, read: Rows, *, expires: float) -> None:
        chosen = np.flatnonzero(read.status != UNAVAILABLE)[: self.table.cache_entries]
        slots = arena.claim(len(chosen))
        self._directory.assign(keys, chosen, slots)
        arena.write(slots, read.values[chosen], read.status[chosen], expires=expires)
