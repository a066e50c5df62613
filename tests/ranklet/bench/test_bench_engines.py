"""The bench of engines: absent libraries are told, equal scores come before times, and rows are named as promised."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from ranklet.bench import engines
from ranklet.bench.base import ABSENT, Setting
from ranklet.bench.engines import arrays, peers, trees
from ranklet.bench.engines.peer_models import MODELS
from ranklet.errors import BenchError

WIDTH = 4


def stump(threshold: float) -> dict[str, object]:
    """A tree of XGBoost's JSON: one split of the first feature."""
    return {
        "base_weights": [0, 0, 0], "categories": [], "categories_nodes": [], "categories_segments": [],
        "categories_sizes": [], "default_left": [1, 0, 0], "id": 0, "left_children": [1, -1, -1],
        "loss_changes": [0, 0, 0], "parents": [2147483647, 0, 0], "right_children": [2, -1, -1],
        "split_conditions": [threshold, -0.5, 0.5], "split_indices": [0, 0, 0], "split_type": [0, 0, 0],
        "sum_hessian": [1, 1, 1],
        "tree_param": {"num_deleted": "0", "num_feature": str(WIDTH), "num_nodes": "3", "size_leaf_vector": "1"},
    }  # fmt: skip


class Library:
    """An XGBoost that needs no XGBoost. off: added to what it predicts."""

    name, ways = "xgboost 0", ("predict", "inplace")

    def __init__(self, folder: Path, rows: dict[str, Path], off: float = 0.0) -> None:
        self.file, self._rows, self._off = folder / "xgboost.json", rows, off
        learner = {
            "attributes": {},
            "feature_names": [],
            "feature_types": [],
            "gradient_booster": {
                "model": {
                    "cats": {"enc": [], "feature_segments": [], "sorted_idx": []},
                    "gbtree_model_param": {"num_parallel_tree": "1", "num_trees": "2"},
                    "iteration_indptr": [0, 1, 2],
                    "tree_info": [0, 0],
                    "trees": [stump(0.0), {**stump(1.0), "id": 1}],
                },
                "name": "gbtree",
            },
            "learner_model_param": {
                "base_score": "[0E0]", "boost_from_average": "1", "num_class": "0", "num_feature": str(WIDTH),
                "num_target": "1",
            },
            "objective": {"name": "reg:squarederror", "reg_loss_param": {"scale_pos_weight": "1"}},
        }  # fmt: skip
        self.file.write_text(json.dumps({"learner": learner, "version": [3, 0, 0]}))

    def answer(self, way: str, kind: str, n: int) -> object:
        first = np.load(self._rows[kind])[:n, 0]
        return np.where(first < 0, -0.5, 0.5) + np.where(first < 1, -0.5, 0.5) + self._off

    def sample(self, way: str, kind: str, n: int) -> object:
        return lambda turn: 1.0


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, float]:
    """The one library there is; `off` in the answer makes it wrong."""
    wrong = {"off": 0.0}

    @contextmanager
    def running(model: str, rows: dict[str, Path], setting: Setting) -> Iterator[Library | None]:
        yield Library(tmp_path, rows, wrong["off"]) if model == "xgboost" else None

    monkeypatch.setattr(peers, "running", running)
    monkeypatch.setattr(trees, "WIDTH", WIDTH)
    monkeypatch.setattr(trees, "MOST", 50)
    monkeypatch.setattr(trees, "QUICK", (20,))
    return wrong


def test_figures_name_the_engine_that_ships_and_the_peer(library: dict[str, float], tmp_path: Path) -> None:
    found = trees.measure(Setting(tmp_path, quick=True), lambda _: None)
    rows = {row.figure: row for row in found.rows}
    ratios = {name for name, row in rows.items() if row.unit == "ratio" and row.peer not in (ABSENT, "onnx")}
    assert ratios == {
        "onnx-vs-xgboost",
        "onnx-vs-xgboost-inplace",
        "onnx-one-user-vs-xgboost",
        "onnx-one-user-vs-xgboost-inplace",
    }
    assert all(rows[name].peer == "xgboost 0" and rows[name].n == 20 for name in ratios)
    assert rows["xgboost-import-seconds"].unit == "s" and rows["onnx-xgboost-us"].unit == "µs"
    assert rows["engine-vs-lightgbm"].value is None and rows["engine-vs-lightgbm"].peer == ABSENT
    assert len(found.controls) == 1


def test_wrong_scores_are_not_timed(library: dict[str, float], tmp_path: Path) -> None:
    library["off"] = 1e-3
    with pytest.raises(BenchError, match=r"xgboost, rows: scores differ by 0.001 from predict; nothing was timed"):
        trees.measure(Setting(tmp_path, quick=True), lambda _: None)


def test_every_model_has_a_library_and_a_format() -> None:
    assert set(MODELS) == set(peers.MODULES) == set(trees.FORMATS)


def test_a_library_is_absent_where_no_environment_has_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers, "MODULES", {"some": ("a_library_that_nobody_has",)})
    with peers.running("some", {}, Setting(tmp_path)) as peer:
        assert peer is None


def test_a_peer_trains_predicts_and_times_itself(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).standard_normal((8, 200)).astype(np.float32)
    np.save(tmp_path / "rows.npy", rows)
    kinds = {"rows": tmp_path / "rows.npy"}
    with engines.one_thread(), peers.running("logistic-regression", kinds, Setting(tmp_path)) as peer:
        assert peer is not None and peer.name.startswith("sklearn") and peer.file.exists()
        assert peer.answer("predict", "rows", 5).shape == (5,)
        assert peer.sample("predict", "rows", 8)(0) > 0


@pytest.mark.parametrize("name", arrays.MODELS)
def test_arrays_and_graph_are_one_model(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrays, "ROWS", 50)
    same = arrays.MODELS[name](np.random.default_rng(1))
    ours, graph = arrays._opened(name, same, tmp_path)
    for n in (1, 9):
        tensors = arrays._tensors(same, n)
        scores = ours.run(tensors)["s"]
        assert np.ptp(scores) > 0 or n == 1
        np.testing.assert_allclose(scores, graph.run(tensors)["s"], atol=arrays.TOLERANCE)


def test_one_thread_is_asked_for_and_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    with engines.one_thread():
        assert os.environ["OMP_NUM_THREADS"] == os.environ["OPENBLAS_NUM_THREADS"] == "1"
    assert os.environ["OMP_NUM_THREADS"] == "7" and "OPENBLAS_NUM_THREADS" not in os.environ
