"""movie-din: the exported graph is the network that the trainer scored; what is padded or absent counts for nothing."""

from __future__ import annotations

import subprocess
import sys
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

INPUTS = ("age_group", "sex", "job", "liked", "liked_mask", "hour", "weekday", "film")
PERSON = {"age": 34, "gender": "M", "occupation": "engineer"}


@pytest.fixture(scope="module")
def folder(root: Path) -> Path:
    return root / "functions" / "movie-din"


@pytest.fixture(scope="module")
def plan(folder: Path) -> FeaturePlan:
    described = model.load(folder)
    return FeaturePlan.compile(FeatureSpec(described.inputs, described.features), folder, {})


@pytest.fixture(scope="module")
def session(folder: Path) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(folder / "export" / "din.onnx")


@pytest.fixture(scope="module")
def weights(folder: Path) -> dict[str, np.ndarray]:
    """By torch's names; the exporter has turned the attention's, so that they are found by the bias that follows."""
    graph = onnx.load(folder / "export" / "din.onnx").graph
    found = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
    made = {node.output[0]: node for node in graph.node}
    for node in graph.node:
        if node.op_type == "Add" and node.input[1].startswith("attention."):
            found[node.input[1].replace("bias", "weight")] = found[made[node.input[0]].input[1]].T
    return found


@pytest.fixture(scope="module")
def feeds(plan: FeaturePlan):
    """A native request → the graph's inputs, the user's repeated for each film."""

    def make(user: dict[str, Any], films: list[int]) -> dict[str, np.ndarray]:
        tensors = plan.assemble(user, {"timestamp": 890_000_000}, {"movie_id": films}).tensors
        return {name: np.broadcast_to(tensors[name], (len(films), *tensors[name].shape[1:])) for name in INPUTS}

    return make


@pytest.fixture(scope="module")
def rank(feeds, session):
    """A native request → the graph's scores."""

    def call(user: dict[str, Any], films: list[int]) -> np.ndarray:
        return session.run(None, feeds(user, films))[0]

    return call


def test_the_graph_takes_any_number_of_rows_and_tells_nothing_of_its_origin(folder: Path, session) -> None:
    graph = onnx.load(folder / "export" / "din.onnx")
    shapes = {declared.name: declared.shape for declared in session.get_inputs()}
    assert tuple(shapes) == INPUTS
    assert {shape[0] for shape in shapes.values()} == {"rows"}
    assert shapes["liked"][1:] == shapes["liked_mask"][1:] == [50]
    assert [output.name for output in session.get_outputs()] == ["score"]
    assert not any(tensor.external_data for tensor in graph.graph.initializer)
    assert not any(node.metadata_props or node.doc_string for node in graph.graph.node)


def test_the_graph_holds_the_golden_scores(folder: Path, plan: FeaturePlan, weights) -> None:
    """Computed here in 64 bits from the definition, without padding, by neither torch nor an engine."""
    wide = {name: value.astype(np.float64) for name, value in weights.items()}
    wide["vectors"] = (
        wide["films.weight"] + wide["genres"] @ wide["by_genre.weight"] + wide["periods"] @ wide["by_period.weight"]
    )
    for row in golden.read(folder / "golden.jsonl"):
        tensors = plan.assemble(row.user, row.context, row.items).tensors
        user = {name: tensors[name][0] for name in INPUTS if name != "film"}
        found = [_score(wide, user, film) for film in tensors["film"].tolist()]
        np.testing.assert_allclose(row.scores, found, atol=1e-5)


def _score(weights: dict[str, np.ndarray], user: dict[str, np.ndarray], film: int) -> float:
    candidate, total = weights["vectors"][film], np.zeros(16)
    liked = [weights["vectors"][one] for one in user["liked"][user["liked_mask"] > 0]]
    for past in liked:
        seen = np.concatenate([candidate, past, candidate - past, candidate * past])
        total += _net(weights, "attention", (0, 2), seen)[0] * past
    interest = total / np.sqrt(max(len(liked), 1))
    parts = [weights["age.weight"][user["age_group"]], weights["sex.weight"][user["sex"]]]
    parts += [weights["job.weight"][user["job"]], user["hour"], user["weekday"]]
    parts += [candidate, interest, candidate * interest]
    logit = weights["prior"][film, 0] + weights["bias.weight"][film, 0] + candidate @ interest
    logit += _net(weights, "net", (0, 3, 5), np.concatenate(parts))[0]
    return 1 / (1 + np.exp(-logit))


def _net(weights: dict[str, np.ndarray], name: str, layers: tuple[int, ...], x: np.ndarray) -> np.ndarray:
    for layer in layers:
        x = np.maximum(x, 0) if layer else x
        x = weights[f"{name}.{layer}.weight"] @ x + weights[f"{name}.{layer}.bias"]
    return x


def test_network_scores_as_the_exported_graph_does(module, session, weights, films: MovieLens) -> None:
    """Rows, lengths of history and masks at random."""
    torch = pytest.importorskip("torch", reason="training needs torch")
    pytest.importorskip("onnxscript", reason="exporting needs onnxscript")
    facts = module("movie-din", "train").facts(films, training.in_time(films.ratings), past=90_000)
    net = module("movie-din", "din").Din(facts, dim=16, hidden=64, dropout=0.5).eval()
    for name in ("genres", "periods", "prior"):
        np.testing.assert_array_equal(getattr(net, name).numpy(), weights[name])
    net.load_state_dict({name: torch.from_numpy(weights[name].copy()) for name in net.state_dict()})
    rng = np.random.default_rng(0)
    feeds = {
        "age_group": rng.integers(0, 10, 40),
        "sex": rng.integers(0, 3, 40),
        "job": rng.integers(0, 22, 40),
        "liked": rng.integers(0, 1683, (40, 50)),
        "liked_mask": (rng.random((40, 50)) < 0.5).astype(np.float32),
        "hour": rng.normal(size=(40, 2)).astype(np.float32),
        "weekday": rng.normal(size=(40, 2)).astype(np.float32),
        "film": rng.integers(0, 1683, 40),
    }
    with torch.no_grad():
        expected = net(*(torch.from_numpy(feed) for feed in feeds.values())).numpy()
    np.testing.assert_allclose(session.run(None, feeds)[0], expected, atol=1e-5)


def test_what_is_padded_counts_for_nothing(feeds, session) -> None:
    given = feeds({**PERSON, "history": [50, 172, 181]}, [1, 64, 313, 258])
    other = {**given, "liked": np.where(given["liked_mask"] > 0, given["liked"], 588)}
    assert (other["liked"] != given["liked"]).any()
    np.testing.assert_allclose(session.run(None, other)[0], session.run(None, given)[0], atol=1e-6)


def test_a_brand_new_user_without_history_is_scored(rank, session, feeds) -> None:
    films = list(range(1, 300))
    bare = rank({}, films)
    assert np.isfinite(bare).all()
    assert len(set(bare.tolist())) > 250
    np.testing.assert_array_equal(rank({"history": []}, films), bare)
    masked = feeds({"history": [50, 172, 181]}, films)
    masked["liked_mask"] = np.zeros_like(masked["liked_mask"])
    np.testing.assert_allclose(session.run(None, masked)[0], bare, atol=1e-6)


def test_the_last_fifty_films_count_in_any_order(rank) -> None:
    films, history = [1, 64, 313, 258, 700], list(range(100, 150))
    np.testing.assert_array_equal(
        rank({**PERSON, "history": [588, 71, 95, *history]}, films), rank({**PERSON, "history": history}, films)
    )
    np.testing.assert_allclose(
        rank({**PERSON, "history": history[::-1]}, films), rank({**PERSON, "history": history}, films), atol=1e-6
    )


def test_a_film_scores_the_same_in_any_company(rank) -> None:
    user = {**PERSON, "history": [50, 172, 181]}
    together = rank(user, [50, 313, 64, 10**7, 0])
    np.testing.assert_allclose(together, [rank(user, [film])[0] for film in (50, 313, 64, 10**7, 0)], atol=1e-6)
    assert together[3] == together[4]


def test_a_taste_moves_the_ranking(rank, films: MovieLens) -> None:
    """Who liked Disney's films finds children's films further up than who liked science fiction, and the reverse."""
    catalogue = sorted(films.items)

    def place(genre: str, history: list[int]) -> float:
        scores = rank({"age": 24, "gender": "F", "occupation": "student", "history": history}, catalogue)
        places = np.argsort(np.argsort(-scores))
        return float(np.mean([places[row] for row, film in enumerate(catalogue) if genre in films.items[film].genres]))

    disney, space = [588, 71, 95, 1, 99], [50, 172, 181, 195, 183]
    assert place("Children's", disney) < place("Children's", space) - 50
    assert place("Sci-Fi", space) < place("Sci-Fi", disney) - 50


def test_candidates_weigh_one_history_differently(weights) -> None:
    """Attention proper: what a film of the history counts depends on the candidate that looks at it."""
    vectors = (
        weights["films.weight"]
        + weights["genres"] @ weights["by_genre.weight"]
        + weights["periods"] @ weights["by_period.weight"]
    )
    for past in vectors[[50, 588, 56, 98, 313]]:
        seen = [np.concatenate([one, past, one - past, one * past]) for one in vectors[1:]]
        counts = np.array([_net(weights, "attention", (0, 2), row)[0] for row in seen])
        assert counts.std() > 0.1 * counts.mean()


@pytest.mark.slow
def test_training_again_gives_the_checked_in_figures(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="training needs torch")
    subprocess.run([sys.executable, folder / "train.py", "--out", tmp_path], check=True, timeout=1800)
    ours, again = (training.read_figures(at / "README.md") for at in (folder, tmp_path))
    assert ours.keys() == again.keys()
    for what in ours:
        if "AUC" in what:
            assert float(again[what]) == pytest.approx(float(ours[what]), abs=0.005)
