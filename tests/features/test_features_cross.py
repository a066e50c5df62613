"""Crosses: every combination, once, in its place; pads where a part is missing."""

from __future__ import annotations

from itertools import product
from typing import Any
from zlib import crc32

import numpy as np
import pytest
from features_support import item, plan_of, user
from hypothesis import given
from hypothesis import strategies as st

from ranklet_features import Feature, SpecError
from ranklet_features.hashing import cross_codes, start, to_buckets

BUCKETS = 1_000_003
IDS = {"size": 10}


def one(*codes: int, seed: int = 0, buckets: int = BUCKETS) -> int:
    """The id of one combination."""
    parts = [np.array([code], np.int64) for code in codes]
    return int(to_buckets(cross_codes(parts, start(seed)), buckets)[0])


def cross(*of: str, **options: Any) -> Feature:
    return Feature("cross", of, {"buckets": BUCKETS, **options})


def category(of: str, **options: Any) -> Feature:
    return Feature("category", (of,), {**IDS, **options})


def bag(of: str, **options: Any) -> Feature:
    return Feature("bag", (of,), {**IDS, **options})


def test_a_cross_of_two_scalars() -> None:
    plan = plan_of(
        {"a": item("int"), "b": item("int")}, {"x": cross("fb", "fa"), "fa": category("a"), "fb": category("b")}
    )
    made = plan.assemble({}, {}, {"a": [1, 2], "b": [3, 4]}).tensors
    assert made["x"].dtype == np.int64
    assert made["x"].tolist() == [one(3, 1), one(4, 2)]
    assert list(plan.signature) == ["x", "fa", "fb"]


def test_seed_and_buckets() -> None:
    plan = plan_of({"a": item("int"), "b": item("int")}, {"x": cross("a", "b", seed=5, buckets=7)})
    made = plan.assemble({}, {}, {"a": [1, 2, 3], "b": [3, 4, 5]}).tensors["x"]
    assert made.tolist() == [one(1, 3, seed=5, buckets=7), one(2, 4, seed=5, buckets=7), one(3, 5, seed=5, buckets=7)]


def test_a_name_is_the_feature_first_and_the_input_else() -> None:
    inputs = {"age": user("int"), "city": user("string"), "n": item("int")}
    band = Feature("bucket", ("age",), {"boundaries": [18, 30]})
    plan = plan_of(inputs, {"age": band, "x": cross("age", "city")})
    assert plan.assemble({"age": 20, "city": "Kyiv"}, {}, {"n": [1]}).tensors["x"].tolist() == [one(1, crc32(b"Kyiv"))]
    plan = plan_of(inputs, {"band": band, "x": cross("age", "city")})
    assert plan.assemble({"age": 20, "city": "Kyiv"}, {}, {"n": [1]}).tensors["x"].tolist() == [one(20, crc32(b"Kyiv"))]


@pytest.mark.parametrize("rows", [0, 1, 3])
def test_user_and_item_cross_to_one_row_per_item(rows: int) -> None:
    plan = plan_of({"u": user("int"), "c": user("int"), "a": item("int")}, {"x": cross("u", "a"), "y": cross("u", "c")})
    made = plan.assemble({"u": 7, "c": 5}, {}, {"a": list(range(rows))}).tensors
    assert made["x"].shape == (rows,)
    assert made["x"].tolist() == [one(7, i) for i in range(rows)]
    assert made["y"].tolist() == [one(7, 5)]
    assert (plan.signature["x"].side, plan.signature["y"].side) == ("item", "user")


ROWS = st.lists(
    st.tuples(
        st.integers(0, 9),
        st.lists(st.integers(0, 12), max_size=4),
        st.lists(st.integers(0, 12), max_size=4),
    ),
    max_size=5,
)


@given(ROWS)
def test_bags_multiply(rows: list[tuple[int, list[int], list[int]]]) -> None:
    plan = plan_of(
        {"a": item("int"), "p": item("int", list=True), "q": item("int", list=True)},
        {"fp": bag("p", length=3), "fq": bag("q", oov_index=-1, pad=0, length=2), "x": cross("fp", "a", "fq", pad=-1)},
    )
    made = plan.assemble({}, {}, {"a": [r[0] for r in rows], "p": [r[1] for r in rows], "q": [r[2] for r in rows]})
    expected = []
    for a, p, q in rows:
        left = [min(i, 10) for i in p[:3]] + [None] * (3 - len(p[:3]))
        # 0 is the pad of `fq` and -1 its id for strangers: neither says anything.
        right = [i if 0 < i < 10 else None for i in q[:2]] + [None] * (2 - len(q[:2]))
        expected.append([-1 if i is None or j is None else one(i, a, j) for i, j in product(left, right)])
    assert made.tensors["x"].shape == (len(rows), 6)
    assert made.tensors["x"].tolist() == expected
    assert plan.signature["x"] == ("int64", (6,), "item")


def test_a_users_bag_and_an_items_bag() -> None:
    plan = plan_of(
        {"h": user("int", list=True), "g": item("int", list=True)},
        {"fh": bag("h"), "fg": bag("g"), "x": cross("fh", "fg")},
    )
    made = plan.assemble({"h": [1, 2]}, {}, {"g": [[3], [4, 5]]}).tensors["x"]
    assert made.tolist() == [[one(1, 3), -1, one(2, 3), -1], [one(1, 4), one(1, 5), one(2, 4), one(2, 5)]]
    assert plan.signature["x"] == ("int64", (None,), "item")


def test_a_category_without_an_id_empties_its_crosses() -> None:
    plan = plan_of(
        {"a": item("int"), "b": item("int")},
        {"fa": category("a", oov_index=-1), "x": cross("fa", "b", pad=0), "y": cross("x", "b")},
    )
    made = plan.assemble({}, {}, {"a": [99, 1], "b": [3, 3]}).tensors
    assert made["x"].tolist() == [0, one(1, 3)]
    assert made["y"].tolist() == [-1, one(one(1, 3), 3)]


def test_a_cross_of_crosses_and_times() -> None:
    plan = plan_of(
        {"at": user("int"), "a": item("int")},
        {"y": cross("x", "hour"), "x": cross("a", "hour"), "hour": Feature("time", ("at",), {"part": "hour"})},
    )
    made = plan.assemble({"at": 3600 * 5}, {}, {"a": [8]}).tensors
    assert made["y"].tolist() == [one(one(8, 5), 5)]


def test_the_plan_tells_how_many_ids_there_are() -> None:
    plan = plan_of(
        {"a": item("int"), "p": item("int", list=True)},
        {
            "fp": bag("p"),
            "x": cross("fp", "a", buckets=10),
            "y": cross("fp", "a", buckets=10, pad=10),
            "z": cross("a", "a", buckets=10, pad=10),
        },
    )
    assert {name: plan.ids[name] for name in "xyz"} == {"x": 10, "y": 11, "z": 10}


@pytest.mark.parametrize(
    ("features", "message"),
    [
        ({"x": cross("a")}, "feature 'x' (cross): a cross is made of at least two features or inputs"),
        ({"x": cross("a", "no")}, "feature 'x' (cross): no feature or input 'no'"),
        ({"x": cross("a", "f")}, "feature 'x' (cross): input 'f' is float, but cross reads int or string"),
        ({"x": cross("a", "p")}, "feature 'x' (cross): input 'p' is a list, but cross reads a scalar"),
        (
            {"x": cross("a", "d"), "d": Feature("dense", ("f",))},
            "feature 'x' (cross): feature 'd' holds numbers, a cross is made of ids; make it a bucket or a category",
        ),
        ({"x": cross("a", "b", buckets=0)}, "feature 'x' (cross): buckets is 0; it must be from 1 to 2147483648"),
        ({"x": cross("a", "b", pad=BUCKETS + 1)}, f"feature 'x' (cross): pad is {BUCKETS + 1}; it must be from -1 to"),
        (
            {"x": Feature("cross", ("a", "b"))},
            "feature 'x' (cross): option 'buckets' is missing; allowed: buckets, seed",
        ),
        ({"x": cross("a", "x")}, "feature 'x': a cross cannot be part of itself: x → x"),
        (
            {"w": cross("a", "x"), "x": cross("a", "y"), "y": cross("b", "z"), "z": cross("x", "b")},
            "feature 'x': a cross cannot be part of itself: x → y → z → x",
        ),
    ],
)
def test_crosses_that_cannot_be(features: dict[str, Feature], message: str) -> None:
    inputs = {"a": item("int"), "b": item("int"), "f": item(), "p": item("int", list=True)}
    with pytest.raises(SpecError) as caught:
        plan_of(inputs, features)
    assert str(caught.value).startswith(message)
