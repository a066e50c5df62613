"""Intervals, against pandas.cut."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from features_support import item, plan_of, run_one
from hypothesis import given
from hypothesis import strategies as st

from ranklet_features import Feature, SpecError

FINITE = st.floats(allow_nan=False, allow_infinity=False)


def test_a_boundary_opens_its_bucket() -> None:
    made = run_one("bucket", item(), [-1.0, 0.0, 9.999, 10.0, 11.0], boundaries=[0, 10])["x"]
    assert made.dtype == np.int64
    assert made.tolist() == [0, 1, 1, 2, 2]


@given(st.lists(FINITE, min_size=1, max_size=8, unique=True), st.lists(FINITE, max_size=20))
def test_buckets_are_those_of_pandas(boundaries: list[float], values: list[float]) -> None:
    boundaries.sort()
    edges = [-np.inf, *boundaries, np.inf]
    expected = pd.cut(np.array(values + boundaries), edges, right=False, labels=False).tolist()
    assert run_one("bucket", item(), values + boundaries, boundaries=boundaries)["x"].tolist() == expected


def test_ints_and_narrow_floats_are_compared_in_64_bits() -> None:
    assert run_one("bucket", item("int"), [17, 18, 19], boundaries=[18])["x"].tolist() == [0, 1, 1]
    tenth = np.array([0.1], np.float32)  # a little above the tenth of 64 bits
    assert run_one("bucket", item(), tenth, boundaries=[0.1])["x"].tolist() == [1]
    assert run_one("bucket", item(), tenth, boundaries=[float(tenth[0])])["x"].tolist() == [1]


def test_the_plan_tells_how_many_ids_there_are() -> None:
    plan = plan_of({"v": item()}, {"x": Feature("bucket", ("v",), {"boundaries": [1, 2, 3]})})
    assert (plan.ids, plan.signature["x"]) == ({"x": 4}, ("int64", (), "item"))


@pytest.mark.parametrize("boundaries", [[], [2, 1], [1, 1], [1, float("nan")], [0, float("inf")]])
def test_boundaries_rise(boundaries: list[float]) -> None:
    with pytest.raises(SpecError, match=r"^feature 'x' \(bucket\): boundaries are .*; they must be finite and rising$"):
        run_one("bucket", item(), [], boundaries=boundaries)


def test_nan_falls_in_no_bucket() -> None:
    with pytest.raises(SpecError, match=r"input 'v' allows NaN, which falls in no bucket; use nan = \"default\""):
        run_one("bucket", item(nan="allow"), [], boundaries=[1])
    options: dict[str, Any] = {"boundaries": [0, 10]}
    made = run_one("bucket", item(nan="default", default=-1.0), [float("nan"), 3.0], **options)["x"]
    assert made.tolist() == [0, 1]
