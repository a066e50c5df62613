"""NDCG, recall and AUC, by their definitions.

Järvelin and Kekäläinen, Cumulated gain-based evaluation of IR techniques, ACM TOIS 20(4), 2002, with gains of 0 and 1:
https://doi.org/10.1145/582415.582418. Hanley and McNeil, The meaning and use of the area under a ROC curve, 1982.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def ndcg(ranked: Sequence[Any], relevant: Collection[Any], at: int) -> float:
    """Of the first `at` places: the sum of 1 / log2(place + 1) where an item is relevant, as a share of the most there
    can be. relevant: at least one."""
    gained = sum(1 / math.log2(place + 1) for place, one in enumerate(ranked[:at], start=1) if one in relevant)
    most = sum(1 / math.log2(place + 1) for place in range(1, min(at, len(relevant)) + 1))
    return gained / most


def recall(ranked: Sequence[Any], relevant: Collection[Any], at: int) -> float:
    """The share of the relevant items that stand in the first `at` places."""
    return len(set(ranked[:at]) & set(relevant)) / len(relevant)


def auc(labels: NDArray[Any], scores: NDArray[Any]) -> float | None:
    """How often a relevant item scores above another, ties counting one half; None where all have one label.

    labels: [n] of 0 and 1. scores: [n] finite.
    """
    positive = np.asarray(labels, bool)
    good = int(positive.sum())
    bad = len(positive) - good
    if not good or not bad:
        return None
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]
    return float((ranks[positive].sum() - good * (good + 1) / 2) / (good * bad))
