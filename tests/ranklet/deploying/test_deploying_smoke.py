"""The smoke test against the real handler of a real model, as an HTTPS API in this process."""

from __future__ import annotations

import base64
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from ranklet import golden, pipeline
from ranklet.client import ApiKey, Bearer, SigV4
from ranklet.deployable import Deployable, ready
from ranklet.deploying import smoke, ways
from ranklet.deploying.smoke import Way
from ranklet.errors import DeployError, ParityError
from ranklet.local.event_v2 import event_v2
from ranklet.project import Project
from ranklet_runtime.function import Function

ROOT = Path(__file__).resolve().parents[3]
URL = "https://abc.execute-api.us-east-1.amazonaws.com"
Answer = Callable[[httpx.Request], httpx.Response]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    root = tmp_path_factory.mktemp("project")
    shutil.copy(ROOT / "cdk.json", root)
    shutil.copytree(ROOT / "functions" / "movie-ftrl", root / "functions" / "movie-ftrl")
    return Project(root)


@pytest.fixture(scope="module")
def built(project: Project) -> Deployable:
    folder = project.functions / "movie-ftrl"
    return ready(project, folder, build=lambda place: pipeline.build(place, out=project.build))


@pytest.fixture(scope="module")
def answer(built: Deployable) -> Answer:
    """The handler behind an API that passes everything on."""
    function = Function.open(built.bundle, {})

    def answered(request: httpx.Request) -> httpx.Response:
        event = event_v2(request.method, request.url.path, headers=dict(request.headers), body=request.content)
        told = function(event, None)
        body = base64.b64decode(told["body"]) if told["isBase64Encoded"] else told["body"].encode()
        return httpx.Response(told["statusCode"], headers=told["headers"], content=body)

    return answered


def way(answer: Answer) -> Way:
    return Way(URL, None, httpx.Client(transport=httpx.MockTransport(answer)))


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smoke, "PAUSE_S", 0.0)


def silent(what: str) -> None:
    """A progress that nobody sees."""


def test_golden_requests_get_the_trainers_scores(project: Project, built: Deployable, answer: Answer) -> None:
    rows = smoke.requests(project, built)
    assert len(rows) == smoke.MOST
    every = golden.read(project.functions / "movie-ftrl" / "golden.jsonl")
    assert rows[0] == every[0] and rows[-1] == every[-1]
    done = smoke.test(built, rows, way(answer), progress=silent)
    assert done.requests == smoke.MOST
    assert done.worst <= done.bound == 1e-6


def test_a_score_that_is_not_the_trainers_fails_with_its_place(
    project: Project, built: Deployable, answer: Answer
) -> None:
    first, second, *_ = smoke.requests(project, built)
    wrong = replace(second, scores=(second.scores[0] + 1e-4, *second.scores[1:]))
    with pytest.raises(ParityError, match="golden row 2 as deployed: candidate 0 scores"):
        smoke.test(built, [first, wrong], way(answer), progress=silent)


def test_a_route_that_is_not_known_at_once_is_waited_for(project: Project, built: Deployable, answer: Answer) -> None:
    refusals = [404, 403]

    def late(request: httpx.Request) -> httpx.Response:
        return httpx.Response(refusals.pop(), json={"message": "Not Found"}) if refusals else answer(request)

    assert smoke.test(built, smoke.requests(project, built)[:1], way(late), progress=silent).requests == 1
    assert not refusals


def test_another_version_that_answers_is_named(
    project: Project, built: Deployable, answer: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smoke, "SETTLE_S", -1.0)
    newer = replace(built, manifest=replace(built.manifest, version="9"))
    with pytest.raises(DeployError, match="version 1 of the model answers, deployed was 9"):
        smoke.test(newer, smoke.requests(project, built), way(answer), progress=silent)


def test_a_refusal_is_told_in_the_apis_own_words(
    project: Project, built: Deployable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smoke, "SETTLE_S", -1.0)
    closed = way(lambda request: httpx.Response(403, json={"message": "Forbidden"}))
    with pytest.raises(DeployError, match="movie-ftrl is deployed and does not answer: 403"):
        smoke.test(built, smoke.requests(project, built), closed, progress=silent)


def test_callers_are_let_in_as_the_model_says() -> None:
    assert ways.way(URL, "none").auth is None
    assert isinstance(ways.way(URL, "iam").auth, SigV4)
    assert isinstance(ways.way(URL, "jwt", token="t").auth, Bearer)
    assert isinstance(ways.way(URL, "key", token="t").auth, ApiKey)
    with pytest.raises(DeployError, match='auth = "jwt": give --token or RANKLET_TOKEN, or --no-smoke'):
        ways.way(URL, "jwt")


def test_a_stand_in_is_reached_instead_of_aws() -> None:
    there = ways.way(URL, "iam", endpoint="http://127.0.0.1:4566")
    assert there.url == "http://abc.execute-api.localhost:4566"
    assert there.http is not None
    there.http.close()
