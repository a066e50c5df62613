"""What the tables say of a user is what the demo holds the answers to."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from ranklet.certificate import Certificate
from ranklet.demo import vectors
from ranklet.pipeline import Built
from ranklet_features.spec import Feature, FeatureSpec, Input, Table
from ranklet_runtime.manifest import Manifest, Step

USERS = Table("users", "ranklet-users-1", "1", "int", 2, 2, placement="dynamodb")
NAMES = Table("names", "ranklet-names-1", "1", "string", 1, 2, placement="resident")
STORED = {"vector": "by_id", "bias": "by_name"}


def _built(folder: Path, stored: dict[str, str]) -> Built:
    inputs = {"id": Input("user", "int"), "name": Input("user", "string"), "age": Input("user", "int")}
    features = {
        "by_id": Feature("embedding", ("id",), {"table": "users"}),
        "by_name": Feature("embedding", ("name",), {"table": "names"}),
    }
    spec = FeatureSpec(inputs, features, {"users": USERS, "names": NAMES})
    step = Step("onnx", "user", {}, {name: name for name in stored}, stored=stored)
    manifest = Manifest("m", "1", spec, (step,), "score")
    return Built("m", folder / "bundle", manifest, Certificate("", 1, 1e-5, {}), {}, 0)


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    """Users 7 and 9 staged for DynamoDB, "a" and "b" in the bundle."""
    (tmp_path / "tables" / "ranklet-users-1").mkdir(parents=True)
    np.save(tmp_path / "tables" / "ranklet-users-1" / "keys.npy", np.array([7, 9]))
    (tmp_path / "bundle" / "tables").mkdir(parents=True)
    (tmp_path / "bundle" / "tables" / "names.keys.json").write_bytes(orjson.dumps(["a", "b"]))
    return tmp_path / "tables"


@pytest.mark.parametrize(
    ("user", "way"),
    [
        ({"id": 7, "name": "b"}, "stored"),
        ({"id": 8, "name": "b"}, "online"),
        ({"id": 7, "name": "c"}, "online"),
    ],
)
def test_a_user_is_stored_where_every_table_has_a_row(tables: Path, user: dict[str, Any], way: str) -> None:
    assert vectors.way(_built(tables.parent, STORED), user, tables) == way


def test_a_model_that_stores_nobody_has_no_word_for_it(tables: Path) -> None:
    assert vectors.way(_built(tables.parent, {}), {}, tables) is None


def test_a_bare_request_keeps_the_keys_alone(tables: Path) -> None:
    manifest = _built(tables.parent, STORED).manifest
    request = {"user": {"id": 7, "age": 3, "name": "a"}, "items": {"x": [1]}, "top_k": 2}
    assert vectors.bare(manifest, request) == {**request, "user": {"id": 7, "name": "a"}}
    one = replace(manifest, steps=(replace(manifest.steps[0], stored={"vector": "by_id"}),))
    assert vectors.bare(one, request)["user"] == {"id": 7}
