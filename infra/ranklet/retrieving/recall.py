"""How much of what exact search finds an index finds, and how many lists that takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranklet_features.index import chosen as choosing
from ranklet_features.index.chosen import Chosen
from ranklet_features.index.searching import Index
from ranklet_features.index.spec import IndexSpec

Floats = NDArray[np.float32]

PROBES = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024)
DEEPER = (1, 2, 4, 8, 16, 32, 64)
FILTERED = 100
"""Queries that filters are tried with."""

NO_POSITIONS = np.zeros(0, np.int64)
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


def deepen(
    spec: IndexSpec, folder: Path, exact: Index, queries: Floats, *, target: float, most: float
) -> tuple[IndexSpec, float]:
    """The spec that looks just far enough where rows are kept out, and the least recall that it then reaches.

    Filters that are tried: half of the items at random, a tenth, and twice as many as are asked for left out right
    where the query points. Where `most` of the lists are not enough, every row is looked at.
    """
    draw = np.random.default_rng(0)
    queries = queries[:FILTERED]
    cases: list[_Random | _Nearest] = [_Random(share, spec.rows, draw) for share in (0.5, 0.1)]
    cases.append(_Nearest(exact, queries, 2 * spec.k))
    wanted = [
        [frozenset(_of(exact, query, case.chosen(exact, at), spec.k)) for at, query in enumerate(queries)]
        for case in cases
    ]
    for deeper in (one for one in DEEPER if one == 1 or one * spec.probes <= spec.lists * most):
        deep = replace(spec, deeper=deeper)
        index = Index.open(deep, folder)
        reached = min(_share(index, case, queries, right, spec.k) for case, right in zip(cases, wanted, strict=True))
        if reached >= target:
            return deep, reached
    every = replace(spec, deeper=0)
    index = Index.open(every, folder)
    return every, min(_share(index, case, queries, right, spec.k) for case, right in zip(cases, wanted, strict=True))


class _Random:
    """A share of the items, drawn."""

    def __init__(self, share: float, rows: int, draw: np.random.Generator) -> None:
        self._mask = draw.random(rows) < share

    def chosen(self, index: Index, at: int) -> Chosen:
        """The same items in an index of any order."""
        return choosing.choose(self._mask if index.order is None else self._mask[index.order], NO_POSITIONS)


class _Nearest:
    """All but the best of each query."""

    def __init__(self, exact: Index, queries: Floats, count: int) -> None:
        self._items = [exact.search(query, count).items for query in queries]

    def chosen(self, index: Index, at: int) -> Chosen:
        """As `_Random.chosen`."""
        return choosing.choose(None, index.positions(self._items[at]))


def _share(index: Index, case: _Random | _Nearest, queries: Floats, right: Sequence[frozenset[Any]], k: int) -> float:
    found = [
        len(wanted.intersection(_of(index, query, case.chosen(index, at), k))) / max(1, len(wanted))
        for at, (query, wanted) in enumerate(zip(queries, right, strict=True))
    ]
    return float(np.mean(found))


def _of(index: Index, query: Floats, chosen: Chosen, k: int) -> list[Any]:
    items = index.among(query, k, chosen).items
    found: list[Any] = items.tolist() if isinstance(items, np.ndarray) else items
    return found


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
