"""Factorisation machines for formats whose trainers no registry has: trained here, stored as those write them.

Their answers come from the definition (Rendle 2010, equation 1), read out of the written text pair by pair.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np

Line = Sequence[tuple[str, float]]
Model = Mapping[str, Sequence[float]]
"""Name → w, v1 … vk; "" is the bias."""


def trained(lines: Sequence[Line], targets: Sequence[float], *, k: int, rate: float, logistic: bool) -> Model:
    """By stochastic gradient descent, two passes; seeded."""
    random = np.random.default_rng(5)
    weights = {
        name: np.append(0.0, random.normal(0, 0.1, k)) for name in sorted({name for line in lines for name, _ in line})
    }
    bias = 0.0
    for at in [*random.permutation(len(lines)), *random.permutation(len(lines))]:
        line = lines[at]
        rows, x = np.array([weights[name] for name, _ in line]), np.array([x for _, x in line])
        sums = x @ rows[:, 1:]
        logit = bias + x @ rows[:, 0] + 0.5 * float(sums @ sums - (x**2) @ (rows[:, 1:] ** 2).sum(axis=1))
        slope = (1 / (1 + math.exp(-logit)) if logistic else logit) - targets[at]
        steps = np.column_stack([x, x[:, None] * (sums - x[:, None] * rows[:, 1:])])
        bias -= rate * slope
        for (name, _), step, row in zip(line, steps, rows, strict=True):
            weights[name] = weights[name] - rate * (slope * step + 0.01 * row)
    return {"": [bias], **{name: row.tolist() for name, row in weights.items()}}


def short(number: float) -> str:
    """As C++ streams write it: six digits."""
    return f"{number:g}"


def logit(model: Model, line: Line) -> float:
    """Of a model as it was written: every number has its six digits."""
    known = [([float(short(number)) for number in model[name]], x) for name, x in line if name in model]
    found = float(short(model[""][0])) + math.fsum(row[0] * x for row, x in known)
    for (one, x), (other, y) in combinations(known, 2):
        found += math.fsum(a * b for a, b in zip(one[1:], other[1:], strict=True)) * x * y
    return found


def sigmoid(x: float) -> float:
    """1 / (1 + exp(-x))."""
    return 1 / (1 + math.exp(-x))
