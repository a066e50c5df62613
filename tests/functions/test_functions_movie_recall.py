"""movie-recall as it is checked in: golden rows are brute force, events are answered, the towers movie-two-tower's."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgpack
import numpy as np
import onnx
import pytest

from ranklet import golden, model, pipeline
from ranklet.demo import training
from ranklet.demo.movielens import MovieLens
from ranklet.dialects.retrieval import similar
from ranklet.pipeline import Built
from ranklet_runtime.function import Function

CASES = {
    "happy": 200,
    "filtered": 200,
    "new-user": 200,
    "base64-body": 200,
    "similar": 200,
    "unknown-item": 404,
    "bad-filter": 400,
}


@pytest.fixture(scope="module")
def folder(root: Path) -> Path:
    return root / "functions" / "movie-recall"


@pytest.fixture(scope="module")
def built(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Built:
    return pipeline.build(folder, out=tmp_path_factory.mktemp("build"))


@pytest.fixture(scope="module")
def answers(built: Built, root: Path) -> dict[str, tuple[int, Any]]:
    """Event → status and document."""
    function = Function.open(built.folder, {})
    found = {}
    for path in sorted((root / "events" / "movie-recall").glob("*.json")):
        answer = function(json.loads(path.read_text()), None)
        raw = base64.b64decode(answer["body"]) if answer["isBase64Encoded"] else answer["body"].encode()
        packed = answer["headers"]["content-type"] == "application/msgpack"
        found[path.stem] = (answer["statusCode"], msgpack.unpackb(raw) if packed else json.loads(raw))
    return found


def test_it_is_proven_and_finds_everything(built: Built) -> None:
    assert built.certificate.paths.keys() == {"retrieve-json", "retrieve-msgpack"}
    assert max(built.certificate.paths.values()) <= built.certificate.bound == 1e-5
    assert built.certificate.recall is not None and built.certificate.recall.reached == 1.0


def test_every_event_is_answered_as_it_should_be(answers: dict[str, tuple[int, Any]]) -> None:
    assert {name: status for name, (status, _) in answers.items()} == CASES
    assert answers["bad-filter"][1]["path"] == "$.filter.where.colour"
    assert answers["unknown-item"][1]["path"] == "$.item"


def test_filters_and_formats_agree(answers: dict[str, tuple[int, Any]], films: MovieLens) -> None:
    happy, packed = answers["happy"][1], answers["base64-body"][1]
    assert np.frombuffer(packed["items"]["data"], "<i8").tolist() == happy["items"]
    filtered = [films.items[film] for film in answers["filtered"][1]["items"]]
    assert len(filtered) == 10
    assert all({"Drama", "War"} & set(film.genres) and 1993 <= (film.year or 0) <= 1997 for film in filtered)
    assert 64 not in answers["filtered"][1]["items"] and 50 not in answers["similar"][1]["items"]


def test_golden_rows_are_brute_force_over_the_exported_vectors(folder: Path, films: MovieLens) -> None:
    """The similar ones, computed here from the exported vectors; those of users are held to the graph by the build."""
    vectors = np.load(folder / "export" / "item_vectors.npy").astype(np.float64)
    keys = np.load(folder / "export" / "item_keys.npy")
    assert keys.tolist() == sorted(films.items)
    rows = [row for row in golden.read(folder / "golden.jsonl") if similar(row)]
    assert len(rows) == 12
    for row in rows:
        assert row.asked is not None
        named = row.asked.get("items") or [row.asked["item"]]
        scores = vectors @ vectors[np.searchsorted(keys, named)].mean(axis=0)
        wanted = set(row.asked.get("filter", {}).get("where", {}).get("genre", ()))
        left = [
            at
            for at in np.argsort(-scores, kind="stable")
            if keys[at] not in named and (not wanted or wanted & set(films.items[int(keys[at])].genres))
        ]
        best = left[: row.asked["k"]]
        assert keys[best].tolist() == row.outputs["items"]
        np.testing.assert_allclose(scores[best], row.scores, rtol=1e-12)


def test_golden_rows_ask_for_every_kind_of_thing(folder: Path) -> None:
    rows = golden.read(folder / "golden.jsonl")
    asked = [row.asked or {} for row in rows]
    assert len(rows) >= 70
    for part in ("allow", "deny", "where"):
        assert any(part in one.get("filter", {}) for one in asked)
    assert any(one.get("seen") for one in asked) and any("item" in one for one in asked)
    assert {1, 100} <= {one["k"] for one in asked}
    assert any(row.user == {} for row in rows if not similar(row))


def test_attributes_are_those_of_the_data_set(folder: Path, films: MovieLens) -> None:
    lines = [json.loads(line) for line in (folder / "export" / "items.jsonl").read_text().splitlines()]
    assert [line["movie_id"] for line in lines] == sorted(films.items)
    assert all(set(line) == {"movie_id", "genre", "year"} for line in lines)
    assert all(tuple(line["genre"]) == films.items[line["movie_id"]].genres for line in lines)


def test_features_are_those_of_the_towers_it_shares(folder: Path) -> None:
    ours, theirs = (model.load(place) for place in (folder, folder.with_name("movie-two-tower")))
    assert all(theirs.features[name] == feature for name, feature in ours.features.items())
    assert all(theirs.inputs[name] == declared for name, declared in ours.inputs.items())


def test_the_graph_tells_nothing_of_its_origin(folder: Path) -> None:
    graph = onnx.load(folder / "export" / "user_tower.onnx").graph
    assert [output.name for output in graph.output] == ["user_vector"]
    assert not any(node.metadata_props or node.doc_string for node in graph.node)


def test_figures_beat_the_baseline(folder: Path) -> None:
    figures = training.read_figures(folder / "README.md")
    ours = float(figures["test recall@100 (learned from the first 90 %)"])
    assert ours > float(figures["test recall@100 of the most liked films"])


@pytest.mark.slow
def test_training_writes_what_is_checked_in(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    subprocess.run([sys.executable, str(folder / "train.py"), "--out", str(tmp_path)], check=True, timeout=1800)
    again, checked_in = (np.load(place / "export" / "item_vectors.npy") for place in (tmp_path, folder))
    np.testing.assert_allclose(again, checked_in, atol=1e-3)
