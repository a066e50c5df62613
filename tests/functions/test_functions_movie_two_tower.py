"""movie-two-tower: no rating looks into its own future, the exported files are the towers that the trainer scored."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

from ranklet import golden, model
from ranklet.demo import training
from ranklet.demo.movielens import MovieLens
from ranklet_features import FeaturePlan, FeatureSpec


@pytest.fixture(scope="module")
def folder(root: Path) -> Path:
    return root / "functions" / "movie-two-tower"


@pytest.fixture(scope="module")
def plan(folder: Path) -> FeaturePlan:
    described = model.load(folder)
    online = {name: feature for name, feature in described.features.items() if feature.kind != "embedding"}
    return FeaturePlan.compile(FeatureSpec(described.inputs, online), folder, {})


@pytest.fixture(scope="module")
def session(folder: Path) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(folder / "export" / "user_tower.onnx")


def test_film_vectors_have_length_one_and_a_bias(folder: Path, films: MovieLens) -> None:
    vectors, keys = (np.load(folder / "export" / f"item_{what}.npy") for what in ("vectors", "keys"))
    assert keys.tolist() == sorted(films.items)
    assert vectors.dtype == np.float32
    assert vectors.shape == (1682, 33)
    np.testing.assert_allclose(np.linalg.norm(vectors[:, :-1], axis=1), 1, atol=1e-5)


def test_the_graph_takes_any_number_of_users_and_tells_nothing_of_its_origin(folder: Path, session) -> None:
    graph = onnx.load(folder / "export" / "user_tower.onnx")
    assert {declared.shape[0] for declared in session.get_inputs()} == {"rows"}
    assert [output.name for output in session.get_outputs()] == ["user_vector"]
    assert not any(tensor.external_data for tensor in graph.graph.initializer)
    assert not any(node.metadata_props or node.doc_string for node in graph.graph.node)


def test_the_exported_files_give_the_golden_scores(folder: Path, plan: FeaturePlan, session) -> None:
    """Computed here in 64 bits from the definition in towers.py, by neither torch nor an engine."""
    vectors = np.load(folder / "export" / "item_vectors.npy").astype(np.float64)
    temperature = model.load(folder).steps[1].options["temperature"]
    for row in golden.read(folder / "golden.jsonl"):
        tensors = plan.assemble(row.user, row.context, row.items).tensors
        (user,) = session.run(None, {declared.name: tensors[declared.name] for declared in session.get_inputs()})
        films = [
            vectors[film - 1] if 1 <= film <= len(vectors) else vectors.mean(axis=0) for film in row.items["movie_id"]
        ]
        logits = np.array([user[0] @ film[:-1] / temperature + film[-1] for film in films])
        np.testing.assert_allclose(row.scores, 1 / (1 + np.exp(-logits)), atol=1e-5)


def test_one_row_and_many_give_the_same_vectors(plan: FeaturePlan, session, folder: Path) -> None:
    rows = golden.read(folder / "golden.jsonl")[:20]
    single = [plan.assemble(row.user, row.context, row.items).tensors for row in rows]
    names = [declared.name for declared in session.get_inputs()]
    (together,) = session.run(None, {name: np.concatenate([tensors[name] for tensors in single]) for name in names})
    apart = [session.run(None, {name: tensors[name] for name in names})[0][0] for tensors in single]
    np.testing.assert_allclose(together, apart, atol=1e-6)


def test_a_taste_moves_the_ranking(plan: FeaturePlan, session, folder: Path, films: MovieLens) -> None:
    """Who liked Disney's films is shown more for children than who liked science fiction."""
    vectors = np.load(folder / "export" / "item_vectors.npy")

    def best(history: list[int]) -> list[int]:
        user = {"age": 24, "gender": "F", "occupation": "student", "history": history}
        tensors = plan.assemble(user, {"timestamp": 890_000_000}, {"movie_id": [1]}).tensors
        (vector,) = session.run(None, {declared.name: tensors[declared.name] for declared in session.get_inputs()})
        return (np.argsort(-(vector[0] @ vectors[:, :-1].T))[:50] + 1).tolist()

    def children(found: list[int]) -> int:
        return sum("Children's" in films.items[film].genres for film in found)

    assert children(best([588, 71, 95, 1, 99])) > 2 * children(best([50, 172, 181, 195, 183]))


def test_histories_hold_only_earlier_seconds(module, films: MovieLens) -> None:
    pytest.importorskip("torch", reason="training needs torch")
    histories = module("movie-two-tower", "frames").histories
    ratings = training.in_time(films.ratings)
    found = histories(ratings)
    assert len(found) == 100_000
    user, film, when, rating = (ratings[name] for name in ("user_id", "movie_id", "timestamp", "rating"))
    for place in np.random.default_rng(0).choice(100_000, 400, replace=False):
        mine = (user == user[place]) & (when < when[place]) & (rating >= training.LIKED)
        assert found[place] == film[mine][-30:].tolist()


def test_towers_score_as_the_exported_files_do(module, folder: Path, session, films: MovieLens) -> None:
    """The graph of a fresh tower equals torch, rows, lengths of history and masks at random."""
    torch = pytest.importorskip("torch", reason="training needs torch")
    pytest.importorskip("onnxscript", reason="exporting needs onnxscript")
    towers = module("movie-two-tower", "towers")
    torch.manual_seed(0)
    tower = towers.UserTower(32, 64, 0.5).eval()
    weights = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in _initializers(folder)}
    tower.load_state_dict({name: torch.from_numpy(weights[name].copy()) for name in tower.state_dict()})
    rng = np.random.default_rng(0)
    feeds = {
        "age_group": rng.integers(0, 10, 50),
        "sex": rng.integers(0, 3, 50),
        "job": rng.integers(0, 22, 50),
        "liked": rng.integers(0, 1683, (50, 30)),
        "liked_mask": (rng.random((50, 30)) < 0.5).astype(np.float32),
        "hour": rng.normal(size=(50, 2)).astype(np.float32),
        "weekday": rng.normal(size=(50, 2)).astype(np.float32),
    }
    with torch.no_grad():
        expected = tower(*(torch.from_numpy(feed) for feed in feeds.values())).numpy()
    (found,) = session.run(None, feeds)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def _initializers(folder: Path):
    return onnx.load(folder / "export" / "user_tower.onnx").graph.initializer


@pytest.mark.slow
def test_training_again_gives_the_checked_in_figures(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="training needs torch")
    subprocess.run([sys.executable, folder / "train.py", "--out", tmp_path], check=True, timeout=1800)
    ours, again = (training.read_figures(at / "README.md") for at in (folder, tmp_path))
    assert ours.keys() == again.keys()
    for what in ours:
        if "AUC" in what:
            assert float(again[what]) == pytest.approx(float(ours[what]), abs=0.005)
