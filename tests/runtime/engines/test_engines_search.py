"""Looking values up among thresholds answers what comparing with each does, whatever the numbers are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ranklet_runtime.engines.base import Array
from ranklet_runtime.engines.search import Search, runs
from ranklet_runtime.engines.terms import quiet

KINDS = {
    "even": lambda random: random.uniform(-1, 1, 200),
    "few": lambda random: np.array([0.5]),
    "of a long tail": lambda random: np.concatenate([random.uniform(0, 1, 150), np.exp(random.uniform(1, 80, 20))]),
    "close to each other": lambda random: 1e6 + np.arange(100) / 16,
    "of the ends of the range": lambda random: np.array([-3e38, -1e38, 0, 1e-44, 3e38]),
    "smallest": lambda random: np.array([0, 1e-45, 3e-45, 1e-44]),
    "infinite": lambda random: np.array([-np.inf, -1, 2, np.inf]),
    "infinite alone": lambda random: np.array([np.inf]),
    "below all": lambda random: np.array([-np.inf]),
}


def given(dtype: Any) -> tuple[Array, Array]:
    """Thresholds of each kind [kinds, most], and how many."""
    random = np.random.default_rng(1)
    made = [np.unique(make(random).astype(dtype)) for make in KINDS.values()]
    counts = np.array([len(one) for one in made])
    numbers = np.full((len(made), int(counts.max())), np.inf, dtype)
    for at, one in enumerate(made):
        numbers[at, : len(one)] = one
    return numbers, counts


def values(numbers: Array) -> Array:
    """Of each kind, [kinds, 640]: on thresholds, next to them, and odd ones."""
    random = np.random.default_rng(2)
    dtype = numbers.dtype.type
    odd = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 3e38, -3e38, 1e-45], dtype)
    near = [
        np.concatenate([row, np.nextafter(row, dtype(np.inf)), np.nextafter(row, dtype(-np.inf)), odd])
        for row in numbers
    ]
    return np.stack([random.choice(row, 640) for row in near])


@quiet
@pytest.mark.parametrize("compare", [np.greater, np.greater_equal])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("chosen", [None, [0, 2, 5]])
def test_it_is_comparing_with_each(compare: Any, dtype: Any, chosen: list[int] | None) -> None:
    numbers, counts = given(dtype)
    columns = values(numbers)
    search = Search(np.arange(len(numbers)), numbers, counts, compare)
    own = None if chosen is None else np.isin(np.arange(len(numbers)), chosen)
    kinds = range(len(numbers)) if chosen is None else chosen
    table = np.empty((len(kinds) * numbers.shape[1], 10), np.uint64)
    search.mark(columns, own, table)
    found = np.unpackbits(table.view(np.uint8), axis=1).reshape(len(kinds), numbers.shape[1], 640)
    for at, kind in enumerate(kinds):
        count = counts[kind]
        wanted = compare(columns[kind], numbers[kind, :count, None])
        np.testing.assert_array_equal(found[at, :count], wanted, err_msg=list(KINDS)[kind])


def test_more_runs_than_are_looked_up_together() -> None:
    random = np.random.default_rng(3)
    numbers = np.sort(random.normal(size=(300, 20)), axis=1)
    columns = random.normal(size=(150, 64))
    features = np.repeat(np.arange(150), 2)
    table = np.empty((300 * 20, 1), np.uint64)
    Search(features, numbers, np.full(300, 20), np.greater).mark(columns, None, table)
    found = np.unpackbits(table.view(np.uint8), axis=1).reshape(300, 20, 64)
    np.testing.assert_array_equal(found, columns[features][:, None] > numbers[:, :, None])


def test_runs_are_of_one_key_and_none_is_far_longer_than_others() -> None:
    found = list(runs(np.repeat([3, 4, 9], [10, 600, 255])))
    assert [(run.low, run.high) for run in found] == [(0, 10), (10, 210), (210, 410), (410, 610), (610, 865)]
    found = list(runs(np.repeat([3, 4, 9], [40, 40, 200])))
    assert [run.high - run.low for run in found] == [40, 40, 66, 67, 67]
    assert list(runs(np.empty(0, np.int64))) == []
