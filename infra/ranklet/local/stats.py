"""Counts and times of one function's pool; the times of the last invocations only, so that they stay bounded."""

from __future__ import annotations

import statistics
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Final

from ranklet.local.function import Invoked

KEPT: Final = 10_000


@dataclass(frozen=True)
class Stats:
    """A moment's figures. Times in milliseconds, in the order of events.

    cold_starts: invocations that had to wait for their environment to be started. errors: function errors, timeouts
    among them. inits_ms: exec to first poll of every environment, provisioned ones too. warm_ms: delivery to answer
    of invocations that found an environment ready. environments, busy: now.
    """

    invocations: int
    cold_starts: int
    errors: int
    throttled: int
    environments: int
    busy: int
    cap: int
    inits_ms: tuple[float, ...]
    warm_ms: tuple[float, ...]

    @property
    def init_ms(self) -> float:
        """The first environment's initialisation, 0.0 when there was none yet."""
        return self.inits_ms[0] if self.inits_ms else 0.0

    @property
    def warm_p50_ms(self) -> float:
        """Median of the warm invocations, 0.0 when there was none yet."""
        return statistics.median(self.warm_ms) if self.warm_ms else 0.0


def together(parts: Sequence[Stats]) -> Stats:
    """The figures of several pools of one function; each may have as many environments as the cap says."""
    return Stats(
        invocations=sum(part.invocations for part in parts),
        cold_starts=sum(part.cold_starts for part in parts),
        errors=sum(part.errors for part in parts),
        throttled=sum(part.throttled for part in parts),
        environments=sum(part.environments for part in parts),
        busy=sum(part.busy for part in parts),
        cap=max(part.cap for part in parts),
        inits_ms=tuple(chain.from_iterable(part.inits_ms for part in parts)),
        warm_ms=tuple(chain.from_iterable(part.warm_ms for part in parts)),
    )


@dataclass
class Tally:
    """The counters behind `Stats`."""

    invocations: int = 0
    cold_starts: int = 0
    errors: int = 0
    throttled: int = 0
    _inits: deque[float] = field(default_factory=lambda: deque(maxlen=KEPT))
    _warm: deque[float] = field(default_factory=lambda: deque(maxlen=KEPT))

    def initialised(self, init_ms: float) -> None:
        """An environment reached its first poll."""
        self._inits.append(init_ms)

    def count(self, invoked: Invoked) -> None:
        """An event was answered, well or not."""
        self.invocations += 1
        self.errors += invoked.error is not None
        if invoked.init_ms is not None:
            self.cold_starts += 1
        elif invoked.error is None:
            self._warm.append(invoked.duration_ms)

    def stats(self, *, environments: int, busy: int, cap: int) -> Stats:
        """The figures of now."""
        return Stats(
            invocations=self.invocations,
            cold_starts=self.cold_starts,
            errors=self.errors,
            throttled=self.throttled,
            environments=environments,
            busy=busy,
            cap=cap,
            inits_ms=tuple(self._inits),
            warm_ms=tuple(self._warm),
        )
