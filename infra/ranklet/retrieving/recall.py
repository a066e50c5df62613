"""How much of what exact search finds an index finds, and how many lists that takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranklet_features.index.searching import Index
from ranklet_features.index.spec import IndexSpec

Floats = NDArray[np.float32]

PROBES = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024)
RERANKS = (1, 2, 4)
"""Times what model.toml says, where int8 needs more of the float32 vectors."""


def truth(index: Index, queries: Floats, k: int) -> list[frozenset[Any]]:
    """What exact search finds for each query."""
    return [frozenset(_items(index, query, k)) for query in queries]


def measure(index: Index, queries: Floats, wanted: Sequence[frozenset[Any]], k: int) -> float:
    """The mean share of `wanted` that an index finds, of the worse half of the queries where they are many: lists are
    chosen by these very queries, and a half that they suit badly stands for others."""
    shares = np.array(
        [
            len(right.intersection(_items(index, query, k))) / max(1, len(right))
            for query, right in zip(queries, wanted, strict=True)
        ]
    )
    halves = [shares[0::2], shares[1::2]] if len(shares) >= 40 else [shares]
    return float(min(half.mean() for half in halves))


def choose(
    spec: IndexSpec, folder: Path, queries: Floats, wanted: Sequence[frozenset[Any]], *, target: float, most: float
) -> tuple[IndexSpec, float]:
    """The spec with the fewest lists, and rows of float32 vectors, that reach the target; or the best that there is.

    most: the share of the lists that may be looked at.
    """
    best, reached = spec, -1.0
    for times in RERANKS if spec.packing == "int8" else (1,):
        for probes in _steps(spec, most):
            tried = replace(spec, probes=probes, rerank=spec.rerank * times)
            found = measure(Index.open(tried, folder), queries, wanted, spec.k)
            if found > reached:
                best, reached = tried, found
            if found >= target:
                return tried, found
    return best, reached


def _steps(spec: IndexSpec, most: float) -> list[int]:
    """Numbers of lists worth trying; of an index without lists the only one."""
    if spec.layout == "exact":
        return [1]
    limit = max(1, int(spec.lists * most))
    return [*(probes for probes in PROBES if probes < limit), limit]


def _items(index: Index, query: Floats, k: int) -> list[Any]:
    items = index.search(query, k).items
    found: list[Any] = items.tolist() if isinstance(items, np.ndarray) else items
    return found
