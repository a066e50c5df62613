"""Rows of a table: one per key, side by side, or pooled."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from features_support import HERE, MemoryStore, item, plan_of, table, user
from hypothesis import given
from hypothesis import strategies as st

from ranklet_features import Feature, FeaturePlan, FeatureSpec, Input, SpecError
from ranklet_features.kinds.embedding import pooled

VECTORS = {1: (1.0, 10.0), 2: (2.0, 20.0), 3: (3.0, 30.0)}


def embedding(of: str = "v", **options: Any) -> Feature:
    return Feature("embedding", (of,), {"table": "movies", **options})


def rows_of(declared: Input, column: Any, **options: Any) -> dict[str, Any]:
    plan = plan_of({"v": declared}, {"x": embedding(**options)}, MemoryStore(table(), VECTORS))
    return plan.assemble({}, {}, {"v": column}).tensors


def test_a_key_is_a_row() -> None:
    made = rows_of(item("int"), [2, 1, 2])["x"]
    assert made.dtype == np.float32
    assert made.tolist() == [[2, 20], [1, 10], [2, 20]]


@pytest.mark.parametrize("column", [[], np.zeros(0, int)])
def test_no_keys_are_no_rows_and_no_read(column: Any) -> None:
    store = MemoryStore(table(), VECTORS)
    plan = plan_of({"v": item("int")}, {"x": embedding()}, store)
    assert plan.assemble({}, {}, {"v": column}).tensors["x"].shape == (0, 2)
    assert store.asked == []


def test_a_users_key_is_one_row() -> None:
    plan = plan_of({"v": user("int"), "n": item("int")}, {"x": embedding()}, MemoryStore(table(), VECTORS))
    assert plan.assemble({"v": 3}, {}, {"n": [0, 0]}).tensors["x"].tolist() == [[3, 30]]


def test_string_keys() -> None:
    store = MemoryStore(table(key="string"), {"a": (1, 2), "b": (3, 4)})
    plan = plan_of({"v": item("string")}, {"x": embedding()}, store)
    assert plan.assemble({}, {}, {"v": ["b", "a"]}).tensors["x"].tolist() == [[3, 4], [1, 2]]


@pytest.mark.parametrize(
    ("options", "expected", "mask"),
    [
        (
            {},
            [[[1, 10], [2, 20], [3, 30]], [[2, 20], [0, 0], [0, 0]], [[0, 0], [0, 0], [0, 0]]],
            [[1, 1, 1], [1, 0, 0], [0, 0, 0]],
        ),
        ({"length": 2}, [[[1, 10], [2, 20]], [[2, 20], [0, 0]], [[0, 0], [0, 0]]], [[1, 1], [1, 0], [0, 0]]),
        (
            {"length": 2, "keep": "last"},
            [[[2, 20], [3, 30]], [[2, 20], [0, 0]], [[0, 0], [0, 0]]],
            [[1, 1], [1, 0], [0, 0]],
        ),
    ],
)
def test_lists_stand_side_by_side(options: dict[str, Any], expected: Any, mask: Any) -> None:
    made = rows_of(item("int", list=True), [[1, 2, 3], [2], []], mask=True, **options)
    assert made["x"].tolist() == expected
    assert made["x_mask"].tolist() == mask
    assert (made["x"].dtype, made["x_mask"].dtype) == (np.float32, np.float32)
    assert list(made) == ["x", "x_mask"]
    assert list(rows_of(item("int", list=True), [[1]], **options)) == ["x"]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"pool": "sum"}, [[6, 60], [2, 20], [0, 0]]),
        ({"pool": "mean"}, [[2, 20], [2, 20], [0, 0]]),
        ({"pool": "sum", "length": 2}, [[3, 30], [2, 20], [0, 0]]),
        ({"pool": "mean", "length": 2, "keep": "last"}, [[2.5, 25], [2, 20], [0, 0]]),
    ],
)
def test_lists_are_pooled(options: dict[str, Any], expected: Any) -> None:
    made = rows_of(item("int", list=True), [[1, 2, 3], [2], []], mask=True, **options)
    assert made["x"].tolist() == expected
    assert made["x_mask"].shape == (3, options.get("length", 3))


def test_only_the_keys_that_survive_the_cut_are_read() -> None:
    store = MemoryStore(table(), VECTORS)
    plan = plan_of({"v": item("int", list=True)}, {"x": embedding(pool="sum", length=1, keep="last")}, store)
    plan.assemble({}, {}, {"v": [[9, 8, 1], [2]]})
    assert store.asked == [[1, 2]]
    words = MemoryStore(table(key="string"), {"a": (1, 2)})
    plan = plan_of({"v": item("string", list=True)}, {"x": embedding(length=1)}, words)
    plan.assemble({}, {}, {"v": [["a", "b"], [], ["c"]]})
    assert words.asked == [["a", "c"]]


def test_a_missing_row_counts_in_the_mean() -> None:
    assert rows_of(item("int", list=True), [[1, 99]], pool="mean")["x"].tolist() == [[0.5, 5.0]]


FLOATS = st.floats(-1e6, 1e6, width=32) | st.sampled_from([1e30, -1e30, 1.0])


@given(st.lists(st.lists(FLOATS, max_size=40), min_size=1, max_size=5), st.booleans(), st.sampled_from([1, 2, 3]))
def test_pooling_is_a_sum_in_order_and_64_bits(lists: list[list[float]], mean: bool, dim: int) -> None:
    lists = [np.float32(values).tolist() for values in lists]
    rows = np.array([[value] * dim for values in lists for value in values], np.float32).reshape(-1, dim)
    lengths = np.array([len(values) for values in lists])
    expected = []
    for values in lists:
        total = 0.0
        for value in values:
            total += value
        expected.append([float(np.float32(total / max(len(values), 1) if mean else total))] * dim)
    assert pooled(rows, lengths, mean=mean).tolist() == expected


def test_a_history_pools_to_the_same_bits_beside_a_longer_one() -> None:
    values = [1e30, 1.0, -1e30, 0.1] * 5
    rows = np.array(values, np.float32)[:, None]
    alone = pooled(rows, np.array([20]), mean=True)
    beside = pooled(np.concatenate([rows, rows, rows]), np.array([20, 40]), mean=True)
    assert alone[0].tobytes() == beside[0].tobytes()


def test_the_plan_tells_what_it_makes() -> None:
    inputs = {"u": user("int"), "v": item("int", list=True)}
    plan = plan_of(
        inputs,
        {
            "a": embedding("u"),
            "b": embedding("v"),
            "c": embedding("v", length=5, mask=True),
            "d": embedding("v", pool="mean"),
        },
        MemoryStore(table(), VECTORS),
    )
    assert plan.signature == {
        "a": ("float32", (2,), "user"),
        "b": ("float32", (None, 2), "item"),
        "c": ("float32", (5, 2), "item"),
        "c_mask": ("float32", (5,), "item"),
        "d": ("float32", (2,), "item"),
    }
    assert plan.ids == {}


@pytest.mark.parametrize(
    ("of", "options", "message"),
    [
        ("v", {"table": "films"}, "feature 'x' (embedding): no table 'films'; tables: movies"),
        ("s", {}, "feature 'x' (embedding): table 'movies' has int keys, input 's' is string"),
        ("f", {}, "feature 'x' (embedding): input 'f' is float, but embedding reads int or string"),
        ("w", {}, "feature 'x' (embedding): input 'w' is a vector, but embedding reads a scalar or a list"),
        (
            "v",
            {"pool": "sum"},
            "feature 'x' (embedding): pool, length and mask are for lists of keys; input 'v' is one",
        ),
        ("v", {"mask": True}, "feature 'x' (embedding): pool, length and mask are for lists of keys"),
        ("l", {"length": 0}, "feature 'x' (embedding): length is 0; it must be at least 1"),
        ("l", {"pool": "max"}, "feature 'x' (embedding): option 'pool' is 'max', but must be 'none' | 'mean' | 'sum'"),
    ],
)
def test_embeddings_that_cannot_be(of: str, options: dict[str, Any], message: str) -> None:
    inputs = {
        "v": item("int"),
        "s": item("string"),
        "f": item(),
        "w": item("int", length=2),
        "l": item("int", list=True),
    }
    with pytest.raises(SpecError) as caught:
        plan_of(inputs, {"x": embedding(of, **options)}, MemoryStore(table(), VECTORS))
    assert str(caught.value).startswith(message)


def test_a_table_without_a_store_is_named() -> None:
    spec = FeatureSpec({"v": item("int")}, {"x": embedding()}, {"movies": table()})
    with pytest.raises(SpecError, match=r"^feature 'x': no store was given for its table 'movies'$"):
        FeaturePlan.compile(spec, HERE, {})


@pytest.mark.parametrize("values", [[], [-0.0], [-0.0, -0.0], [1e30, 1.0, -1e30], [0.1] * 30])
def test_one_history_pools_as_it_does_among_others(values: list[float]) -> None:
    rows = np.array(values, np.float32).reshape(-1, 1)
    other = np.full((7, 1), 3.0, np.float32)
    for mean in (False, True):
        alone = pooled(rows, np.array([len(values)]), mean=mean)
        among = pooled(np.concatenate([rows, other]), np.array([len(values), 7]), mean=mean)
        assert alone[0].tobytes() == among[0].tobytes()
