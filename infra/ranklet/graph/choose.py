"""Keeps the fastest of the candidates that are never slower than the uncut graph.

A gain counts only beyond the noise (`times`). What a split makes once per user pays off with the number of candidates,
so it may be slower for few of them. There the rest graph stands in (`rest`), up to the smallest number from which the
split was measured to be the faster one; between two numbers that were measured, the uncut way counts as faster. A
candidate ships if what serves a request is at no N slower than the uncut graph, and faster by more than the noise on
geometric mean over all N. It is timed once more for that, alone with the uncut graph: the best of several is often the
luckiest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt

from ranklet.graph.records import Timing
from ranklet.graph.times import BASE, CONTROL, REST, SHIPPED, Build, Runs, Times

AGAIN = 2
"""Times that a rest graph which seems to be slower is measured on: it does the uncut graph's work, so that it is
mostly the machine that says so."""


class NoRest(Exception):
    """A candidate has no rest graph; the message says why."""


@dataclass(frozen=True)
class Choice:
    """best: a candidate's name, or `uncut`. below: requests of fewer candidates are for the rest graph, 0 for none.
    declined: the others, with the reason. timings: of all candidates, then `shipped` as requests are served.

    control: the uncut graph over itself, geometric mean; noise: the mean factor between the two, either way.
    """

    best: str
    reason: str
    timings: tuple[Timing, ...]
    control: float
    declined: Mapping[str, str]
    noise: float = 1.0
    below: int = 0


@dataclass(frozen=True)
class Won:
    """A candidate that may ship. serving: N → what runs."""

    times: Times
    serving: Mapping[int, str]
    below: int

    @property
    def gain(self) -> float:
        return self.times.mean(self.serving)

    @property
    def timings(self) -> tuple[Timing, ...]:
        """Of what serves requests, and of the rest graph where it was measured."""
        times = self.times
        shipped = (
            Timing(SHIPPED, n, times.micros(name, n), times.speedup(name, n)) for n, name in self.serving.items()
        )
        return (*times.timings({REST}), *shipped)


def choose(build: Build, numbers: Sequence[int], *, force: bool, rested: Callable[[str], Build]) -> Choice:
    """build: of n, what to time at n candidates; it holds `uncut` and `control`, as what `rested` gives does.

    rested: of a candidate, the same with its rest graph as `rest`; it may raise NoRest.
    """
    times = Times(build).measure(numbers)
    names = [name for name in times.rounds[numbers[0]] if name not in (BASE, CONTROL)]
    control, noise = times.mean(_everywhere(numbers, CONTROL)), times.noise(numbers)
    best, won, declined = _first(times, names, numbers, rested)
    if won is None and force and names:
        best, won = _forced(times, names, numbers)
    if won is None:
        reason = "no split is faster by more than the noise, and slower at no N"
        return Choice(BASE, reason, times.timings(), control, declined, noise)
    for name in names:
        gain = times.mean(_everywhere(numbers, name))
        declined.setdefault(name, f"{gain:.2f}× on average, {best} gives {won.gain:.2f}×")
    del declined[best]
    reason = f"{won.gain:.2f}× on average over N = {', '.join(map(str, numbers))}"
    reason += f"; the rest graph below {won.below} candidates" if won.below else ""
    return Choice(best, reason, (*times.timings(), *won.timings), control, declined, noise, won.below)


def _first(
    times: Times, names: Sequence[str], numbers: Sequence[int], rested: Callable[[str], Build]
) -> tuple[str, Won | None, dict[str, str]]:
    """The most promising candidate that wins alone too, and why those before it do not."""
    declined: dict[str, str] = {}
    for name in sorted(names, key=lambda name: -_promise(times, name)):
        found = _alone(name, times, numbers, rested)
        if isinstance(found, Won):
            return name, found, declined
        declined[name] = found
    return BASE, None, declined


def _forced(times: Times, names: Sequence[str], numbers: Sequence[int]) -> tuple[str, Won]:
    """The best of those that lose."""
    best = max(names, key=lambda name: times.mean(_everywhere(numbers, name)))
    return best, Won(times, _everywhere(numbers, best), 0)


def _everywhere(numbers: Iterable[int], name: str) -> dict[int, str]:
    return dict.fromkeys(numbers, name)


def _promise(times: Times, name: str) -> float:
    """What a candidate gains where the uncut way serves all N at which it is slower."""
    return times.mean({n: name if times.speedup(name, n) > 1 else BASE for n in times.rounds})


def _alone(name: str, first: Times, numbers: Sequence[int], rested: Callable[[str], Build]) -> Won | str:
    """The candidate timed with nobody but the uncut graph, with the rest graph where it needs it; or why it loses."""
    if why := _hopeless(first, name, numbers):
        return why
    if not any(first.slower(name, n) for n in numbers):

        def runs(n: int) -> Runs:
            return {key: run for key, run in first.runs(n).items() if key in (BASE, name, CONTROL)}

        again = Times(runs).measure(numbers)
        if not any(again.slower(name, n) for n in numbers):
            return _gaining(Won(again, _everywhere(numbers, name), 0))
        if why := _hopeless(again, name, numbers):
            return f"when timed again: {why}"
    steady = min(n for n in numbers if not any(first.slower(name, m) for m in numbers if m >= n))
    try:
        times = Times(_few(rested(name), steady)).measure(numbers)
    except NoRest as error:
        worst = min(numbers, key=lambda n: first.speedup(name, n))
        return f"{first.speedup(name, worst):.2f}× at N = {worst}, and no uncut graph can stand in there: {error}"
    below = _threshold(times, name, numbers)
    for _ in range(AGAIN):
        if isinstance(below, int):
            break
        below = _threshold(times.measure(n for n in numbers if n <= steady), name, numbers)
    if isinstance(below, str):
        return f"when timed again: {below}"
    return _gaining(Won(times, {n: REST if n < below else name for n in numbers}, below))


def _few(runs: Build, most: int) -> Build:
    """The rest graph up to this N alone: it takes long for many candidates, and is not wanted there."""
    return lambda n: {key: run for key, run in runs(n).items() if key != REST or n <= most}


def _hopeless(times: Times, name: str, numbers: Sequence[int]) -> str:
    """Why no rest graph can help: it is slower at the largest N, or gains too little."""
    last = max(numbers)
    if times.slower(name, last):
        return f"{times.speedup(name, last):.2f}× at N = {last}: slower than uncut"
    gain = times.mean({n: BASE if times.slower(name, n) else name for n in numbers})
    return _too_little(gain, times.noise(numbers))


def _gaining(won: Won) -> Won | str:
    return _too_little(won.gain, won.times.noise(tuple(won.serving))) or won


def _too_little(gain: float, noise: float) -> str:
    return f"{gain:.2f}× on average: no more than the noise of {noise:.2f}×" if gain <= noise else ""


def _threshold(times: Times, name: str, numbers: Sequence[int]) -> int | str:
    """From how many candidates on the split serves; found to a factor of two. Or why no number will do."""

    def serves(n: int) -> bool:
        return not times.slower(name, n) and (
            REST not in times.rounds[n] or times.speedup(name, n) >= times.speedup(REST, n)
        )

    few = [n for n in numbers if any(not serves(m) for m in numbers if m >= n)]
    many = [n for n in numbers if n not in few]
    if not many:
        return f"{times.speedup(name, max(numbers)):.2f}× at N = {max(numbers)}, the rest graph is as fast there"
    if not few:
        return 0
    for n in few:
        if REST not in times.rounds[n]:
            return f"{times.speedup(name, n):.2f}× at N = {n}: slower than uncut"
        if times.slower(REST, n):
            return f"{times.speedup(REST, n):.2f}× at N = {n}, where the rest graph serves: slower than uncut"
    low, high = max(few), min(many)
    while high > 2 * low:
        middle = round(sqrt(low * high))
        times.measure([middle])
        low, high = (low, middle) if serves(middle) else (middle, high)
    return high
