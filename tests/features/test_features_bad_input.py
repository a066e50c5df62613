"""Every way in which a value can be wrong is refused with its place, and nothing wrong slips through."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from features_support import item, plan_of, user

from ranklet_features import Feature, FeaturePlan, Input, InputError, ShapeError

HUGE = 10**400


def reads(declared: Input) -> FeaturePlan:
    """A plan that reads one input `v`, and an item column `n` that says how many rows there are."""
    return plan_of({"v": declared, "n": item("int")}, {"x": Feature("dense", ("n",))})


def items_error(declared: Input, column: Any, rows: int = 3) -> InputError:
    with pytest.raises(InputError) as caught:
        reads(declared).assemble({}, {}, {"n": [1] * rows, "v": column})
    return caught.value


def user_error(declared: Input, value: Any) -> InputError:
    with pytest.raises(InputError) as caught:
        reads(declared).assemble({"v": value}, {}, {"n": [1]})
    return caught.value


@pytest.mark.parametrize(
    ("kind", "column", "index", "message"),
    [
        ("int", [1, True, 3], 1, "an int is expected, not the bool True"),
        ("int", [1, 0, False], 2, "an int is expected, not the bool False"),
        ("int", [1, 2, "1"], 2, "an int is expected, not the string '1'"),
        ("int", [1.0, 2, 3], 0, "an int is expected, not the float 1.0"),
        ("int", [1, 2**63, 3], 1, "an int beyond 64 bits (signed)"),
        ("int", [1, 2, -(2**63) - 1], 2, "an int beyond 64 bits (signed)"),
        ("int", [1, [2], 3], 1, "an int is expected, not a list"),
        ("int", [1, 2, {"a": 1}], 2, "an int is expected, not an object"),
        ("int", [1, None, 3], 1, "an int is expected, not null, and the spec gives it no default"),
        ("float", [True, 2.0, 3.0], 0, "a number is expected, not the bool True"),
        ("float", [0.5, 2.0, False], 2, "a number is expected, not the bool False"),
        ("float", [1.0, "1", 3.0], 1, "a number is expected, not the string '1'"),
        ("float", [1.0, 2.0, HUGE], 2, "beyond the range of a 64-bit float"),
        ("float", [1.0, float("nan"), 3.0], 1, "a finite number is expected, not nan"),
        ("float", [1.0, 2.0, float("-inf")], 2, "a finite number is expected, not -inf"),
        ("float", [1.0, None, 3.0], 1, "a number is expected, not null, and the spec gives it no default"),
        ("string", ["a", 1, "c"], 1, "a string is expected, not the int 1"),
        ("string", ["a", "b", None], 2, "a string is expected, not null, and the spec gives it no default"),
        ("string", ["a", b"b", "c"], 1, "a string is expected, not a value of type bytes"),
        ("string", [["a"], "b", "c"], 0, "a string is expected, not a list"),
    ],
)
def test_a_wrong_value_in_a_column_is_named_with_its_row(kind: str, column: Any, index: int, message: str) -> None:
    error = items_error(item(kind), column)
    assert (error.side, error.name, error.index) == ("item", "v", (index,))
    assert error.message.startswith(message)
    assert str(error).startswith(f"$.items.v[{index}]: ")


def test_a_bool_is_found_in_a_long_column_of_flags() -> None:
    column: list[Any] = [i % 2 for i in range(1000)]
    column[777] = True
    assert items_error(item("int"), column, 1000).index == (777,)
    floats: list[Any] = [0.5] * 1000
    floats[901] = False
    assert items_error(item("float"), floats, 1000).index == (901,)


@pytest.mark.parametrize("count", [3, 1000])
def test_zeros_and_ones_are_numbers(count: int) -> None:
    plan = plan_of({"i": item("int"), "f": item()}, {"x": Feature("dense", ("i", "f"))})
    made = plan.assemble({}, {}, {"i": [0, 1] * count, "f": [1.0, 0.0] * count}).tensors["x"]
    assert made.tolist() == [[0, 1], [1, 0]] * count


@pytest.mark.parametrize(
    ("declared", "value", "index", "message"),
    [
        (user("int"), True, (), "an int is expected, not the bool True"),
        (user("int"), 2**63, (), "an int beyond 64 bits"),
        (user("int"), 3.0, (), "an int is expected, not the float 3.0"),
        (user("int"), [3], (), "an int is expected, not a list"),
        (user("int"), {"a": 3}, (), "an int is expected, not an object"),
        (user(), float("inf"), (), "a finite number is expected, not inf"),
        (user(), HUGE, (), "beyond the range"),
        (user(), "0.5", (), "a number is expected, not the string '0.5'"),
        (user(), np.array([0.5]), (), "one float is expected, not an array of shape [1]"),
        (user(), np.bool_(True), (), "a number is expected, not the bool True"),
        (user("string"), 7, (), "a string is expected, not the int 7"),
        (user("string"), ["a"], (), "a string is expected, not a list"),
        (user("int", list=True), 7, (), "a list of ints is expected, not the int 7"),
        (user("int", list=True), "abc", (), "a list of ints is expected, not the string 'abc'"),
        (user("string", list=True), "abc", (), "a list of strings is expected, not the string 'abc'"),
        (user("int", list=True), [1, "2"], (1,), "an int is expected, not the string '2'"),
        (user("int", list=True), [1, 2, None], (2,), "an int is expected, not null"),
        (user("int", list=True), [1, 2**70], (1,), "an int beyond 64 bits"),
        (user("float", list=True), [1, float("nan")], (1,), "a finite number"),
        (user("float", length=2), [1.0, [2.0]], (1,), "a number is expected, not a list"),
        (user("float", length=2), 1.0, (), "a list of numbers is expected, not the float 1.0"),
    ],
)
def test_a_wrong_single_value_has_no_row(declared: Input, value: Any, index: tuple[int, ...], message: str) -> None:
    error = user_error(declared, value)
    assert (error.side, error.name, error.index) == ("user", "v", index)
    assert error.message.startswith(message)


@pytest.mark.parametrize(
    ("declared", "column", "index", "message"),
    [
        (item("int", list=True), [[1], 2, [3]], (1,), "a list of ints is expected, not the int 2"),
        (item("int", list=True), [[1], None, [3]], (1,), "a list of ints is expected, not null, and the spec"),
        (item("int", list=True), [[1], {"a": 1}, [3]], (1,), "a list of ints is expected, not an object"),
        (item("string", list=True), [["a"], "bc", []], (1,), "a list of strings is expected, not the string 'bc'"),
        (item("int", list=True), [[], [], [1, 2, False]], (2, 2), "an int is expected, not the bool False"),
        (item("int", list=True), [[1, 2], [], [3, 2**64]], (2, 1), "an int beyond 64 bits"),
        (item("string", list=True), [["a", None], [], []], (0, 1), "a string is expected, not null"),
        (item("float", list=True), [[1.0], [2.0, float("inf")], []], (1, 1), "a finite number"),
        (item("int", list=True), np.arange(3), (), "a list of int per row is expected, not an array of shape [3]"),
        (item("float", length=2), [[1, 2], [3, "4"], [5, 6]], (1, 1), "a number is expected, not the string '4'"),
        (item("float", length=2), [[1, 2], 3, [5, 6]], (1,), "a list of numbers is expected, not the int 3"),
        (item("float", length=2), [[1, 2], "ab", [5, 6]], (1,), "a list of numbers is expected, not the string 'ab'"),
    ],
)
def test_a_wrong_value_inside_a_list_is_named(
    declared: Input, column: Any, index: tuple[int, ...], message: str
) -> None:
    error = items_error(declared, column)
    assert (error.index, error.message[: len(message)]) == (index, message)


@pytest.mark.parametrize("column", [[[1, 2], [3, 4, 5], [6, 7]], [[1, 2], [3], []], [[1, 2], (), [1, 2]]])
def test_a_vector_of_another_length_is_a_shape_error(column: Any) -> None:
    error = items_error(item("float", length=2), column)
    assert isinstance(error, ShapeError)
    assert error.index == (1,)
    assert error.message == f"a vector of 2 numbers is expected, got {len(column[1])}"


def test_a_vector_array_of_another_length_is_a_shape_error() -> None:
    error = items_error(item("float", length=2), np.zeros((3, 4)))
    assert isinstance(error, ShapeError)
    assert (error.index, error.message) == ((0,), "a vector of 2 numbers is expected, got 4")
    assert isinstance(user_error(user("float", length=2), [1.0]), ShapeError)
    assert user_error(user("float", length=2), np.zeros(3)).index == ()


@pytest.mark.parametrize(
    ("kind", "array", "message"),
    [
        ("int", np.array([True, False, True]), "int values are expected, not an array of bool"),
        ("int", np.array([1.0, 2.0, 3.0]), "int values are expected, not an array of float64"),
        ("int", np.array(["2020-01-01"] * 3, "M8[s]"), "int values are expected, not an array of datetime64[s]"),
        ("int", np.array(["2020-01-01"] * 3, "M8[ns]"), "int values are expected, not an array of datetime64[ns]"),
        ("float", np.array([True, False, True]), "float values are expected, not an array of bool"),
        ("float", np.array([1j, 2j, 3j]), "float values are expected, not an array of complex128"),
        ("float", np.array([1, 2, 3], "m8[s]"), "float values are expected, not an array of timedelta64[s]"),
        ("string", np.array([1, 2, 3]), "string values are expected, not an array of int64"),
    ],
)
def test_an_array_of_another_dtype_is_refused_whole(kind: str, array: Any, message: str) -> None:
    error = items_error(item(kind), array)
    assert (error.index, error.message) == ((), message)


def test_unsigned_ints_beyond_int64_are_refused_with_their_place() -> None:
    assert items_error(item("int"), np.array([1, 2**63, 2**64 - 1], np.uint64)).index == (1,)
    nested = np.array([[1, 2], [3, 2**63], [5, 6]], np.uint64)
    assert items_error(item("int", list=True), nested).index == (1, 1)
    assert items_error(item("int", length=2), nested).index == (1, 1)
    assert user_error(user("int", list=True), nested[1]).index == (1,)


def test_nan_in_a_buffer_is_refused_with_its_place() -> None:
    assert items_error(item(), np.array([1, 2, np.nan], np.float32)).index == (2,)
    assert items_error(item("float", length=2), np.array([[1, 2], [np.inf, 4], [5, 6]])).index == (1, 0)
    assert items_error(item("float", list=True), np.array([[1, 2], [3, np.nan], [5, 6]])).index == (1, 1)


def test_a_two_dimensional_array_is_no_column_of_scalars() -> None:
    error = items_error(item(), np.zeros((3, 1)))
    assert error.message == "one float per row is expected, not an array of shape [3, 1]"


@pytest.mark.parametrize("column", ["abc", 5, {"0": 1}, np.float64(3.0), np.array(3.0)])
def test_a_column_must_be_a_column(column: Any) -> None:
    assert items_error(item(), column).message.startswith("a list with one value per row is expected, not ")


def test_long_values_do_not_fill_the_message() -> None:
    assert len(str(items_error(item("int"), ["x" * 10**6, 2, 3]))) < 150
    assert "a huge int" in str(items_error(item("string"), [10**5000, "a", "b"]))


def test_a_lone_surrogate_has_no_hash() -> None:
    plan = plan_of({"v": item("string")}, {"x": Feature("category", ("v",), {"buckets": 10})})
    with pytest.raises(InputError, match=r"^\$\.items\.v\[1\]: the string holds a lone surrogate"):
        plan.assemble({}, {}, {"v": ["fine", "\ud800", "\udfff"]})


class TestMissing:
    def test_a_required_input_is_named(self) -> None:
        with pytest.raises(InputError, match=r"^\$\.user\.v: missing, and the spec gives it no default$"):
            reads(user()).assemble({}, {}, {"n": [1]})
        with pytest.raises(InputError, match=r"^\$\.items\.v: missing"):
            reads(item()).assemble({}, {}, {"n": [1]})

    def test_null_is_missing(self) -> None:
        with pytest.raises(InputError, match=r"^\$\.user\.v: missing"):
            reads(user()).assemble({"v": None}, {}, {"n": [1]})
        with pytest.raises(InputError, match=r"^\$\.items\.v: missing"):
            reads(item()).assemble({}, {}, {"n": [1], "v": None})

    @pytest.mark.parametrize(
        ("declared", "expected"),
        [
            (user("float", default=2.5), [[2.5]]),
            (user("int", default=3), [[3.0]]),
            (user("float", length=2, default=[1, 2.5]), [[1, 2.5]]),
        ],
    )
    def test_a_default_stands_in(self, declared: Input, expected: Any) -> None:
        plan = plan_of({"v": declared, "n": item("int")}, {"x": Feature("dense", ("v",))})
        for sent in ({}, {"v": None}):
            assert plan.assemble(sent, {}, {"n": [1, 2]}).tensors["x"].tolist() == expected
        assert plan.assemble_columns({"n": [1, 2]}).tensors["x"].tolist() == expected * 2

    def test_a_null_inside_a_column_takes_the_default(self) -> None:
        plan = plan_of(
            {"v": item("float", default=9.0), "w": item("int", length=2, default=(7, 8)), "s": item("int", default=1)},
            {"x": Feature("dense", ("v", "w", "s"))},
        )
        made = plan.assemble({}, {}, {"v": [None, 2], "w": [[1, 2], None], "s": [4, None]})
        assert made.tensors["x"].tolist() == [[9, 1, 2, 4], [2, 7, 8, 1]]

    def test_an_absent_list_column_takes_the_default_list(self) -> None:
        plan = plan_of(
            {"v": item("string", list=True, default=["b", "a"]), "n": item("int")},
            {"x": Feature("bag", ("v",), {"vocabulary": ["a", "b"]})},
        )
        assert plan.assemble({}, {}, {"n": [1, 2]}).tensors["x"].tolist() == [[1, 0], [1, 0]]
        assert plan.assemble({}, {}, {"n": [1, 2], "v": [None, ["a"]]}).tensors["x"].tolist() == [[1, 0], [0, -1]]
        assert plan.assemble({}, {}, {"n": []}).tensors["x"].shape == (0, 1)


class TestNan:
    def test_default_replaces_nan_and_infinity(self) -> None:
        plan = plan_of({"v": item(nan="default", default=5.0)}, {"x": Feature("dense", ("v",))})
        made = plan.assemble({}, {}, {"v": [float("nan"), 1.0, float("inf"), None]}).tensors["x"]
        assert made.tolist() == [[5.0], [1.0], [5.0], [5.0]]

    def test_default_replaces_the_element_of_a_vector(self) -> None:
        plan = plan_of({"v": user(length=2, nan="default", default=[7, 8])}, {"x": Feature("dense", ("v",))})
        assert plan.assemble({"v": [1.0, float("nan")]}, {}, {}).tensors["x"].tolist() == [[1.0, 8.0]]

    def test_default_replaces_a_single_nan(self) -> None:
        plan = plan_of({"v": user(nan="default", default=7.0)}, {"x": Feature("dense", ("v",))})
        assert plan.assemble({"v": float("-inf")}, {}, {}).tensors["x"].tolist() == [[7.0]]

    def test_allow_passes_nan_and_infinity_on(self) -> None:
        plan = plan_of({"v": item(nan="allow"), "u": user(nan="allow")}, {"x": Feature("dense", ("v", "u"))})
        made = plan.assemble({"u": float("nan")}, {}, {"v": [float("nan"), float("-inf")]}).tensors["x"]
        assert np.array_equal(made, [[np.nan, np.nan], [-np.inf, np.nan]], equal_nan=True)

    def test_allow_takes_null_and_absence_for_nan(self) -> None:
        inputs = {"v": item(nan="allow"), "w": item(nan="allow", length=2), "u": user(nan="allow"), "n": item()}
        plan = plan_of(inputs, {"x": Feature("dense", ("v", "w", "u", "n"))})
        items = {"v": [1.0, None], "w": [[None, 2.0], None], "n": [5.0, 6.0]}
        nan = np.nan
        wanted = np.float32([[1, nan, 2, nan, 5], [nan, nan, nan, nan, 6]])
        np.testing.assert_array_equal(plan.assemble({}, {}, items).tensors["x"], wanted)
        wanted[:, :3] = nan
        np.testing.assert_array_equal(plan.assemble({"u": None}, {}, {"n": items["n"]}).tensors["x"], wanted)
        frame = {**items, "u": [None, None]}
        assert np.isnan(plan.assemble_columns(frame).tensors["x"]).sum() == 6

    def test_allow_keeps_a_default_of_its_own(self) -> None:
        plan = plan_of({"v": item(nan="allow", default=3.0)}, {"x": Feature("dense", ("v",))})
        np.testing.assert_array_equal(plan.assemble({}, {}, {"v": [None, np.nan]}).tensors["x"], [[3], [np.nan]])


class TestSurplus:
    plan = plan_of({"age": user("int"), "n": item("int")}, {"x": Feature("dense", ("n",))})

    def test_refuse_lists_what_is_allowed(self) -> None:
        with pytest.raises(InputError, match=r"^\$\.user\.aeg: not an input of this model; allowed in user: age$"):
            self.plan.assemble({"age": 1, "aeg": 2}, {}, {"n": [1]})
        with pytest.raises(InputError, match=r"^\$\.items\.m: not an input of this model; allowed in item: n$"):
            self.plan.assemble({"age": 1}, {}, {"n": [1], "m": [1]})
        with pytest.raises(InputError, match=r"^\$\.context\.hour: .* allowed in context: nothing$"):
            self.plan.assemble({"age": 1}, {"hour": 3}, {"n": [1]})

    def test_an_input_on_another_side_is_surplus_there(self) -> None:
        with pytest.raises(InputError, match=r"^\$\.user\.n: not an input of this model; allowed in user: age$"):
            self.plan.assemble({"age": 1, "n": 2}, {}, {"n": [1]})

    def test_ignore_does_not_even_look(self) -> None:
        made = self.plan.assemble({"age": 1, "m": {}}, {"k": 1}, {"n": [1], "m": "x"}, surplus="ignore")
        assert made.n == 1

    def test_a_long_name_does_not_fill_the_message(self) -> None:
        with pytest.raises(InputError) as caught:
            self.plan.assemble({"a" * 10**6: 1}, {}, {"n": [1]})
        assert len(str(caught.value)) < 200

    def test_a_frame_is_read_for_what_it_declares_unless_told_otherwise(self) -> None:
        frame = {"age": [1], "n": [2], "label": [0]}
        assert self.plan.assemble_columns(frame).n == 1
        with pytest.raises(InputError, match=r"label: not an input of this model; inputs: age, n"):
            self.plan.assemble_columns(frame, surplus="refuse")


class TestLengths:
    plan = plan_of({"age": user("int"), "a": item("int"), "b": item("int")}, {"x": Feature("dense", ("a", "b"))})

    @pytest.mark.parametrize("b", [[1, 2, 3], np.arange(3)])
    def test_ragged_columns_are_both_named(self, b: Any) -> None:
        with pytest.raises(ShapeError) as caught:
            self.plan.assemble({"age": 1}, {}, {"a": [1, 2], "b": b})
        assert str(caught.value) == "$.items.b: 3 values, but column 'a' has 2"

    def test_per_row_user_columns_are_as_long_as_the_items(self) -> None:
        with pytest.raises(ShapeError, match=r"^\$\.items\.a: 3 values, but column 'age' has 2$"):
            self.plan.assemble({"age": [1, 2]}, {}, {"a": [1, 2, 3], "b": [1, 2, 3]}, per_row=True)

    def test_per_row_user_values_are_columns(self) -> None:
        with pytest.raises(InputError, match=r"^\$\.user\.age: a list with one value per row is expected"):
            self.plan.assemble({"age": 1}, {}, {"a": [1], "b": [1]}, per_row=True)

    def test_without_any_column_the_number_of_rows_is_unknown(self) -> None:
        plan = plan_of({"v": item(default=1.0)}, {"x": Feature("dense", ("v",))})
        for sent in ({}, {"v": None}):
            with pytest.raises(InputError, match=r"^\$\.items\.v: no column was sent that tells how many rows"):
                plan.assemble({}, {}, sent)

    def test_absent_item_columns_are_missing(self) -> None:
        with pytest.raises(InputError, match=r"^\$\.items\.a: missing"):
            self.plan.assemble({"age": 1}, {}, {})


class TestFrames:
    @pytest.mark.parametrize(
        ("kind", "series"),
        [
            ("int", pd.Series([1.0, 2.0])),
            ("int", pd.Series([True, False])),
            ("int", pd.Series(pd.to_datetime(["2020-01-01", "2020-01-02"]))),
            ("int", pd.Series(pd.to_datetime(["2020-01-01", "2020-01-02"], utc=True))),
            ("int", pl.Series([1.0, 2.0])),
            ("int", pl.Series([True, False])),
            ("int", pl.Series([1, 2]).cast(pl.Datetime("us"))),
            ("string", pd.Series([1, 2])),
            ("string", pl.Series([1, 2])),
            ("float", pd.Series(["a", "b"])),
            ("float", pl.Series(["a", "b"])),
        ],
    )
    def test_a_series_of_another_type_is_refused(self, kind: str, series: Any) -> None:
        plan = plan_of({"v": item(kind)}, {"x": Feature("dense", ("v",))} if kind != "string" else {})
        with pytest.raises(InputError):
            plan.assemble_columns({"v": series})

    @pytest.mark.parametrize(
        ("kind", "series"),
        [
            ("int", pd.Series([1, None], dtype="Int64")),
            ("float", pd.Series([1.5, None], dtype="Float64")),
            ("string", pd.Series(["a", None])),
            ("string", pd.Series(["a", None], dtype=object)),
            ("string", pd.Series(["a", None], dtype="category")),
            ("int", pl.Series([1, None])),
            ("float", pl.Series([1.5, None])),
            ("string", pl.Series(["a", None])),
            ("int", np.ma.masked_array([1, 2], [False, True])),
        ],
    )
    def test_a_null_in_a_series_is_found(self, kind: str, series: Any) -> None:
        plan = plan_of({"v": item(kind)}, {})
        with pytest.raises(InputError, match=r"^\$\.items\.v\[1\]: .* not null"):
            plan.assemble_columns({"v": series})

    def test_a_null_in_a_series_takes_the_default(self) -> None:
        plan = plan_of({"v": item("int", default=7)}, {"x": Feature("dense", ("v",))})
        for series in (pd.Series([1, None], dtype="Int64"), pl.Series([1, None])):
            assert plan.assemble_columns({"v": series}).tensors["x"].tolist() == [[1.0], [7.0]]
