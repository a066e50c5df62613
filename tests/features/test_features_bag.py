"""Bags: against the plain Python that one would write for a single row."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from features_support import item, plan_of, run_one, user
from hypothesis import given
from hypothesis import strategies as st

from ranklet_features import Feature, Input, InputError, ShapeError, SpecError

WORDS = ["a", "b", "c", "d"]
LISTS = st.lists(st.lists(st.sampled_from([*WORDS, "x", "y"]), max_size=7), max_size=6)


def by_hand(row: list[Any], length: int, keep: str, pad: Any) -> list[Any]:
    cut = row[:length] if keep == "first" else row[-length:]
    return cut + [pad] * (length - len(cut))


@given(LISTS, st.integers(1, 8), st.sampled_from(["first", "last"]), st.sampled_from([-1, 0, 5]))
def test_rows_are_cut_and_padded(rows: list[list[str]], length: int, keep: str, pad: int) -> None:
    made = run_one(
        "bag", item("string", list=True), rows, vocabulary=WORDS, length=length, keep=keep, pad=pad, mask=True
    )
    ids = [[WORDS.index(word) if word in WORDS else 4 for word in row] for row in rows]
    assert made["x"].shape == made["x_mask"].shape == (len(rows), length)
    assert (made["x"].dtype, made["x_mask"].dtype) == (np.int64, np.float32)
    assert made["x"].tolist() == [by_hand(row, length, keep, pad) for row in ids]
    assert made["x_mask"].tolist() == [by_hand([1.0] * len(row), length, keep, 0.0) for row in ids]


@given(LISTS)
def test_without_a_length_the_longest_row_decides(rows: list[list[str]]) -> None:
    made = run_one("bag", item("string", list=True), rows, vocabulary=WORDS)["x"]
    longest = max([1, *map(len, rows)])
    ids = [[WORDS.index(word) if word in WORDS else 4 for word in row] for row in rows]
    assert made.shape == (len(rows), longest)
    assert made.tolist() == [by_hand(row, longest, "first", -1) for row in ids]


@given(st.lists(st.lists(st.tuples(st.integers(0, 9), st.floats(-10, 10, width=32)), max_size=5), max_size=5))
def test_weights_stand_beside_their_values(rows: list[list[tuple[int, float]]]) -> None:
    plan = plan_of(
        {"v": item("int", list=True), "w": item(list=True)},
        {"x": Feature("bag", ("v",), {"size": 10, "length": 3, "keep": "last", "weights": "w", "mask": True})},
    )
    items = {"v": [[i for i, _ in row] for row in rows], "w": [[w for _, w in row] for row in rows]}
    made = plan.assemble({}, {}, items).tensors
    assert made["x_weights"].dtype == np.float32
    assert made["x"].tolist() == [by_hand(row, 3, "last", -1) for row in items["v"]]
    assert made["x_weights"].tolist() == [by_hand(row, 3, "last", 0.0) for row in items["w"]]
    assert list(made) == ["x", "x_mask", "x_weights"] == list(plan.signature)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"size": 5}, [[3, 5], [0, -1]]),
        ({"size": 5, "oov_index": -1}, [[3, -1], [0, -1]]),
        ({"size": 5, "oov_index": 0, "pad": 0}, [[3, 0], [0, 0]]),
        ({"vocabulary": [9, 3], "oov_index": 1, "pad": 2}, [[1, 0], [1, 2]]),
    ],
)
def test_strangers_and_pads(options: dict[str, Any], expected: list[list[int]]) -> None:
    assert run_one("bag", item("int", list=True), [[3, 9], [0]], **options)["x"].tolist() == expected


def test_a_stranger_is_named_even_where_it_would_be_cut_off() -> None:
    with pytest.raises(InputError, match=r"^\$\.items\.v\[1\]\[2\]: the int 9 has no id"):
        run_one("bag", item("int", list=True), [[0], [1, 2, 9]], size=5, oov="error", length=2)


def test_a_users_bag_is_one_row() -> None:
    plan = plan_of(
        {"h": user("int", list=True), "n": item("int")},
        {"x": Feature("bag", ("h",), {"size": 9, "length": 3, "keep": "last"})},
    )
    assert plan.assemble({"h": [1, 2, 3, 4]}, {}, {"n": [0, 0]}).tensors["x"].tolist() == [[2, 3, 4]]
    assert plan.assemble({"h": []}, {}, {"n": [0, 0]}).tensors["x"].tolist() == [[-1, -1, -1]]
    with pytest.raises(InputError, match=r"^\$\.user\.h\[1\]: an int is expected"):
        plan.assemble({"h": [1, "2"]}, {}, {"n": [0, 0]})


def test_a_rectangular_buffer_is_not_copied() -> None:
    ids = np.arange(6).reshape(3, 2)
    assert np.shares_memory(run_one("bag", item("int", list=True), ids, size=10, length=2)["x"], ids)


def test_rows_whose_weights_do_not_match_are_named() -> None:
    plan = plan_of(
        {"v": item("int", list=True), "w": item(list=True)}, {"x": Feature("bag", ("v",), {"size": 9, "weights": "w"})}
    )
    with pytest.raises(ShapeError, match=r"^\$\.items\.w\[1\]: 1 weights for the 2 values of 'v'$"):
        plan.assemble({}, {}, {"v": [[1], [2, 3]], "w": [[0.5], [0.5]]})


def test_the_plan_tells_what_it_makes() -> None:
    inputs = {"v": item("int", list=True)}
    plan = plan_of(
        inputs,
        {
            "x": Feature("bag", ("v",), {"size": 5, "length": 4, "mask": True}),
            "y": Feature("bag", ("v",), {"size": 5, "pad": 6, "oov_index": 5}),
            "z": Feature("bag", ("v",), {"size": 5, "pad": 5, "oov_index": 0}),
        },
    )
    assert plan.signature == {
        "x": ("int64", (4,), "item"),
        "x_mask": ("float32", (4,), "item"),
        "y": ("int64", (None,), "item"),
        "z": ("int64", (None,), "item"),
    }
    assert plan.ids == {"x": 6, "y": 7, "z": 6}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 5, "length": 0}, "length is 0; it must be at least 1"),
        ({"size": 5, "pad": 7}, "pad is 7; it must be from -1 to 6"),
        ({"size": 5, "pad": -2}, "pad is -2; it must be from -1 to 6"),
        ({"size": 5, "keep": "middle"}, "option 'keep' is 'middle', but must be 'first' | 'last'"),
        ({"size": 5, "weights": "no"}, "no input 'no'; inputs: v, n, u"),
        ({"size": 5, "weights": "n"}, "input 'n' is a scalar, but bag reads a list"),
        ({"size": 5, "weights": "v"}, "input 'v' is int, but bag reads float"),
        ({"size": 5, "weights": "u"}, "weights 'u' must be of the same side as 'v'"),
        ({}, "give exactly one of vocabulary, buckets and size"),
    ],
)
def test_options_that_cannot_be(options: dict[str, Any], message: str) -> None:
    inputs: dict[str, Input] = {"v": item("int", list=True), "n": item(), "u": user(list=True)}
    with pytest.raises(SpecError) as caught:
        plan_of(inputs, {"x": Feature("bag", ("v",), options)})
    assert str(caught.value).startswith(f"feature 'x' (bag): {message}")
