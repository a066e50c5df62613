"""Paths that name a version or a label: whichever is live, the named one answers, and an unknown one is 404."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import switch_kit as kit

from ranklet.local.cloud import LocalCloud
from ranklet.local.function import Layer
from ranklet.local.hosted import Hosted
from ranklet.local.logs import LogLine
from ranklet.pipeline import Built

FILMS = [3, 1, 7]
BODY = {"user": {"user_id": 4}, "items": {"film": FILMS}}


@pytest.fixture(scope="module")
def cloud(
    versions: dict[int, Built], tables: dict[int, Path], everything: Layer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Hosted]:
    """Both versions published, the second one live."""
    first, second = (
        kit.deployment(versions[number].folder, everything, description=f"{kit.NAME} version {number}, layers x:1")
        for number in (1, 2)
    )
    folder, lines = tmp_path_factory.mktemp("elsewhere"), list[LogLine]()
    cloud = LocalCloud(first, tables=tables[1], build=folder, layers=lambda name: None, log=lines.append)
    with cloud.running() as running:
        running.deploy(second, tables=tables[2])
        yield running


def ask(cloud: Hosted, path: str, body: Any = BODY, **headers: str) -> tuple[int, Any]:
    connection = kit.connect(cloud.url)
    try:
        method = "GET" if body is None else "POST"
        sent = None if body is None else json.dumps(body)
        connection.request(method, path, body=sent, headers={"Content-Type": "application/json", **headers})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def scores(version: int) -> list[float]:
    return kit.expected(version, 4, FILMS)


@pytest.mark.parametrize(
    ("path", "version"),
    [
        (":rank", 2),
        ("/versions/1:rank", 1),
        ("/versions/2:rank", 2),
        ("/labels/live:rank", 2),
    ],
)
def test_the_named_version_answers(cloud: Hosted, path: str, version: int) -> None:
    assert ask(cloud, f"/v1/models/{kit.NAME}{path}") == (200, {"scores": scores(version)})


def test_another_dialect_reaches_it_too(cloud: Hosted) -> None:
    inputs = {"inputs": {"user_id": [4], "film": FILMS}}
    assert ask(cloud, f"/v1/models/{kit.NAME}/versions/1:predict", inputs) == (200, {"outputs": scores(1)})
    status, document = ask(cloud, f"/v1/models/{kit.NAME}/versions/1", None)
    assert (status, document["model_version_status"][0]["version"]) == (200, "1")


@pytest.mark.parametrize("path", ["/versions/9:rank", "/versions/latest:rank", "/labels/canary:rank", "/labels/1:rank"])
def test_an_unknown_one_is_not_found(cloud: Hosted, path: str) -> None:
    status, document = ask(cloud, f"/v1/models/{kit.NAME}{path}")
    assert status == 404
    assert path.split("/")[2].removesuffix(":rank") in document["error"]


def test_what_was_passed_on_once_is_not_passed_on_again(cloud: Hosted) -> None:
    status, _ = ask(cloud, f"/v1/models/{kit.NAME}/versions/1:rank", **{"X-Ranklet-Passed-On": "1"})
    assert status == 404


def test_the_refusal_of_another_version_is_its_own(cloud: Hosted) -> None:
    status, document = ask(cloud, f"/v1/models/{kit.NAME}/versions/1:rank", {"items": {"film": ["x"]}})
    assert status == 400
    assert document["path"] == "$.items.film[0]"


def test_an_sdk_lists_the_versions(cloud: Hosted) -> None:
    client = boto3.client(
        "lambda",
        endpoint_url=cloud.lambda_url,
        region_name="eu-west-1",
        aws_access_key_id="id",
        aws_secret_access_key="key",
    )
    listed = client.list_versions_by_function(FunctionName=kit.NAME)["Versions"]
    assert [one["Version"] for one in listed] == ["$LATEST", "1", "2"]
    page = client.list_versions_by_function(FunctionName=kit.NAME, MaxItems=2)
    assert [one["Version"] for one in page["Versions"]] == ["$LATEST", "1"]
    rest = client.list_versions_by_function(FunctionName=kit.NAME, Marker=page["NextMarker"])
    assert [one["Description"] for one in rest["Versions"]] == [f"{kit.NAME} version 2, layers x:1"]
