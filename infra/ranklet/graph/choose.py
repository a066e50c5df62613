"""Times candidates against the uncut graph and keeps the fastest that is never slower.

All candidates and the uncut graph a second time (the control) run in turn within each round, in an order that is drawn
anew, so that a machine that slows down slows all of them and none always follows the same one. Times are of the
thread, not of the clock: other processes take none of it. Per N the medians of many rounds are compared.

What the control differs from the uncut graph by is noise: a gain counts only beyond it. A candidate ships if it is at
least as fast as the uncut graph at every N above one, costs a request of one candidate at most SPARE more, and is
faster by more than the noise on geometric mean over all N. Among those, the best mean wins; then it is timed once more,
alone with the uncut graph, and has to win again: the best of several is often the luckiest.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import exp, log

import numpy as np

from ranklet.graph.records import Timing

ROUNDS, LIMIT = 7, 400
SECONDS = 0.04
"""Per N: rounds go on until each candidate had so many seconds, between ROUNDS and LIMIT of them."""

SPARE = 500.0
"""Microseconds that a request of a single candidate may cost more than uncut: what is made per user pays off with the
second candidate at the earliest."""

Runs = Mapping[str, Callable[[], object]]
BASE, CONTROL = "uncut", "control"


@dataclass(frozen=True)
class Choice:
    """best: a candidate's name, or `uncut`. declined: the others, with the reason.

    control: the uncut graph over itself, geometric mean; noise: the mean factor between the two, either way.
    """

    best: str
    reason: str
    timings: tuple[Timing, ...]
    control: float
    declined: Mapping[str, str]
    noise: float = 1.0


def choose(build: Callable[[int], Runs], numbers: Sequence[int], *, force: bool) -> Choice:
    """build(n): what to time at n candidates; it must hold `uncut` and `control`."""
    built = {n: build(n) for n in numbers}
    timings = _measured(built)
    names = [t.candidate for t in timings if t.n == numbers[0] and t.candidate not in (BASE, CONTROL)]
    declined: dict[str, str] = {}
    if force:
        good = names
    else:
        declined = {name: why for name in names if (why := slower(name, timings))}
        good = sorted((name for name in names if name not in declined), key=lambda name: -mean(name, timings))
        good = _confirmed(built, good, declined)
    if not good:
        reason = "no split is faster at every N by more than the noise"
        return Choice(BASE, reason, timings, mean(CONTROL, timings), declined, noise(timings))
    best = max(good, key=lambda name: mean(name, timings))
    gains = {name: mean(name, timings) for name in names}
    declined |= {
        name: f"{gains[name]:.2f}× on average, {best} gives {gains[best]:.2f}×"
        for name in names
        if name != best and name not in declined
    }
    reason = f"{gains[best]:.2f}× on average over N = {', '.join(map(str, numbers))}"
    return Choice(best, reason, timings, mean(CONTROL, timings), declined, noise(timings))


def _confirmed(built: Mapping[int, Runs], good: Sequence[str], declined: dict[str, str]) -> list[str]:
    """The first that wins again when it is timed alone with the uncut graph; the ones before it are declined."""
    for name in good:
        alone = {n: {key: runs[key] for key in (BASE, name, CONTROL)} for n, runs in built.items()}
        why = slower(name, _measured(alone))
        if not why:
            return [name]
        declined[name] = f"when timed again: {why}"
    return []


def _measured(built: Mapping[int, Runs]) -> tuple[Timing, ...]:
    found = []
    for n, runs in built.items():
        medians = interleaved(runs)
        found += [Timing(name, n, value * 1e6, medians[BASE] / value) for name, value in medians.items()]
    return tuple(found)


def slower(name: str, timings: Sequence[Timing]) -> str:
    """Why a candidate may not ship; empty where it may."""
    mine = [t for t in timings if t.candidate == name]
    worst = min((t for t in mine if t.n > 1), key=lambda t: t.speedup, default=None)
    if worst is not None and worst.speedup < 1:
        return f"{worst.speedup:.2f}× at N = {worst.n}: slower than uncut"
    single = {t.candidate: t.micros for t in timings if t.n == 1}
    lost = single[name] - single[BASE] if single else 0.0
    if lost > SPARE:
        return f"{lost:.0f} µs slower than uncut at N = 1, at most {SPARE:.0f} are spared"
    allowed, gain = noise(timings), mean(name, timings)
    return f"{gain:.2f}× on average: no more than the noise of {allowed:.2f}×" if gain <= allowed else ""


def mean(name: str, timings: Sequence[Timing]) -> float:
    """The geometric mean of a candidate's speed-ups over all N."""
    found = [log(t.speedup) for t in timings if t.candidate == name]
    return exp(sum(found) / len(found))


def noise(timings: Iterable[Timing]) -> float:
    """The mean factor, either way, between the uncut graph and itself."""
    found = [abs(log(t.speedup)) for t in timings if t.candidate == CONTROL]
    return exp(sum(found) / len(found)) if found else 1.0


def interleaved(runs: Runs) -> dict[str, float]:
    """Median seconds of each, run in turn, of this thread."""
    for run in runs.values():
        run()
    random = np.random.default_rng(0)
    taken: dict[str, list[float]] = {name: [] for name in runs}
    rounds = 0
    while rounds < ROUNDS or (min(sum(times) for times in taken.values()) < SECONDS and rounds < LIMIT):
        for name in random.permutation(list(runs)).tolist():
            start = time.thread_time()
            runs[name]()
            taken[name].append(time.thread_time() - start)
        rounds += 1
    return {name: float(np.median(times)) for name, times in taken.items()}
