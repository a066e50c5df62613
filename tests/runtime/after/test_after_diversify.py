"""Diversity is the papers' greedy, written as slowly as they state it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from after_kit import pool, scope

from ranklet_runtime.after.diversify import Diversify
from ranklet_runtime.after.listing import make


def made(scores: Any, vectors: Any, *, method: str, weight: float, count: int, size: int | None = None) -> list[int]:
    step = Diversify.open(scope({"method": method, "vectors": "v", "weight": weight, "size": size}))
    all_of = pool(scores, tensors={"v": np.asarray(vectors, np.float32)})
    found, _ = make(all_of, count, allow=None, value=step.begin(all_of, count), choose=None, fill=True)
    return [int(one) for one in all_of.places[found]]


def cosine(a: Any, b: Any) -> float:
    return float(a @ b) / math.sqrt(float(a @ a) * float(b @ b))


def mmr(scores: Any, vectors: Any, weight: float, count: int) -> list[int]:
    """Carbonell and Goldstein 1998, equation 1, over cosines."""
    chosen: list[int] = []
    while len(chosen) < count:
        left = [one for one in range(len(scores)) if one not in chosen]
        worth = {
            one: weight * scores[one]
            - (1 - weight) * max((cosine(vectors[one], vectors[other]) for other in chosen), default=0.0)
            for one in left
        }
        chosen.append(max(left, key=lambda one: (worth[one], scores[one], -one)))
    return chosen


def dpp(scores: Any, vectors: Any, weight: float, count: int) -> list[int]:
    """Chen, Zhang and Zhou 2018: argmax θ Σ r + (1 - θ) log det S, one item more at a time."""
    chosen: list[int] = []
    like = np.array([[cosine(a, b) for b in vectors] for a in vectors])
    while len(chosen) < count:
        left = [one for one in range(len(scores)) if one not in chosen]
        worth = {}
        for one in left:
            rows = [*chosen, one]
            worth[one] = (
                weight * sum(scores[at] for at in rows) + (1 - weight) * np.linalg.slogdet(like[np.ix_(rows, rows)])[1]
            )
        chosen.append(max(left, key=lambda one: worth[one]))
    return chosen


@pytest.mark.parametrize("weight", [0.0, 0.3, 0.7, 1.0])
@pytest.mark.parametrize("seed", range(5))
def test_mmr_is_the_papers(seed: int, weight: float) -> None:
    random = np.random.default_rng(seed)
    scores, vectors = random.random(40), random.normal(size=(40, 6)).astype(np.float32).astype(np.float64)
    assert made(scores, vectors, method="mmr", weight=weight, count=15) == mmr(scores, vectors, weight, 15)


@pytest.mark.parametrize("weight", [0.05, 0.3, 0.7, 1.0])
@pytest.mark.parametrize("seed", range(5))
def test_dpp_is_the_papers_without_determinants(seed: int, weight: float) -> None:
    random = np.random.default_rng(seed)
    scores, vectors = random.random(40), random.normal(size=(40, 24)).astype(np.float32).astype(np.float64)
    assert made(scores, vectors, method="dpp", weight=weight, count=15) == dpp(scores, vectors, weight, 15)


def test_dpp_beyond_the_rank_of_the_vectors_goes_on_by_score() -> None:
    random = np.random.default_rng(1)
    scores, vectors = random.random(12), random.normal(size=(12, 3))
    found = made(scores, vectors, method="dpp", weight=0.5, count=12)
    assert sorted(found) == list(range(12))
    rest = [scores[one] for one in found[3:]]
    assert rest == sorted(rest, reverse=True)


@pytest.mark.parametrize("method", ["mmr", "dpp"])
def test_same_vectors_come_apart_and_a_vector_of_zeros_is_like_nobody(method: str) -> None:
    found = made([0.9, 0.89, 0.5, 0.4], [[1, 0], [1, 0], [0, 1], [0, 0]], method=method, weight=0.5, count=4)
    assert found == [0, 2, 3, 1]


@pytest.mark.parametrize("method", ["mmr", "dpp"])
def test_weight_of_one_is_the_order_by_score_and_ties_keep_theirs(method: str) -> None:
    scores = [0.5, 0.7, 0.5, 0.7, 0.1]
    assert made(scores, np.eye(5), method=method, weight=1.0, count=5) == [1, 3, 0, 2, 4]


def test_what_stands_behind_the_vector_is_left_out() -> None:
    scores, vectors = [0.9, 0.8, 0.7], [[1, 0, 5], [1, 0, -5], [0, 1, 5]]
    assert made(scores, vectors, method="mmr", weight=0.5, count=3, size=2) == [0, 2, 1]
