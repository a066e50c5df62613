"""Exploration: each place of the list is drawn, and how probable the draw was is told.

    epsilon-greedy  with probability ε anybody, all alike, else who is worth most
    softmax         in proportion to exp(value / temperature): the model of Plackett and Luce, place by place
    gaussian        who is worth most once each value has noise of its own, N(0, σ²), drawn anew for each place

The propensity of a place is given the places before it and those who could have stood there (caps, diversity). That of
noise is the integral of one density times the others' distributions (Thurstone, 1927), by the trapezoid rule, told to
some 1e-7. Noise is drawn anew for each place, as one draw for a whole list has no such integral.

Numbers are drawn by the answer's seed (`draws`): the same request with that seed is answered the same again.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Self

import numpy as np

from ranklet_runtime.after.base import Numbers, Scope
from ranklet_runtime.after.draws import Draws


class Explore:
    """method: one of METHODS. amount: its ε, temperature or σ."""

    def __init__(self, method: str, amount: float) -> None:
        self.method, self._amount = method, amount

    @classmethod
    def open(cls, scope: Scope) -> Self:
        """Raises ValueError and KeyError."""
        method, amount = scope.options["method"], float(scope.options["amount"])
        if method not in METHODS or not 0 <= amount < math.inf or (method != "epsilon-greedy" and not amount):
            raise ValueError(f"{method!r} with {amount}")
        return cls(method, amount)

    def begin(self, seed: int) -> Greedy | Softmax | Gaussian:
        """What draws the places of one list."""
        return METHODS[self.method](Draws(seed), self._amount)


class Greedy:
    """Epsilon-greedy."""

    def __init__(self, draws: Draws, epsilon: float) -> None:
        self._draws, self._epsilon = draws, epsilon

    def probabilities(self, values: Numbers) -> Numbers:
        """Of each for the place."""
        found = np.full(len(values), self._epsilon / len(values))
        found[np.argmax(values)] += 1 - self._epsilon
        return found

    def choose(self, values: Numbers) -> tuple[int, float]:
        """As `Choosing` says."""
        coin, which = self._draws.uniform(2).tolist()
        top = int(np.argmax(values))
        at = min(int(which * len(values)), len(values) - 1) if coin < self._epsilon else top
        return at, self._epsilon / len(values) + (1 - self._epsilon if at == top else 0.0)


class Softmax:
    """Plackett and Luce."""

    def __init__(self, draws: Draws, temperature: float) -> None:
        self._draws, self._temperature = draws, temperature

    def probabilities(self, values: Numbers) -> Numbers:
        """Of each for the place."""
        weights = np.exp((values - values.max()) / self._temperature)
        found: Numbers = weights / weights.sum()
        return found

    def choose(self, values: Numbers) -> tuple[int, float]:
        """As `Choosing` says. A weight of 0 is never drawn."""
        found = self.probabilities(values)
        sums = np.cumsum(found)
        at = int(np.searchsorted(sums, self._draws.uniform(1)[0] * sums[-1], side="right"))
        at = min(at, int(np.flatnonzero(found)[-1]))
        return at, float(found[at])


BELOW, ABOVE, STEP = 6.0, 8.5, 0.25
"""In units of σ: from where to where around the best value the integral goes, and in which steps."""
GRID = np.arange(-BELOW, ABOVE + STEP, STEP)
NEAR = 2 * BELOW + 1
"""Who lies further below the best value is never above him."""
FINE = 1024
"""Points of the table of log Φ in a unit; a straight line between two is off by 1e-7 at most."""
EDGE = NEAR + ABOVE + 1


class Gaussian:
    """Noise of its own for each value."""

    def __init__(self, draws: Draws, sigma: float) -> None:
        self._draws, self._sigma = draws, sigma

    def probabilities(self, values: Numbers) -> Numbers:
        """Of each for the place; of those too far below to be drawn, 0."""
        found = np.zeros(len(values))
        units = (values - values.max()) / self._sigma
        near = np.flatnonzero(units > -NEAR)
        logs = log_cdf(GRID - units[near, None])
        density = np.exp(-0.5 * (GRID - units[near, None]) ** 2)
        found[near] = (density * np.exp(logs.sum(axis=0) - logs)).sum(axis=1) * (STEP / SCALE)
        return found

    def choose(self, values: Numbers) -> tuple[int, float]:
        """As `Choosing` says."""
        units = (values - values.max()) / self._sigma
        at = int(np.argmax(units + self._draws.normal(len(units))))
        mine = units[at]
        others = log_cdf(GRID - units[units > -NEAR, None]).sum(axis=0)
        if mine > -NEAR:
            others -= log_cdf(GRID - mine)
        return at, float((np.exp(others - 0.5 * (GRID - mine) ** 2)).sum() * (STEP / SCALE))


SCALE = math.sqrt(2 * math.pi)


def log_cdf(x: Numbers) -> Numbers:
    """log Φ(x) of the standard normal distribution, for x above -EDGE; 0 beyond EDGE."""
    table, slopes = _table()
    place = np.minimum((x + EDGE) * FINE, len(slopes) - 1.0)
    low = place.astype(np.int32)
    found: Numbers = table.take(low)
    place -= low
    place *= slopes.take(low)
    found += place
    return found


@cache
def _table() -> tuple[Numbers, Numbers]:
    """Values, and what each has to the next one."""
    points = np.arange(-EDGE * FINE, EDGE * FINE + 1) / FINE
    logs = np.log([0.5 * math.erfc(-x / math.sqrt(2)) for x in points.tolist()])
    return logs, np.append(np.diff(logs), 0.0)


METHODS: dict[str, Callable[[Draws, float], Greedy | Softmax | Gaussian]] = {
    "epsilon-greedy": Greedy,
    "softmax": Softmax,
    "gaussian": Gaussian,
}
