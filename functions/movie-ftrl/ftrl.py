"""FTRL-proximal logistic regression, per coordinate, one example at a time.

H. B. McMahan et al., "Ad Click Prediction: a View from the Trenches", KDD 2013, algorithm 1. Of every coordinate
two numbers are kept: z, the sum of its gradients less what its steps took back, and n, the sum of its squared
gradients. Its weight is a closed form of both:

    w = 0                                                        where |z| ≤ λ1
    w = -(z - sign(z) λ1) / ((β + √n) / α + λ2)                  elsewhere

and an example with label y, prediction p and value x ≠ 0 in that coordinate moves them by

    g = (p - y) x,    σ = (√(n + g²) - √n) / α,    z += g - σ w,    n += g²
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
BIAS = 0
"""The bias is coordinate 0: a feature that every example has, with the value 1."""


@dataclass(frozen=True)
class Settings:
    """α and β of the step, λ1 and λ2 of the penalty, by the paper's names."""

    alpha: float
    beta: float = 1.0
    l1: float = 0.0
    l2: float = 0.0


@dataclass(frozen=True)
class Examples:
    """Sparse rows one after the other: row i holds ids[ends[i - 1] : ends[i]], ascending, each id once.

    values: how often the id stands in the row.
    """

    ids: NDArray[np.int64]
    values: Floats
    ends: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.ends)


def pack(tensors: Mapping[str, NDArray[Any]], offsets: Mapping[str, int]) -> Examples:
    """Tensors of ids ([n], or [n, L] padded with -1) → rows of coordinates, each feature's from its offset on."""
    parts = [_wide(tensors[name], offset) for name, offset in offsets.items()]
    rows = np.sort(np.concatenate([np.full((len(parts[0]), 1), BIAS), *parts], axis=1), axis=1)
    present = rows >= 0
    first = present.copy()
    first[:, 1:] &= rows[:, 1:] != rows[:, :-1]
    starts = np.flatnonzero(first[present])
    values = np.diff(starts, append=present.sum()).astype(np.float64)
    return Examples(rows[first], values, np.cumsum(first.sum(axis=1)))


def _wide(tensor: NDArray[Any], offset: int) -> NDArray[np.int64]:
    ids = tensor.reshape(len(tensor), -1)
    return np.where(ids < 0, -1, ids + offset)


class Ftrl:
    """The state of a model of `size` coordinates. z, n: float64 [size]."""

    def __init__(self, size: int, settings: Settings) -> None:
        self.settings = settings
        self.z, self.n = np.zeros(size), np.zeros(size)

    def weights(self) -> Floats:
        """float64 [size]: the closed form of the whole state."""
        return self._closed_form(self.z, self.n)

    def learn(self, examples: Examples, labels: Floats, order: Iterable[int]) -> None:
        """One pass over the rows that `order` names, each of which moves the state. labels: 0 or 1, [n]."""
        for row in order:
            start = examples.ends[row - 1] if row else 0
            ids, values = examples.ids[start : examples.ends[row]], examples.values[start : examples.ends[row]]
            z, n = self.z[ids], self.n[ids]
            weights = self._closed_form(z, n)
            gradient = (_probability(float(weights @ values)) - labels[row]) * values
            grown = n + gradient * gradient
            sigma = (np.sqrt(grown) - np.sqrt(n)) / self.settings.alpha
            self.z[ids] = z + gradient - sigma * weights
            self.n[ids] = grown

    def predict(self, examples: Examples) -> Floats:
        """Probabilities, float64 [n], from the state as it stands."""
        added = self.weights()[examples.ids] * examples.values
        logits = np.add.reduceat(added, np.concatenate([[0], examples.ends[:-1]]))
        return np.array([_probability(logit) for logit in logits.tolist()])

    def _closed_form(self, z: Floats, n: Floats) -> Floats:
        settings = self.settings
        shrunk = np.copysign(np.maximum(np.abs(z) - settings.l1, 0.0), z)
        return -shrunk / ((settings.beta + np.sqrt(n)) / settings.alpha + settings.l2)


def _probability(logit: float) -> float:
    """1 / (1 + exp(-logit)), of the exponent that cannot overflow."""
    return 1 / (1 + math.exp(-logit)) if logit >= 0 else math.exp(logit) / (1 + math.exp(logit))
