"""The promise of the package: what a model was trained on is, bit for bit, what it is served.

Random features of every kind over random data: a frame of any library, a request (through JSON or as raw buffers), a
request per row, a request with a user per row; all give the same bytes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson
import pandas as pd
import polars as pl
import pytest
from features_random import INPUTS, KIND, columns, plan_with
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ranklet_features import Assembled, Feature, FeaturePlan
from ranklet_features.kinds import KINDS

Columns = dict[str, list[Any]]
QUICK = settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=25)
THOROUGH = settings(QUICK, max_examples=1000)


def test_every_kind_is_in_the_table() -> None:
    assert KIND.keys() == KINDS.keys()


def row_bytes(plan: FeaturePlan, name: str, row: np.ndarray) -> bytes:
    """A row's bytes; where the width varies with the request, without what only fills it up."""
    if None not in plan.signature[name].shape:
        return row.tobytes()
    if row.dtype == np.int64:
        return row[row != -1].tobytes()
    keep = len(row)
    while keep and not row[keep - 1].any():
        keep -= 1
    return row[:keep].tobytes()


def assert_same(plan: FeaturePlan, found: Assembled, expected: Assembled) -> None:
    """Every row equal; a tensor of one row stands for all rows of the other."""
    assert found.n == expected.n
    for name, tensor in expected.tensors.items():
        other = found.tensors[name]
        assert other.dtype == tensor.dtype
        assert len(other) in (1, len(tensor))
        for i, row in enumerate(tensor):
            assert row_bytes(plan, name, other[i if len(other) > 1 else 0]) == row_bytes(plan, name, row), (name, i)


def by_side(frame: Columns, side: str) -> Columns:
    return {name: column for name, column in frame.items() if INPUTS[name].side == side}


def through_json(*parts: Any) -> Any:
    return orjson.loads(orjson.dumps(parts))


def buffer(name: str, column: list[Any], narrow: bool) -> Any:
    """A column as raw numbers at an odd address, as in a packed message; texts and ragged lists stay lists."""
    declared = INPUTS[name]
    if declared.type == "string" or (declared.list and len(set(map(len, column))) != 1):
        return column
    dtype = {"int": ["<i8", "<i4"], "float": ["<f8", "<f4"]}[declared.type][narrow]
    array = np.array(column, dtype)
    raw = np.frombuffer(b"\x00" + array.tobytes(), np.uint8)[1:]
    return raw.view(dtype).reshape(array.shape)


def arrays(frame: Columns) -> dict[str, Any]:
    """Columns of numpy; lists of lists as objects."""
    made: dict[str, Any] = {}
    for name, column in frame.items():
        if INPUTS[name].list or INPUTS[name].type == "string":
            made[name] = np.empty(len(column), object)
            made[name][:] = column
        else:
            made[name] = np.array(column, {"int": np.int64, "float": np.float64}[INPUTS[name].type])
    return made


@pytest.mark.parametrize("kind", KIND)
@QUICK
@given(st.data())
def test_training_and_serving_agree(kind: str, data: st.DataObject) -> None:
    check_all_ways(kind, data)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KIND)
@THOROUGH
@given(st.data())
def test_training_and_serving_agree_over_many_examples(kind: str, data: st.DataObject) -> None:
    check_all_ways(kind, data)


def check_all_ways(kind: str, data: st.DataObject) -> None:
    """One random plan of a kind, one random frame, and every way in which its rows can arrive."""
    features = {f"x{i}": feature for i, feature in enumerate(data.draw(st.lists(KIND[kind], min_size=1, max_size=2)))}
    plan = plan_with(features)
    narrow = data.draw(st.booleans())
    frame = data.draw(columns(narrow=narrow, min_rows=1))
    expected = plan.assemble_columns(frame)
    sides = [by_side(frame, side) for side in ("user", "context", "item")]

    assert_same(plan, plan.assemble_columns(arrays(frame)), expected)
    assert_same(plan, plan.assemble_columns(pd.DataFrame(frame)), expected)
    assert_same(plan, plan.assemble_columns(pl.DataFrame(frame)), expected)
    assert_same(plan, plan.assemble(*through_json(*sides), per_row=True), expected)
    packed = [{name: buffer(name, column, narrow) for name, column in side.items()} for side in sides]
    assert_same(plan, plan.assemble(*packed, per_row=True), expected)

    one_user(plan, frame, narrow)
    for row in range(expected.n):
        user, context = ({name: column[row] for name, column in side.items()} for side in sides[:2])
        items = {name: [column[row]] for name, column in sides[2].items()}
        alone = plan.assemble(*through_json(user, context, items))
        only = Assembled({name: tensor[row : row + 1] for name, tensor in expected.tensors.items()}, 1, {})
        assert_same(plan, alone, only)


def one_user(plan: FeaturePlan, frame: Columns, narrow: bool) -> None:
    """A request: the first row's user, everybody's items; offline the user is repeated in every row."""
    rows = len(frame["i_int"])
    repeated = {n: [c[0]] * rows if INPUTS[n].side != "item" else c for n, c in frame.items()}
    expected = plan.assemble_columns(repeated)
    user, context = ({n: c[0] for n, c in by_side(frame, side).items()} for side in ("user", "context"))
    items = by_side(frame, "item")
    assert_same(plan, plan.assemble(*through_json(user, context, items)), expected)
    packed_user = {n: buffer(n, [v], narrow)[0] if INPUTS[n].list or INPUTS[n].length else v for n, v in user.items()}
    packed_items = {n: buffer(n, c, narrow) for n, c in items.items()}
    assert_same(plan, plan.assemble(packed_user, context, packed_items), expected)


@QUICK
@given(st.data())
def test_ids_stay_within_what_the_plan_tells(data: st.DataObject) -> None:
    kinds = st.sampled_from([KIND[kind] for kind in ("category", "bag", "bucket", "cross", "time")])
    plan = plan_with({"x": data.draw(kinds.flatmap(lambda strategy: strategy))})
    made = plan.assemble_columns(data.draw(columns(narrow=False))).tensors
    for name, count in plan.ids.items():
        assert ((made[name] >= -1) & (made[name] < count)).all()


@QUICK
@given(st.data())
def test_signatures_tell_what_is_made(data: st.DataObject) -> None:
    plan = plan_with({kind: data.draw(strategy) for kind, strategy in KIND.items()})
    frame = data.draw(columns(narrow=False))
    whole = plan.assemble_columns(frame)
    person = data.draw(columns(narrow=False, min_rows=1))
    user, context = ({n: c[0] for n, c in by_side(person, side).items()} for side in ("user", "context"))
    online = plan.assemble(user, context, by_side(frame, "item"))
    for name, (dtype, shape, side) in plan.signature.items():
        for made, rows in ((whole, whole.n), (online, whole.n if side == "item" else 1)):
            tensor = made.tensors[name]
            assert (tensor.dtype, len(tensor), tensor.ndim) == (dtype, rows, 1 + len(shape))
            assert all(width in (None, real) for width, real in zip(shape, tensor.shape[1:], strict=True))


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize("rows", [1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 64, 1000])
def test_vector_instructions_do_not_show(log: bool, rows: int) -> None:
    """A processor takes 2, 4 or 8 numbers at once and the rest one by one: both must round alike."""
    options = {"clip": [-0.5, 1e9], "log": log, "mean": 0.3, "std": 1.7}
    plan = plan_with(
        {"x": Feature("dense", ("i_float",), options), "y": Feature("dense", ("i_float", "i_int"), options)}
    )
    frame = {name: [[]] if spec.list else ["a"] if spec.type == "string" else [1] for name, spec in INPUTS.items()}
    frame |= {"u_vector": [[1, 2, 3]], "i_vector": [[1, 2]]}
    user, context = ({n: c[0] for n, c in by_side(frame, side).items()} for side in ("user", "context"))
    numbers = np.random.default_rng(rows).lognormal(3, 4, rows)
    items = {name: column * rows for name, column in by_side(frame, "item").items()} | {"i_float": numbers}
    together = plan.assemble(user, context, items).tensors
    for row in range(rows):
        alone = plan.assemble(user, context, by_side(frame, "item") | {"i_float": [float(numbers[row])]}).tensors
        assert alone["x"].tobytes() == together["x"][row].tobytes()
        assert alone["y"].tobytes() == together["y"][row].tobytes()
