"""Quantiles of the histogram beside NumPy's over the values themselves."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranklet.load.histogram import Histogram, bucket, highest

SHARES = (0.0, 0.001, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999, 0.9999, 1.0)


@given(st.integers(0, 2**45))
def test_a_value_lies_in_its_bucket_and_the_bucket_is_narrow(value: int) -> None:
    most = highest(bucket(value))
    assert value <= most <= value * (1 + 1 / 1024)
    assert bucket(most) == bucket(value) != bucket(most + 1)


def test_buckets_follow_each_other_without_a_gap() -> None:
    numbers = [bucket(value) for value in range(100_000)]
    assert numbers == sorted(numbers)
    assert set(numbers) == set(range(numbers[-1] + 1))


@pytest.mark.parametrize("draw", ["lognormal", "uniform", "two peaks", "one value", "few values"])
@pytest.mark.parametrize("count", [1, 2, 999, 20_000])
def test_quantiles_are_numpys_to_a_bucket(draw: str, count: int) -> None:
    generator = np.random.default_rng(count)
    values = {
        "lognormal": generator.lognormal(8, 2, count),
        "uniform": generator.uniform(0, 1e6, count),
        "two peaks": np.where(generator.random(count) < 0.99, 2_000, 5e6) + generator.uniform(0, 100, count),
        "one value": np.full(count, 123_457.0),
        "few values": generator.integers(0, 4, count).astype(float),
    }[draw].astype(np.int64)
    histogram = Histogram(values.tolist())
    for share in SHARES:
        exact = int(np.quantile(values, share, method="inverted_cdf"))
        assert exact <= histogram.quantile(share) <= exact * (1 + 1 / 1024)
    assert (histogram.least, histogram.most, histogram.count) == (values.min(), values.max(), count)
    assert histogram.mean == pytest.approx(values.mean())
    assert histogram.above(2_000) == pytest.approx(np.count_nonzero(values > 2_000), abs=count / 1_000)


@given(st.lists(st.integers(0, 10**7)), st.lists(st.integers(0, 10**7)))
def test_two_together_are_one_of_all_values(some: list[int], others: list[int]) -> None:
    together = Histogram(some)
    together.add(Histogram(others))
    assert vars(together) == vars(Histogram(some + others))


@given(st.lists(st.integers(-5, 10**6), max_size=3_000))
def test_the_distribution_ascends_to_the_greatest_value(values: list[int]) -> None:
    histogram = Histogram(values)
    rows = histogram.distribution()
    assert rows == sorted(rows)
    assert rows[-1] == (1.0, max([0, *values]))
    assert all(value == histogram.quantile(share) for share, value in rows)


def test_nothing_recorded_is_all_zero() -> None:
    empty = Histogram()
    assert (empty.quantile(0.5), empty.mean, empty.most, empty.distribution()) == (0, 0.0, 0, [(1.0, 0)])
