"""How far a file is on its way, in the function's log: whoever waits for a start sees what it waits for."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

EVERY_S = 2.0
QUIET_BYTES = 8 << 20
"""What is smaller is there before anybody would ask."""


class Progress:
    """Of one object: a line every two seconds, and one when it is whole. clock: seconds, never back."""

    def __init__(self, key: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._key, self._clock = key, clock
        self._started = self._said = clock()

    def at(self, done: int, total: int) -> None:
        """Bytes that are there, of all."""
        now = self._clock()
        if total < QUIET_BYTES or (done < total and now - self._said < EVERY_S):
            return
        self._said = now
        took = now - self._started
        text = f"ranklet: {self._key}: {done / 1e6:.0f} of {total / 1e6:.0f} MB fetched, {took:.1f} s"
        print(text, file=sys.stderr, flush=True)
