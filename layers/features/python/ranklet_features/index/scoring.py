"""Exact scores, and the best rows of some that are nearly known.

A product of a matrix and a vector is fast, and rounds a row's sum by where in the matrix the row stands: two equal
vectors may get scores that differ in the last bit. So what is scanned only chooses candidates, among which all are that
rounding could have kept out; their final scores are sums in 64 bits, row by row, which depend on the row alone, rounded
to 32. Equal ones keep the order of the catalogue.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

UNIT = 2.0**-24
"""Of float32: the most by which one operation is off, relatively."""

AT_ONCE = 1 << 15
"""Rows of which exact scores are made at a time."""


def exact_scores(rows: Array, query: Array) -> NDArray[np.float32]:
    """<row, query> of float32 rows [m, dim], summed in float64, as float32 [m]: a row's score whatever is beside it."""
    if len(rows) > AT_ONCE:
        return np.concatenate([exact_scores(rows[at : at + AT_ONCE], query) for at in range(0, len(rows), AT_ONCE)])
    found: NDArray[np.float32] = np.vecdot(rows.astype(np.float64), query.astype(np.float64, copy=False)).astype(
        np.float32
    )
    return found


def slack(dim: int, longest: float, length: float) -> float:
    """By how much a float32 product may be below the exact score as float32, or above it.

    longest, length: of the vectors and of the query. The bound is that of a sum in any order:
    dim × 2⁻²⁴ × Σ |vᵢ qᵢ| ≤ dim × 2⁻²⁴ × |v| |q|; twice that, and room for the last rounding.
    """
    return 2.0 * (dim + 4) * UNIT * longest * length


def reaching(scores: NDArray[np.float32], count: int, apart: float) -> NDArray[np.intp]:
    """Where scores stand that may be among the `count` highest, when each may be off by `apart`; not -infinity."""
    if count < len(scores):
        ordered = scores.copy()
        ordered.partition(len(scores) - count)
        edge = float(ordered[len(scores) - count])
        if edge > -np.inf:
            return (scores >= np.float32(edge - 2.0 * apart)).nonzero()[0]
    return (scores > -np.inf).nonzero()[0]


def highest(scores: NDArray[np.float32], count: int) -> NDArray[np.intp]:
    """Where the `count` highest stand, and all that equal the last of them; not -infinity."""
    return reaching(scores, count, 0.0)


def best(
    scores: NDArray[np.float32], places: NDArray[np.int64], count: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The `count` best, places and scores: by score, equal ones by their place in the catalogue, from 0 to 2³²."""
    order = (-scores).argsort()
    found = scores.take(order)
    if (found[1:] == found[:-1]).any():
        return _with_ties(scores, places, count)
    return places.take(order[:count]), found[:count]


def _with_ties(
    scores: NDArray[np.float32], places: NDArray[np.int64], count: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """As `best`. Score and place become one integer, whose upper half falls with the score: one sort of those takes a
    fifth of what sorting by two columns does. As signed integers, the bits of floats rise with them, and those of
    negative ones fall.
    """
    bits = (scores + np.float32(0.0)).view(np.int32)  # -0 is 0
    keys = (~_rising(bits)).astype(np.int64)
    keys <<= 32
    keys |= places
    keys.sort()
    keys = keys[:count]
    return keys & 0xFFFF_FFFF, _rising(~(keys >> 32).astype(np.int32)).view(np.float32)


def _rising(bits: NDArray[np.int32]) -> NDArray[np.int32]:
    """The bits of floats as integers that rise with them; done twice, what they were."""
    found: NDArray[np.int32] = bits ^ ((bits >> 31) & 0x7FFF_FFFF)
    return found
