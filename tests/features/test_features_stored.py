"""Rows that stand in for what a step computes: which were found is told, and nothing is put in the place of others."""

from __future__ import annotations

from typing import Any

import pytest
from features_support import HERE, MemoryStore, item, table, user

from ranklet_features import Feature, FeaturePlan, FeatureSpec, Input, SpecError, StoreUnavailable
from ranklet_features.stores.counts import Counts

ROWS = {7: [1.0, 2.0], 9: [3.0, 4.0]}


def _plan(store: MemoryStore, declared: Input | None = None, **features: Feature) -> FeaturePlan:
    """`known` stands in for a step; it reads the input `id`."""
    inputs = {"id": declared or user(store.table.key), "film": item("int")}
    known = {"known": Feature("embedding", ("id",), {"table": store.table.name}), **features}
    spec = FeatureSpec(inputs, known, {store.table.name: store.table})
    return FeaturePlan.compile(spec, HERE, {store.table.name: store}, stored={"known"})


def test_a_found_row_and_an_absent_one_are_told_apart_and_neither_is_counted() -> None:
    plan = _plan(MemoryStore(table(missing="row", default=(8.0, 8.0)), ROWS))
    found, absent = (plan.assemble({"id": key}, {}, {"film": [1, 2]}) for key in (7, 8))
    assert (found.tensors["known"].tolist(), found.tensors["known_found"].tolist()) == ([[1.0, 2.0]], [True])
    assert (absent.tensors["known"].tolist(), absent.tensors["known_found"].tolist()) == ([[0.0, 0.0]], [False])
    assert found.degraded == absent.degraded == {}


def test_an_absent_row_is_no_error_where_the_policy_says_so_for_others() -> None:
    plan = _plan(MemoryStore(table(missing="error"), ROWS))
    assert plan.assemble({"id": 8}, {}, {"film": [1]}).tensors["known_found"].tolist() == [False]


def test_what_could_not_be_read_is_counted_and_not_found() -> None:
    plan = _plan(MemoryStore(table(), ROWS, down=frozenset({7})))
    made = plan.assemble({"id": [7, 9, 7]}, {}, {"film": [1, 2, 3]}, per_row=True)
    assert made.tensors["known_found"].tolist() == [False, True, False]
    assert made.degraded == {"unavailable_rows:movies": 2}


def test_what_could_not_be_read_is_refused_where_the_policy_says_so() -> None:
    plan = _plan(MemoryStore(table(unavailable="error"), ROWS, down=frozenset({7})))
    assert plan.assemble({"id": 9}, {}, {"film": [1]}).tensors["known_found"].all()
    with pytest.raises(StoreUnavailable, match="'movies'"):
        plan.assemble({"id": 7}, {}, {"film": [1]})


def test_reads_are_counted_by_what_was_found() -> None:
    class Counted(MemoryStore):
        counts = Counts()

    plan = _plan(Counted(table(), ROWS, down=frozenset({5})))
    plan.assemble({"id": [7, 5, 8, 9, 8]}, {}, {"film": [1, 2, 3, 4, 5]}, per_row=True)
    counts = Counted.counts
    assert (counts.rows, counts.misses, counts.unavailable, counts.degraded) == (5, 2, 1, 1)


@pytest.mark.parametrize("placement", ["dynamodb", "resident"])
def test_rows_of_several_users_come_in_their_order_and_cost_one_read_each(placement: Any) -> None:
    store = MemoryStore(table(placement=placement), ROWS)
    made = _plan(store).assemble({"id": [9, 8, 9, 7]}, {}, {"film": [1, 2, 3, 4]}, per_row=True, deadline=5.0)
    assert made.tensors["known"].tolist() == [[3.0, 4.0], [0.0, 0.0], [3.0, 4.0], [1.0, 2.0]]
    assert made.tensors["known_found"].tolist() == [True, False, True, True]
    (asked,) = store.asked
    assert sorted(asked) == ([7, 8, 9] if placement == "dynamodb" else [7, 8, 9, 9])
    assert store.deadlines == [5.0]


def test_text_keys_and_keys_of_the_context_stand_in_as_well() -> None:
    store = MemoryStore(table(key="string", placement="dynamodb"), {"ä": [5.0, 6.0]})
    plan = _plan(store, Input("context", "string"))
    assert plan.assemble({}, {"id": "ä"}, {"film": [1]}).tensors["known"].tolist() == [[5.0, 6.0]]
    assert plan.signature["known_found"] == ("bool", (), "context")


def test_no_rows_are_read_for_no_candidates() -> None:
    store = MemoryStore(table(), ROWS)
    made = _plan(store).assemble({"id": []}, {}, {"film": []}, per_row=True)
    assert (made.n, made.tensors["known"].shape, made.tensors["known_found"].shape) == (0, (0, 2), (0,))
    assert store.asked == []


@pytest.mark.parametrize(
    ("declared", "known"),
    [
        (user("int", list=True), Feature("embedding", ("id",), {"table": "movies", "pool": "mean"})),
        (item("int"), Feature("embedding", ("id",), {"table": "movies"})),
        (user("int"), Feature("dense", ("id",))),
    ],
    ids=["list", "item", "dense"],
)
def test_what_is_not_one_row_a_user_is_refused(declared: Input, known: Feature) -> None:
    with pytest.raises(SpecError, match=r"'known' \(\w+\) stands in .* embedding of one key of the user's"):
        _plan(MemoryStore(table(), ROWS), declared, known=known)


def test_a_tensor_of_the_found_ones_name_is_refused() -> None:
    with pytest.raises(SpecError, match="its tensor 'known_found' is there already"):
        _plan(MemoryStore(table(), ROWS), known_found=Feature("dense", ("film",)))
