"""Figures of packing against scikit-learn and against counting by hand."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import ndcg_score

from ranklet import precision
from ranklet.precision import measure, ndcg, rounded_up

RANDOM = np.random.default_rng(8)


@pytest.mark.parametrize("count", [2, 9, 10, 11, 300])
@pytest.mark.parametrize("noise", [0.0, 0.01, 1.0])
def test_ndcg_is_scikit_learns(count: int, noise: float) -> None:
    exact = RANDOM.random(count)
    packed = exact + noise * RANDOM.normal(size=count)
    assert ndcg(exact, packed, 10) == pytest.approx(ndcg_score([exact], [packed], k=10), abs=1e-12)


def test_scores_below_zero_count_from_the_lowest() -> None:
    exact = RANDOM.normal(size=40) - 3
    packed = exact + 0.5 * RANDOM.normal(size=40)
    assert ndcg(exact, packed, 10) == pytest.approx(ndcg_score([exact - exact.min()], [packed], k=10), abs=1e-12)


def test_ties_rank_by_position_as_the_function_ranks_them() -> None:
    assert ndcg(np.array([1.0, 1.0, 0.0]), np.array([0.5, 0.5, 0.5]), 2) == 1.0
    assert ndcg(np.array([0.0, 0.0, 1.0]), np.array([0.5, 0.5, 0.5]), 2) == 0.0


def test_where_nothing_is_gained_every_order_is_ideal() -> None:
    assert ndcg(np.zeros(5), np.arange(5.0), 10) == 1.0


def test_overlap_is_counted_where_there_is_a_choice() -> None:
    exact = [[3.0, 2.0, 1.0], [float(n) for n in range(20, 0, -1)]]
    packed = [[2.0, 3.0, 1.0], [float(n) for n in range(1, 21)]]
    found = measure("f16", exact, packed, allowed=None)
    assert found.overlap == {"1": 0.0, "10": 0.0}
    assert found.max_score_change == 19.0
    assert found.requests == 2
    half = measure("f16", exact[1:], [[*exact[1][5:], *exact[1][:5]]], allowed=None)
    assert half.overlap == {"1": 0.0, "10": 0.5}


def test_overlap_of_the_best_hundred_is_that_of_sets() -> None:
    exact = RANDOM.normal(size=(6, 250))
    packed = exact + 0.3 * RANDOM.normal(size=(6, 250))
    expected = {
        str(k): np.mean(
            [len({*np.argsort(-a)[:k]} & {*np.argsort(-b)[:k]}) / k for a, b in zip(exact, packed, strict=True)]
        )
        for k in (1, 10, 100)
    }
    assert measure("int8", exact.tolist(), packed.tolist(), allowed=1.0).overlap == pytest.approx(expected)


def test_exactly_k_candidates_leave_no_choice() -> None:
    found = measure("f16", [list(range(10))], [list(range(10))], allowed=None)
    assert set(found.overlap) == {"1"}


def test_requests_without_candidates_say_nothing() -> None:
    found = measure("f16", [[], [1.0]], [[], [1.5]], allowed=None)
    assert (found.max_score_change, found.requests, found.overlap, found.ndcg_10) == (0.5, 1, {}, 1.0)


@pytest.mark.parametrize(("change", "bound"), [(0.00012, 0.0002), (0.2, 0.3), (0.31, 0.5), (7.0, 20.0), (1e-9, 2e-9)])
def test_a_bound_to_propose_has_one_digit_and_room(change: float, bound: float) -> None:
    assert rounded_up(change) == bound
    assert rounded_up(change) >= 1.5 * change * (1 - 1e-9)


def test_the_account_says_every_figure() -> None:
    line = precision.account("items", measure("int8", [[1.0, 2.0]], [[1.5, 2.0]], allowed=None))
    assert line == "table items as int8 moves scores by up to 5.0e-01, keeps 1.000 of the top 1; NDCG@10 1.000000"
