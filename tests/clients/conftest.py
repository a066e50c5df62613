"""A local cloud with two models, for real clients: behind an HTTP API and a REST API, without and below a stage."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from clients_kit import Row, film_rows, shelf_rows, write_films, write_shelves
from host_layer_kit import host_layer

from ranklet.constructs.routes import paths
from ranklet.local.cloud import LocalCloud
from ranklet.local.event_v2 import Api
from ranklet.local.function import Function, Layer
from ranklet.local.logs import LogLine
from ranklet.local.routes import Route
from ranklet.local.template import Deployment

APIS = {
    "http": Api("http", "$default"),
    "http-prod": Api("http", "prod"),
    "rest": Api("rest", "$default"),
    "rest-prod": Api("rest", "prod"),
}
"""Payload formats 2.0 and 1.0; a REST API without a stage in its path is one behind a domain of its own."""


@pytest.fixture(scope="session")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Model → its bundle."""
    folder = tmp_path_factory.mktemp("bundles")
    return {"films": write_films(folder / "films"), "shelves": write_shelves(folder / "shelves")}


@pytest.fixture(scope="session")
def layer(tmp_path_factory: pytest.TempPathFactory) -> Layer:
    """What the layers hold, from where it is installed: functions see nothing else."""
    return Layer("all", host_layer(tmp_path_factory.mktemp("layer")))


@pytest.fixture(scope="session", params=APIS)
def served(
    request: pytest.FixtureRequest, bundles: dict[str, Path], layer: Layer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The fleet's URL, the stage included; a model's own is `<url>/<model>`."""
    functions = tuple(
        Function(name, "ranklet_runtime.handler.handler", bundle, (layer,), memory_mb=512, timeout_s=30.0)
        for name, bundle in bundles.items()
    )
    routes = tuple(Route(f"ANY {path}", name) for name in bundles for path in paths(name))
    deployment = Deployment(functions, routes, APIS[request.param])
    build = tmp_path_factory.getbasetemp() / "clients-build"
    with LocalCloud(deployment, build=build, layers=lambda name: None, log=_quiet).running() as cloud:
        yield cloud.url


@pytest.fixture(scope="session")
def golden() -> list[Row]:
    """Golden requests of both models."""
    return [*film_rows(), *shelf_rows()]


def _quiet(line: LogLine) -> None:
    """Functions' own lines are shown where a test fails; the cloud's are not."""
    if line.function not in ("cloud", "front"):
        print(line.text)
