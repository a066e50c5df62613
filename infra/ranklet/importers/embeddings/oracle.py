"""Scores by the formula, from the file's own numbers, one pair at a time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranklet.importers.embeddings.reading import Vectors
from ranklet.importers.proposal import Columns


@dataclass(frozen=True)
class Formula:
    """users: None where a user is the mean, or the sum, of the items in their history; what is unknown is zeros."""

    items: Vectors
    users: Vectors | None
    metric: str
    pool: str

    @property
    def name(self) -> str:
        """As the protocol says."""
        return f"the {self.metric} product, pair by pair" if self.metric == "dot" else "the cosine, pair by pair"

    def scores(self, columns: Columns) -> NDArray[Any]:
        """As the protocol says."""
        if self.users is None:
            vectors = [self._pooled(history) for history in columns["history"]]
        else:
            vectors = [self._vector(self.users, key) for key in columns["user_id"]]
        return np.array(
            [
                self._score(user, self._vector(self.items, key))
                for user, key in zip(vectors, columns["item_id"], strict=True)
            ]
        )

    def _vector(self, of: Vectors, key: Any) -> list[float]:
        return of.vectors.get(key, [0.0] * of.dim)

    def _pooled(self, history: Sequence[Any]) -> list[float]:
        rows = [self._vector(self.items, key) for key in history]
        over = max(len(rows), 1) if self.pool == "mean" else 1
        return [math.fsum(row[at] for row in rows) / over for at in range(self.items.dim)]

    def _score(self, user: Sequence[float], item: Sequence[float]) -> float:
        product = math.fsum(a * b for a, b in zip(user, item, strict=True))
        if self.metric == "dot":
            return product
        lengths = math.sqrt(math.fsum(a * a for a in user)) * math.sqrt(math.fsum(b * b for b in item))
        return product / lengths if lengths else 0.0
