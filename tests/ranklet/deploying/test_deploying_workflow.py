"""The GitHub workflows as text: pinned actions, no stored keys, least rights, commands that exist."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from ranklet import environment
from ranklet.cli import COMMANDS
from ranklet.project import Project

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / ".github" / "workflows"
FILES = sorted(FOLDER.glob("*.yml"))


def document(name: str) -> dict[str, Any]:
    return dict(yaml.safe_load((FOLDER / name).read_text()))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_actions_are_pinned_and_nothing_is_a_secret(path: Path) -> None:
    text = path.read_text()
    used = re.findall(r"uses: (\S+)", text)
    assert used
    for one in used:
        assert one.startswith("./") or re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40}", one), one
    assert "secrets." not in text and "access-key" not in text
    assert not re.search(r"\d{12}", re.sub(r"@[0-9a-f]{40}", "", text))


def test_only_jobs_that_deploy_may_ask_for_a_token() -> None:
    deploy = document("deploy.yml")
    assert deploy["permissions"] == {"contents": "read"}
    assert "permissions" not in deploy["jobs"]["test"]
    for name in ("staging", "prod"):
        assert deploy["jobs"][name]["permissions"] == {"contents": "read", "id-token": "write"}


def test_every_environment_is_one_of_the_project_and_waits_for_the_one_before() -> None:
    jobs = document("deploy.yml")["jobs"]
    there = environment.names(Project(ROOT))
    assert [jobs[name]["with"]["environment"] for name in ("staging", "prod")] == ["staging", "prod"]
    assert {"staging", "prod"} <= set(there)
    assert (jobs["staging"]["needs"], jobs["prod"]["needs"]) == ("test", "staging")


def test_its_commands_exist() -> None:
    text = "".join(path.read_text() for path in FILES)
    assert set(re.findall(r"/ranklet (\w+)", text)) <= set(COMMANDS)
    for script in re.findall(r"run: (\.ci/\w+)", text):
        assert (ROOT / script).is_file(), script
