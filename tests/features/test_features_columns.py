"""One value has many forms (lists, arrays of any dtype, Series); the column read from them is one."""

from __future__ import annotations

from decimal import Decimal
from enum import IntEnum
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from features_support import item, user

from ranklet_features import Input
from ranklet_features.inputs import make_reader


def read(declared: Input, raw: Any) -> Any:
    """The column's values as nested lists of the rows, after checking its dtype."""
    column = make_reader("v", declared).many(raw)
    if declared.type != "string":
        assert column.values.dtype == {"int": np.int64, "float": np.float64}[declared.type]
        assert column.values.flags.c_contiguous and column.values.flags.aligned
    flat = column.values if isinstance(column.values, list) else column.values.tolist()
    if column.lengths is None:
        return flat
    ends = np.cumsum(column.lengths)
    return [flat[end - length : end] for end, length in zip(ends.tolist(), column.lengths.tolist(), strict=True)]


def unaligned(array: np.ndarray) -> np.ndarray:
    """The same numbers, starting at an odd address, read-only: as in a message of packed buffers."""
    data = b"\x01" + array.tobytes()
    return np.frombuffer(data, np.uint8)[1:].view(array.dtype).reshape(array.shape)


@pytest.mark.parametrize("dtype", ["i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", ">i4", ">i8"])
def test_an_int_column_takes_every_integer_dtype(dtype: str) -> None:
    array = np.array([0, 1, 100, 7], dtype)
    assert read(item("int"), array) == [0, 1, 100, 7]
    assert read(item(), array) == [0.0, 1.0, 100.0, 7.0]
    assert read(item("int"), unaligned(array)) == [0, 1, 100, 7]


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", ">f4"])
def test_a_float_column_takes_every_float_dtype(dtype: str) -> None:
    array = np.array([0.5, 1.0, -2.25], dtype)
    assert read(item(), array) == [0.5, 1.0, -2.25]
    assert read(item(), unaligned(array)) == [0.5, 1.0, -2.25]
    assert read(item(), array[::-1]) == [-2.25, 1.0, 0.5]


@pytest.mark.parametrize("extreme", [-(2**63), 2**63 - 1])
def test_the_whole_range_of_int64_is_read(extreme: int) -> None:
    assert read(item("int"), [extreme, 0]) == [extreme, 0]
    assert read(item("int"), np.array([extreme])) == [extreme]


def test_ints_are_numbers_for_a_float_input() -> None:
    assert read(item(), [1, 2.5, 2**60]) == [1.0, 2.5, float(2**60)]
    assert read(item(), [10**300]) == [1e300]


@pytest.mark.parametrize(
    ("declared", "raw"),
    [
        (item("int"), [np.int32(3), np.int64(1), 0]),
        (item("int"), (3, 1, 0)),
        (item("int"), np.array([3, 1, 0], object)),
        (item("int"), pd.Series([3, 1, 0], index=[5, 6, 7])),
        (item("int"), pd.Series([3, 1, 0], dtype="Int64")),
        (item("int"), pd.Series([3, 1, 0], dtype="uint8")),
        (item("int"), pd.Index([3, 1, 0])),
        (item("int"), pl.Series([3, 1, 0])),
        (item("int"), pl.Series([3, 1, 0], dtype=pl.UInt8)),
        (item("int"), pl.Series([3, 1, None]).fill_null(0)),
        (item("int"), np.ma.masked_array([3, 1, 0], False)),
        (item(), [np.float32(3), 1, np.float64(0)]),
        (item(), [Decimal(3), 1, Fraction(0)]),
        (item(), [Decimal(3), 1.0, 0.0]),
        (item("int"), [IntEnum("E", {"THREE": 3}).THREE, 1, 0]),  # type: ignore[attr-defined]
        (item(), pd.Series([3, 1, 0], dtype="float32")),
        (item(), pd.Series([3, 1, 0], dtype="Float64")),
        (item(), pl.Series([3, 1, 0], dtype=pl.Float32)),
    ],
)
def test_numbers_in_other_boxes(declared: Input, raw: Any) -> None:
    assert read(declared, raw) == [3, 1, 0]


@pytest.mark.parametrize(
    "raw",
    [
        ["a", "é", ""],
        ("a", "é", ""),
        np.array(["a", "é", ""]),
        np.array(["a", "é", ""], object),
        np.array(["a", "é", ""], np.dtypes.StringDType()),
        [np.str_("a"), "é", ""],
        pd.Series(["a", "é", ""]),
        pd.Series(["a", "é", ""], dtype=object),
        pd.Series(["a", "é", ""], dtype="category"),
        pl.Series(["a", "é", ""]),
        pl.Series(["a", "é", ""], dtype=pl.Categorical),
    ],
)
def test_strings_in_other_boxes(raw: Any) -> None:
    assert read(item("string"), raw) == ["a", "é", ""]


@pytest.mark.parametrize(
    "raw",
    [
        [[1, 2], [], [3]],
        [(1, 2), [], np.array([3])],
        ([1, 2], [], [3]),
        pd.Series([[1, 2], [], [3]]),
        pd.Series([np.array([1, 2]), np.array([], int), np.array([3])]),
        pl.Series([[1, 2], [], [3]]),
        [pl.Series([1, 2]), [], pd.Series([3])],
    ],
)
def test_lists_of_ints_in_other_boxes(raw: Any) -> None:
    assert read(item("int", list=True), raw) == [[1, 2], [], [3]]


def test_a_two_dimensional_array_is_a_column_of_lists_or_vectors() -> None:
    array = np.arange(6, dtype=np.int32).reshape(3, 2)
    assert read(item("int", list=True), array) == [[0, 1], [2, 3], [4, 5]]
    assert read(item("int", length=2), array) == [[0, 1], [2, 3], [4, 5]]
    assert read(item("int", list=True), np.zeros((2, 0), int)) == [[], []]
    assert read(item("float", length=2), np.asfortranarray(array)) == [[0, 1], [2, 3], [4, 5]]


@pytest.mark.parametrize(
    "raw", [[[1, 2], [3, 4]], pd.Series([[1, 2], [3, 4]]), pl.Series([[1, 2], [3, 4]], dtype=pl.Array(pl.Int64, 2))]
)
def test_vectors_in_other_boxes(raw: Any) -> None:
    assert read(item("float", length=2), raw) == [[1.0, 2.0], [3.0, 4.0]]


@pytest.mark.parametrize("kind", ["int", "float", "string"])
def test_no_rows(kind: str) -> None:
    assert read(item(kind), []) == []
    assert read(item(kind, list=True), []) == []
    assert read(item(kind, list=True), [[], []]) == [[], []]


@pytest.mark.parametrize("value", [3, np.int8(3), np.array(3), np.uint64(3)])
def test_a_single_int(value: Any) -> None:
    column = make_reader("v", user("int")).one(value)
    assert (column.values.tolist(), column.rows, column.single) == ([3], 1, True)


@pytest.mark.parametrize("value", [[1, 2], (1, 2), np.array([1, 2], np.uint8), pd.Series([1, 2]), pl.Series([1, 2])])
def test_a_single_list(value: Any) -> None:
    column = make_reader("v", user("int", list=True)).one(value)
    assert (column.values.tolist(), column.lengths.tolist()) == ([1, 2], [2])  # type: ignore[union-attr]


def test_a_single_vector() -> None:
    for value in ([1, 2], np.array([1, 2], np.float32)):
        assert make_reader("v", user(length=2)).one(value).values.tolist() == [[1.0, 2.0]]


def test_buffers_are_not_copied() -> None:
    ids, prices = np.arange(5), np.linspace(0, 1, 5)
    assert np.shares_memory(make_reader("v", item("int")).many(ids).values, ids)
    assert np.shares_memory(make_reader("v", item()).many(prices).values, prices)


def test_what_the_caller_gave_is_not_changed() -> None:
    declared = item("float", nan="default", default=1.0)
    array = np.array([np.nan, 2.0])
    values: list[Any] = [None, 2.0]
    assert read(declared, array) == [1.0, 2.0]
    assert read(declared, values) == [1.0, 2.0]
    assert np.isnan(array[0])
    assert values == [None, 2.0]
