"""Exploration: each place of the list is drawn, and how probable the draw was is told.

    epsilon-greedy  with probability ε anybody, all alike, else who is worth most
    softmax         in proportion to exp(value / temperature): the model of Plackett and Luce, place by place
    gaussian        who is worth most once each value has noise of its own, N(0, σ²), drawn anew for each place

The propensity of a place is given the places before it and those who could have stood there (caps, diversity). That of
noise is the integral of one density times the others' distributions (Thurstone, 1927), by the trapezoid rule, told to
some 1e-7. Noise is drawn anew for each place, as one draw for a whole list has no such integral.

Numbers are those of PCG64 with the answer's seed: the same request with that seed is answered the same again.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Self

import numpy as np

from ranklet_runtime.after.base import Numbers, Scope


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
        return METHODS[self.method](np.random.Generator(np.random.PCG64(seed)), self._amount)


class Greedy:
    """Epsilon-greedy."""

    def __init__(self, generator: np.random.Generator, epsilon: float) -> None:
        self._generator, self._epsilon = generator, epsilon

    def probabilities(self, values: Numbers) -> Numbers:
        """Of each for the place."""
        found = np.full(len(values), self._epsilon / len(values))
        found[np.argmax(values)] += 1 - self._epsilon
        return found

    def choose(self, values: Numbers) -> tuple[int, float]:
        """As `Choosing` says."""
        coin, which = self._generator.random(2)
        top = int(np.argmax(values))
        at = min(int(which * len(values)), len(values) - 1) if coin < self._epsilon else top
        return at, self._epsilon / len(values) + (1 - self._epsilon if at == top else 0.0)


class Softmax:
    """Plackett and Luce."""

    def __init__(self, generator: np.random.Generator, temperature: float) -> None:
        self._generator, self._temperature = generator, temperature

    def probabilities(self, values: Numbers) -> Numbers:
        """Of each for the place."""
        weights = np.exp((values - values.max()) / self._temperature)
        found: Numbers = weights / weights.sum()
        return found

    def choose(self, values: Numbers) -> tuple[int, float]:
        """As `Choosing` says. A weight of 0 is never drawn."""
        found = self.probabilities(values)
        sums = np.cumsum(found)
        at = int(np.searchsorted(sums, self._generator.random() * sums[-1], side="right"))
        at = min(at, int(np.flatnonzero(found)[-1]))
        return at, float(found[at])


REACH, STEP = 8.5, 0.125
"""In units of σ: how far beyond the best value the integral goes, and in which steps."""
POINTS = 1 << 15
"""Of the table of log Φ. Between them a line is off by 2e-7 at most, and by far less where the best value may lie."""


class Gaussian:
    """Noise of its own for each value."""

    def __init__(self, generator: np.random.Generator, sigma: float) -> None:
        self._generator, self._sigma = generator, sigma

    def probabilities(self, values: Numbers) -> Numbers:
        """Of each for the place; of those too far below to be drawn, 0."""
        found = np.zeros(len(values))
        near, logs, grid = self._logs(values)
        total = logs.sum(axis=0)
        density = np.exp(-0.5 * (grid - near[:, None]) ** 2) / math.sqrt(2 * math.pi)
        found[self._near(values)] = (density * np.exp(total - logs)).sum(axis=1) * STEP
        return found

    def choose(self, values: Numbers) -> tuple[int, float]:
        """As `Choosing` says."""
        at = int(np.argmax(values + self._sigma * self._generator.standard_normal(len(values))))
        _, logs, grid = self._logs(values)
        mine = values[at] / self._sigma - values.max() / self._sigma
        others = logs.sum(axis=0) - log_cdf(grid - mine)
        density = np.exp(-0.5 * (grid - mine) ** 2) / math.sqrt(2 * math.pi)
        return at, float((density * np.exp(others)).sum() * STEP)

    def _near(self, values: Numbers) -> Numbers:
        found: Numbers = values >= values.max() - 2 * REACH * self._sigma
        return found

    def _logs(self, values: Numbers) -> tuple[Numbers, Numbers, Numbers]:
        """Values in units of σ, counted from the best, their log Φ by the grid, and the grid."""
        near = (values[self._near(values)] - values.max()) / self._sigma
        grid = np.arange(-REACH, REACH + STEP, STEP)
        return near, log_cdf(grid - near[:, None]), grid


def log_cdf(x: Numbers) -> Numbers:
    """log Φ(x), of the standard normal distribution."""
    return np.interp(x, *_table())


@cache
def _table() -> tuple[Numbers, Numbers]:
    points = np.linspace(-2.5 * REACH, 2.5 * REACH, POINTS)
    return points, np.log([0.5 * math.erfc(-x / math.sqrt(2)) for x in points.tolist()])


METHODS: dict[str, Callable[[np.random.Generator, float], Greedy | Softmax | Gaussian]] = {
    "epsilon-greedy": Greedy,
    "softmax": Softmax,
    "gaussian": Gaussian,
}
