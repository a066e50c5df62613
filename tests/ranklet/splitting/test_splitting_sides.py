"""Sides follow from model.toml's inputs and the catalogue; the columns of a dense feature part without losing a bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ranklet.graph.records import Columns
from ranklet.importers.base import Exported, TensorSpec
from ranklet.model import Model, Split, StepSource, TableSource
from ranklet.splitting.catalogue import Catalogue
from ranklet.splitting.sides import columns_of, sides
from ranklet.splitting.subject import subject, why_not
from ranklet.tables.sources.base import Asked
from ranklet_features import FeaturePlan, FeatureSpec, Input
from ranklet_features.spec import Feature

INPUTS = {
    "age": Input("user"),
    "town": Input("user", "int"),
    "hour": Input("context", "int"),
    "film": Input("item", "int"),
    "shop": Input("item", "int"),
    "price": Input("item"),
    "shape": Input("item", length=3),
}
HELD = ("film", "shop", "shape")
"""What the catalogue knows of an item."""


def side(feature: Feature, *, catalogue: bool = True, pairs: tuple[str, ...] = (), **more: Feature) -> Any:
    """The side of a graph's input `x` that a feature feeds."""
    source = StepSource(format="onnx", source="m.onnx", inputs={"x": "made"})
    features = {**more, "made": feature}
    split = Split(pairs=frozenset(pairs))
    model = Model(name="m", inputs=INPUTS, features=features, steps=(source,), split=split)
    asked = Asked("item-rows", TableSource(source="items.csv"), Path(), Path)
    held = Catalogue(asked, Path("items.csv"), "film", "film", {name: INPUTS[name] for name in HELD})
    exported = Exported("onnx", (TensorSpec("x", None, None),), (TensorSpec("y", "float32", (None, 1)),))
    return sides(subject(model, Path(), ((source, exported),), (), held if catalogue else None))["x"]


def dense(*of: str, **options: Any) -> Feature:
    return Feature("dense", of, options)


SIZE = {"size": 10, "oov_index": 0}


@pytest.mark.parametrize(
    ("feature", "wanted"),
    [
        (Feature("category", ("town",), SIZE), "user"),
        (Feature("category", ("hour",), SIZE), "context"),
        (Feature("cross", ("town", "hour"), {"buckets": 9}), "user"),
        (Feature("category", ("film",), SIZE), "item"),
        (Feature("cross", ("film", "shop"), {"buckets": 9}), "item"),
        (Feature("cross", ("film", "town"), {"buckets": 9}), "pair"),
        (dense("price"), "pair"),
        (dense("shape"), "item"),
        (dense("age"), "user"),
        (dense("age", "price"), (Columns("user", 0, 1), Columns("pair", 1, 2))),
        (dense("shape", "age"), (Columns("item", 0, 3), Columns("user", 3, 4))),
        (dense("price", "shape"), (Columns("pair", 0, 1), Columns("item", 1, 4))),
    ],
)
def test_the_side_follows_from_what_a_feature_is_made_of(feature: Feature, wanted: Any) -> None:
    assert side(feature) == wanted


def test_a_cross_of_features_has_the_sides_of_their_inputs() -> None:
    bucket = Feature("bucket", ("age",), {"boundaries": [20.0, 40.0]})
    own = Feature("category", ("shop",), SIZE)
    assert side(Feature("cross", ("group", "seller"), {"buckets": 9}), group=bucket, seller=own) == "pair"
    assert side(Feature("cross", ("film", "seller"), {"buckets": 9}), seller=own) == "item"


def test_without_a_catalogue_every_items_value_comes_with_the_request() -> None:
    assert side(Feature("category", ("film",), SIZE), catalogue=False) == "pair"
    assert side(dense("shape"), catalogue=False) == "pair"


def test_what_is_declared_a_pair_is_one() -> None:
    assert side(Feature("category", ("film",), SIZE), pairs=("film",)) == "pair"
    assert side(dense("shape", "age"), pairs=("shape",)) == (Columns("pair", 0, 3), Columns("user", 3, 4))


@pytest.mark.parametrize(
    ("source", "engine", "wanted"),
    [
        (StepSource(format="onnx", rows="user"), "onnx", "no end-to-end graph"),
        (StepSource(format="onnx", once=("x",)), "onnx", "no end-to-end graph"),
        (StepSource(format="numpy"), "linear", "no end-to-end graph"),
        (StepSource(format="onnx"), "onnx", None),
    ],
)
def test_what_is_no_whole_graph_is_not_split(source: StepSource, engine: str, wanted: str | None) -> None:
    model = Model(name="m", inputs=INPUTS, features={}, steps=(source,))
    why = why_not(model, ((source, Exported(engine, (), ())),))
    assert (why is None) if wanted is None else (why is not None and wanted in why)


NUMBERS = st.floats(-1e6, 1e6, allow_nan=False)
WIDTHS = {"age": 1, "price": 1, "shape": 3}


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.permutations(list(WIDTHS)), st.data())
def test_columns_taken_apart_have_the_same_bits(of: list[str], data: st.DataObject) -> None:
    width = sum(WIDTHS.values())
    options: dict[str, Any] = {}
    if data.draw(st.booleans()):
        options["clip"] = [-10.0, 1000.0]
    if data.draw(st.booleans()):
        options["mean"] = data.draw(st.lists(NUMBERS, min_size=width, max_size=width) | NUMBERS)
    if data.draw(st.booleans()):
        options["std"] = data.draw(st.lists(st.floats(0.01, 1e3), min_size=width, max_size=width))
    values = {name: data.draw(st.lists(NUMBERS, min_size=WIDTHS[name], max_size=WIDTHS[name])) for name in of}
    spec = FeatureSpec({name: INPUTS[name] for name in of}, {"whole": Feature("dense", tuple(of), options)})
    user = {"age": values["age"][0]}
    items = {"price": [values["price"][0]] * 2, "shape": [values["shape"]] * 2}
    whole = FeaturePlan.compile(spec, Path(), {}).assemble(user, {}, items).tensors["whole"]
    start = 0
    for name in of:
        columns = tuple(range(start, start + WIDTHS[name]))
        part = FeatureSpec(spec.inputs, {"part": columns_of(spec, "whole", columns)})
        assert part.features["part"].of == (name,)
        found = FeaturePlan.compile(part, Path(), {}).assemble(user, {}, items).tensors["part"]
        np.testing.assert_array_equal(np.broadcast_to(found, (2, len(columns))), whole[:, list(columns)])
        start += WIDTHS[name]
