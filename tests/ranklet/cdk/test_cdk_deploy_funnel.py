"""A funnel in ministack, in one function and in functions apart: `ranklet deploy`, its smoke test, and its end."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from cdk_project import ROOT
from deploy_kit import REGION, Cloud, environ, ministack

from ranklet.project import Project

pytestmark = pytest.mark.slow

MODELS = ("movie-recall", "movie-two-tower", "movie-din")
Run = Callable[..., Any]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The funnel with its models, nothing built, and time enough for a stand-in that starts a process a function."""
    root = tmp_path_factory.mktemp("funnel")
    shutil.copy(ROOT / "cdk.json", root)
    for name in (*MODELS, "movie-funnel"):
        shutil.copytree(ROOT / "functions" / name, root / "functions" / name)
    path = root / "functions" / "movie-funnel" / "funnel.toml"
    text = re.sub(r"deadline_ms = \d+", "deadline_ms = 8000", path.read_text())
    path.write_text(text.replace("timeout = 10", "timeout = 28"))
    (root / ".build").mkdir()
    (ROOT / ".build" / "layers").mkdir(parents=True, exist_ok=True)
    (root / ".build" / "layers").symlink_to(ROOT / ".build" / "layers")
    return Project(root)


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """ministack with nothing in it."""
    with ministack(tmp_path_factory.mktemp("ministack")) as running:
        yield running


@pytest.fixture(scope="module")
def ranklet(project: Project, cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Run `ranklet` against ministack; the document that it prints."""
    base = environ(tmp_path_factory.mktemp("home")) | {"CDK_VALIDATION": "false"}
    keys = {name: cloud.environ[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}

    def run(verb: str, *words: str) -> Any:
        main = "from ranklet.cli import main; main()"
        command = [sys.executable, "-c", main, verb, *words, "--endpoint", cloud.url, "--region", REGION, "--json"]
        done = subprocess.run(command, cwd=project.root, env=base | keys, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    return run


def test_it_is_deployed_asked_shown_and_taken_away_as_one_stack(ranklet: Run, project: Project, cloud: Cloud) -> None:
    (one,) = ranklet("deploy", "movie-funnel", "--target", "local", "--bootstrap")["models"]
    assert one["url"].endswith("/v1/funnels/movie-funnel:recommend")
    assert one["smoke"]["requests"] >= 16
    assert one["smoke"]["worst"] <= one["smoke"]["bound"] == 1e-5
    (shown,) = ranklet("status", "movie-funnel")
    assert (shown["live"], set(shown["tables"].values())) == ("1", {"complete"})
    stacks = {shown["StackName"] for shown in cloud.client("cloudformation").describe_stacks()["Stacks"]}
    assert stacks == {"CDKToolkit", "ranklet-shared", "movie-funnel"}


def test_with_a_function_for_each_stage_it_gives_the_same(ranklet: Run, project: Project, cloud: Cloud) -> None:
    path = project.functions / "movie-funnel" / "funnel.toml"
    path.write_text(path.read_text().replace("version = 1", 'version = 2\nfunctions = "each"'))
    (one,) = ranklet("deploy", "movie-funnel", "--target", "local")["models"]
    assert (one["version"], one["function_version"]) == ("2", "2")
    assert one["smoke"]["worst"] <= one["smoke"]["bound"]
    assert len(cloud.client("lambda").list_functions()["Functions"]) == 4


def test_it_goes_with_all_its_functions_and_tables(ranklet: Run, cloud: Cloud) -> None:
    ranklet("destroy", "movie-funnel", "--tables", "--yes")
    assert cloud.client("lambda").list_functions()["Functions"] == []
