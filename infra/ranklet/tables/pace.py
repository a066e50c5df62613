"""How fast to write: additive increase, multiplicative decrease, as TCP finds its rate (Chiu and Jain, 1989).

An on-demand table that was just created takes 4 000 writes a second, more as it has seen more; no number fits all,
so the rate climbs while writes are accepted and falls by a third when DynamoDB throttles.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

START, STEP, LEAST = 4000.0, 1000.0, 25.0
"""Write units a second: at first, added for each second without a throttle, and never below."""

FACTOR, DEAF_S = 0.67, 0.25
"""What a throttle leaves of the rate; calls in flight that tell of the same throttle within this time count once."""

BURST_S = 0.25


class Pace:
    """Grants write units to several threads. clock and sleep are seams for tests."""

    def __init__(
        self, *, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self.rate = START
        self._clock, self._sleep, self._lock = clock, sleep, threading.Lock()
        self._free = START * BURST_S
        self._seen = self._climbed = clock()
        self._slowed = float("-inf")

    def take(self, units: float) -> None:
        """Wait until `units` may be written."""
        with self._lock:
            now = self._clock()
            self._climb(now)
            self._free = min(self.rate * BURST_S, self._free + (now - self._seen) * self.rate)
            self._seen = now
            # Debt is allowed, so that a batch larger than the burst is granted; whoever comes next waits for it.
            self._free -= units
            wait = max(0.0, -self._free / self.rate)
        if wait:
            self._sleep(wait)

    def throttled(self) -> None:
        """DynamoDB said: slower."""
        with self._lock:
            now = self._clock()
            if now - self._slowed < DEAF_S:
                return
            self.rate = max(LEAST, self.rate * FACTOR)
            self._free = min(self._free, self.rate * BURST_S)
            self._slowed = self._climbed = now

    def _climb(self, now: float) -> None:
        if (quiet := now - self._climbed) > 0:
            self.rate += STEP * quiet
            self._climbed = now
