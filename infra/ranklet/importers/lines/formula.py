"""The models' formulas, one line and one pair at a time: Rendle 2010, equation 1; Juan et al. 2016, equation 4."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ranklet.importers.lines.oracle import Feature, Line, sigmoid
from ranklet.importers.lines.weights import Weights

DIVIDES = {"none": (0.0, 0.0), "unit": (0.5, 1.0), "xlearn": (0.5, 2.0)}
"""By which powers of |x|² the linear sum and the pairs are divided: libFFM's ffm.cpp, xLearn's fm_score.cc."""


class Entry(NamedTuple):
    """A feature that the model knows. factors: [k], or [F, k]."""

    w: float
    factors: NDArray[np.float64]
    field: int
    x: float


@dataclass(frozen=True)
class Formula:
    """Sums in 64 bits."""

    weights: Weights

    def __call__(self, lines: Sequence[Line]) -> list[float]:
        """The score of each line."""
        return [self.score(line) for line in lines]

    def score(self, line: Line) -> float:
        """Of one line."""
        entries = [entry for feature in line if (entry := self._entry(feature)) is not None]
        squares = math.fsum(feature.x**2 for feature in line)
        linear, pairs = (1.0 if not squares else squares**power for power in DIVIDES[self.weights.normalize])
        logit = self.weights.bias + math.fsum(entry.w * entry.x for entry in entries) / linear
        logit += math.fsum(self._met(one, other) for one, other in combinations(entries, 2)) / pairs
        more = self.weights.more
        logit = min(max(logit, more.get("low", -math.inf)), more.get("high", math.inf))
        return sigmoid(logit) if more.get("link", "sigmoid") == "sigmoid" else logit

    def _entry(self, feature: Feature) -> Entry | None:
        row = self.weights.row(feature.name)
        if row is None:
            return None
        w = 0.0 if self.weights.w is None else float(self.weights.w[row])
        factors = np.zeros(0) if self.weights.v is None else self.weights.v[row].astype(np.float64)
        field = feature.token.field
        return Entry(w, factors, 0 if field is None else self.weights.fields.index(field), feature.x)

    def _met(self, one: Entry, other: Entry) -> float:
        if self.weights.engine == "ffm":
            return float(one.factors[other.field] @ other.factors[one.field]) * one.x * other.x
        return float(one.factors @ other.factors) * one.x * other.x
