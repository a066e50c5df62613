"""A project with one small model, made by `ranklet new` and trained by its own train.py."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from ranklet.cli import ranklet
from ranklet.project import Project


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The root of a project whose model `small` is trained; to be copied, not changed."""
    root = tmp_path_factory.mktemp("trained")
    (root / "functions").mkdir()
    (root / "cdk.json").write_text("{}")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        made = CliRunner().invoke(ranklet, ["new", "small"])
    assert made.exit_code == 0, made.output
    subprocess.run([sys.executable, root / "functions" / "small" / "train.py"], check=True, timeout=120)
    return root


@pytest.fixture
def here(trained: Path, tmp_path: Path) -> Project:
    """A copy of that project, to be changed at will."""
    shutil.copytree(trained, tmp_path / "project")
    return Project(tmp_path / "project")


@pytest.fixture
def edit(here: Project) -> Callable[[str, str], None]:
    """Replaces a piece of the model's model.toml, which must be there."""
    path = here.functions / "small" / "model.toml"

    def replace(before: str, after: str) -> None:
        text = path.read_text(encoding="utf-8")
        assert before in text
        path.write_text(text.replace(before, after), encoding="utf-8")

    return replace
