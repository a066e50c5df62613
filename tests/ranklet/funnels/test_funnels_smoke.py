"""The smoke test of a deployed funnel, against its real handler as an HTTPS API in this process."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import httpx
import pytest

from ranklet.cli import tables_common
from ranklet.deploying import rollback, smoke, smoke_funnel, stack
from ranklet.deploying.account import Account
from ranklet.deploying.smoke import Way
from ranklet.deploying.stack import Deployed
from ranklet.environment import NONE
from ranklet.errors import DeployError, ParityError
from ranklet.funnels import building, proof, ready
from ranklet.funnels.ready import FunnelDeployable
from ranklet.funnels.settings import load
from ranklet.local.event_v2 import event_v2
from ranklet.project import Project
from ranklet_runtime.funnel.function import FunnelFunction

URL = "https://abc.execute-api.us-east-1.amazonaws.com"
Change = Callable[[dict[str, object]], None]


@pytest.fixture(scope="module")
def deployed(built: Project) -> FunnelDeployable:
    return ready.ready(built, built.functions / "films", build=lambda folder: pytest.fail("it is built"))


@pytest.fixture(scope="module")
def function(built: Project, deployed: FunnelDeployable) -> Iterator[FunnelFunction]:
    models = building.stage_models(built, load(built.functions / "films"))
    with proof.opened(deployed.bundle, deployed.plan, models, built.build / "tables") as (funnel, _):
        yield funnel


def way(function: FunnelFunction, change: Change = lambda document: None) -> Way:
    def answered(request: httpx.Request) -> httpx.Response:
        event = event_v2(request.method, request.url.path, headers=dict(request.headers), body=request.content)
        event["headers"]["accept"] = "application/json"
        told = function(event, None)
        assert not told["isBase64Encoded"]
        document = json.loads(told["body"])
        change(document)
        return httpx.Response(told["statusCode"], headers=told["headers"], content=json.dumps(document))

    return Way(URL, None, httpx.Client(transport=httpx.MockTransport(answered)))


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smoke, "PAUSE_S", 0.0)


def run(deployed: FunnelDeployable, one: Way) -> smoke.Smoked:
    return smoke_funnel.test(deployed, smoke_funnel.requests(deployed), one, progress=lambda what: None)


def test_what_was_proven_is_what_is_answered(deployed: FunnelDeployable, function: FunnelFunction) -> None:
    found = run(deployed, way(function))
    assert (found.requests, found.version) == (9, "2")
    assert found.worst <= found.bound


def test_another_score_or_item_is_told(deployed: FunnelDeployable, function: FunnelFunction) -> None:
    def moved(document: dict[str, object]) -> None:
        for one in document.get("items", []):  # type: ignore[attr-defined]
            one["score"] += 0.01

    def fewer(document: dict[str, object]) -> None:
        document.pop("items", None)
        document["items"] = []

    with pytest.raises(ParityError, match="golden request 1: place 0"):
        run(deployed, way(function, moved))
    with pytest.raises(ParityError, match="0 items, 3 were proven"):
        run(deployed, way(function, fewer))


def test_a_stage_that_stays_late_is_told_and_one_that_starts_late_is_asked_again(
    deployed: FunnelDeployable, function: FunnelFunction
) -> None:
    asked: list[int] = []

    def late(document: dict[str, object], *, until: int) -> None:
        asked.append(1)
        if len(asked) <= until and "items" in document:
            document["stages"][2]["late"] = True  # type: ignore[index]

    assert run(deployed, way(function, lambda document: late(document, until=4))).requests == 9
    with pytest.raises(DeployError, match=r"rank \(late, .*are its tables pushed"):
        run(deployed, way(function, lambda document: late(document, until=10_000)))


def test_without_answers_the_build_is_to_be_run_again(here: Project) -> None:
    here.bundle("films").with_name("films.answers.json").unlink()
    one = ready.ready(here, here.functions / "films", build=lambda folder: pytest.fail("it is built"))
    with pytest.raises(DeployError, match="run `ranklet build films`"):
        smoke_funnel.requests(one)


def test_the_url_of_a_funnels_api_is_read_from_its_stack() -> None:
    assert stack.base(f"{URL}/v1/funnels/films:recommend", "films") == URL


def test_tables_of_stages_are_kept_by_the_funnel(built: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(built.root)
    pinned = tables_common.bundles()
    assert pinned["films"] == pinned["warm"] | pinned["hot"] | pinned["find"]
    assert pinned["warm"]


def test_a_funnel_whose_stages_have_functions_of_their_own_is_not_rolled_back_by_halves() -> None:
    there = Deployed(
        stack="films",
        model="films",
        status="UPDATE_COMPLETE",
        updated=datetime.now(UTC),
        function="films-front",
        alias="live",
        url=URL,
        outputs={"Stages": "find,warm,hot"},
    )
    with pytest.raises(DeployError, match="a function for each of find,warm,hot"):
        rollback.plan(Account(None, None), NONE, there)
