"""Users whose vector was computed beforehand and users whose tower runs, in one request path.

The model: tower(a) = vector [a, 2a] and bias 10a; score = <vector, x> + bias. Stored rows say other numbers than the
tower would, so that every score tells where its user came from. `expected` is the definition in plain Python.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from runtime_kit import Context, event, json_of

from ranklet_features.errors import SpecError, StoreUnavailable
from ranklet_features.plan import FeaturePlan
from ranklet_features.spec import Table
from ranklet_features.stores.base import FOUND, MISSING, UNAVAILABLE, Keys, Rows
from ranklet_runtime.engines import open_engine
from ranklet_runtime.engines.base import Engine
from ranklet_runtime.errors import ManifestError
from ranklet_runtime.function import Function
from ranklet_runtime.manifest import Manifest, from_document
from ranklet_runtime.messages import RankRequest
from ranklet_runtime.scorer import Scorer
from ranklet_runtime.stored import StoredFirst
from ranklet_runtime.telemetry import Telemetry

VECTORS = {7: (100.0, -50.0), 8: (0.0, 1000.0), 9: (-3.0, 4.0)}
BIASES = {7: (0.5,), 8: (-8.0,), 11: (77.0,)}
"""7 and 8 have both rows; 9 has only a vector, 11 only a bias: both are computed whole."""

ITEMS = [[1.0, 0.0], [0.0, 1.0], [2.0, -3.0]]


class Store:
    """A table in a dict. down: keys that cannot be read, None for all of them."""

    def __init__(self, table: Table, rows: Mapping[int, tuple[float, ...]]) -> None:
        self.table, self._rows = table, rows
        self.down: frozenset[int] | None = frozenset()
        self.asked: list[list[int]] = []

    def rows(self, keys: Keys, *, deadline: float | None = None) -> Rows:
        names = np.asarray(keys).tolist()
        self.asked.append(names)
        values = np.zeros((len(names), self.table.dim), np.float32)
        status = np.full(len(names), MISSING, np.uint8)
        for place, key in enumerate(names):
            if self.down is None or key in self.down:
                status[place] = UNAVAILABLE
            elif key in self._rows:
                values[place], status[place] = self._rows[key], FOUND
        return Rows(values, status)

    def close(self) -> None:
        """Nothing to give back."""


class Counted:
    """An engine that notes of how many users it was asked."""

    def __init__(self, engine: Engine) -> None:
        self._engine, self.rows = engine, list[int]()

    @classmethod
    def open(cls, step: Any, folder: Path, *, threads: int) -> Counted:
        raise NotImplementedError

    def run(self, tensors: Mapping[str, Any]) -> dict[str, Any]:
        self.rows.append(len(tensors["a"]))
        return self._engine.run(tensors)


class Served:
    """The model behind its handler, with its stores and the tower in reach."""

    def __init__(self, folder: Path, **changes: Any) -> None:
        self.manifest = manifest(**changes)
        _tower(folder / "tower.onnx")
        tables = self.manifest.spec.tables
        self.vectors, self.biases = Store(tables["vectors"], VECTORS), Store(tables["biases"], BIASES)
        stores = {"vectors": self.vectors, "biases": self.biases}
        tower, head = self.manifest.steps
        plan = FeaturePlan.compile(self.manifest.spec, folder, stores, stored=self.manifest.stored)
        self.tower = Counted(open_engine(_plain(self.manifest), folder, threads=1))
        engines = (StoredFirst(tower, self.tower), open_engine(head, folder, threads=1))
        self.function = Function(self.manifest, Scorer(self.manifest, plan, engines, stores), Telemetry("m", "1"))

    def rank(self, user: Mapping[str, Any], items: list[list[float]] = ITEMS) -> dict[str, Any]:
        body = json.dumps({"user": user, "items": {"x": items}})
        answer = self.function(event("/v1/models/m:rank", body, content_type="application/json"), Context())
        return {"status": answer["statusCode"], **json_of(answer)}

    def predict(self, rows: list[dict[str, Any]]) -> tuple[int, Any, str | None]:
        answer = self.function(event("/v1/models/m:predict", json.dumps({"instances": rows})), Context())
        document = json_of(answer)
        return answer["statusCode"], document.get("predictions", document), answer["headers"].get("x-ranklet-degraded")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Served:
    return Served(tmp_path_factory.mktemp("stored"))


@pytest.fixture
def served(shared: Served) -> Served:
    """As nobody has called it yet."""
    shared.tower.rows.clear()
    for store in (shared.vectors, shared.biases):
        store.down = frozenset()
        store.asked.clear()
    return shared


def manifest(placement: str = "dynamodb", stored: Mapping[str, str] | None = None, **table: Any) -> Manifest:
    """The model's manifest; `table` changes both tables."""
    known = {"version": "1", "key": "int", "rows": 3, "placement": placement, "cache_entries": 1, **table}
    names = {"vector": "stored_vector", "bias": "stored_bias"}
    return from_document(
        {
            "format": 1,
            "model": "m",
            "version": "1",
            "inputs": {
                "user_id": {"side": "user", "type": "int", "default": 0},
                "a": {"side": "user", "default": 1.0},
                "x": {"side": "item", "length": 2},
            },
            "features": {
                "a": {"kind": "dense", "of": ["a"]},
                "x": {"kind": "dense", "of": ["x"]},
                "stored_vector": {"kind": "embedding", "of": ["user_id"], "options": {"table": "vectors"}},
                "stored_bias": {"kind": "embedding", "of": ["user_id"], "options": {"table": "biases"}},
            },
            "tables": {
                "vectors": {"name": "vectors", "physical": "ranklet-vectors-1", "dim": 2, **known},
                "biases": {"name": "biases", "physical": "ranklet-biases-1", "dim": 1, **known},
            },
            "steps": [
                {
                    "engine": "onnx",
                    "rows": "user",
                    "inputs": {"a": "a"},
                    "outputs": {"vector": "vector", "bias": "bias"},
                    "artefact": "tower.onnx",
                    "stored": names if stored is None else stored,
                },
                {
                    "engine": "dot",
                    "rows": "item",
                    "inputs": {"user": "vector", "item": "x", "user_bias": "bias"},
                    "outputs": {"score": "score"},
                },
            ],
            "score": "score",
            "dialects": ["native", "tfserving"],
            "limits": {"items": 2000},
            "threads": 1,
        }
    )


def _plain(given: Manifest) -> Any:
    """The tower's step as if nothing were stored."""
    return dataclasses.replace(given.steps[0], stored={})


def _tower(path: Path) -> None:
    from onnx import TensorProto, helper, save

    value, tensor = helper.make_tensor_value_info, helper.make_tensor
    nodes = [helper.make_node("MatMul", ["a", name[0]], [name]) for name in ("vector", "bias")]
    weights = [tensor("v", TensorProto.FLOAT, [1, 2], [1.0, 2.0]), tensor("b", TensorProto.FLOAT, [1, 1], [10.0])]
    outputs = [value("vector", TensorProto.FLOAT, ["n", 2]), value("bias", TensorProto.FLOAT, ["n", 1])]
    graph = helper.make_graph(nodes, "tower", [value("a", TensorProto.FLOAT, ["n", 1])], outputs, weights)
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)


def expected(user_id: int, a: float, x: list[float], down: frozenset[int] | None = frozenset()) -> float:
    """The score by the model's definition."""
    readable = down is not None and user_id not in down
    if readable and user_id in VECTORS and user_id in BIASES:
        vector, (bias,) = VECTORS[user_id], BIASES[user_id]
    else:
        vector, bias = (a, 2 * a), 10 * a
    return vector[0] * x[0] + vector[1] * x[1] + bias


def _scores(user_id: int, a: float) -> list[float]:
    return [expected(user_id, a, x) for x in ITEMS]


@pytest.mark.parametrize("user_id", [7, 8])
def test_a_stored_user_is_scored_by_its_rows_and_the_tower_does_not_run(served: Served, user_id: int) -> None:
    assert served.rank({"user_id": user_id, "a": 3.0}) == {"status": 200, "scores": _scores(user_id, 3.0)}
    assert served.tower.rows == []


@pytest.mark.parametrize("user_id", [0, 9, 11, -1, 2**62])
def test_a_user_without_all_rows_is_computed_and_that_is_no_degradation(served: Served, user_id: int) -> None:
    answer = served.rank({"user_id": user_id, "a": 3.0})
    assert answer == {"status": 200, "scores": [3.0 + 30, 6.0 + 30, 6.0 - 18 + 30]}
    assert served.tower.rows == [1]


def test_a_user_without_an_id_is_computed(served: Served) -> None:
    assert served.rank({"a": 2.0}) == {"status": 200, "scores": _scores(0, 2.0)}


@pytest.mark.parametrize("down", [None, frozenset({7})])
def test_a_table_that_is_down_is_computed_around_and_counted(served: Served, down: frozenset[int] | None) -> None:
    served.vectors.down = down
    answer = served.rank({"user_id": 7, "a": 3.0})
    assert answer == {
        "status": 200,
        "scores": [expected(7, 3.0, x, frozenset({7})) for x in ITEMS],
        "degraded": {"unavailable_rows:vectors": 1},
    }
    assert served.tower.rows == [1]


def test_both_tables_are_counted_by_name(served: Served) -> None:
    served.vectors.down = served.biases.down = None
    assert served.rank({"user_id": 7})["degraded"] == {"unavailable_rows:vectors": 1, "unavailable_rows:biases": 1}


def test_where_the_policy_is_error_a_table_that_is_down_is_503(tmp_path: Path) -> None:
    served = Served(tmp_path, unavailable="error")
    served.biases.down = None
    body = json.dumps({"user": {"user_id": 7}, "items": {"x": ITEMS}})
    answer = served.function(event("/v1/models/m:rank", body, content_type="application/json"), Context())
    assert answer["statusCode"] == 503
    assert answer["headers"]["retry-after"]
    assert served.tower.rows == []
    assert served.rank({"user_id": 7})["status"] == 503
    served.biases.down = frozenset()
    assert served.rank({"user_id": 7})["scores"] == _scores(7, 1.0)
    assert served.rank({"user_id": 404})["scores"] == _scores(404, 1.0)


def test_no_candidates_are_no_scores(served: Served) -> None:
    assert served.rank({"user_id": 7}, []) == {"status": 200, "scores": []}
    assert served.tower.rows == []


def test_rows_of_several_users_are_each_right_and_the_tower_runs_for_some(served: Served) -> None:
    users = [(7, 1.0), (404, 2.0), (8, 3.0), (404, 4.0), (9, 5.0), (7, 6.0)]
    rows = [{"user_id": key, "a": a, "x": ITEMS[i % 3]} for i, (key, a) in enumerate(users)]
    status, scores, degraded = served.predict(rows)
    assert (status, degraded) == (200, None)
    assert scores == [expected(row["user_id"], row["a"], row["x"]) for row in rows]
    assert served.tower.rows == [3]
    assert all(sorted(keys) == [7, 8, 9, 404] for keys in served.vectors.asked + served.biases.asked)


def test_rows_of_stored_users_alone_spare_the_tower(served: Served) -> None:
    rows = [{"user_id": key, "a": 1.0, "x": ITEMS[0]} for key in (7, 8, 7)]
    assert served.predict(rows)[1] == [expected(row["user_id"], 1.0, ITEMS[0]) for row in rows]
    assert served.tower.rows == []


def test_rows_that_cannot_be_read_are_counted_row_by_row(served: Served) -> None:
    served.vectors.down = frozenset({8})
    rows = [{"user_id": key, "a": 2.0, "x": ITEMS[1]} for key in (7, 8, 404, 8)]
    status, scores, degraded = served.predict(rows)
    assert (status, degraded) == (200, "unavailable_rows:vectors=2")
    assert scores == [expected(row["user_id"], 2.0, ITEMS[1], frozenset({8})) for row in rows]


def test_one_value_of_the_towers_inputs_for_all_rows(served: Served) -> None:
    """TF Serving's column form: `a` once, users that differ."""
    inputs = {"user_id": [7, 404, 8], "a": [2.0], "x": ITEMS}
    answer = served.function(event("/v1/models/m:predict", json.dumps({"inputs": inputs})), Context())
    found = json_of(answer)["outputs"]
    assert found == [expected(key, 2.0, x) for key, x in zip(inputs["user_id"], ITEMS, strict=True)]


small = st.integers(-8, 8).map(float)
row = st.tuples(st.sampled_from([0, 7, 8, 9, 11, 404]), small, st.tuples(small, small).map(list))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(row, min_size=1, max_size=12), down=st.none() | st.frozensets(st.sampled_from([7, 8, 404])))
def test_any_mixture_is_scored_row_by_row(shared: Served, rows: list[Any], down: frozenset[int] | None) -> None:
    """Whole numbers below 2 ** 24, so that float32 holds every sum exactly."""
    shared.vectors.down, shared.biases.down = down, frozenset()
    status, scores, _ = shared.predict([{"user_id": key, "a": a, "x": x} for key, a, x in rows])
    assert status == 200
    assert scores == [expected(key, a, x, down) for key, a, x in rows]


def test_what_is_kept_of_a_profile_is_never_a_row_that_was_stored(tmp_path: Path) -> None:
    """Users of one profile: kept answers are those of the tower, whoever asked first."""
    given = manifest(placement="resident")
    steps = (dataclasses.replace(given.steps[0], keep_seconds=60.0, keep_entries=10), given.steps[1])
    tables = {
        name: dataclasses.replace(given.spec.tables[name], rows=len(rows))
        for name, rows in (("vectors", VECTORS), ("biases", BIASES))
    }
    _tower(tmp_path / "tower.onnx")
    (tmp_path / "tables").mkdir()
    for name, rows in (("vectors", VECTORS), ("biases", BIASES)):
        np.save(tmp_path / "tables" / f"{name}.npy", np.array(list(rows.values()), np.float32))
        np.save(tmp_path / "tables" / f"{name}.keys.npy", np.array(list(rows)))
    kept = dataclasses.replace(given, steps=steps, spec=dataclasses.replace(given.spec, tables=tables))
    scorer = Scorer.open(kept, tmp_path, {})
    counts: list[Mapping[str, int]] = []
    for user_id in (7, 404, 8, 405, 9, 7):
        result = scorer.score(RankRequest({"user_id": user_id, "a": 3.0}, {}, {"x": ITEMS}))
        assert result.scores.tolist() == _scores(user_id, 3.0)
        counts.append(dict(result.counts))
    stored, computed = {"StoredUsers": 1}, {"StoredUsers": 0, "ComputedUsers": 1}
    miss, hit = {**computed, "UserCacheMisses": 1}, {**computed, "UserCacheHits": 1}
    assert counts == [stored, miss, stored, hit, hit, stored]


def test_users_are_counted_by_their_way(served: Served) -> None:
    rows = RankRequest({"user_id": [7, 404, 8], "a": [1.0, 2.0, 3.0]}, {}, {"x": ITEMS}, per_row=True)
    assert served.function.scorer.score(rows).counts == {"StoredUsers": 2, "ComputedUsers": 1}


def test_stored_rows_are_not_written_into(served: Served) -> None:
    """A store may give the same memory twice; what the tower makes goes elsewhere."""
    kept = Rows(np.array([[100, -50], [0, 0]], np.float32), np.array([FOUND, MISSING], np.uint8))

    class Same(Store):
        def rows(self, keys: Keys, *, deadline: float | None = None) -> Rows:
            return kept

    tables, folder = served.manifest.spec.tables, Path()
    stores = {"vectors": Same(tables["vectors"], {}), "biases": Store(tables["biases"], BIASES)}
    plan = FeaturePlan.compile(served.manifest.spec, folder, stores, stored=served.manifest.stored)
    scorer = Scorer(served.manifest, plan, served.function.scorer._engines, stores)
    result = scorer.score(RankRequest({"user_id": [7, 404], "a": [1.0, 2.0]}, {}, {"x": ITEMS[:2]}, per_row=True))
    assert result.scores.tolist() == [expected(7, 1.0, ITEMS[0]), expected(404, 2.0, ITEMS[1])]
    assert kept.values.tolist() == [[100, -50], [0, 0]]


@pytest.mark.parametrize(
    "stored",
    [{"vector": "stored_vector"}, {"vector": "stored_vector", "score": "stored_bias"}, {"other": "stored_vector"}],
)
def test_a_manifest_that_stores_some_outputs_only_is_refused(tmp_path: Path, stored: dict[str, str]) -> None:
    _tower(tmp_path / "tower.onnx")
    step = manifest(stored=stored).steps[0]
    with pytest.raises(ManifestError, match="all outputs of a user step are stored, or none"):
        StoredFirst(step, open_engine(step, tmp_path, threads=1))


@pytest.mark.parametrize(
    ("stored", "message"),
    [({"nothing"}, "no feature 'nothing'"), ({"a"}, "must be an embedding"), ({"x"}, "must be an embedding")],
)
def test_a_plan_refuses_what_is_no_row_of_the_user(stored: set[str], message: str) -> None:
    spec = manifest().spec
    stores = {name: Store(table, {}) for name, table in spec.tables.items()}
    with pytest.raises(SpecError, match=message):
        FeaturePlan.compile(spec, Path(), stores, stored=stored)


def test_a_table_may_serve_a_stored_user_and_a_plain_feature() -> None:
    """The plain feature keeps its defaults and its count; the stored one is not counted."""
    given = manifest(missing="row", default=(5.0, 5.0), placement="resident")
    features = {**given.spec.features, "same": given.spec.features["stored_vector"]}
    tables = {"vectors": given.spec.tables["vectors"]}
    features.pop("stored_bias")
    spec = dataclasses.replace(given.spec, features=features, tables=tables)
    store = Store(tables["vectors"], VECTORS)
    plan = FeaturePlan.compile(spec, Path(), {"vectors": store}, stored={"stored_vector"})
    made = plan.assemble({"user_id": 404}, {}, {"x": ITEMS})
    assert made.degraded == {"missing_rows:vectors": 1}
    assert made.tensors["same"].tolist() == [[5.0, 5.0]]
    assert made.tensors["stored_vector"].tolist() == [[0.0, 0.0]]
    assert made.tensors["stored_vector_found"].tolist() == [False]
    store.down = None
    both = plan.assemble({"user_id": 7}, {}, {"x": ITEMS})
    assert both.degraded == {"unavailable_rows:vectors": 2}


def test_a_plan_without_stored_features_makes_no_further_tensor() -> None:
    given = manifest()
    stores = {name: Store(table, {}) for name, table in given.spec.tables.items()}
    plan = FeaturePlan.compile(given.spec, Path(), stores)
    assert not [name for name in plan.signature if name.endswith("_found")]
    assert set(plan.assemble({}, {}, {"x": ITEMS}).tensors) == set(given.spec.features)


def test_error_policy_raises_before_any_score(tmp_path: Path) -> None:
    served = Served(tmp_path, unavailable="error")
    served.vectors.down = frozenset({8})
    rows = RankRequest({"user_id": [7, 8], "a": [1.0, 1.0]}, {}, {"x": ITEMS[:2]}, per_row=True)
    with pytest.raises(StoreUnavailable, match="'vectors'"):
        served.function.scorer.score(rows)
