"""Caps hold in every list, whoever belongs to what, and leave as much of the order as they can."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from after_kit import pool, scope
from hypothesis import given, settings
from hypothesis import strategies as st

from ranklet_features.errors import InputError, ShapeError
from ranklet_runtime.after.attributes import FILE
from ranklet_runtime.after.cap import Cap
from ranklet_runtime.after.listing import make

GENRES = ("Drama", "Comedy", "War", 7, "")


def made(scores: Any, column: Any, *, count: int, fill: bool = True, **options: Any) -> list[int]:
    step = Cap.open(scope({"input": "genre", "most": 1, **options}))
    all_of = pool(scores, items={"genre": column})
    found, _ = make(all_of, count, allow=step.begin(all_of), value=None, choose=None, fill=fill)
    return [int(one) for one in all_of.places[found]]


def several(value: Any) -> list[Any]:
    return [one for one in (value if isinstance(value, list) else [value]) if one not in (None, "")]


def slow(scores: Any, column: Any, *, count: int, most: int, first: int | None, fill: bool) -> list[int]:
    """By hand: who comes next by score and is not held back."""
    order = sorted(range(len(scores)), key=lambda at: (-scores[at], at))
    chosen: list[int] = []
    taken: Counter[Any] = Counter()
    while len(chosen) < min(count, len(order)):
        left = [at for at in order if at not in chosen]
        held = first is None or len(chosen) < first
        may = [at for at in left if not held or all(taken[one] < most for one in set(several(column[at])))]
        if not may and not fill:
            break
        chosen.append((may or left)[0])
        taken.update(set(several(column[chosen[-1]])))
    return chosen


categories = st.one_of(st.none(), st.sampled_from(GENRES), st.lists(st.sampled_from(GENRES), max_size=3))


@settings(deadline=None, max_examples=150)
@given(
    st.lists(st.tuples(st.sampled_from([0.1, 0.2, 0.3, 0.4]), categories), min_size=1, max_size=12),
    st.integers(1, 14),
    st.integers(1, 3),
    st.one_of(st.none(), st.integers(1, 6)),
    st.booleans(),
)
def test_list_is_the_one_by_hand(rows: Any, count: int, most: int, first: int | None, fill: bool) -> None:
    scores, column = [one for one, _ in rows], [one for _, one in rows]
    asked = min(count, len(rows))
    wanted = slow(scores, column, count=asked, most=most, first=first, fill=fill)
    assert made(scores, column, count=asked, most=most, first=first, fill=fill) == wanted


@settings(deadline=None, max_examples=60)
@given(st.lists(categories, min_size=1, max_size=15), st.integers(1, 3))
def test_no_cap_is_broken_where_lists_may_be_short(column: Any, most: int) -> None:
    found = made(np.linspace(1, 0, len(column)), column, count=len(column), most=most, fill=False)
    taken = Counter(one for at in found for one in set(several(column[at])))
    assert max(taken.values(), default=0) <= most


def test_category_with_a_number_of_its_own() -> None:
    column = ["a", "a", "a", "b", "b"]
    assert made([5, 4, 3, 2, 1], column, count=5, own={"a": 2}, fill=False) == [0, 1, 3]
    assert made([5, 4, 3, 2, 1], column, count=2, own={"a": 0}, fill=False) == [3]


def test_arrays_are_columns_too_and_a_column_that_is_absent_holds_nobody_back() -> None:
    assert made([3, 2, 1], np.array([1, 1, 2]), count=2) == [0, 2]
    assert made([3, 2, 1], None, count=3) == [0, 1, 2]


@pytest.mark.parametrize(
    ("column", "kind"),
    [([{}, {}], InputError), ([["a", {}], "b"], InputError), (["a"], ShapeError), (5, InputError), ("ab", InputError)],
)
def test_what_is_no_category_is_the_requests_fault(column: Any, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        made([2, 1], column, count=2)


@pytest.mark.parametrize("keys", [[3, 5, 9], ["c", "e", "i"]])
def test_attribute_of_the_bundle_and_items_that_it_does_not_know(keys: list[Any], tmp_path: Path) -> None:
    (tmp_path / "after").mkdir()
    rows = np.array([[0, 1], [1, -1], [-1, -1]], np.int32)
    np.savez(tmp_path / FILE, keys=np.array(keys), rows=rows, names=np.array(["Drama", "War"]))
    step = Cap.open(scope({"attribute": True, "most": 1, "own": {}, "first": None}, tmp_path))
    column = [keys[1], keys[0], keys[2], "strange", keys[1]]
    all_of = pool([5, 4, 3, 2, 1], items={"id": column})
    found, _ = make(all_of, 5, allow=step.begin(all_of), value=None, choose=None, fill=False)
    assert all_of.places[found].tolist() == [0, 2, 3]  # the second has War, as the first; the last is the first again
