"""Columns that are read at once are, value for value and fault for fault, what their readers make of each."""

from __future__ import annotations

import math
from contextlib import nullcontext
from typing import Any
from unittest import mock

import numpy as np
import pytest
from features_support import plan_of
from hypothesis import given, settings
from hypothesis import strategies as st

from ranklet_features import Feature, FeaturePlan, Input
from ranklet_features.blocks import LONGEST, SHORT, Block
from ranklet_features.columns import Reader
from ranklet_features.errors import InputError

INPUTS = {
    "age": Input("user", "float", default=3.0),
    "visits": Input("user", "float"),
    "hour": Input("context", "int"),
    "day": Input("context", "int", default=1),
    "price": Input("item", "float"),
    "rating": Input("item", "float", default=2.5, nan="default"),
    "stock": Input("item", "float", nan="allow"),
    "item": Input("item", "int"),
    "shop": Input("item", "int", default=0),
}
PLAIN = {"user": {"age": 25, "visits": 0.5}, "context": {"hour": 0, "day": 6}}


def compiled() -> FeaturePlan:
    every = {name: Feature("dense", (name,), {"dtype": "float64"}) for name in INPUTS}
    return plan_of(INPUTS, every)


def plain(count: int) -> dict[str, list[Any]]:
    return {
        "price": [0.25 * i for i in range(count)],
        "rating": [i % 5 + 0.5 for i in range(count)],
        "stock": list(range(count)),
        "item": [i * 7 for i in range(count)],
        "shop": [i % 2 for i in range(count)],
    }


def outcome(plan: FeaturePlan, items: dict[str, Any], *, blocks: bool) -> Any:
    """The tensors, or the fault; with blocks, or without any."""
    with nullcontext() if blocks else mock.patch.object(Block, "read", return_value=-1):
        try:
            made = plan.assemble(PLAIN["user"], PLAIN["context"], items, surplus="refuse")
        except InputError as error:
            return type(error), str(error), error.side, error.name, error.index
    return made.n, {name: (tensor.dtype, tensor.tobytes()) for name, tensor in made.tensors.items()}


def same(items: dict[str, Any]) -> Any:
    plan = compiled()
    found = outcome(plan, items, blocks=True)
    assert found == outcome(plan, items, blocks=False)
    return found


@pytest.mark.parametrize("count", [1, 2, SHORT - 1, SHORT, 500])
@pytest.mark.parametrize("dtype", [None, "<f4", ">f8", "<f8", "<i4", "<i8", "u1"])
def test_plain_columns_are_read_without_their_readers(count: int, dtype: str | None) -> None:
    items: dict[str, Any] = plain(count)
    if dtype is not None:
        whole = dtype if dtype[-2] != "f" else "<i8"
        items = {
            name: np.array(column).astype(whole if INPUTS[name].type == "int" else dtype)
            for name, column in items.items()
        }
    plan = compiled()
    expected = outcome(plan, items, blocks=False)
    refuse = mock.Mock(side_effect=AssertionError)
    with mock.patch.multiple(Reader, one=refuse, many=refuse):
        assert outcome(plan, items, blocks=True) == expected


STRANGE = [
    None, True, False, 1, 0, 1.0, 0.0, -0.0, "1", b"1", [], [1.0], {}, math.nan, math.inf, -math.inf, 2**63, -(2**63),
    10**400, 1e308, np.float32(0.1), np.True_, np.int64(1), np.float64(1),
]  # fmt: skip


@pytest.mark.parametrize("strange", STRANGE, ids=repr)
@pytest.mark.parametrize("name", ["price", "rating", "stock", "item", "shop"])
@pytest.mark.parametrize("count", [3, 250])
def test_one_strange_value_is_taken_or_refused_as_its_reader_does(strange: Any, name: str, count: int) -> None:
    items = plain(count)
    items[name][2] = strange
    same(items)


@pytest.mark.parametrize("name", ["price", "rating", "stock", "item", "shop"])
@pytest.mark.parametrize("common", [0, 1])
def test_a_bool_is_found_among_many_zeros_and_ones(name: str, common: int) -> None:
    items = plain(300)
    items[name] = [common] * 299 + [bool(common)]
    found = same(items)
    assert found[3:] == (name, (299,))


@pytest.mark.parametrize(
    "columns",
    [
        {"price": [1.0]},
        {"price": []},
        {"price": 3.0},
        {"price": None},
        {"price": "abc"},
        {"price": (1.0, 2.0, 3.0)},
        {"price": np.array(3.0)},
        {"price": np.array([[1.0], [2.0], [3.0]])},
        {"price": np.array([1, 2, 3], np.complex128)},
        {"price": np.array([True, False, True])},
        {"price": np.array([1, math.nan, 3])},
        {"rating": np.array([1, math.nan, 3])},
        {"stock": np.array([1, math.nan, 3])},
        {"item": np.array([1, 2, 2**63], np.uint64)},
        {"item": np.array([1.0, 2.0, 3.0])},
        {"item": np.array([1, 2, 3], object)},
        {"price": np.ma.masked_array([1.0, 2.0, 3.0], [False, True, False])},
        {"price": [1.0, 2.0], "rating": [1.0, 2.0, None], "item": [True, 1, 2]},
        {"price": [1.0], "rating": [1.0], "stock": [1.0], "item": [1, 2, "3"]},
        {"rating": None, "shop": None},
    ],
    ids=str,
)
def test_columns_of_other_forms_are_taken_or_refused_as_their_readers_do(columns: dict[str, Any]) -> None:
    same({**plain(3), **columns})


@pytest.mark.parametrize(
    ("side", "name", "value"),
    [
        (side, name, value)
        for side in PLAIN
        for name in PLAIN[side]
        for value in (None, True, "1", 2.5, 7, math.nan, [1])
    ],
)
def test_one_strange_value_that_comes_once_is_taken_or_refused_as_its_reader_does(
    side: str, name: str, value: Any
) -> None:
    with mock.patch.dict(PLAIN, {side: {**PLAIN[side], name: value}}):
        same(plain(3))


@pytest.mark.parametrize(
    "of",
    [("price", "rating"), ("rating", "price", "stock"), ("price", "price"), ("price", "item"), ("item", "shop"),
     ("visits", "price"), ("age", "visits"), ("hour", "day", "hour")],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("options", [{}, {"clip": (0.5, 2.5)}, {"clip": (0, 9), "log": True, "mean": 0.3, "std": 7}])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_columns_side_by_side_are_what_they_are_one_by_one(
    of: tuple[str, ...], options: dict[str, Any], dtype: str
) -> None:
    plan = plan_of(INPUTS, {"dense": Feature("dense", of, {**options, "dtype": dtype})})
    items = plain(250)
    found = outcome(plan, items, blocks=True)
    assert found == outcome(plan, items, blocks=False)
    # Strange values make their columns leave the block; what is too large for 32 bits is named.
    for strange in (None, math.nan, 1e300):
        items["rating"][7] = strange
        assert outcome(plan, items, blocks=True) == outcome(plan, items, blocks=False)


def test_long_columns_are_not_copied() -> None:
    items = {name: np.array(column) for name, column in plain(LONGEST + 1).items()}
    items["price"] = items["price"].astype(np.float64)
    made = compiled().assemble(PLAIN["user"], PLAIN["context"], items)
    assert np.shares_memory(made.tensors["price"], items["price"])


@settings(deadline=None, max_examples=200)
@given(st.data())
def test_any_columns_are_taken_or_refused_as_their_readers_do(data: st.DataObject) -> None:
    count = data.draw(st.integers(0, 4) | st.just(SHORT))
    items: dict[str, Any] = plain(count)
    for _ in range(data.draw(st.integers(0, 3))):
        name = data.draw(st.sampled_from(list(items)))
        if items[name]:
            items[name][data.draw(st.integers(0, len(items[name]) - 1))] = data.draw(st.sampled_from(STRANGE))
        if data.draw(st.integers(0, 5)) == 0:
            items[name] = items[name][: data.draw(st.integers(0, 2))]
    same(items)
