"""A list, looked at place by place by the papers' formulas as they stand: slow, and written apart from what serves.

For each place: who could stand there, what each was worth, and whether somebody else was worth more (`regret`); with
exploration, how far the told propensity is from the formula's (`gap`). Volumes are determinants here, the normal
distribution is `math.erf`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranklet_runtime.after.diversify import LEAST


@dataclass(frozen=True)
class Subject:
    """What a list was made of. scores: of all candidates. vectors: [n, d]; categories: of each. options: `[after]`."""

    scores: Sequence[float]
    options: Mapping[str, Any]
    vectors: NDArray[np.float64] | None = None
    categories: Sequence[Sequence[Any]] = ()


@dataclass(frozen=True)
class Found:
    """regret: how much better another would have been in some place; gap: between propensities; 0 without them."""

    regret: float
    gap: float


def audit(subject: Subject, places: Sequence[int], propensities: Sequence[float] | None = None) -> Found:
    """Raises ValueError for a list that has somebody twice, who may not stand there, or ends too early or too late."""
    options, count = subject.options, len(places)
    order = sorted(range(len(subject.scores)), key=lambda at: (-subject.scores[at], at))
    pool = order[: max(count, options.get("pool") or len(order))]
    value = _value(subject)
    regret = gap = 0.0
    for place, chosen in enumerate(places):
        before = list(places[:place])
        free = [at for at in pool if at not in before]
        may = [at for at in free if _allowed(subject, before, at, place)]
        if not may and options.get("short") == "cut":
            raise ValueError(f"place {place} is given though nobody may have it")
        may = may or free
        if chosen not in may:
            raise ValueError(f"place {place} has candidate {chosen}, who may not stand there")
        values = {at: value(before, at) for at in may}
        if propensities is None:
            regret = max(regret, max(values.values()) - values[chosen])
        else:
            wanted = _probability(options["explore"], list(values.values()), may.index(chosen))
            gap = max(gap, abs(wanted - propensities[place]))
    return Found(regret, gap)


def _value(subject: Subject) -> Callable[[Sequence[int], int], float]:
    options = subject.options.get("diversify")
    if options is None:
        return lambda before, at: subject.scores[at]
    assert subject.vectors is not None, "diversity has vectors"
    like, weight = cosines(subject.vectors), options["weight"]
    worth = _relevant if options["method"] == "mmr" else _spread
    return lambda before, at: float(worth(like, weight, subject.scores[at], before, at))


def cosines(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """[n, n]; 1 on the diagonal, 0 beside a vector of zeros."""
    lengths = [math.sqrt(float(row @ row)) for row in vectors]
    unit = np.array([row / length if length > 0 else row for row, length in zip(vectors, lengths, strict=True)])
    found: NDArray[np.float64] = unit @ unit.T
    np.fill_diagonal(found, 1.0)
    return found


def _relevant(like: NDArray[np.float64], weight: float, score: float, before: Sequence[int], at: int) -> float:
    """Carbonell and Goldstein."""
    nearest = max((float(like[at, one]) for one in before), default=0.0)
    return weight * score - (1 - weight) * nearest


def _spread(like: NDArray[np.float64], weight: float, score: float, before: Sequence[int], at: int) -> float:
    """Chen, Zhang and Zhou: what the logarithm of the determinant gains."""
    alone = np.linalg.slogdet(like[np.ix_(before, before)])[1] if before else 0.0
    sign, together = np.linalg.slogdet(like[np.ix_([*before, at], [*before, at])])
    gained = float(together - alone) if sign > 0 else -math.inf
    return weight * score + (1 - weight) * max(gained, math.log(LEAST))


def _allowed(subject: Subject, before: Sequence[int], at: int, place: int) -> bool:
    cap = subject.options.get("cap")
    if cap is None or (cap.get("first") is not None and place >= cap["first"]):
        return True
    taken = Counter(name for one in before for name in subject.categories[one])
    return all(taken[name] < cap["own"].get(str(name), cap["most"]) for name in subject.categories[at])


def _probability(explore: Mapping[str, Any], values: Sequence[float], at: int) -> float:
    amount, best = explore["amount"], max(values)
    if explore["method"] == "epsilon-greedy":
        return float(amount / len(values) + (1 - amount if at == values.index(best) else 0.0))
    if explore["method"] == "softmax":
        weights = [math.exp((one - best) / amount) for one in values]
        return weights[at] / math.fsum(weights)
    return _thurstone([(one - best) / amount for one in values], at)


def _thurstone(values: Sequence[float], at: int) -> float:
    """Simpson's rule over the density of one, and the distributions of the others that are near."""
    near = [one for place, one in enumerate(values) if place != at and one > -18]
    steps, low, high = 400, -9.0, 9.0
    width, total = (high - low) / steps, 0.0
    for step in range(steps + 1):
        x = low + step * width
        others = math.prod(0.5 * math.erfc((one - x) / math.sqrt(2)) for one in near)
        weight = 1 if step in (0, steps) else 4 if step % 2 else 2
        total += weight * math.exp(-0.5 * (x - values[at]) ** 2) * others
    return total * width / 3 / math.sqrt(2 * math.pi)
