"""Times candidates against the uncut graph and keeps the fastest that is never slower.

All candidates and a second copy of the uncut graph (the control) run in turn within each round, so that a machine that
slows down slows all of them; per N the medians of many rounds are compared. A candidate ships if it is at least as
fast as the uncut graph at every N above one and on geometric mean over all; among those, the best mean wins.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import exp, log

import numpy as np

from ranklet.graph.records import Timing

ROUNDS, LIMIT = 15, 400
SECONDS = 0.04
"""Per N: rounds go on until each candidate had so many seconds, between ROUNDS and LIMIT of them."""

Runs = Mapping[str, Callable[[], object]]
BASE, CONTROL = "uncut", "control"


@dataclass(frozen=True)
class Choice:
    """best: a candidate's name, or `uncut`. declined: the others, with the reason."""

    best: str
    reason: str
    timings: tuple[Timing, ...]
    control: float
    declined: Mapping[str, str]


def choose(build: Callable[[int], Runs], numbers: Sequence[int], *, force: bool) -> Choice:
    """build(n): what to time at n candidates; it must hold `uncut` and `control`."""
    timings: list[Timing] = []
    for n in numbers:
        medians = interleaved(build(n))
        timings += [Timing(name, n, value * 1e6, medians[BASE] / value) for name, value in medians.items()]
    names = [t.candidate for t in timings if t.n == numbers[0] and t.candidate not in (BASE, CONTROL)]
    means = {name: _mean(t.speedup for t in timings if t.candidate == name) for name in names}
    control = _mean(t.speedup for t in timings if t.candidate == CONTROL)
    slow = {} if force else {name: why for name in names if (why := _slower(name, means[name], timings))}
    good = [name for name in names if name not in slow]
    if not good:
        return Choice(BASE, "no split is faster at every N", tuple(timings), control, slow)
    best = max(good, key=lambda name: means[name])
    declined = {**slow} | {
        name: f"{means[name]:.2f}× on average, {best} gives {means[best]:.2f}×" for name in good if name != best
    }
    return Choice(
        best,
        f"{means[best]:.2f}× on average over N = {', '.join(map(str, numbers))}",
        tuple(timings),
        control,
        declined,
    )


def _slower(name: str, mean: float, timings: Sequence[Timing]) -> str:
    """Why a candidate may not ship; empty where it may."""
    worst = min((t for t in timings if t.candidate == name and (t.n > 1)), key=lambda t: t.speedup, default=None)
    if worst is not None and worst.speedup < 1:
        return f"{worst.speedup:.2f}× at N = {worst.n}: slower than uncut"
    return f"{mean:.2f}× on average: slower than uncut" if mean < 1 else ""


def _mean(values: object) -> float:
    found = [log(value) for value in values]  # type: ignore[attr-defined]
    return exp(sum(found) / len(found))


def interleaved(runs: Runs) -> dict[str, float]:
    """Median seconds of each, run in turn."""
    for run in runs.values():
        run()
    taken: dict[str, list[float]] = {name: [] for name in runs}
    rounds = 0
    while rounds < ROUNDS or (min(sum(times) for times in taken.values()) < SECONDS and rounds < LIMIT):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            taken[name].append(time.perf_counter() - start)
        rounds += 1
    return {name: float(np.median(times)) for name, times in taken.items()}
