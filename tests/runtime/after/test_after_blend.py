"""Formulas: what the build takes apart and the function runs is what NumPy says, written out."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from after_kit import scope
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ranklet.after import formula
from ranklet_runtime.after.blend import Blend

CTR, CVR = np.array([0.1, 0.5, 0.9]), np.array([0.2, 0.01, 0.7])
WORDS = {"ctr": CTR, "cvr": CVR, "min": np.minimum, "max": np.maximum, "exp": np.exp, "log": np.log, "sqrt": np.sqrt}


def blended(text: str) -> Any:
    operations = [list(one) for one in formula.parse(text)]  # as JSON has them
    return Blend.open(scope({"operations": operations})).run({"ctr": CTR, "cvr": CVR})["blend"]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("ctr * cvr", CTR * CVR),
        ("ctr ** 0.8 * cvr", np.power(CTR, 0.8) * CVR),
        ("0.7 * ctr + 0.3 * cvr", 0.7 * CTR + 0.3 * CVR),
        ("-ctr", -CTR),
        ("2 ** -ctr", np.power(2.0, -CTR)),
        ("-ctr ** 2", -(CTR**2)),
        ("(ctr - cvr) / (ctr + cvr)", (CTR - CVR) / (CTR + CVR)),
        ("ctr - cvr - 1", (CTR - CVR) - 1),
        ("ctr ** cvr ** 2", np.power(CTR, np.power(CVR, 2.0))),
        (
            "max(ctr, cvr) * exp(-sqrt(cvr)) + min(log(ctr), +0.5)",
            np.maximum(CTR, CVR) * np.exp(-np.sqrt(CVR)) + np.minimum(np.log(CTR), 0.5),
        ),
    ],
)
def test_formula_is_numpys(text: str, wanted: Any) -> None:
    np.testing.assert_array_equal(blended(text), wanted)


def expressions() -> st.SearchStrategy[str]:
    leaves = st.sampled_from(["ctr", "cvr", "0.5", "2", "1.25"])

    def more(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        two = st.tuples(inner, st.sampled_from(["+", "-", "*", "/"]), inner).map(
            lambda one: f"({one[0]} {one[1]} {one[2]})"
        )
        called = st.tuples(st.sampled_from(["min", "max"]), inner, inner).map(
            lambda one: f"{one[0]}({one[1]}, {one[2]})"
        )
        return st.one_of(two, called, inner.map(lambda one: f"-{one}"), inner.map(lambda one: f"exp({one})"))

    return st.recursive(leaves, more, max_leaves=12)


@settings(deadline=None, max_examples=60)
@example("(0.5 / (2 - 2))")
@example("(2 / -(0.5 - 0.5))")
@given(expressions())
def test_any_formula_is_numpys(text: str) -> None:
    text = f"ctr + {text}"
    with np.errstate(all="ignore"):
        # The test's own words alone; its numbers are NumPy's, as Python's own refuse to be divided by zero.
        numbers = re.sub(r"[0-9.]+", lambda found: f"number({found[0]})", text)
        wanted = np.broadcast_to(eval(numbers, {"__builtins__": {}}, {**WORDS, "number": np.float64}), (3,))
        np.testing.assert_array_equal(blended(text), wanted)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no formula"),
        ("ctr *", "no formula"),
        ("__import__('os')", "not allowed"),
        ("ctr.real", "not allowed"),
        ("ctr[0]", "not allowed"),
        ("ctr if cvr else 1", "not allowed"),
        ("ctr and cvr", "not allowed"),
        ("ctr < cvr", "not allowed"),
        ("ctr % 2", "not allowed"),
        ("[ctr for ctr in cvr]", "not allowed"),
        ("(lambda: ctr)()", "not allowed"),
        ("exp(ctr, cvr)", "takes 1"),
        ("max(ctr)", "takes 2"),
        ("max(*ctr)", "not allowed"),
        ("exp(x=ctr)", "not allowed"),
        ("ctr * 'a'", "no number"),
        ("ctr * True", "no number"),
        ("ctr * 1e999", "no number"),
        ("ctr * 2j", "no number"),
        ("0.5 * 2", "names no head"),
        ("(" * 60 + "ctr" + ")" * 60 + "*" + "-" * 60 + "ctr", "nested deeper"),
        ("ctr+" * 600 + "ctr", "at most 1000"),
    ],
)
def test_what_is_no_formula_is_refused_by_its_part(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        formula.parse(text)


@pytest.mark.parametrize(
    "operations",
    [
        [],
        [["number", 1], ["number", 2]],
        [["do", "*"]],
        [["head", "a"], ["do", "*"]],
        [["head", "a"], ["do", "pow"]],
        [["run", "a"]],
    ],
)
def test_operations_that_leave_no_number_are_refused(operations: Any) -> None:
    with pytest.raises(ValueError):
        Blend.open(scope({"operations": operations}))
