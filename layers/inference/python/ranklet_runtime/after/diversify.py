"""Diversity: what a candidate is worth beside those already in the list, by the cosine of the items' vectors.

    mmr   λ r_i - (1 - λ) max over the chosen j of cos(i, j)
    dpp   λ r_i + (1 - λ) log of i's share in the volume: det of the cosines of the chosen and i, over the chosen's own

Carbonell and Goldstein, The Use of MMR, 1998. Chen, Zhang and Zhou, Fast Greedy MAP Inference for Determinantal Point
Process, 2018: a row of the Cholesky factor for each place, so that no determinant is computed; their trade-off of
relevance, section 4.2. r is the score. A vector of zeros is like no other item's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Self

import numpy as np
from numpy.typing import NDArray

from ranklet_runtime.after.base import Array, Numbers, Pool, Scope
from ranklet_runtime.errors import InternalFault

LEAST = 1e-10
"""Of a share: items that add nothing to the volume are worth the same but for their scores."""


class Diversify:
    """vectors: the tensor. size: how many of its numbers are the vector, None for all."""

    def __init__(self, method: str, vectors: str, weight: float, size: int | None) -> None:
        self._method, self._vectors, self._weight, self._size = method, vectors, weight, size

    @classmethod
    def open(cls, scope: Scope) -> Self:
        """Raises ValueError and KeyError."""
        options = scope.options
        if options["method"] not in METHODS:
            raise ValueError(f"{options['method']!r} is none of {sorted(METHODS)}")
        return cls(options["method"], options["vectors"], float(options["weight"]), options.get("size"))

    def begin(self, pool: Pool, count: int) -> Mmr | Dpp:
        """What places of this list are worth."""
        return METHODS[self._method](pool.scores, self._unit(pool), self._weight, count)

    def _unit(self, pool: Pool) -> Numbers:
        """The vectors of the pool, of length 1. Raises InternalFault for a tensor that has none."""
        tensor: Array = pool.tensors[self._vectors]
        if len(tensor) != pool.count or tensor.ndim < 2:
            raise InternalFault(f"{self._vectors!r} has shape {tensor.shape} for {pool.count} candidates")
        rows = tensor[pool.places].reshape(len(pool.places), -1)[:, : self._size].astype(np.float64)
        lengths = np.sqrt(np.einsum("nd,nd->n", rows, rows))[:, None]
        found: Numbers = np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0)
        return found


class Mmr:
    """Marginal relevance in one list."""

    def __init__(self, scores: Numbers, unit: Numbers, weight: float, count: int) -> None:
        self._relevance, self._unit, self._rest = weight * scores, unit, 1.0 - weight
        self._nearest: NDArray[np.float64] | None = None

    def values(self) -> Numbers:
        """As `Valuing` says."""
        return self._relevance if self._nearest is None else self._relevance - self._rest * self._nearest

    def take(self, candidate: int) -> None:
        """As `Valuing` says."""
        near = self._unit @ self._unit[candidate]
        self._nearest = near if self._nearest is None else np.maximum(self._nearest, near)


class Dpp:
    """The greedy of a determinantal point process in one list."""

    def __init__(self, scores: Numbers, unit: Numbers, weight: float, count: int) -> None:
        self._relevance, self._unit, self._rest = weight * scores, unit, 1.0 - weight
        self._factor = np.zeros((count, len(scores)))
        self._share = np.ones(len(scores))
        self._place = 0

    def values(self) -> Numbers:
        """As `Valuing` says."""
        found: Numbers = self._relevance + self._rest * np.log(self._share)
        return found

    def take(self, candidate: int) -> None:
        """As `Valuing` says."""
        before = self._factor[: self._place]
        near = self._unit @ self._unit[candidate] - before[:, candidate] @ before
        row = near / np.sqrt(self._share[candidate])
        self._factor[self._place] = row
        self._place += 1
        self._share = np.maximum(self._share - row * row, LEAST)


METHODS: dict[str, Callable[[Numbers, Numbers, float, int], Mmr | Dpp]] = {"mmr": Mmr, "dpp": Dpp}
