"""movie-two-tower: no rating looks into its own future, the exported files are the towers that the trainer scored."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest

from ranklet import golden, model, pipeline
from ranklet.demo import regulars, training
from ranklet.demo.movielens import MovieLens
from ranklet.local.dynamodb import LocalDynamo
from ranklet.local.dynamodb.faults import Faults
from ranklet_features import FeaturePlan, FeatureSpec
from ranklet_runtime.function import Function


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
    known = _regulars(folder)
    for row in golden.read(folder / "golden.jsonl"):
        columns = {**row.user, **row.context, **known.get(row.user.get("user_id", 0), {})}
        user = {name: value for name, value in columns.items() if name != "timestamp"}
        tensors = plan.assemble(user, {"timestamp": columns["timestamp"]}, row.items).tensors
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


def _regulars(folder: Path) -> Mapping[int, dict[str, Any]]:
    """Those whose vectors are stored, by id: the columns from which they are computed."""
    lines = (folder / "export" / "regulars.jsonl").read_text(encoding="utf-8").splitlines()
    return {regular["user_id"]: regular for regular in map(json.loads, lines)}


def test_regulars_are_invented(folder: Path, films: MovieLens) -> None:
    """They are those of the seeded generator, which reads films and never a rating; nobody of the data set is one."""
    known = _regulars(folder)
    assert list(known.values()) == regulars.regulars(films)
    assert len(known) == 200
    assert not known.keys() & films.users.keys()
    assert all(5 <= len(set(regular["history"])) == len(regular["history"]) <= 45 for regular in known.values())


@pytest.fixture(scope="module")
def tables() -> Iterator[LocalDynamo]:
    with LocalDynamo() as server:
        yield server


@pytest.fixture(scope="module")
def served(folder: Path, tables: LocalDynamo, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Function]:
    """The model behind its handler, its tables in a DynamoDB wire server."""
    out = tmp_path_factory.mktemp("build")
    built = pipeline.build(folder, out=out)
    for table in (out / "tables").glob("*/"):
        tables.load(table)
    environ = {"AWS_ENDPOINT_URL_DYNAMODB": tables.endpoint, "AWS_REGION": "us-east-1"}
    environ |= {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}
    function = Function.open(built.folder, environ)
    yield function
    function.scorer.close()


def _ask(function: Function, verb: str, body: Any) -> tuple[dict[str, Any], Mapping[str, str]]:
    path = f"/v1/models/movie-two-tower:{verb}"
    event = {
        "version": "2.0",
        "rawPath": path,
        "headers": {"content-type": "application/json"},
        "requestContext": {"http": {"method": "POST", "path": path}, "stage": "$default", "requestId": "id"},
        "body": json.dumps(body),
        "isBase64Encoded": False,
    }
    answer = function(event, None)
    assert answer["statusCode"] == 200, answer["body"]
    return json.loads(answer["body"]), answer["headers"]


def test_stored_and_online_users_of_one_request_have_the_trainers_scores(served: Function, folder: Path) -> None:
    """Rows of TensorFlow Serving's form, each of another golden request, in turns from both ends of the file."""
    rows = golden.read(folder / "golden.jsonl")
    plain = [row for row in rows if all(0 < film < 1683 for film in row.items["movie_id"])]
    mixed = [row for pair in zip(plain, reversed(plain), strict=True) for row in pair]
    known = _regulars(folder)
    assert {row.user.get("user_id") in known for row in mixed} == {True, False}
    instances = [{**row.user, **row.context, "movie_id": row.items["movie_id"][-1]} for row in mixed]
    document, headers = _ask(served, "predict", {"instances": instances})
    assert document["predictions"] == pytest.approx([row.scores[-1] for row in mixed], abs=1e-5)
    assert "x-ranklet-degraded" not in headers


def test_a_stored_user_is_scored_the_same_whatever_is_sent_and_others_are_not(served: Function, folder: Path) -> None:
    films = {"movie_id": list(range(1, 40))}
    known = _regulars(folder)

    def scores(**user: Any) -> list[float]:
        document, _ = _ask(served, "rank", {"user": user, "context": {"timestamp": 890_000_000}, "items": films})
        assert "degraded" not in document
        return list(document["scores"])

    disney = [588, 71, 95, 1, 99]
    for user_id in (min(known), max(known)):
        assert scores(user_id=user_id) == scores(user_id=user_id, age=7, history=disney)
    for user_id in (min(known) - 1, max(known) + 1, 196):
        assert scores(user_id=user_id) != scores(user_id=user_id, age=7, history=disney)


def test_the_stored_users_event_is_answered_as_the_tower_scores_that_regular(served: Function, folder: Path) -> None:
    """The same films by the same person, once by the id and once by what the vector was computed from."""
    event = json.loads((folder.parents[1] / "events" / folder.name / "stored-user.json").read_text(encoding="utf-8"))
    answer = served(event, None)
    assert answer["statusCode"] == 200
    asked = json.loads(event["body"])
    regular = dict(_regulars(folder)[asked["user"]["user_id"]])
    context = {"timestamp": regular.pop("timestamp")}
    online, _ = _ask(served, "rank", {**asked, "user": {**regular, "user_id": 0}, "context": context})
    found = json.loads(answer["body"])
    assert found["items"] == online["items"]
    assert found["scores"] == pytest.approx(online["scores"], abs=1e-6)
    assert set(found) == {"items", "scores"}


def test_a_users_table_that_is_down_leaves_the_tower_to_compute_and_is_counted(
    served: Function, tables: LocalDynamo, folder: Path
) -> None:
    """The films' rows are in the function's cache by then, the user's is not."""
    row = next(row for row in golden.read(folder / "golden.jsonl") if row.user.get("user_id") == 0)
    body = {"context": row.context, "items": row.items}
    online, _ = _ask(served, "rank", {"user": row.user, **body})
    assert online["scores"] == pytest.approx(row.scores, abs=1e-5)
    tables.faults = Faults(error=1.0)
    try:
        down, _ = _ask(served, "rank", {"user": {**row.user, "user_id": regulars.FIRST + 100}, **body})
    finally:
        tables.faults = Faults()
    assert down == {**online, "degraded": {"unavailable_rows:users": 1}}
    known, _ = _ask(served, "rank", {"user": {**row.user, "user_id": regulars.FIRST + 100}, **body})
    assert known["scores"] != pytest.approx(row.scores, abs=1e-3)


def _initializers(folder: Path):
    return onnx.load(folder / "export" / "user_tower.onnx").graph.initializer


@pytest.mark.slow
def test_training_again_gives_the_checked_in_figures(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="training needs torch")
    subprocess.run([sys.executable, folder / "train.py", "--out", tmp_path], check=True, timeout=1800)
    ours, again = (training.read_figures(at / "README.md") for at in (folder, tmp_path))
    assert ours.keys() == again.keys()
    people = Path("export", "regulars.jsonl")
    assert (tmp_path / people).read_bytes() == (folder / people).read_bytes()
    for what in ours:
        if "AUC" in what:
            assert float(again[what]) == pytest.approx(float(ours[what]), abs=0.005)
