"""Times ways to serve a request against each other.

All candidates and the uncut graph a second time (the control) run in turn within each round, in an order that is drawn
anew, so that a machine that slows down slows all of them and none always follows the same one. A turn of short calls
begins with one that is not timed, since the others' weights took the processor's cache, as they do not in a function.
Times are of the thread: other processes take none of it. What the control differs from the uncut graph by is noise.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import exp, log

import numpy as np
import numpy.typing as npt

from ranklet.graph.records import Timing

ROUNDS, SECONDS, LIMIT = 7, 0.04, 1.0
"""Per N: at least so many rounds, then until each candidate had SECONDS, or all of them together LIMIT."""

STEADY, CALLS = 0.002, 64
"""Seconds that one timing should last, and the calls that it has at most for it."""

SAME = 1.02, 1.05
"""Factors between which the noise at one N is believed: less can no clock tell, and no more is spared."""

Runs = Mapping[str, Callable[[], object]]
Build = Callable[[int], Runs]
Seconds = npt.NDArray[np.float64]
NONE: Seconds = np.zeros(0)
BASE, CONTROL, REST, SHIPPED = "uncut", "control", "rest", "shipped"


@dataclass
class Times:
    """Seconds per call of each round, by N and what was run. runs: what to time at n.

    A speed-up is the median of the rounds' own: what befalls the machine befalls both sides of it.
    """

    runs: Build
    rounds: dict[int, dict[str, Seconds]] = field(default_factory=dict)

    def measure(self, numbers: Iterable[int]) -> Times:
        """At these N, beside what was measured there before."""
        for n in numbers:
            found, before = interleaved(self.runs(n)), self.rounds.get(n, {})
            self.rounds[n] = {name: np.append(before.get(name, NONE), taken) for name, taken in found.items()}
        return self

    def micros(self, name: str, n: int) -> float:
        """Per call."""
        return float(np.median(self.rounds[n][name])) * 1e6

    def speedup(self, name: str, n: int) -> float:
        """How many times faster than uncut."""
        return float(np.median(self.rounds[n][BASE] / self.rounds[n][name]))

    def slower(self, name: str, n: int) -> bool:
        """Than uncut, beyond the noise at this N."""
        apart = exp(abs(log(self.speedup(CONTROL, n))))
        return self.speedup(name, n) * min(max(apart, SAME[0]), SAME[1]) < 1

    def mean(self, names: Mapping[int, str]) -> float:
        """The geometric mean of the speed-ups of what runs at each N."""
        return exp(sum(log(self.speedup(name, n)) for n, name in names.items()) / len(names))

    def noise(self, numbers: Sequence[int]) -> float:
        """The mean factor, either way, between the uncut graph and itself."""
        return exp(sum(abs(log(self.speedup(CONTROL, n))) for n in numbers) / len(numbers))

    def timings(self, names: Iterable[str] | None = None) -> tuple[Timing, ...]:
        """As a report has them."""
        return tuple(
            Timing(name, n, self.micros(name, n), self.speedup(name, n))
            for n in sorted(self.rounds)
            for name in self.rounds[n]
            if names is None or name in names
        )


def interleaved(runs: Runs) -> dict[str, Seconds]:
    """Seconds per call of each, round by round, of this thread."""
    calls = {name: max(1, min(CALLS, int(STEADY / max(_timed(run, 2), 1e-9)))) for name, run in runs.items()}
    random = np.random.default_rng(0)
    taken: dict[str, list[float]] = {name: [] for name in runs}
    spent = dict.fromkeys(runs, 0.0)
    rounds = 0
    while rounds < ROUNDS or (min(spent.values()) < SECONDS and sum(spent.values()) < LIMIT):
        for name in random.permutation(list(runs)).tolist():
            taken[name].append(_timed(runs[name], calls[name]))
            spent[name] += taken[name][-1] * calls[name]
        rounds += 1
    return {name: np.asarray(seconds) for name, seconds in taken.items()}


def _timed(run: Callable[[], object], calls: int) -> float:
    """Seconds per call; of several, after one that is not timed."""
    if calls > 1:
        run()
    start = time.thread_time()
    for _ in range(calls):
        run()
    return (time.thread_time() - start) / calls
