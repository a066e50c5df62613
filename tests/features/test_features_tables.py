"""One read per table and request; a policy for every row that was not read; and all of it counted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from features_support import MemoryStore, item, plan_of, table, user
from hypothesis import given
from hypothesis import strategies as st

from ranklet_features import Feature, FeaturePlan, InputError, SpecError, StoreUnavailable
from ranklet_features.tables import unique

VECTORS = {1: (1.0, 10.0), 2: (2.0, 20.0), 3: (3.0, 30.0)}
DOWN = frozenset({7, 8})


def plan_over(store: MemoryStore) -> FeaturePlan:
    return plan_of({"v": item("int")}, {"x": Feature("embedding", ("v",), {"table": "movies"})}, store)


@pytest.mark.parametrize(
    ("policies", "missing", "unavailable"),
    [
        ({}, [0, 0], [0, 0]),
        ({"missing": "zero", "unavailable": "row", "default": (5, 6)}, [0, 0], [5, 6]),
        ({"missing": "mean", "unavailable": "zero", "default": (5, 6)}, [5, 6], [0, 0]),
        ({"missing": "row", "unavailable": "mean", "default": (5, 6)}, [5, 6], [5, 6]),
    ],
)
@pytest.mark.parametrize("placement", ["resident", "dynamodb"])
def test_each_policy_fills_its_own_rows(
    placement: str, policies: dict[str, Any], missing: list[int], unavailable: list[int]
) -> None:
    plan = plan_over(MemoryStore(table(placement=placement, **policies), VECTORS, DOWN))
    made = plan.assemble({}, {}, {"v": [1, 99, 7, 2, 99]})
    assert made.tensors["x"].tolist() == [[1, 10], missing, unavailable, [2, 20], missing]
    assert made.degraded == {"missing_rows:movies": 2, "unavailable_rows:movies": 1}


def test_nothing_is_counted_where_nothing_was_missing() -> None:
    plan = plan_over(MemoryStore(table(missing="error", unavailable="error"), VECTORS))
    assert plan.assemble({}, {}, {"v": [1, 2]}).degraded == {}


@pytest.mark.parametrize("placement", ["resident", "dynamodb"])
def test_error_names_the_key_without_a_row(placement: str) -> None:
    plan = plan_over(MemoryStore(table(missing="error", placement=placement), VECTORS))
    with pytest.raises(InputError, match=r"^\$\.items\.v\[2\]: table 'movies' has no row 99$"):
        plan.assemble({}, {}, {"v": [1, 1, 99, 98]})


def test_error_names_the_place_in_a_list_that_was_cut() -> None:
    store = MemoryStore(table(missing="error", key="string"), {"a": (1, 2)})
    plan = plan_of(
        {"u": user("string"), "v": item("string", list=True)},
        {
            "w": Feature("embedding", ("u",), {"table": "movies"}),
            "x": Feature("embedding", ("v",), {"table": "movies", "length": 2, "keep": "last"}),
        },
        store,
    )
    with pytest.raises(InputError, match=r"^\$\.items\.v\[1\]\[2\]: table 'movies' has no row 'z'$"):
        plan.assemble({"u": "a"}, {}, {"v": [["a"], ["q", "a", "z"]]})
    with pytest.raises(InputError, match=r"^\$\.user\.u: table 'movies' has no row 'z{40}'$"):
        plan.assemble({"u": "z" * 99}, {}, {"v": [["a"]]})


def test_error_for_rows_that_were_not_read() -> None:
    plan = plan_over(MemoryStore(table(unavailable="error"), VECTORS, DOWN))
    with pytest.raises(StoreUnavailable, match=r"^table 'movies': rows could not be read in time"):
        plan.assemble({}, {}, {"v": [99, 7]})


def test_one_read_for_all_features_of_a_table() -> None:
    store = MemoryStore(table(), VECTORS)
    other = MemoryStore(table("users"), {5: (5.0, 50.0)})
    plan = plan_of(
        {"u": user("int"), "h": user("int", list=True), "v": item("int")},
        {
            "one": Feature("embedding", ("u",), {"table": "users"}),
            "liked": Feature("embedding", ("h",), {"table": "movies", "pool": "sum"}),
            "film": Feature("embedding", ("v",), {"table": "movies"}),
        },
        store,
        other,
    )
    made = plan.assemble({"u": 5, "h": [1, 2]}, {}, {"v": [3, 1, 9]}, deadline=12.5)
    assert store.asked == [[1, 2, 3, 1, 9]]
    assert other.asked == [[5]]
    assert store.deadlines == other.deadlines == [12.5]
    assert made.tensors["liked"].tolist() == [[3, 30]]
    assert made.tensors["film"].tolist() == [[3, 30], [1, 10], [0, 0]]
    assert made.tensors["one"].tolist() == [[5, 50]]
    assert made.degraded == {"missing_rows:movies": 1}


def test_keys_are_made_unique_before_the_network_but_not_before_memory() -> None:
    far, near = MemoryStore(table(placement="dynamodb"), VECTORS), MemoryStore(table(), VECTORS)
    for store in (far, near):
        made = plan_over(store).assemble({}, {}, {"v": [3, 1, 3, 9, 9]})
        assert made.tensors["x"].tolist() == [[3, 30], [1, 10], [3, 30], [0, 0], [0, 0]]
        assert made.degraded == {"missing_rows:movies": 2}
    assert far.asked == [[1, 3, 9]]
    assert near.asked == [[3, 1, 3, 9, 9]]


@given(st.lists(st.integers(-(2**63), 2**63 - 1) | st.integers(0, 5)))
def test_unique_keys_and_their_order(keys: list[int]) -> None:
    for given_keys in (np.array(keys, np.int64), [str(key) for key in keys]):
        different, order = unique(given_keys)
        assert len(set(different)) == len(different)
        back = different if order is None else [different[i] for i in order]
        assert list(back) == list(given_keys)


def test_rows_of_the_store_are_not_changed() -> None:
    store = MemoryStore(table(missing="row", default=(5, 6)), VECTORS)
    kept = []
    inner = store.rows
    store.rows = lambda keys, **rest: kept.append(inner(keys, **rest)) or kept[-1]  # type: ignore[method-assign]
    plan_over(store).assemble({}, {}, {"v": [9]})
    assert kept[0].values.tolist() == [[0, 0]]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"missing": "mean"}, "table 'movies': missing = 'mean' needs the row in `default`"),
        ({"unavailable": "row"}, "table 'movies': unavailable = 'row' needs the row in `default`"),
        ({"missing": "row", "default": (1, 2, 3)}, "table 'movies': default has 3 numbers, dim is 2"),
        ({"missing": "nothing"}, "table 'movies': missing = 'nothing'; allowed: zero, mean, row, error"),
    ],
)
def test_policies_that_cannot_be(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError) as caught:
        plan_over(MemoryStore(table(**fields), VECTORS))
    assert str(caught.value) == message
