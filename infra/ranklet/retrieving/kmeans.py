"""Lists of an inverted file: spherical k-means, seeded, on a sample.

Vectors of different lengths get one more number, √(longest² - |v|²), so that all have the same length: the nearest by
inner product is then the nearest by angle, and one training serves both metrics (B. Neyshabur, N. Srebro. On Symmetric
and Asymmetric LSHs for Inner Product Search. ICML 2015, section 4.2). A query has 0 there, so the centroids are told
without that number.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

SAMPLE = 48
"""Rows of the sample for each list."""

ROUNDS = 10
BLOCK = 4096


def train(vectors: Floats, lists: int, *, longest: float, seed: int) -> Floats:
    """Centroids of length 1, float32 [lists, dim + 1], from a sample of float32 [rows, dim]."""
    draw = np.random.default_rng(seed)
    count = min(len(vectors), lists * SAMPLE)
    chosen = np.sort(draw.choice(len(vectors), count, replace=False))
    sample = lifted(vectors[chosen], longest)
    centroids = sample[np.sort(draw.choice(count, lists, replace=False))].copy()
    for _ in range(ROUNDS):
        owner, affinity = nearest(sample, centroids)
        centroids = _means(sample, owner, affinity, centroids)
    return centroids


def lifted(vectors: Floats, longest: float) -> Floats:
    """The rows with one more number, all of length 1."""
    wide = vectors.astype(np.float64) / (longest or 1.0)
    rest = np.sqrt(np.maximum(0.0, 1.0 - np.einsum("nd,nd->n", wide, wide)))
    return np.concatenate([wide, rest[:, None]], axis=1).astype(np.float32)


def nearest(rows: Floats, centroids: Floats) -> tuple[NDArray[np.int32], Floats]:
    """Of each row which centroid is nearest, and the product with it."""
    owner = np.empty(len(rows), np.int32)
    affinity = np.empty(len(rows), np.float32)
    for at in range(0, len(rows), BLOCK):
        products = rows[at : at + BLOCK] @ centroids.T
        best = products.argmax(axis=1)
        owner[at : at + BLOCK] = best
        affinity[at : at + BLOCK] = products[np.arange(len(best)), best]
    return owner, affinity


def assign(vectors: Floats, centroids: Floats, *, longest: float) -> NDArray[np.int32]:
    """The list of every row, some thousand rows at a time."""
    parts = [nearest(lifted(part, longest), centroids)[0] for part in _blocks(vectors)]
    return np.concatenate(parts)


def _blocks(vectors: Floats) -> Iterator[Floats]:
    step = 16 * BLOCK
    yield from (vectors[at : at + step] for at in range(0, len(vectors), step))


def _means(sample: Floats, owner: NDArray[np.int32], affinity: Floats, before: Floats) -> Floats:
    """The mean direction of each list's rows. An empty list begins anew at a row that is far from its own centroid."""
    order = np.argsort(owner, kind="stable")
    counts = np.bincount(owner, minlength=len(before))
    firsts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    filled = counts > 0
    means = before.astype(np.float64)
    means[filled] = np.add.reduceat(sample[order].astype(np.float64), firsts[filled], axis=0)
    lengths = np.sqrt(np.einsum("nd,nd->n", means, means))
    means /= np.where(lengths > 0, lengths, 1.0)[:, None]
    found = means.astype(np.float32)
    far = np.argsort(affinity, kind="stable")[: int(np.count_nonzero(~filled))]
    found[~filled] = sample[far]
    return found
