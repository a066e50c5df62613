"""The memory of a cache: a bounded number of slots for rows, and which slot to give up next.

Slots are columns of fixed arrays, so that a request's hits are a handful of `take`s. Slot 0 is the empty
slot: it is never given out and has always expired, and every key that is not cached is sent there.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

EMPTY = 0
"""The slot of keys that are not cached."""


class Arena:
    """Rows in slots 1 … entries, evicted by CLOCK (Corbató 1969): a slot that was used since the hand last
    passed is spared once. Rows are put in as not yet used, so a burst of keys that never come back is the
    first to go.
    """

    def __init__(self, entries: int, dim: int) -> None:
        # np.empty of this size is address space only: the kernel commits a page when it is first written,
        # so the cache grows with what is in it and is never copied.
        self._values = np.empty((entries + 1, dim), np.float32)
        self._values[EMPTY] = 0
        self._status = np.zeros(entries + 1, np.uint8)
        self._all_found = True
        self._expires = np.full(entries + 1, -np.inf)
        self._used = np.zeros(entries + 1, np.bool_)
        self._entries = entries
        self._filled = 0
        self._hand = 1

    @property
    def all_found(self) -> bool:
        """Whether no slot has ever held another status than FOUND."""
        return self._all_found

    def live(self, slots: NDArray[np.integer], now: float) -> NDArray[np.bool_]:
        """Which of `slots` [n] hold a row that has not expired."""
        return self._expires.take(slots) > now

    def all_live(self, slots: NDArray[np.integer], now: float) -> bool:
        """Whether every one of `slots` does; a third of the time of asking which."""
        return not len(slots) or bool(self._expires.take(slots).min() > now)

    def read(self, slots: NDArray[np.integer]) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
        """Copies of values [n, dim] and statuses [n]; marks the slots as used."""
        self._used[slots] = True
        status = np.zeros(len(slots), np.uint8) if self._all_found else self._status.take(slots)
        return self._values.take(slots, axis=0), status

    def write(
        self, slots: NDArray[np.integer], values: NDArray[np.float32], status: NDArray[np.uint8], *, expires: float
    ) -> None:
        """Fill slots that `claim` gave."""
        self._values[slots] = values
        self._status[slots] = status
        self._all_found = self._all_found and not status.any()
        self._expires[slots] = expires

    def drop(self, slots: NDArray[np.integer]) -> None:
        """Forget rows; the slots are given out again when the hand comes to them."""
        self._expires[slots] = -np.inf
        self._used[slots] = False

    def claim(self, n: int) -> NDArray[np.int64]:
        """Give out `n` ≤ entries distinct slots: those never used first, then what the hand finds."""
        fresh = min(n, self._entries - self._filled)
        claimed = np.arange(self._filled + 1, self._filled + fresh + 1)
        self._filled += fresh
        # Two rounds are enough: the first clears every mark, the second takes whatever it meets.
        while len(claimed) < n:
            # Marked until the end, so that the hand does not give them out again.
            self._used[claimed] = True
            claimed = np.concatenate([claimed, self._advance(n - len(claimed))])
        self._used[claimed] = False
        return claimed

    def _advance(self, wanted: int) -> NDArray[np.int64]:
        """Move the hand over one stretch; up to `wanted` slots that were not used since it last passed."""
        stop = min(self._hand + max(64, 2 * wanted), self._entries + 1)
        victims = self._hand + np.flatnonzero(~self._used[self._hand : stop])[:wanted]
        if len(victims) == wanted:
            stop = int(victims[-1]) + 1
        self._used[self._hand : stop] = False
        self._hand = stop if stop <= self._entries else 1
        return victims
