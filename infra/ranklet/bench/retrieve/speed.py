"""The 100 best of a catalogue, one thread: brute force in NumPy, this index, faiss and usearch, in the same turns.

Brute force is what one writes by hand: a product, argpartition, a sort of the hundred. Recall is of the half of the
queries by which nothing was chosen; faiss and usearch look at no more than they need for as much as this index finds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranklet.bench import base
from ranklet.bench.base import Found, Progress, Row, Sample, Setting, Way
from ranklet.bench.retrieve import peers, sets
from ranklet.bench.retrieve.sets import K, Made
from ranklet.errors import BenchError
from ranklet_features.index.searching import Index

SMALL, LARGE = 100_000, 1_000_000
CALLS, WARM = 8, 4
"""Each way's turn begins with a few untimed searches: the brute force before it has swept the processor's caches."""

Floats = NDArray[np.float32]
SETS = (("clustered", SMALL), ("real", SMALL), ("isotropic", SMALL), ("clustered", LARGE), ("real", LARGE))


def measure(setting: Setting, progress: Progress) -> Found:
    """Figures of recall and of speed. Raises BenchError for a score that is not brute force's."""
    rows: list[Row] = []
    controls: list[NDArray[np.float64]] = []
    for kind, size in SETS:
        if setting.quick and size == LARGE:
            continue
        packings = ("float32", "int8") if kind == "clustered" else ("float32",)
        for packing in packings:
            made = sets.make(kind, size, packing, setting, progress)
            found, control = _set(made, kind, size, packing, setting, progress)
            rows += found
            controls += control
    return Found(rows, controls)


def _set(
    made: Made | None, kind: str, size: int, packing: str, setting: Setting, progress: Progress
) -> tuple[list[Row], list[NDArray[np.float64]]]:
    tail = _tail(kind, size, packing)
    if made is None:
        return [base.absent(f"recall-at-{K}-{tail}", n=size, unit="recall")], []
    vectors, queries, index = np.array(made.vectors), made.queries, made.index()
    progress(f"{made.name}: comparing with brute force")
    recall = _recall(index, vectors, queries)
    rows = [
        Row(f"recall-at-{K}-{tail}", len(vectors), float(recall.mean()), "recall", (float(recall.min()), 1.0)),
        Row(f"lists-looked-at-{tail}", len(vectors), made.spec.probes / made.spec.lists, "share", None),
    ]
    if made.recall.fallback:
        progress(f"{made.name}: {made.recall.fallback}; every item is looked at")
    with ExitStack() as stack:
        ways: dict[str, Sample] = {
            "numpy": _way(lambda query: brute(vectors, query), queries, calls=2 if size == LARGE else CALLS),
            "ours": _way(lambda query: index.search(query, K), queries, calls=CALLS),
        }
        if kind == "clustered" and packing == "float32":
            ways |= peers.started(made, float(recall.mean()), setting, progress, stack)
        progress(f"{made.name}: timing")
        taken = base.interleaved(ways, setting)
    rows += _figures(taken, tail, len(vectors))
    return rows, [taken["numpy"]]


def brute(vectors: Floats, query: Floats) -> NDArray[np.intp]:
    """By hand."""
    scores = vectors @ query
    best = np.argpartition(scores, len(scores) - K)[len(scores) - K :]
    found: NDArray[np.intp] = best[np.argsort(-scores[best])]
    return found


def _recall(index: Index, vectors: Floats, queries: Floats) -> NDArray[np.float64]:
    """Of each query. Raises BenchError for a score that is not the exact one's."""
    found = []
    for query in queries:
        answer = index.search(query, K)
        exact = (vectors[answer.items].astype(np.float64) * query).sum(axis=1).astype(np.float32)
        base.equal("scores of an index", answer.scores, exact)
        found.append(len(np.intersect1d(answer.items, brute(vectors, query))) / K)
    if not found:
        raise BenchError("no queries")
    return np.array(found)


def _way(run: Callable[[Any], Any], queries: Floats, *, calls: int) -> Sample:
    return Way(run, lambda turn: queries[turn % len(queries)], calls, min(calls, WARM)).sample


def _figures(taken: Mapping[str, NDArray[np.float64]], tail: str, rows: int) -> Iterator[Row]:
    ours, numpy = taken["ours"], taken["numpy"]
    yield base.row(f"ivf-speedup-{tail}", numpy / ours, n=rows, unit="speedup", peer="numpy")
    yield base.ratio(f"ivf-vs-numpy-{tail}", ours, numpy, n=rows, peer="numpy")
    yield base.microseconds(f"search-{tail}-us", ours, n=rows)
    yield base.microseconds(f"numpy-{tail}-us", numpy, n=rows, peer="numpy")
    if tail in ("100k", "1m"):
        for name in peers.NAMES:
            if rows > peers.MOST[name]:
                continue
            if name in taken:
                yield base.ratio(f"ivf-vs-{name}-{tail}", ours, taken[name], n=rows, peer=name)
            else:
                yield base.absent(f"ivf-vs-{name}-{tail}", n=rows)


def _tail(kind: str, size: int, packing: str) -> str:
    """`100k`, `real-1m`, `100k-int8`."""
    words = [
        "" if kind == "clustered" else kind,
        "100k" if size == SMALL else "1m",
        "" if packing == "float32" else packing,
    ]
    return "-".join(word for word in words if word)
