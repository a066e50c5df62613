"""What packing a table as f16 or int8 does to scores and rankings: figures, and the bound that decides.

Scores of golden requests with the exact rows stand against those with packed rows, both out of the real handler.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor, inf, log10

import numpy as np
from numpy.typing import NDArray

TOP = (1, 10, 100)
NDCG_AT = 10

Scores = Sequence[Sequence[float]]
"""One list a request."""


@dataclass(frozen=True)
class Precision:
    """The effect of one table's packing, the other tables exact.

    max_score_change: the largest difference of a score. allowed: model.toml's bound, None where the golden bound holds.
    overlap: k → share of the exact best k that are among the packed best k, mean over requests of more than k
    candidates; without an entry where no request has so many. ndcg_10: mean over requests, 1 for the exact order.
    requests: how many were compared.
    """

    dtype: str
    max_score_change: float
    allowed: float | None
    overlap: Mapping[str, float]
    ndcg_10: float
    requests: int


def measure(dtype: str, exact: Scores, packed: Scores, *, allowed: float | None) -> Precision:
    """Compare the scores of the same requests. Requests without candidates say nothing and are left out."""
    pairs = [
        (np.asarray(ours, np.float64), np.asarray(theirs, np.float64))
        for ours, theirs in zip(exact, packed, strict=True)
        if len(ours)
    ]
    change = max((float(np.abs(one - other).max()) for one, other in pairs), default=0.0)
    overlap = {}
    for k in TOP:
        shares = [_overlap(one, other, k) for one, other in pairs if len(one) > k]
        if shares:
            overlap[str(k)] = float(np.mean(shares))
    gains = [ndcg(one, other, NDCG_AT) for one, other in pairs]
    return Precision(dtype, change, allowed, overlap, float(np.mean(gains)) if gains else 1.0, len(pairs))


def ndcg(exact: NDArray[np.float64], packed: NDArray[np.float64], k: int) -> float:
    """Normalised discounted cumulative gain of the packed order at k, with the exact scores as gains.

    Järvelin and Kekäläinen, "Cumulated gain-based evaluation of IR techniques" (2002), with log2 discounts from the
    second place. Scores below zero are no gains: then the lowest score counts as zero. Where all gains are zero, every
    order is ideal.
    """
    gains = exact - min(0.0, float(np.min(exact)))
    discounts = 1 / np.log2(np.arange(2, min(k, len(gains)) + 2))
    best = float(np.sort(gains)[::-1][:k] @ discounts)
    return float(gains[_order(packed)[:k]] @ discounts) / best if best > 0 else 1.0


def rounded_up(change: float) -> float:
    """A bound to propose: half as much again, of one digit."""
    if not 0 < change < inf:
        return change
    unit = 10.0 ** floor(log10(1.5 * change))
    return float(f"{ceil(1.5 * change / unit - 1e-9)}e{round(log10(unit))}")


def account(name: str, found: Precision) -> str:
    """The figures in one line."""
    overlaps = ", ".join(f"{share:.3f} of the top {k}" for k, share in found.overlap.items())
    said = f"as {found.dtype} moves scores by up to {found.max_score_change:.1e}"
    kept = f", keeps {overlaps}" if overlaps else ""
    return f"table {name} {said}{kept}; NDCG@{NDCG_AT} {found.ndcg_10:.6f}"


def _overlap(exact: NDArray[np.float64], packed: NDArray[np.float64], k: int) -> float:
    return len(np.intersect1d(_order(exact)[:k], _order(packed)[:k])) / k


def _order(scores: NDArray[np.float64]) -> NDArray[np.intp]:
    """Best first, ties by position, as the function ranks."""
    return np.argsort(-scores, kind="stable")
