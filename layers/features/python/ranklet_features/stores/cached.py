"""A bounded cache in front of a store that is slow to read.

It remembers rows and, as long, that a key is absent: an unknown item would otherwise be asked for in every
request. What could not be read is never remembered. Only keys that are not cached go to the store behind,
in one call per request. Where rows come in pages, the other rows of a page that was read are remembered too.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranklet_features.errors import StoreError
from ranklet_features.stores.arena import EMPTY, Arena
from ranklet_features.stores.base import (
    FOUND,
    UNAVAILABLE,
    EmbeddingStore,
    Keys,
    Neighbours,
    PagedStore,
    RemoteStore,
    Rows,
)
from ranklet_features.stores.counts import counts_of
from ranklet_features.stores.directories import directory

NEIGHBOURS = 16
"""Of the cache's entries, at most one in so many is given to the neighbours of one read: a request over many pages must
not push everything else out. Measured under a Zipf log: one in 16 saves 6 % of the read units where rows that are
wanted together lie together, and costs 6 % where they do not; one in 4 saves as much and costs 17 %."""


class CachedStore:
    """At most `table.cache_entries` rows, each for `table.cache_ttl_s` seconds.

    Not safe for threads: Lambda gives an environment one request at a time.
    """

    def __init__(self, inner: EmbeddingStore, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.table = inner.table
        self.counts = counts_of(inner)
        self._inner = inner
        self._pages = inner if self.table.page > 1 and isinstance(inner, PagedStore) else None
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
        hits = len(names)
        if not self._arena.all_live(slots, now):
            absent = np.flatnonzero(~self._arena.live(slots, now))
            hits -= len(absent)
            answer.status[absent] = FOUND  # of whatever lay in an expired slot; not to be counted below
            self._forget(self._arena, slots[absent])
        self.counts.cache_hits += hits
        if not self._arena.all_found:
            self.counts.negative_hits += int(np.count_nonzero(answer.status))
        if hits < len(names):
            wanted, which = self._directory.distinct(names, absent)
            read = self._read(self._arena, wanted, deadline, expires=now + self.table.cache_ttl_s)
            answer.values[absent], answer.status[absent] = read.values[which], read.status[which]
        return answer

    def renew(self) -> None:
        """Forget what was read, as its age is not known any more, and renew the store behind."""
        if self._arena is not None:
            self._arena = Arena(self.table.cache_entries, self.table.dim)
            self._directory = directory(self.table, self.table.cache_entries)
        if isinstance(self._inner, RemoteStore):
            self._inner.renew()

    def close(self) -> None:
        """Drop the memory and close the store behind."""
        self._arena = None
        self._inner.close()

    def _forget(self, arena: Arena, slots: NDArray[np.integer]) -> None:
        """Drop rows that have expired, so that a key never lies in two slots."""
        expired = np.unique(slots[slots != EMPTY])
        self._directory.forget(expired)
        arena.drop(expired)

    def _read(self, arena: Arena, wanted: Any, deadline: float | None, *, expires: float) -> Rows:
        """Read distinct keys from the store behind, and remember what came."""
        if self._pages is None:
            read = self._inner.rows(wanted, deadline=deadline)
        else:
            read, more = self._pages.rows_with_neighbours(wanted, deadline=deadline)
            # Before the rows that were asked for, which may take their slots again.
            self._remember_neighbours(arena, more, expires=expires)
        self._remember(arena, wanted, read, expires=expires)
        return read

    def _remember_neighbours(self, arena: Arena, more: Neighbours, *, expires: float) -> None:
        new = np.flatnonzero(self._directory.find(more.keys) == EMPTY)[: self.table.cache_entries // NEIGHBOURS]
        slots = arena.claim(len(new))
        self._directory.assign(more.keys, new, slots)
        arena.write(slots, more.values[new], np.full(len(new), FOUND, np.uint8), expires=expires)

    def _remember(self, arena: Arena, keys: Any, read: Rows, *, expires: float) -> None:
        chosen = np.flatnonzero(read.status != UNAVAILABLE)[: self.table.cache_entries]
        slots = arena.claim(len(chosen))
        self._directory.assign(keys, chosen, slots)
        arena.write(slots, read.values[chosen], read.status[chosen], expires=expires)
