"""Whatever a caller sends is either assembled or refused by name: nothing else ever comes out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from features_random import INPUTS, columns, plan_with
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ranklet_features import Feature, FeatureError, InputError

PLAN = plan_with(
    {
        "numbers": Feature("dense", ("i_float", "u_vector", "i_int"), {"clip": [0, 9], "log": True}),
        "plain": Feature("dense", ("u_float", "i_vector")),
        "hashed": Feature("category", ("u_word",), {"buckets": 9}),
        "known": Feature("category", ("i_word",), {"vocabulary": ["a"], "oov": "error"}),
        "same": Feature("category", ("u_int",), {"size": 9, "oov": "hash", "oov_buckets": 3}),
        "weighted": Feature("bag", ("i_ints",), {"buckets": 9, "length": 2, "weights": "i_floats"}),
        "row": Feature("embedding", ("i_int",), {"table": "far"}),
        "rows": Feature("embedding", ("u_ints",), {"table": "ints", "pool": "mean", "mask": True}),
        "month": Feature("time", ("c_time",), {"part": "month", "unit": "ms"}),
        "all": Feature("cross", ("hashed", "weighted", "a_user_bag", "month"), {"buckets": 99}),
    }
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.just(10**400)
    | st.floats()
    | st.text(max_size=3)
    | st.binary(max_size=2)
)
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=2), inner, max_size=2)
)
ARRAYS = hnp.arrays(
    st.one_of(
        hnp.integer_dtypes(),
        hnp.unsigned_integer_dtypes(),
        hnp.floating_dtypes(),
        hnp.boolean_dtypes(),
        hnp.complex_number_dtypes(),
        hnp.datetime64_dtypes(),
        hnp.unicode_string_dtypes(max_len=3),
        hnp.byte_string_dtypes(max_len=3),
    ),
    hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
)
FUZZ = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def one_side(frame: dict[str, Any], side: str) -> dict[str, Any]:
    return {name: value for name, value in frame.items() if INPUTS[name].side == side}


@FUZZ
@given(
    columns(narrow=False, min_rows=1),
    st.dictionaries(st.sampled_from(sorted(INPUTS)), JSON | ARRAYS, max_size=3),
    st.booleans(),
)
def test_junk_is_refused_by_name(frame: dict[str, list[Any]], junk: dict[str, Any], per_row: bool) -> None:
    frame["i_word"] = ["a"] * len(frame["i_word"])
    sent: dict[str, Any] = {
        name: column if per_row or INPUTS[name].side == "item" else column[0] for name, column in frame.items()
    } | junk
    user, context, items = (one_side(sent, side) for side in ("user", "context", "item"))
    try:
        made = PLAN.assemble(user, context, items, per_row=per_row)
    except InputError as error:
        assert error.name in INPUTS
        assert error.side == INPUTS[error.name].side
        assert all(type(place) is int for place in error.index)
        assert len(str(error)) < 300
    else:
        for name, (dtype, _, side) in PLAN.signature.items():
            assert made.tensors[name].dtype == dtype
            assert len(made.tensors[name]) == (made.n if side == "item" or per_row else 1)
            assert dtype == "int64" or np.isfinite(made.tensors[name]).all()


@FUZZ
@given(*[st.dictionaries(st.sampled_from([*INPUTS, "other"]) | st.text(max_size=3), JSON, max_size=5)] * 3)
def test_whole_requests_of_junk_are_refused(user: Any, context: Any, items: Any) -> None:
    for surplus in ("refuse", "ignore"):
        with pytest.raises(FeatureError):
            PLAN.assemble(user, context, items, surplus=surplus)  # type: ignore[arg-type]
