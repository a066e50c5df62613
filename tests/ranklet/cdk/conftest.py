"""A project of the test's own, and one assembly that many tests read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import api_models
import pytest
from cdk_project import (
    FUNCTION,
    JWT,
    Assembly,
    Synthesise,
    never,
    new_project,
    stub_layers,
    table,
    write_bundle,
    write_model,
)

from ranklet import app
from ranklet.project import Project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project of the test's own."""
    return new_project(tmp_path / "project")


@pytest.fixture
def synthesise(project: Project, tmp_path: Path) -> Synthesise:
    """Synthesise the project as it is now, with stub layers, into a fresh folder."""
    count = iter(range(100))

    def run(context: Mapping[str, Any] | None = None, build: Callable[[Path], object] = never) -> Assembly:
        out = tmp_path / f"cdk.out-{next(count)}"
        layer = stub_layers(tmp_path / "layers")
        return Assembly(app.synthesise(project, out=out, context=context, build=build, layer=layer))

    return run


@pytest.fixture(scope="session")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    """Three models: `films` on NumPy with tables, `towers` on ONNX with every setting, `public` without auth."""
    root = tmp_path_factory.mktemp("assembly")
    project = new_project(root / "project")
    write_model(project, "films")
    write_bundle(
        project,
        "films",
        tables={
            "item": table("item", placement="dynamodb"),
            "user": table("user", placement="dynamodb", version="77"),
            "genre": table("genre", placement="resident"),
        },
    )
    write_model(project, "towers", format="onnx", more=FUNCTION + JWT)
    write_bundle(project, "towers", engine="onnx")
    write_model(project, "public", more='[api]\nauth = "none"\n')
    write_bundle(project, "public")
    layer = stub_layers(root / "layers")
    return Assembly(app.synthesise(project, out=root / "cdk.out", build=never, layer=layer))


@pytest.fixture(scope="session")
def doors(tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    """Models that are reached in every way that `[api]` knows; see `api_models`."""
    return api_models.write(tmp_path_factory.mktemp("doors"))


@pytest.fixture(scope="session")
def doors_on_a_domain(tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    """The same models on one domain."""
    return api_models.write(tmp_path_factory.mktemp("domain"), domain="rank.example.com")
