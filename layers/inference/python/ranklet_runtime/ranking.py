"""The best candidates of a request."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ranklet_runtime.messages import RankResult


def ranked(result: RankResult, count: int, *, nulls: bool) -> NDArray[np.intp]:
    """Positions of the `count` best candidates, best first: as the steps after the scores have it, else by score.

    nulls: whether a score may be missing; such a candidate comes last.
    """
    if result.ordered is not None:
        return result.ordered.places
    scores = result.scores
    return best(np.where(np.isnan(scores), -np.inf, scores) if nulls else scores, count)


def best(scores: NDArray[np.float32], count: int) -> NDArray[np.intp]:
    """Positions of the `count` highest of finite `scores` [n], best first, equal ones in their given order."""
    if count >= len(scores):
        return np.argsort(-scores, kind="stable")
    # Only what reaches the count-th highest is sorted; the ties at the edge are among it and are cut by position.
    edge = np.partition(scores, len(scores) - count)[len(scores) - count]
    reaching = np.flatnonzero(scores >= edge)
    return reaching[np.argsort(-scores[reaching], kind="stable")][:count]
