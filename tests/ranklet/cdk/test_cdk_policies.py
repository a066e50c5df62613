"""Least privilege, by what functions do: what is called is granted, and what is granted is called.

Models of every kind that has rights of its own are built, synthesised and served by the local cloud from that very
template. What they ask of DynamoDB, S3 and Lambda is held to the template's policies, both ways round.
"""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from cdk_project import Assembly, new_project, stub_layers, write_bundle, write_hook, write_model
from host_layer_kit import host_layer
from policies_kit import ACCOUNT, REGION, Grant, allowed, codedeploy, grants, watched
from served_kit import Kind, write_served

from ranklet import app
from ranklet.local.cloud import LocalCloud
from ranklet.local.logs import LogLine
from ranklet.local.s3.server import BUCKET
from ranklet.project import Project
from ranklet_runtime import hook

FUNCTION = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:"
SECRET = "AWS::SecretsManager::Secret"
GROUP = f"arn:aws:codedeploy:{REGION}:{ACCOUNT}:deploymentgroup:app/group"
VPC = """
[function.vpc]
subnets = ["subnet-0123456789abcdef0"]
security_groups = ["sg-0123456789abcdef0"]
"""
KEY = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"

KINDS = {
    "plain": "[api]\nversions = false\n",
    "versions": "",
    "stored": "",
    "fetched": "",
    "large": "",
    "shadowed": "[release.shadow]\nshare = 1.0\n",
    "joined": VPC,
    "prepared": "[token]\n",
    "locked": f'[function]\ntracing = true\nkms_key = "{KEY}"\n',
}
"""Models by what they may do beyond their log; `stored` reads DynamoDB, `fetched` and `large` S3."""

TABLE: dict[str, Kind] = {"stored": "dynamodb", "fetched": "fetched", "large": "large"}

HOOK = """
import json
from types import SimpleNamespace
from ranklet_runtime import hook
event = {"DeploymentId": "d-1", "LifecycleEventHookExecutionId": "x"}
print(json.dumps(hook.handler(event, SimpleNamespace(get_remaining_time_in_millis=lambda: 60_000))))
"""

PLATFORM = {
    "logs:CreateLogStream": "Lambda writes what the function prints",
    "logs:PutLogEvents": "Lambda writes what the function prints",
    "kms:Decrypt": "Lambda decrypts the function's environment with the function's rights",
    "xray:PutTelemetryRecords": "Lambda traces the function with the function's rights",
    "xray:PutTraceSegments": "Lambda traces the function with the function's rights",
    "ec2:AssignPrivateIpAddresses": "Lambda joins the function to its VPC",
    "ec2:CreateNetworkInterface": "Lambda joins the function to its VPC",
    "ec2:DeleteNetworkInterface": "Lambda joins the function to its VPC",
    "ec2:DescribeNetworkInterfaces": "Lambda joins the function to its VPC",
    "ec2:DescribeSubnets": "Lambda joins the function to its VPC",
    "ec2:UnassignPrivateIpAddresses": "Lambda joins the function to its VPC",
}
"""What AWS does in the function's name, so that no function can be seen doing it here, and why."""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = new_project(tmp_path_factory.mktemp("policies"))
    for name, more in KINDS.items():
        write_served(project, name, more=more, kind=TABLE.get(name, "resident"))
    return project


@pytest.fixture(scope="module")
def assembly(project: Project) -> Assembly:
    out = project.root / "cdk.out"
    return Assembly(app.synthesise(project, out=out, layer=stub_layers(project.root / "layers")))


@pytest.fixture(scope="module")
def layer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return host_layer(tmp_path_factory.mktemp("layer"))


@pytest.fixture
def gradual(tmp_path: Path) -> Assembly:
    """A model whose releases go through CodeDeploy."""
    project = new_project(tmp_path / "gradual")
    write_model(project, "gradual", more='[release]\nstrategy = "canary"\n')
    write_bundle(project, "gradual")
    write_hook(project, "gradual")
    out = tmp_path / "cdk.out"
    return Assembly(app.synthesise(project, out=out, layer=stub_layers(tmp_path / "layers")))


def ask(url: str, path: str) -> int:
    with closing(http.client.HTTPConnection(url.split("/")[2], timeout=60)) as connection:
        sides = {"user": {"age": 1.0}, "items": {"id": [0, 3]}}
        body = json.dumps({"user": sides["user"]} if path.endswith(":prepare") else sides)
        connection.request("POST", path, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        return answer.status


@pytest.fixture(scope="module")
def called(project: Project, assembly: Assembly, layer: Path) -> Iterator[dict[str, set[tuple[str, str]]]]:
    """Model → what its function asked for: to start, to rank, for a version and a label, for what is not there."""
    found: dict[str, set[tuple[str, str]]] = {}
    lines: list[LogLine] = []
    for name in KINDS:
        cloud = LocalCloud(
            assembly.folder,
            functions=[name],
            tables=project.build / "tables",
            build=project.build,
            layers=lambda _: layer,
            log=lines.append,
        )
        with watched() as calls, cloud.running() as running:
            prefix = f"/v1/models/{name}"
            assert ask(running.url, f"{prefix}:rank") == 200, lines
            if name == "prepared":
                assert ask(running.url, f"{prefix}:prepare") == 200, lines
            for path in (f"{prefix}/versions/1:rank", f"{prefix}/labels/other:rank", f"{prefix}/versions/77:rank"):
                assert ask(running.url, path) in (200, 404), lines
        found[name] = calls
    yield found


def secret_of(assembly: Assembly, model: str) -> str:
    """As the local cloud calls the secret of a stack."""
    found = [name for name, one in assembly.template(model)["Resources"].items() if one["Type"] == SECRET]
    return f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{model}-{found[0] if found else ''}"


def granted(assembly: Assembly, model: str) -> set[Grant]:
    values = {
        "AWS::Lambda::Function.Arn": f"{FUNCTION}{model}",
        "AWS::Logs::LogGroup.Arn": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{model}:*",
        "/ranklet/snapshots/bucket": BUCKET,
        SECRET: secret_of(assembly, model),
    }
    return grants(assembly, model, values)


@pytest.mark.parametrize("model", KINDS)
def test_every_call_is_allowed(assembly: Assembly, called: dict[str, set[tuple[str, str]]], model: str) -> None:
    rights = granted(assembly, model)
    assert not [call for call in called[model] if not allowed(rights, *call)]


@pytest.mark.parametrize("model", KINDS)
def test_every_grant_is_used(assembly: Assembly, called: dict[str, set[tuple[str, str]]], model: str) -> None:
    for grant in granted(assembly, model):
        used = any(grant.covers(*call) for call in called[model])
        assert used or grant.action in PLATFORM or grant.deny, grant


def test_what_the_platform_does_is_granted_somewhere(assembly: Assembly) -> None:
    assert set(PLATFORM) <= {grant.action for model in KINDS for grant in granted(assembly, model)}


def test_models_ask_for_what_makes_them_a_kind(called: dict[str, set[tuple[str, str]]]) -> None:
    actions = {model: {action for action, _ in calls} for model, calls in called.items()}
    own = {"lambda:InvokeFunction", "lambda:ListVersionsByFunction"}
    assert actions["plain"] == set()
    assert actions["versions"] == actions["joined"] == actions["locked"] == own
    assert actions["prepared"] == own | {"secretsmanager:GetSecretValue"}
    assert actions["stored"] == own | {"dynamodb:BatchGetItem"}
    assert actions["fetched"] == actions["large"] == own | {"s3:GetObject"}
    assert (f"{FUNCTION}shadowed:candidate" in {resource for _, resource in called["shadowed"]}) is True


@pytest.fixture
def hooked(project: Project, assembly: Assembly, layer: Path, tmp_path: Path) -> Iterator[set[tuple[str, str]]]:
    """What the hook of a gradual release asked for, of the model `versions`."""
    golden = json.loads((project.functions / "versions" / "golden.jsonl").read_text())
    document = {"path": "/v1/models/versions:rank", "bound": 1e-6, "rows": [golden]}
    (tmp_path / hook.GOLDEN).write_text(json.dumps(document))
    cloud = LocalCloud(
        assembly.folder,
        functions=["versions"],
        build=project.build,
        layers=lambda _: layer,
        log=list[LogLine]().append,
    )
    with watched() as calls, cloud.running() as running, codedeploy(calls, GROUP) as url:
        environ = {
            "LAMBDA_TASK_ROOT": str(tmp_path),
            "AWS_ENDPOINT_URL_LAMBDA": running.lambda_url,
            "AWS_ENDPOINT_URL_CODEDEPLOY": url,
            "AWS_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            hook.FUNCTION: "versions",
            hook.VERSION: "1",
        }
        # In a process of its own, as its connections last as long as that.
        done = subprocess.run(
            [sys.executable, "-c", HOOK], env={**os.environ, **environ}, capture_output=True, text=True, timeout=120
        )
        assert json.loads(done.stdout.splitlines()[-1]) == {"status": "Succeeded", "reasons": []}, done.stderr
    yield calls


def test_hook_of_a_release_may_do_what_it_does_and_no_more(hooked: set[tuple[str, str]], gradual: Assembly) -> None:
    values = {
        "AWS::Lambda::Function.Arn": f"{FUNCTION}versions",
        "AWS::Logs::LogGroup.Arn": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:hook:*",
        "AWS::CodeDeploy::Application": "app",
        "AWS::CodeDeploy::DeploymentGroup": "group",
    }
    rights = grants(gradual, "gradual", values, handler="ranklet_runtime.hook.handler")
    assert {action for action, _ in hooked} == {
        "lambda:InvokeFunction",
        "codedeploy:PutLifecycleEventHookExecutionStatus",
    }
    assert not [call for call in hooked if not allowed(rights, *call)]
    assert not [
        right for right in rights if right.action not in PLATFORM and not any(right.covers(*call) for call in hooked)
    ]


def test_no_model_may_read_what_is_anothers(assembly: Assembly, called: dict[str, set[tuple[str, str]]]) -> None:
    rights = granted(assembly, "versions")
    others: set[Any] = called["stored"] | called["fetched"]
    assert not [call for call in others if allowed(rights, *call)]


@pytest.mark.parametrize("model", KINDS)
def test_no_action_is_a_wildcard(assembly: Assembly, model: str) -> None:
    assert not [grant for grant in granted(assembly, model) if "*" in grant.action]


def test_evaluator_denies_what_is_denied_and_what_nobody_grants() -> None:
    rights = {Grant("s3:GetObject", "arn:aws:s3:::b/t/*"), Grant("s3:GetObject", "arn:aws:s3:::b/t/x", deny=True)}
    assert allowed(rights, "s3:getobject", "arn:aws:s3:::b/t/y")
    assert not allowed(rights, "s3:GetObject", "arn:aws:s3:::b/t/x")
    assert not allowed(rights, "s3:PutObject", "arn:aws:s3:::b/t/y")
    assert not allowed(rights, "s3:GetObject", "arn:aws:s3:::b/T/y")
