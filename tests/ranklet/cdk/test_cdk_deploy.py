"""The real `cdk` command, and a real deployment of the example models into ministack, a stand-in for AWS.

Nothing here is AWS itself: that a stand-in accepts a template and serves the function does not say that AWS does.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cdk_project import ROOT
from deploy_kit import Cloud, environ, ministack

from ranklet import app, node
from ranklet.project import Project
from ranklet.tables.deployed import read as read_deployed
from ranklet.tables.push import push
from ranklet_runtime.manifest import Manifest

pytestmark = pytest.mark.slow

MODELS = ("movie-ftrl", "movie-two-tower")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The example models in a project without bundles; finished layers are borrowed from the checkout."""
    root = tmp_path_factory.mktemp("deployed")
    settings = json.loads((ROOT / "cdk.json").read_text())
    settings["context"]["target"] = "local"  # without what the stand-in refuses
    (root / "cdk.json").write_text(json.dumps(settings))
    for name in MODELS:
        shutil.copytree(ROOT / "functions" / name, root / "functions" / name)
    (root / ".build").mkdir()
    (ROOT / ".build" / "layers").mkdir(parents=True, exist_ok=True)
    (root / ".build" / "layers").symlink_to(ROOT / ".build" / "layers")
    return Project(root)


Cdk = Callable[..., str]


@pytest.fixture(scope="module")
def cdk(project: Project, tmp_path_factory: pytest.TempPathFactory) -> Cdk:
    """Run `cdk` in the project, in the environment of the running Python; what it printed comes back."""
    base = environ(tmp_path_factory.mktemp("home"))

    def run(*words: str, **more: str) -> str:
        done = subprocess.run(
            [*node.cdk_command(), *words], cwd=project.root, env={**base, **more}, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    return run


def test_cdk_synth_builds_what_is_missing_and_writes_what_a_synthesis_in_process_writes(
    cdk: Cdk, project: Project, tmp_path: Path
) -> None:
    printed = cdk("synth", "--quiet")
    assert "movie-ftrl is not built yet: building it" in printed
    app.synthesise(project, out=tmp_path / "in-process")
    for stack in ("ranklet-shared", *MODELS):
        name = f"{stack}.template.json"
        ours = json.loads((tmp_path / "in-process" / name).read_text())
        assert json.loads((project.root / "cdk.out" / name).read_text()) == ours


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """ministack with nothing in it."""
    with ministack(tmp_path_factory.mktemp("ministack")) as running:
        yield running


@pytest.fixture(scope="module")
def deployed(cdk: Cdk, cloud: Cloud, project: Project) -> Cloud:
    """Both models in ministack: bootstrap, tables, then each model by its own name."""
    cdk("bootstrap", **cloud.environ)
    cdk("deploy", "movie-ftrl", "--require-approval", "never", **cloud.environ)
    two_tower = Manifest.read(project.bundle("movie-two-tower") / "manifest.json")
    for table in two_tower.spec.tables.values():
        push(project.build / "tables" / table.physical, client=cloud.client("dynamodb"))
    cdk("deploy", "movie-two-tower", "--exclusively", "--require-approval", "never", **cloud.environ)
    return cloud


@pytest.mark.parametrize(("model", "bound"), [("movie-ftrl", 1e-6), ("movie-two-tower", 1e-5)])
def test_deployed_model_gives_the_trainers_scores(deployed: Cloud, project: Project, model: str, bound: float) -> None:
    golden = (project.functions / model / "golden.jsonl").read_text().splitlines()
    assert golden
    for line in golden[:10]:
        wanted = json.loads(line)
        status, answer = deployed.rank(model, wanted["request"])
        assert status == 200 and "degraded" not in answer, answer
        assert answer["scores"] == pytest.approx(wanted["scores"], abs=bound, rel=0)


def test_unsigned_request_is_refused_before_the_function(deployed: Cloud) -> None:
    status, answer = deployed.rank("movie-ftrl", {}, signed=False)
    assert status == 403
    assert set(answer) == {"message"}


def test_function_refuses_a_bad_request_with_its_own_answer(deployed: Cloud) -> None:
    status, answer = deployed.rank("movie-ftrl", {"items": {}})
    assert status == 400
    assert "$" in json.dumps(answer)


def test_deployed_functions_name_the_table_versions_that_their_bundles_pin(deployed: Cloud, project: Project) -> None:
    pinned = Manifest.read(project.bundle("movie-two-tower") / "manifest.json").spec.tables.values()
    names = frozenset(table.physical for table in pinned if table.placement == "dynamodb")
    found = read_deployed(deployed.client("lambda"))
    assert names
    assert {one.tables for one in found if "two-tower" in one.function} == {names}
    assert {one.tables for one in found if "ftrl" in one.function} == {frozenset()}
    assert {one.version for one in found if one.aliases == ("live",)} == {"1"}


def test_deployed_stacks_have_no_difference_to_the_next_synthesis(deployed: Cloud, cdk: Cdk) -> None:
    printed = cdk("diff", "--fail", *MODELS, **deployed.environ)
    assert "Number of stacks with differences: 0" in printed


def test_changed_model_is_deployed_as_a_new_version_and_the_old_one_stays(
    deployed: Cloud, cdk: Cdk, project: Project
) -> None:
    functions = deployed.client("lambda")
    (name,) = [one["FunctionName"] for one in functions.list_functions()["Functions"] if "ftrl" in one["FunctionName"]]

    def versions() -> list[str]:
        return [one["Version"] for one in functions.list_versions_by_function(FunctionName=name)["Versions"]]

    before = functions.get_alias(FunctionName=name, Name="live")["FunctionVersion"]
    path = project.functions / "movie-ftrl" / "model.toml"
    text = path.read_text()
    assert "\nversion = 1\n" in text
    path.write_text(text.replace("\nversion = 1\n", "\nversion = 2\n"))
    shutil.rmtree(project.bundle("movie-ftrl"))
    cdk("deploy", "movie-ftrl", "-c", "models=movie-ftrl", "--require-approval", "never", **deployed.environ)
    after = functions.get_alias(FunctionName=name, Name="live")["FunctionVersion"]
    assert int(after) > int(before)
    assert {before, after} <= set(versions())
