"""The whole life of the example models in ministack, by the commands of the README: `ranklet deploy`, of a second
version too, `rollback`, `status` and `destroy`.

Nothing here is AWS itself: that a stand-in accepts a template and serves the function does not say that AWS does. It
knows no CodeDeploy, no autoscaling and no firewall, which `--target local` leaves out. The tests go on from each other.
"""

from __future__ import annotations

import json
import math
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cdk_project import ROOT
from deploy_kit import REGION, Cloud, environ, ministack

from ranklet.model import load
from ranklet.project import Project

pytestmark = pytest.mark.slow

FLEET = tuple(
    sorted(
        path.parent.name
        for path in (ROOT / "functions").glob("*/model.toml")
        if 'kind = "retrieve"' not in path.read_text()
    )
)
"""Those that rank; the one that retrieves is deployed by test_cdk_deploy_funnel.py, as a stage."""
ENVIRONMENT = """
[tags]
environment = "staging"
team = "ranking"

[models.movie-ftrl.warmth]
kind = "provisioned"
count = 1
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The example models without bundles, and an environment; finished layers are borrowed from the checkout."""
    root = tmp_path_factory.mktemp("fleet")
    shutil.copy(ROOT / "cdk.json", root)
    for name in FLEET:
        shutil.copytree(ROOT / "functions" / name, root / "functions" / name)
    (root / "infra" / "environments").mkdir(parents=True)
    (root / "infra" / "environments" / "staging.toml").write_text(ENVIRONMENT)
    (root / ".build").mkdir()
    (ROOT / ".build" / "layers").mkdir(parents=True, exist_ok=True)
    (root / ".build" / "layers").symlink_to(ROOT / ".build" / "layers")
    return Project(root)


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """ministack with nothing in it."""
    with ministack(tmp_path_factory.mktemp("ministack")) as running:
        yield running


@dataclass(frozen=True)
class Done:
    """What a command did."""

    code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        return json.loads(self.stdout)


Run = Callable[..., Done]


@pytest.fixture(scope="module")
def ranklet(project: Project, cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Run `ranklet` against ministack."""
    base = environ(tmp_path_factory.mktemp("home")) | {"CDK_VALIDATION": "false"}
    keys = {name: cloud.environ[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}

    def run(verb: str, *words: str, code: int = 0) -> Done:
        main = "from ranklet.cli import main; main()"
        command = [sys.executable, "-c", main, verb, *words, "--endpoint", cloud.url, "--region", REGION]
        done = subprocess.run(command, cwd=project.root, env=base | keys, capture_output=True, text=True)
        assert done.returncode == code, done.stdout + done.stderr
        return Done(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture(scope="module")
def deployed(ranklet: Run) -> Any:
    """The fleet in the environment `staging`, by one command."""
    return ranklet("deploy", *FLEET, "--env", "staging", "--target", "local", "--bootstrap", "--json").json


def golden(project: Project, model: str, most: int = 5) -> list[dict[str, Any]]:
    """Requests with the trainer's scores, as they stand in the model's folder."""
    return [json.loads(line) for line in (project.functions / model / "golden.jsonl").read_text().splitlines()[:most]]


def gives(cloud: Cloud, project: Project, model: str) -> None:
    """The deployed API gives the trainer's scores to a caller who signs, without any of ranklet's own code."""
    bound = load(project.functions / model).golden.max_abs_diff or 1e-6
    for wanted in golden(project, model):
        status, answer = cloud.rank(model, wanted["request"], api="ranklet-staging")
        assert status == 200, answer
        assert answer["scores"] == pytest.approx(wanted["scores"], abs=bound, rel=0)


def test_one_command_deploys_the_fleet_and_its_smoke_test_gives_the_trainers_scores(deployed: Any) -> None:
    assert deployed["environment"] == "staging"
    assert {one["model"] for one in deployed["models"]} == set(FLEET)
    for one in deployed["models"]:
        assert one["function_version"] == "1"
        assert one["smoke"]["requests"] == 20
        assert one["smoke"]["worst"] <= one["smoke"]["bound"] <= 1e-5
        assert one["rollback"] == f"ranklet rollback {one['model']} --env staging"


@pytest.mark.parametrize("model", FLEET)
def test_callers_get_the_trainers_scores_and_without_a_signature_nothing(
    deployed: Any, cloud: Cloud, project: Project, model: str
) -> None:
    gives(cloud, project, model)
    status, answer = cloud.rank(model, golden(project, model)[0]["request"], signed=False, api="ranklet-staging")
    assert status == 403 and set(answer) == {"message"}


def test_names_and_tags_are_the_environments(deployed: Any, cloud: Cloud) -> None:
    shown = cloud.client("cloudformation").describe_stacks()["Stacks"]
    stacks = {one["StackName"]: one for one in shown if one["StackName"] != "CDKToolkit"}
    assert set(stacks) == {f"staging-{name}" for name in (*FLEET, "ranklet-shared")}
    for one in stacks.values():
        assert {"Key": "team", "Value": "ranking"} in one["Tags"]
    parameters = [one["Name"] for one in cloud.client("ssm").describe_parameters()["Parameters"]]
    assert all(name.startswith("/ranklet/staging/") for name in parameters if name.startswith("/ranklet/"))
    assert "/ranklet/staging/api/id" in parameters


def test_status_shows_the_live_version_its_tables_and_what_is_provisioned(deployed: Any, ranklet: Run) -> None:
    shown = {one["model"]: one for one in ranklet("status", "--env", "staging", "--json").json}
    assert set(shown) == set(FLEET)
    assert {one["live"] for one in shown.values()} == {"1"} == {one["newest"] for one in shown.values()}
    assert set(shown["movie-two-tower"]["tables"].values()) == {"complete"}
    assert shown["movie-ftrl"]["provisioned"] == {"requested": 1, "available": 1, "status": "READY"}
    assert all(one["alarms"] for one in shown.values())
    assert "1 (model version 1)" in ranklet("status", "--env", "staging").stdout


def test_no_environment_sees_nothing_of_another(deployed: Any, ranklet: Run) -> None:
    (one,) = ranklet("status", "movie-ftrl", "--json", code=1).json
    assert one["deployed"] is False


SHIFT = 0.25


def another_weight(project: Project) -> None:
    """Version 2 of movie-ftrl: another bias. What its scores are then follows from the trainer's, through the logit."""
    folder = project.functions / "movie-ftrl"
    path = folder / "export" / "weights.npz"
    with np.load(path) as file:
        weights = {name: file[name] for name in file.files}
    before = float(weights["bias"][0])
    weights["bias"] = (weights["bias"] + np.float32(SHIFT)).astype(np.float32)
    shift = float(weights["bias"][0]) - before
    np.savez(path, **weights)
    lines = [json.loads(line) for line in (folder / "golden.jsonl").read_text().splitlines()]
    for line in lines:
        logits = [math.log(score / (1 - score)) for score in line["scores"]]
        line["scores"] = [1 / (1 + math.exp(-(logit + shift))) for logit in logits]
    (folder / "golden.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    text = (folder / "model.toml").read_text()
    assert re.search(r"^version = 1$", text, re.MULTILINE)
    (folder / "model.toml").write_text(re.sub(r"^version = 1$", "version = 2", text, flags=re.MULTILINE))


def test_a_second_version_is_deployed_rolled_back_and_deployed_again(
    deployed: Any, ranklet: Run, cloud: Cloud, project: Project, tmp_path: Path
) -> None:
    folder, first = project.functions / "movie-ftrl", tmp_path / "first"
    shutil.copytree(folder, first)
    another_weight(project)
    deploy = ("deploy", "movie-ftrl", "--env", "staging", "--target", "local", "--json")
    (one,) = ranklet(*deploy).json["models"]
    assert (one["version"], one["function_version"], one["smoke"]["version"]) == ("2", "2", "2")
    gives(cloud, project, "movie-ftrl")

    back = ranklet("rollback", "movie-ftrl", "--env", "staging", "--json").json
    assert back["from"] == {"function_version": "2", "version": "2"}
    assert back["to"] == {"function_version": "1", "version": "1"}
    assert back["done"] and back["provisioned"] == 1
    second = tmp_path / "second"
    shutil.copytree(folder, second)
    shutil.copy(first / "golden.jsonl", folder)
    gives(cloud, project, "movie-ftrl")
    (shown,) = ranklet("status", "movie-ftrl", "--env", "staging", "--json").json
    assert (shown["live"], shown["newest"], shown["version"]) == ("1", "2", "1")
    assert "held:" in ranklet("status", "movie-ftrl", "--env", "staging").stdout

    shutil.copy(second / "golden.jsonl", folder)
    assert "a rollback holds live at version 1" in ranklet(*deploy, code=10).stderr
    (one,) = ranklet(*deploy, "--forward").json["models"]
    assert (one["version"], one["function_version"]) == ("2", "2")
    gives(cloud, project, "movie-ftrl")


def test_a_rollback_without_an_earlier_version_is_refused_by_name(deployed: Any, ranklet: Run) -> None:
    done = ranklet("rollback", "movie-din", "--env", "staging", code=10)
    assert "there is no version before 1 (model version 1), which is live" in done.stderr


def test_a_failed_deployment_shows_what_cdk_said(deployed: Any, ranklet: Run, project: Project) -> None:
    path = project.root / "cdk.json"
    text = path.read_text()
    path.write_text(text.replace('"rate": 1000', '"rate": 0'))
    try:
        done = ranklet("deploy", "movie-ftrl", "--env", "staging", "--target", "local", code=10)
    finally:
        path.write_text(text)
    assert "context rate=0 would let nobody in" in done.stderr
    assert ".build/deploy/staging-" in done.stderr
    assert "Traceback" not in done.stderr


def test_destroyed_models_are_gone_with_their_tables_and_what_stays_is_named(
    deployed: Any, ranklet: Run, cloud: Cloud
) -> None:
    refused = ranklet("destroy", "ranklet-shared", "--env", "staging", "--yes", code=10)
    assert "needs the shared stack" in refused.stderr
    for model in FLEET:
        done = ranklet("destroy", model, "--env", "staging", "--tables", "--yes", "--json").json
        assert done["stack"] == f"staging-{model}"
        assert all(one["deleted"] for one in done["tables"]), done
    assert not [name for name in cloud.client("dynamodb").list_tables()["TableNames"] if name.startswith("ranklet-")]
    shown = ranklet("status", "--env", "staging", "--json").json
    assert [one["deployed"] for one in shown] == [False] * len(FLEET)
    shared = ranklet("destroy", "ranklet-shared", "--env", "staging", "--yes", "--json").json
    assert {"AWS::S3::Bucket", "AWS::Lambda::LayerVersion"} <= {one["kind"] for one in shared["kept"]}
    left = [one["StackName"] for one in cloud.client("cloudformation").describe_stacks()["Stacks"]]
    assert left == ["CDKToolkit"]
