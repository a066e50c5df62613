"""Stored rows that cannot stand in for what a step computes are refused when a model is built, both ends named."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from ranklet import fit, standins
from ranklet.compose import document
from ranklet.errors import ModelError
from ranklet.golden import Golden
from ranklet.importers.base import Exported, TensorSpec
from ranklet.model import StepSource
from ranklet.tables.pin import Pinned
from ranklet.tables.source import Vectors
from ranklet_features.spec import Feature, FeatureSpec, Input, Table
from ranklet_runtime.manifest import Manifest, Step

INPUTS = {
    "id": Input("user", "int"),
    "age": Input("user", "float"),
    "seen": Input("user", "int", list=True),
    "device": Input("context", "int"),
    "film": Input("item", "int"),
}
FEATURES = {
    "age": Feature("dense", ("age",)),
    "stored": Feature("embedding", ("id",), {"table": "users"}),
    "by_device": Feature("embedding", ("device",), {"table": "users"}),
    "by_film": Feature("embedding", ("film",), {"table": "users"}),
    "of_list": Feature("embedding", ("seen",), {"table": "users", "pool": "sum"}),
    "movie": Feature("embedding", ("film",), {"table": "films"}),
}
TABLES = {name: Table(name, f"ranklet-{name}-1", "1", "int", 3, 5) for name in ("users", "films")}
VECTOR, NORM = TensorSpec("vector", "float32", (None, 3)), TensorSpec("norm", "float32", (None,))
PAIR = {"vector": "stored"}


def _check(
    folder: Path,
    stored: Mapping[str, str] = PAIR,
    *,
    outputs: tuple[TensorSpec, ...] = (VECTOR,),
    rows: Any = "user",
    features: tuple[str, ...] = ("age", "stored", "movie"),
    dim: int = 3,
    head: Mapping[str, str] | None = None,
    **policies: str,
) -> None:
    """Check a tower that makes `outputs` and a dot product of its vector and the film's."""
    users: Any = {"dim": dim, **policies}
    names = {spec.name: spec.name for spec in outputs}
    tower = Step("onnx", rows, {"age": "age"}, names, "tower.onnx", stored=stored)
    dot = Step("dot", "item", head or {"user": "vector", "item": "movie"}, {"score": "score"})
    spec = FeatureSpec(
        INPUTS,
        {name: feature for name, feature in FEATURES.items() if name in {*features, *stored.values()}},
        {**TABLES, "users": replace(TABLES["users"], **users)},
    )
    wants = tuple(TensorSpec(name, "float32", None) for name in dot.inputs)
    exported = [
        Exported("onnx", (TensorSpec("age", "float32", (None, 1)),), outputs),
        Exported("dot", wants, (TensorSpec("score", "float32", (None,)),)),
    ]
    fit.check(Manifest("m", "1", spec, (tower, dot), "score"), exported, folder)


@pytest.mark.parametrize(
    ("stored", "outputs"),
    [
        (PAIR, (VECTOR,)),
        ({"vector": "by_device"}, (VECTOR,)),
        (PAIR, (TensorSpec("vector", "float32", (None, None)),)),
        (PAIR, (TensorSpec("vector", None, None),)),
    ],
)
def test_what_fits_is_let_through(tmp_path: Path, stored: dict[str, str], outputs: tuple[TensorSpec, ...]) -> None:
    _check(tmp_path, stored, outputs=outputs)


def test_one_number_a_user_may_stand_alone(tmp_path: Path) -> None:
    _check(tmp_path, outputs=(TensorSpec("vector", "float32", (None,)),), dim=1)


def test_a_policy_of_error_for_a_table_that_is_down_is_let_through(tmp_path: Path) -> None:
    _check(tmp_path, unavailable="error")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rows": "item"}, 'steps[0] has stored, but rows = "item"'),
        ({"stored": {"vektor": "stored"}}, "steps[0].stored names ['vektor']; the step makes ['vector']"),
        ({"outputs": (VECTOR, NORM)}, "steps[0].stored leaves out ['norm']"),
        ({"stored": {"vector": "nobody"}}, "steps[0]: 'vector' is stored as 'nobody', which is no feature"),
        ({"stored": {"vector": "age"}}, "'vector' is stored as the feature 'age' (dense of age)"),
        ({"stored": {"vector": "by_film"}}, "'vector' is stored as the feature 'by_film' (embedding of film)"),
        ({"stored": {"vector": "of_list"}}, "'vector' is stored as the feature 'of_list' (embedding of seen)"),
        ({"dim": 4}, "'vector' is [rows, [3]], rows of the table 'users', by which 'stored' stands in for it, have 4"),
        ({"outputs": (TensorSpec("vector", "float32", (None, 3, 1)),)}, "'vector' is [rows, [3, 1]]"),
        ({"outputs": (TensorSpec("vector", "float64", (None, 3)),)}, "'vector' is float64, rows of the table 'users'"),
        ({"head": {"user": "stored", "item": "movie"}}, "in the place of a tensor, and feeds steps[1] as well"),
        ({"missing": "error"}, "[tables.users] missing = 'error': what this table lacks is computed by a step"),
        ({"unavailable": "mean", "default": (0.0,) * 3}, "[tables.users] unavailable = 'mean'"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=re.escape(message)) as raised:
        _check(tmp_path, **change)
    assert str(raised.value).startswith("m/model.toml: ")


def test_a_table_that_plain_features_read_too_keeps_its_policies(tmp_path: Path) -> None:
    features = ("age", "stored", "movie", "by_film")
    _check(tmp_path, features=features, missing="error")


def test_a_found_tensor_that_is_there_already_is_named(tmp_path: Path) -> None:
    taken = Feature("dense", ("age",))
    spec = FeatureSpec(INPUTS, {**FEATURES, "stored_found": taken}, TABLES)
    tower = Step("onnx", "user", {"age": "age"}, {"vector": "vector"}, "tower.onnx", stored=PAIR)
    exported = [Exported("onnx", (TensorSpec("age", "float32", (None, 1)),), (VECTOR,))]
    with pytest.raises(ModelError, match="its tensor 'stored_found' is there already"):
        fit.check(Manifest("m", "1", spec, (tower,), "vector"), exported, tmp_path)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ([{"id": 4}, {"id": 5}], ()),
        ([{"id": 4}, {}], ()),
        ([{"id": 5}, {"id": 6}], ("steps[0]: no golden row is of a user with stored rows",)),
        ([{"id": 3}, {"id": 4}], ("steps[0]: no golden row is of a user without stored rows",)),
        ([{}], ("steps[0]: no golden row is of a user with stored rows",)),
    ],
)
def test_a_way_that_no_golden_row_takes_is_noted(asked: list[dict[str, int]], said: tuple[str, ...]) -> None:
    inputs = {**INPUTS, "id": Input("user", "int", default=0)}
    tower = Step("onnx", "user", {"age": "age"}, {"vector": "vector"}, "tower.onnx", stored=PAIR)
    plain = Step("dot", "item", {"user": "vector", "item": "movie"}, {"score": "score"})
    manifest = Manifest("m", "1", FeatureSpec(inputs, FEATURES, TABLES), (tower, plain), "score")
    users = Pinned(TABLES["users"], Vectors(np.array([3, 4]), np.ones((2, 3), np.float32)), "")
    found = standins.notes(manifest, [users], [Golden(user, {}, {}, ()) for user in asked])
    assert len(found) == len(said)
    assert all(note.startswith(start) for note, start in zip(found, said, strict=True))


def test_the_manifest_carries_what_model_toml_says(tmp_path: Path) -> None:
    source = msgspec.convert({"format": "onnx", "rows": "user", "stored": PAIR}, StepSource)
    assert source.stored == PAIR
    tower = Step("onnx", "user", {"age": "age"}, {"vector": "vector"}, "tower.onnx", stored=source.stored)
    manifest = Manifest("m", "1", FeatureSpec(INPUTS, FEATURES, TABLES), (tower,), "vector")
    (tmp_path / "manifest.json").write_bytes(document(manifest))
    again = Manifest.read(tmp_path / "manifest.json")
    assert again == manifest
    assert again.stored == {"stored"}
