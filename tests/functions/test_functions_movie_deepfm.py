"""movie-deepfm: the exported graph is the network that the trainer scored, by the definition in the paper."""

from __future__ import annotations

import subprocess
import sys
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest

from ranklet import golden, model
from ranklet.demo import training
from ranklet.demo.movielens import MovieLens
from ranklet_features import FeaturePlan, FeatureSpec

IDS = {"user": 944, "age_group": 10, "sex": 3, "job": 22, "hour": 24, "weekday": 7, "film": 1683}


@pytest.fixture(scope="module")
def folder(root: Path) -> Path:
    return root / "functions" / "movie-deepfm"


@pytest.fixture(scope="module")
def plan(folder: Path) -> FeaturePlan:
    described = model.load(folder)
    return FeaturePlan.compile(FeatureSpec(described.inputs, described.features), folder, {})


@pytest.fixture(scope="module")
def session(folder: Path) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(folder / "export" / "deepfm.onnx")


@pytest.fixture(scope="module")
def weights(folder: Path) -> dict[str, np.ndarray]:
    graph = onnx.load(folder / "export" / "deepfm.onnx").graph
    return {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}


@pytest.fixture(scope="module")
def rank(plan: FeaturePlan, session):
    """A native request → the graph's scores."""

    def call(user: dict[str, Any], films: list[int], timestamp: int = 890_000_000) -> np.ndarray:
        tensors = plan.assemble(user, {"timestamp": timestamp}, {"movie_id": films}).tensors
        feeds = {name: np.broadcast_to(tensors[name], len(films)) for name in IDS}
        return session.run(None, feeds)[0]

    return call


def test_the_graph_takes_any_number_of_rows_and_tells_nothing_of_its_origin(folder: Path, session) -> None:
    graph = onnx.load(folder / "export" / "deepfm.onnx")
    assert {declared.name: declared.shape for declared in session.get_inputs()} == {name: ["rows"] for name in IDS}
    assert [output.name for output in session.get_outputs()] == ["score"]
    assert not any(tensor.external_data for tensor in graph.graph.initializer)
    assert not any(node.metadata_props or node.doc_string for node in graph.graph.node)


def test_every_id_of_model_toml_has_a_row(plan: FeaturePlan, weights) -> None:
    assert {name: plan.ids[name] for name in IDS} == IDS
    for name, rows in IDS.items():
        assert weights[f"vectors.{name}.weight"].shape == (rows, 16)
        assert weights[f"weights.{name}.weight"].shape == (rows, 1)


def test_facts_in_the_graph_are_the_catalogues(weights, films: MovieLens) -> None:
    names = sorted({genre for film in films.items.values() for genre in film.genres})
    for number, film in films.items.items():
        assert {names[place] for place in np.flatnonzero(weights["genres"][number])} == set(film.genres)
        assert weights["genres"][number].sum() == pytest.approx(1)
    periods = weights["periods"].argmax(axis=1)
    assert weights["periods"].sum(axis=1).tolist() == [1] * 1683
    order = sorted(films.items, key=lambda number: films.items[number].year or 0)
    assert (np.diff(periods[order]) >= 0).all()
    assert weights["genres"][0].tolist() == [0] * 19


def test_the_graph_holds_the_golden_scores(folder: Path, plan: FeaturePlan, weights) -> None:
    """Computed here in 64 bits, pair by pair as the paper defines it, by neither torch nor an engine."""
    wide = {name: value.astype(np.float64) for name, value in weights.items()}
    for row in golden.read(folder / "golden.jsonl"):
        frame = training.columns({"user": row.user, "context": row.context, "items": row.items})
        ids = {name: plan.assemble_columns(frame).tensors[name] for name in IDS}
        np.testing.assert_allclose(row.scores, _score(wide, ids), atol=1e-5)


def _score(weights: dict[str, np.ndarray], ids: dict[str, np.ndarray]) -> np.ndarray:
    film = ids["film"]

    def fields(table: str) -> list[np.ndarray]:
        found = [weights[f"{table}.{name}.weight"][ids[name]] for name in IDS]
        found.append(weights["genres"][film] @ weights[f"{table}.genre.weight"])
        return [*found, weights["periods"][film] @ weights[f"{table}.period.weight"]]

    vectors = fields("vectors")
    deep = np.concatenate(vectors, axis=1)
    for layer in (0, 3, 5):
        deep = np.maximum(deep, 0) if layer else deep
        deep = deep @ weights[f"net.{layer}.weight"].T + weights[f"net.{layer}.bias"]
    logit = weights["prior"][film, 0] + sum(fields("weights"))[:, 0] + deep[:, 0]
    logit += sum((one * other).sum(axis=1) for one, other in combinations(vectors, 2))
    return 1 / (1 + np.exp(-logit))


def test_network_scores_as_the_exported_graph_does(module, session, weights, films: MovieLens) -> None:
    torch = pytest.importorskip("torch", reason="training needs torch")
    pytest.importorskip("onnxscript", reason="exporting needs onnxscript")
    facts = module("movie-deepfm", "train").facts(films, training.in_time(films.ratings), past=90_000)
    net = module("movie-deepfm", "deepfm").DeepFM(facts, dim=16, hidden=64, dropout=0.5).eval()
    for name in ("genres", "periods", "prior"):
        np.testing.assert_array_equal(getattr(net, name).numpy(), weights[name])
    net.load_state_dict({name: torch.from_numpy(weights[name].copy()) for name in net.state_dict()})
    rng = np.random.default_rng(0)
    feeds = {name: rng.integers(0, rows, 200) for name, rows in IDS.items()}
    with torch.no_grad():
        expected = net(*(torch.from_numpy(feed) for feed in feeds.values())).numpy()
    np.testing.assert_allclose(session.run(None, feeds)[0], expected, atol=1e-5)


def test_a_new_user_is_one_without_an_id(rank) -> None:
    profile = {"age": 24, "gender": "F", "occupation": "student"}
    films = list(range(1, 200))
    np.testing.assert_array_equal(rank({"user_id": 10**7, **profile}, films), rank(profile, films))
    assert np.isfinite(rank({}, films)).all()


def test_a_film_scores_the_same_in_any_company(rank) -> None:
    user = {"user_id": 250, "age": 34, "gender": "M", "occupation": "engineer"}
    together = rank(user, [50, 313, 64, 10**7, 0])
    np.testing.assert_allclose(together, [rank(user, [film])[0] for film in (50, 313, 64, 10**7, 0)], atol=1e-6)
    assert together[3] == together[4]


def test_profile_and_user_move_the_ranking(rank) -> None:
    films = list(range(1, 1683))
    child, retired = ({"age": age, "occupation": job} for age, job in ((10, "student"), (65, "retired")))
    orders = [np.argsort(-rank(user, films))[:100].tolist() for user in (child, retired, {"user_id": 405, **child})]
    assert len({tuple(order) for order in orders}) == 3
    assert len(set(orders[0]) & set(orders[1])) < 100


@pytest.mark.slow
def test_training_again_gives_the_checked_in_figures(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="training needs torch")
    subprocess.run([sys.executable, folder / "train.py", "--out", tmp_path], check=True, timeout=1800)
    ours, again = (training.read_figures(at / "README.md") for at in (folder, tmp_path))
    assert ours.keys() == again.keys()
    for what in ours:
        if "AUC" in what:
            assert float(again[what]) == pytest.approx(float(ours[what]), abs=0.005)
