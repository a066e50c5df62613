"""Exploration: what is drawn comes as often as it is told, and a seed draws the same again."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from after_kit import pool, scope
from hypothesis import given, settings
from hypothesis import strategies as st

from ranklet.after.audit import Subject, audit
from ranklet_runtime.after.cap import Cap
from ranklet_runtime.after.diversify import Diversify
from ranklet_runtime.after.explore import Explore
from ranklet_runtime.after.listing import make

AMOUNTS = {"epsilon-greedy": 0.3, "softmax": 0.2, "gaussian": 0.25}
METHODS = list(AMOUNTS)
values = st.lists(st.floats(-2, 2, allow_nan=False).map(lambda one: round(one, 3)), min_size=1, max_size=12)


def explore(method: str, amount: float | None = None) -> Explore:
    return Explore.open(scope({"method": method, "amount": AMOUNTS[method] if amount is None else amount}))


@pytest.mark.parametrize("method", METHODS)
@settings(deadline=None, max_examples=60)
@given(values)
def test_probabilities_of_the_first_place_sum_to_one(method: str, scores: list[float]) -> None:
    found = explore(method).begin(0).probabilities(np.array(scores))
    assert found.sum() == pytest.approx(1, abs=2e-6)
    assert (found >= 0).all()


@pytest.mark.parametrize("method", METHODS)
@settings(deadline=None, max_examples=60)
@given(values, st.integers(0, (1 << 53) - 1))
def test_told_propensity_is_that_of_who_was_chosen(method: str, scores: list[float], seed: int) -> None:
    numbers = np.array(scores)
    at, told = explore(method).begin(seed).choose(numbers)
    assert told == pytest.approx(explore(method).begin(0).probabilities(numbers)[at], abs=1e-9)
    assert 0 < told <= 1 + 1e-6


@pytest.mark.parametrize("method", METHODS)
def test_draws_come_as_often_as_they_are_told(method: str) -> None:
    """Frequencies of 4000 seeds within 4.5 standard deviations, in the first place and, given that, in the second."""
    scores, runs = np.array([1.0, 0.9, 0.6, 0.2, -0.5]), 4000
    all_of = pool(scores)
    firsts: dict[int, int] = {}
    seconds: dict[tuple[int, int], int] = {}
    told: dict[tuple[int, ...], float] = {}
    step = explore(method)
    for seed in range(runs):
        found, propensities = make(all_of, 2, allow=None, value=None, choose=step.begin(seed), fill=True)
        first, second = (int(one) for one in found)
        firsts[first] = firsts.get(first, 0) + 1
        seconds[first, second] = seconds.get((first, second), 0) + 1
        told[first,], told[first, second] = (float(one) for one in propensities)
    for first, times in firsts.items():
        _close(times, runs, told[first,])
    for (first, second), times in seconds.items():
        _close(times, firsts[first], told[first, second])


def _close(times: int, of: int, probability: float) -> None:
    assert abs(times - of * probability) <= 4.5 * math.sqrt(of * probability * (1 - probability)) + 1


@pytest.mark.parametrize("method", METHODS)
@settings(deadline=None, max_examples=20)
@given(st.integers(2, 8), st.integers(0, 1000))
def test_everything_on_still_tells_the_formulas_propensities(method: str, count: int, seed: int) -> None:
    """Caps and diversity say who may be drawn and what they are worth; the slow formulas find the same numbers."""
    random = np.random.default_rng(seed)
    scores, vectors = random.random(count), random.normal(size=(count, 3)).astype(np.float32)
    column = [["a", "b", "c"][int(one)] for one in random.integers(0, 3, count)]
    options = {
        "cap": {"input": "genre", "most": 2, "own": {}, "first": None},
        "diversify": {"method": "mmr", "vectors": "v", "weight": 0.6, "size": None},
        "explore": {"method": method, "amount": AMOUNTS[method]},
        "short": "cut",
    }
    all_of = pool(scores, items={"genre": column}, tensors={"v": vectors})
    found, propensities = make(
        all_of,
        count,
        allow=Cap.open(scope(options["cap"])).begin(all_of),
        value=Diversify.open(scope(options["diversify"])).begin(all_of, count),
        choose=explore(method).begin(seed),
        fill=False,
    )
    subject = Subject(scores.tolist(), options, vectors.astype(np.float64), [[one] for one in column])
    assert audit(subject, all_of.places[found].tolist(), propensities.tolist()).gap <= 1e-6


@pytest.mark.parametrize("method", METHODS)
def test_seed_gives_the_same_list_and_another_one_another(method: str) -> None:
    all_of = pool(np.linspace(0, 1, 30))
    step = explore(method)
    lists = [
        make(all_of, 10, allow=None, value=None, choose=step.begin(seed), fill=True)[0].tolist()
        for seed in (1, 1, 2, 3)
    ]
    assert lists[0] == lists[1]
    assert len({tuple(one) for one in lists}) > 1


def test_no_exploration_is_the_order_by_score() -> None:
    all_of = pool([0.1, 0.3, 0.2])
    for step in (explore("epsilon-greedy", 0.0), explore("softmax", 1e-6), explore("gaussian", 1e-9)):
        found, propensities = make(all_of, 3, allow=None, value=None, choose=step.begin(5), fill=True)
        assert all_of.places[found].tolist() == [1, 2, 0]
        np.testing.assert_allclose(propensities, 1.0, atol=1e-6)


@pytest.mark.parametrize(
    "options",
    [
        {"method": "thompson", "amount": 1},
        {"method": "softmax", "amount": 0},
        {"method": "gaussian", "amount": -1},
        {"method": "gaussian", "amount": float("inf")},
        {"method": "epsilon-greedy", "amount": float("nan")},
    ],
)
def test_what_is_no_exploration_is_refused(options: Any) -> None:
    with pytest.raises(ValueError):
        Explore.open(scope(options))
