"""Counts which scores a version gives, bucket by bucket, to be held against those of the golden requests.

Only every k-th request's scores are counted, so that a request pays for it on average what an addition costs. The
counts are written by Lambda version, and an alarm takes the population stability index of them: of shares p of the
buckets now and q in the golden requests, the sum of (p - q) ln(p / q). It is the symmetric form of the divergence of
Kullback and Leibler (On Information and Sufficiency, 1951); name and the usual limits of 0.1 and 0.25 are those of
credit scoring (Siddiqi, Credit Risk Scorecards, 2006).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ranklet_runtime.manifest import Histogram

VARIABLE = "RANKLET_OBSERVE"
"""Of the requests, every how manieth's scores are counted; without it nothing is counted by version."""

BUCKET = "Scores{}"
"""Metric of a bucket, from the lowest scores on."""


def buckets(scores: NDArray[np.float32], edges: NDArray[np.float32]) -> NDArray[np.int64]:
    """How many finite scores lie below, between and above the edges; an edge belongs to the bucket above it."""
    found = np.searchsorted(edges, scores[np.isfinite(scores)], side="right")
    return np.bincount(found, minlength=len(edges) + 1).astype(np.int64, copy=False)


class Drift:
    """Counters of one version. release: function and version whose they are."""

    def __init__(self, histogram: Histogram | None, release: str, *, every: int) -> None:
        self.release = release
        self._every = self._left = every
        self._edges = np.array(histogram.edges if histogram else (), np.float32)
        self._counted = np.zeros(len(self._edges) + 1, np.int64)

    def scored(self, scores: NDArray[np.float32]) -> None:
        """Count the scores of a request, if it is one of those that are counted."""
        self._left -= 1
        if self._left <= 0:
            self._left = self._every
            if len(self._edges):
                self._counted += buckets(scores, self._edges)

    def take(self, requests: int, counts: Mapping[str, int]) -> dict[str, int]:
        """What is to be written of the time since the last one, zeros too: an alarm's formula needs all of them.

        requests and counts: what telemetry has of the same time. A score that is not finite is a fault of the version
        as well, though callers are told of it as one of theirs, which it may be: those of huge values are few.
        """
        faults = sum(value for name, value in counts.items() if name.startswith("Fault5") or name == "NonFiniteScores")
        found = {"Requests": requests, "Faults": faults, "DegradedRequests": counts.get("DegradedRequests", 0)}
        if len(self._edges):
            found |= {BUCKET.format(at): int(value) for at, value in enumerate(self._counted)}
            self._counted[:] = 0
        return found


def stability(now: Sequence[float], golden: Sequence[float]) -> float:
    """The population stability index of two lists of counts; half a score more in each bucket keeps it finite."""
    p, q = (np.asarray(counts, float) + 0.5 for counts in (now, golden))
    p, q = p / p.sum(), q / q.sum()
    return float(((p - q) * np.log(p / q)).sum())
