"""movie-funnel as it is checked in: its file, its golden requests and its events, through its real handler."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from ranklet.funnels import building, golden, proof, settings
from ranklet.project import Project
from ranklet_runtime.funnel.function import FunnelFunction

ROOT = Path(__file__).resolve().parents[2]
MODELS = ("movie-recall", "movie-two-tower", "movie-din")
STATUS = {"bad-body": 400}


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Project:
    root = tmp_path_factory.mktemp("movie-funnel")
    shutil.copy(ROOT / "cdk.json", root)
    for name in (*MODELS, "movie-funnel"):
        shutil.copytree(ROOT / "functions" / name, root / "functions" / name)
    return Project(root)


@pytest.fixture(scope="module")
def built(here: Project) -> building.BuiltFunnel:
    return building.build(here, here.functions / "movie-funnel")


@pytest.fixture(scope="module")
def function(here: Project, built: building.BuiltFunnel) -> Iterator[FunnelFunction]:
    models = building.stage_models(here, settings.load(here.functions / "movie-funnel"))
    with proof.opened(built.folder, built.plan, models, here.build / "tables") as (funnel, _):
        yield funnel


def test_its_stages_fit_into_one_function_and_give_what_they_gave_alone(built: building.BuiltFunnel) -> None:
    assert built.plan.layout == "one"
    assert built.bytes < 2_000_000
    assert built.certificate.rows == len(golden.read(ROOT / "functions" / "movie-funnel" / "golden.jsonl")) >= 50
    assert max(built.certificate.paths.values()) <= 1e-5


def test_nothing_in_its_golden_requests_is_a_rating() -> None:
    for request in golden.read(ROOT / "functions" / "movie-funnel" / "golden.jsonl"):
        assert request["user"].get("user_id", 0) not in range(1, 944) or "history" in request["user"]


def answered(function: FunnelFunction, event: Any) -> tuple[int, Any]:
    answer = function(event, None)
    return answer["statusCode"], json.loads(answer["body"])


@pytest.mark.parametrize("path", sorted((ROOT / "events" / "movie-funnel").glob("*.json")), ids=lambda path: path.stem)
def test_events_are_answered_as_they_say_and_as_the_document_says(
    function: FunnelFunction, built: building.BuiltFunnel, path: Path
) -> None:
    event = json.loads(path.read_text())
    status, answer = answered(function, event)
    assert status == STATUS.get(path.stem, 200)
    document = json.loads((built.folder / "openapi.json").read_text())
    operation = document["paths"][event["rawPath"].removeprefix("/movie-funnel")]["post"]
    shown = operation["responses"][str(status)]["content"]["application/json"]["schema"]
    jsonschema.Draft202012Validator(shown).validate(answer)
    if status == 200:
        request = json.loads(event["body"])
        taken = operation["requestBody"]["content"]["application/json"]["schema"]
        jsonschema.Draft202012Validator(taken).validate(request)
        assert len(answer["items"]) == request["k"]
        assert not {one["id"] for one in answer["items"]} & set(request.get("seen", ()))


def test_filtered_films_are_of_the_genres_that_were_asked_for(function: FunnelFunction) -> None:
    _, answer = answered(function, json.loads((ROOT / "events" / "movie-funnel" / "filtered.json").read_text()))
    lines = (ROOT / "functions" / "movie-recall" / "export" / "items.jsonl").read_text().splitlines()
    genres = {one["movie_id"]: set(one["genre"]) for one in map(json.loads, lines)}
    found = [one["id"] for one in answer["items"]]
    assert 64 not in found
    assert all(genres[one] & {"Drama", "War"} for one in found)


def test_the_whole_catalogue_is_given_to_whoever_asks_for_it(function: FunnelFunction) -> None:
    event = json.loads((ROOT / "events" / "movie-funnel" / "new-user.json").read_text())
    status, answer = answered(function, {**event, "body": json.dumps({"context": {"timestamp": 890000000}, "k": 1682})})
    assert status == 200
    assert len({one["id"] for one in answer["items"]}) == 1682
    scores = [one["score"] for one in answer["items"]]
    assert scores == sorted(scores, reverse=True)
