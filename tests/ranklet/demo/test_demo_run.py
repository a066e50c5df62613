"""The main job, as a person runs it: `ranklet demo` in this checkout, everything real."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
FIELDS = {"model", "format", "engine", "golden", "cold_ms", "warm_p50_ms", "requests", "failures", "top", "faults"}


@pytest.fixture(scope="module")
def demo() -> dict:
    command = [sys.executable, "-c", "from ranklet.cli import main; main()", "demo", "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    document: dict = json.loads(done.stdout)
    return document


def test_every_model_was_called_and_nothing_failed(demo: dict) -> None:
    assert demo["ok"] is True
    assert [model["model"] for model in demo["models"]] == [
        "movie-ftrl",
        "movie-two-tower",
        "movie-deepfm",
        "movie-din",
        "movie-gbdt-pmml",
    ]
    for model in demo["models"]:
        assert set(model) == FIELDS
        assert model["failures"] == 0
        assert model["faults"] == []
        assert model["requests"] > 250


@pytest.mark.parametrize(
    ("number", "engine", "bound"),
    [(0, "linear", 1e-6), (1, "onnx+dot", 1e-5), (2, "onnx", 1e-5), (3, "onnx", 1e-5), (4, "onnx", 1e-6)],
)
def test_golden_rows_over_http_are_within_the_engines_bound(demo: dict, number: int, engine: str, bound: float) -> None:
    model = demo["models"][number]
    assert model["engine"] == engine
    assert model["golden"]["rows"] >= 50
    assert model["golden"]["max_abs_diff"] <= bound


def test_a_converted_model_says_what_it_was_exported_as(demo: dict) -> None:
    assert [model["format"] for model in demo["models"]] == ["numpy", "onnx+numpy", "onnx", "onnx", "pmml"]


def test_three_people_get_ten_titles_each_and_one_of_them_is_new(demo: dict) -> None:
    for model in demo["models"]:
        assert len(model["top"]) == 3
        assert sum("new" in person["user"] for person in model["top"]) == 1
        for person in model["top"]:
            scores = [item["score"] for item in person["items"]]
            assert len({item["title"] for item in person["items"]}) == 10
            assert scores == sorted(scores, reverse=True)
            assert all(0 <= score <= 1 for score in scores)


def test_a_model_that_stores_vectors_says_whose_was_stored_and_whose_computed(demo: dict) -> None:
    ways = {model["model"]: [person["vector"] for person in model["top"]] for model in demo["models"]}
    assert ways.pop("movie-two-tower") == ["online", "stored", "online"]
    assert {way for others in ways.values() for way in others} == {None}


def test_the_funnel_gives_what_its_stages_gave_one_by_one_and_nothing_was_seen_before(demo: dict) -> None:
    funnel = demo["funnel"]
    assert (funnel["funnel"], funnel["layout"], funnel["failures"], funnel["faults"]) == ("movie-funnel", "one", 0, [])
    assert funnel["golden"]["rows"] >= 50
    assert funnel["golden"]["max_abs_diff"] <= 1e-5
    assert [(stage["model"], stage["k"]) for stage in funnel["stages"]] == [
        ("movie-recall", 200),
        ("movie-two-tower", 50),
        ("movie-din", 20),
    ]
    assert len(funnel["top"]) == 3
    for person in funnel["top"]:
        assert len({item["title"] for item in person["items"]}) == 10
        scores = [item["score"] for item in person["items"]]
        assert scores == sorted(scores, reverse=True)
        assert all(set(item["scores"]) == {"retrieve", "pre-rank", "rank"} for item in person["items"])
    assert len({item["title"] for item in funnel["similar"]}) == 10
