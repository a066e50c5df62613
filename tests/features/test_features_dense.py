"""Numbers: each step against scikit-learn or Python's own arithmetic."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from features_support import item, plan_of, run_one, user
from sklearn.preprocessing import StandardScaler

from ranklet_features import Feature, InputError, SpecError


def test_plain_numbers_are_narrowed_once() -> None:
    made = run_one("dense", item(), [0.1, 1 / 3, 16777217.0])["x"]
    assert made.dtype == np.float32
    assert made.tolist() == [[float(np.float32(value))] for value in (0.1, 1 / 3, 16777217.0)]


def test_a_model_of_doubles_gets_them_whole() -> None:
    plan = plan_of({"x": item()}, {"x": Feature("dense", ("x",), {"dtype": "float64"})})
    made = plan.assemble({}, {}, {"x": [0.1, 1e300, 16777217.0]}).tensors["x"]
    assert made.dtype == np.float64
    assert made.tolist() == [[0.1], [1e300], [16777217.0]]
    assert plan.signature["x"] == ("float64", (1,), "item")


def test_ints_are_narrowed_once() -> None:
    assert run_one("dense", item("int"), [2**53 + 1, -3])["x"].tolist() == [[float(2**53)], [-3.0]]


def test_clip_includes_its_bounds() -> None:
    assert run_one("dense", item(), [-5.0, 0.0, 1.5, 2.0, 9.0], clip=[0, 2])["x"].ravel().tolist() == [0, 0, 1.5, 2, 2]


def test_log_is_log1p_after_the_clip() -> None:
    made = run_one("dense", item(), [-5.0, 0.0, 1e-12, 99.0], clip=[0.0, 50.0], log=True)["x"]
    np.testing.assert_allclose(made.ravel(), [0, 0, math.log1p(1e-12), math.log1p(50)], rtol=1e-7)


def test_standardised_as_scikit_learn_does() -> None:
    values = np.random.default_rng(1).normal(50, 7, (200, 2))
    scaler = StandardScaler().fit(values)
    plan = plan_of(
        {"a": item(), "b": item()},
        {"x": Feature("dense", ("a", "b"), {"mean": scaler.mean_.tolist(), "std": scaler.scale_.tolist()})},
    )
    made = plan.assemble({}, {}, {"a": values[:, 0], "b": values[:, 1]}).tensors["x"]
    np.testing.assert_allclose(made, scaler.transform(values), rtol=1e-6, atol=1e-7)


def test_all_steps_in_order() -> None:
    made = run_one("dense", item("int"), [-3, 4, 100], clip=[0, 10], log=True, mean=1.0, std=2.0)["x"]
    expected = [(math.log1p(min(max(value, 0), 10)) - 1) / 2 for value in (-3, 4, 100)]
    np.testing.assert_allclose(made.ravel(), expected, rtol=1e-7)


def test_inputs_stand_side_by_side_in_order() -> None:
    plan = plan_of(
        {"a": item("int"), "v": item(length=2), "b": item()},
        {"x": Feature("dense", ("b", "v", "a"), {"mean": [0, 0, 1, 0], "std": [1, 2, 1, 1]})},
    )
    made = plan.assemble({}, {}, {"a": [7, 8], "v": [[2, 3], [4, 5]], "b": [0.5, 0.25]}).tensors["x"]
    assert made.tolist() == [[0.5, 1, 2, 7], [0.25, 2, 4, 8]]
    assert plan.signature["x"] == ("float32", (4,), "item")


def test_a_users_numbers_stay_one_row() -> None:
    plan = plan_of({"u": user(), "v": user("int", length=2), "n": item("int")}, {"x": Feature("dense", ("u", "v"))})
    made = plan.assemble({"u": 0.5, "v": [1, 2]}, {}, {"n": [0, 0, 0]}).tensors["x"]
    assert made.tolist() == [[0.5, 1, 2]]
    assert plan.signature["x"].side == "user"


@pytest.mark.parametrize("rows", [0, 1, 3])
def test_a_users_number_beside_an_items_goes_to_every_row(rows: int) -> None:
    plan = plan_of({"u": user(), "n": item("int")}, {"x": Feature("dense", ("u", "n"))})
    made = plan.assemble({"u": 0.5}, {}, {"n": list(range(rows))}).tensors["x"]
    assert made.shape == (rows, 2)
    assert made.tolist() == [[0.5, i] for i in range(rows)]


@pytest.mark.parametrize(
    ("values", "options", "row"),
    [([1.0, 1e39], {}, 1), ([-1e300, 0.0], {}, 0), ([0.0, 1e30], {"std": 1e-20}, 1)],
)
def test_beyond_32_bits_is_refused(values: list[float], options: dict[str, Any], row: int) -> None:
    with pytest.raises(InputError, match=rf"^\$\.items\.v\[{row}\]: beyond 32 bits as feature 'x'$"):
        run_one("dense", item(), values, **options)


def test_beyond_32_bits_is_refused_in_the_right_column() -> None:
    plan = plan_of(
        {"n": item(nan="allow"), "u": user(length=2), "v": item(length=2)}, {"x": Feature("dense", ("n", "u", "v"))}
    )
    with pytest.raises(InputError, match=r"^\$\.items\.v\[1\]\[0\]: beyond 32 bits"):
        plan.assemble({"u": [1, 2]}, {}, {"n": [float("nan"), 1], "v": [[1, 2], [1e39, 3]]})
    with pytest.raises(InputError, match=r"^\$\.user\.u\[1\]: beyond 32 bits"):
        plan.assemble({"u": [1, 1e39]}, {}, {"n": [float("nan"), 1], "v": [[1, 2], [1, 3]]})


def test_the_callers_numbers_are_not_changed() -> None:
    values = np.array([1.0, 2.0])
    run_one("dense", item(), values, clip=[0, 1], log=True, mean=1, std=2)
    assert values.tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"log": True}, "log takes log1p, which ends at -1; give a clip"),
        ({"log": True, "clip": [-1.0, 5.0]}, "log takes log1p, which ends at -1"),
        ({"clip": [2.0, 1.0]}, "clip is [2.0, 1.0]; it must be two finite numbers, the lower one first"),
        ({"clip": [0.0, float("inf")]}, "clip is [0.0, inf]; it must be two finite numbers"),
        ({"mean": [1.0, 2.0]}, "mean has 2 numbers for 1 columns; give one, or one per column"),
        ({"mean": float("nan")}, "mean is nan; it must be finite"),
        ({"std": 0.0}, "std is 0.0; it must be finite and above 0"),
        ({"std": -1}, "std is -1; it must be finite and above 0"),
    ],
)
def test_options_that_cannot_be(options: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError) as caught:
        run_one("dense", item(), [1.0], **options)
    assert str(caught.value).startswith(f"feature 'x' (dense): {message}")
