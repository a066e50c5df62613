"""The plan as a whole: shapes of both sides, empty requests, what it tells of itself, what it refuses to compile."""

from __future__ import annotations

import doctest
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from features_support import HERE, MemoryStore, item, plan_of, table, user

import ranklet_features
from ranklet_features import Feature, FeaturePlan, FeatureSpec, Input, InputError, SpecError
from ranklet_features.kinds import KINDS

INPUTS = {
    "age": user("int"),
    "history": user("int", list=True, default=[]),
    "at": Input("context", "int"),
    "price": item(),
    "genres": item("string", list=True),
    "film": item("int"),
}
FEATURES = {
    "prices": Feature("dense", ("price",)),
    "band": Feature("bucket", ("age",), {"boundaries": [18, 35]}),
    "film_id": Feature("category", ("film",), {"size": 10}),
    "genre": Feature("bag", ("genres",), {"vocabulary": ["a", "b"], "length": 2, "mask": True}),
    "liked": Feature("embedding", ("history",), {"table": "movies", "pool": "mean"}),
    "vector": Feature("embedding", ("film",), {"table": "movies"}),
    "hour": Feature("time", ("at",), {"part": "hour", "cyclic": True}),
    "band_genre": Feature("cross", ("band", "genre"), {"buckets": 50}),
}
USER = {"age": 20, "history": [1, 2]}
CONTEXT = {"at": 0}


@pytest.fixture
def plan() -> FeaturePlan:
    return plan_of(INPUTS, FEATURES, MemoryStore(table(), {1: (1, 1), 2: (3, 3)}))


def items(rows: int) -> dict[str, Any]:
    return {"price": [0.5] * rows, "genres": [["a"]] * rows, "film": [1] * rows}


@pytest.mark.parametrize("rows", [0, 1, 7])
def test_once_per_request_or_once_per_candidate(plan: FeaturePlan, rows: int) -> None:
    made = plan.assemble(USER, CONTEXT, items(rows))
    assert made.n == rows
    shapes = {name: tensor.shape for name, tensor in made.tensors.items()}
    assert shapes == {
        "prices": (rows, 1),
        "band": (1,),
        "film_id": (rows,),
        "genre": (rows, 2),
        "genre_mask": (rows, 2),
        "liked": (1, 2),
        "vector": (rows, 2),
        "hour": (1, 2),
        "band_genre": (rows, 2),
    }


def test_what_it_makes_is_what_its_signature_tells(plan: FeaturePlan) -> None:
    made = plan.assemble(USER, CONTEXT, items(3)).tensors
    assert list(plan.signature) == list(made)
    for name, (dtype, shape, side) in plan.signature.items():
        assert made[name].dtype == dtype
        assert made[name].shape == (3 if side == "item" else 1, *shape)
    assert plan.signature["hour"].side == "context"
    assert plan.inputs == INPUTS


def test_per_row_gives_every_side_n_rows(plan: FeaturePlan) -> None:
    people = {"age": [17, 20, 40], "history": [[1], [], [2, 2]]}
    made = plan.assemble(people, {"at": [0, 3600, 7200]}, items(3), per_row=True)
    assert made.n == 3
    assert {len(tensor) for tensor in made.tensors.values()} == {3}
    assert made.tensors["band"].tolist() == [0, 1, 2]
    assert made.tensors["liked"].tolist() == [[1, 1], [0, 0], [3, 3]]


def test_a_default_of_a_user_column_fills_every_row(plan: FeaturePlan) -> None:
    made = plan.assemble({"age": [17, 20]}, {"at": [0, 0]}, items(2), per_row=True)
    assert made.tensors["liked"].tolist() == [[0, 0], [0, 0]]


@pytest.mark.parametrize("library", [dict, pd.DataFrame, pl.DataFrame])
def test_a_frame_of_any_library(plan: FeaturePlan, library: Any) -> None:
    columns = {"age": [17, 20], "history": [[1], [2]], "at": [0, 3600], **items(2), "label": [0, 1]}
    made = plan.assemble_columns(library(columns))
    again = plan.assemble({"age": [17, 20], "history": [[1], [2]]}, {"at": [0, 3600]}, items(2), per_row=True)
    assert made.n == 2
    for name, tensor in again.tensors.items():
        assert made.tensors[name].tolist() == tensor.tolist()


def test_without_item_inputs_there_is_one_row() -> None:
    plan = plan_of({"age": user("int")}, {"band": FEATURES["band"]})
    assert plan.assemble({"age": 20}, {}, {}).n == 1
    assert plan.assemble({"age": [20, 40, 1]}, {}, {}, per_row=True).n == 3
    assert plan.assemble_columns({"age": np.array([20, 40])}).n == 2


def test_an_input_that_no_feature_reads_is_checked_all_the_same() -> None:
    plan = plan_of({"film": item("int"), "price": item()}, {"prices": FEATURES["prices"]})
    with pytest.raises(InputError, match=r"^\$\.items\.film\[0\]: an int is expected"):
        plan.assemble({}, {}, {"film": ["7"], "price": [1.0]})


def test_a_plan_keeps_nothing_of_a_request(plan: FeaturePlan) -> None:
    first = plan.assemble(USER, CONTEXT, items(2)).tensors
    with pytest.raises(InputError):
        plan.assemble({"age": "x"}, CONTEXT, items(2))
    plan.assemble({"age": 99}, CONTEXT, items(5))
    again = plan.assemble(USER, CONTEXT, items(2)).tensors
    assert {name: tensor.tolist() for name, tensor in first.items()} == {
        name: tensor.tolist() for name, tensor in again.items()
    }


@pytest.mark.parametrize(
    ("features", "message"),
    [
        ({"x": Feature("densee", ("price",))}, f"feature 'x': no kind 'densee'; kinds: {', '.join(KINDS)}"),
        ({"x": Feature("dense", ("prize",))}, "feature 'x' (dense): no input 'prize'; inputs: age, history, at, price"),
        ({"x": Feature("dense", ())}, "feature 'x' (dense): of is empty; name the input"),
        ({"x": Feature("dense", "age")}, "feature 'x': of is the text 'age'; write it as a tuple, ('age',)"),  # type: ignore[arg-type]
        ({"x": Feature("dense", ("genres",))}, "feature 'x' (dense): input 'genres' is string, but dense reads int or"),
        ({"x": Feature("dense", ("history",))}, "feature 'x' (dense): input 'history' is a list, but dense reads a"),
        ({"x": Feature("bucket", ("age", "at"))}, "feature 'x' (bucket): option 'boundaries' is missing; allowed: bou"),
        (
            {"x": Feature("bucket", ("age", "at"), {"boundaries": [1]})},
            "feature 'x' (bucket): of names 2 inputs, bucket reads exactly one",
        ),
        (
            {"x": Feature("category", ("price",), {"size": 3})},
            "feature 'x' (category): input 'price' is float, but category reads int or string",
        ),
        (
            {"x": Feature("category", ("history",), {"size": 3})},
            "feature 'x' (category): input 'history' is a list, but category reads a scalar",
        ),
        (
            {"x": Feature("bag", ("film",), {"size": 3})},
            "feature 'x' (bag): input 'film' is a scalar, but bag reads a list",
        ),
        (
            {"x": Feature("time", ("price",), {"part": "hour"})},
            "feature 'x' (time): input 'price' is float, but time reads int",
        ),
        (
            {"x": Feature("time", ("at",), {"part": "year"})},
            "feature 'x' (time): option 'part' is 'year', but must be 'hour' | 'weekday' | 'day' | 'month' | 'hour_of_",
        ),
        (
            {"x": Feature("time", ("at",), {"part": "hour", "cyclical": True})},
            "feature 'x' (time): unknown option 'cyclical'; allowed: part, unit, utc_offset_minutes, cyclic",
        ),
        (
            {"x": Feature("bag", ("history",), {"size": 3, "mask": True}), "x_mask": Feature("dense", ("age",))},
            "feature 'x_mask': its tensor 'x_mask' is also made by 'x'; rename one",
        ),
    ],
)
def test_specs_that_cannot_be(features: dict[str, Feature], message: str) -> None:
    with pytest.raises(SpecError) as caught:
        plan_of(INPUTS, features)
    assert str(caught.value).startswith(message)


def test_an_input_is_checked_before_the_features_that_read_it() -> None:
    spec = FeatureSpec({"v": Input("user", "integer")}, {"x": Feature("dense", ("v",))})  # type: ignore[arg-type]
    with pytest.raises(SpecError, match=r"^input 'v': type is 'integer'; allowed: int, float, string$"):
        FeaturePlan.compile(spec, HERE, {})


def test_the_example_in_the_package_runs() -> None:
    found = doctest.testmod(ranklet_features, raise_on_error=True)
    assert found.attempted >= 7


def test_unknown_names_of_the_package_are_refused() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'FeaturePlam'"):
        _ = ranklet_features.FeaturePlam
    assert set(ranklet_features.__all__) <= {*dir(ranklet_features), "Assembled", "FeaturePlan"}
