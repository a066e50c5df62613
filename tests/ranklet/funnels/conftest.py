"""A project whose models and funnel are built once, and copies of it to change."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from funnels_kit import new_project

from ranklet.funnels import building
from ranklet.project import Project


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The project, its funnel built; to be read."""
    project = new_project(tmp_path_factory.mktemp("funnels") / "project")
    building.build(project, project.functions / "films")
    return project


@pytest.fixture
def here(built: Project, tmp_path: Path) -> Project:
    """A copy, to be changed at will."""
    shutil.copytree(built.root, tmp_path / "project")
    return Project(tmp_path / "project")


@pytest.fixture
def edit(here: Project) -> Callable[[str, str, str], None]:
    """Replaces a piece of a file below functions/, which must be there."""

    def replace(file: str, before: str, after: str) -> None:
        path = here.functions / file
        text = path.read_text(encoding="utf-8")
        assert before in text
        path.write_text(text.replace(before, after), encoding="utf-8")

    return replace
