"""A model with a REST API and one with a function URL, deployed for real into ministack, and called.

What a stand-in takes, AWS need not take: its firewall and its own validation of bodies are not there.
"""

from __future__ import annotations

import http.client
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from cdk_project import ROOT
from deploy_kit import REGION, Cloud, environ, ministack

from ranklet import node
from ranklet.project import Project

pytestmark = pytest.mark.slow

APIS = {
    "by-key": '[api]\nkind = "rest"\nauth = "key"\n[api.throttle]\nrate = 50\nburst = 20\n[api.rest]\nwaf_rate = 1000\n'
    'validate = "body"\n[api.rest.plan]\nquota = 1000\n[api.cors]\norigins = ["https://a.example"]\n',
    "by-iam": '[api]\nkind = "rest"\n',
    "by-url": '[api]\nkind = "url"\n',
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """One example model under three names; finished layers are borrowed from the checkout."""
    root = tmp_path_factory.mktemp("apis")
    shutil.copy(ROOT / "cdk.json", root)
    for name, api in APIS.items():
        folder = root / "functions" / name
        shutil.copytree(ROOT / "functions" / "movie-ftrl", folder)
        text = (folder / "model.toml").read_text()
        assert '[api]\nauth = "iam"\n' in text
        text = text.replace('[api]\nauth = "iam"\n', api).replace('name = "movie-ftrl"', f'name = "{name}"')
        (folder / "model.toml").write_text(text)
    (root / ".build").mkdir()
    (ROOT / ".build" / "layers").mkdir(parents=True, exist_ok=True)
    (root / ".build" / "layers").symlink_to(ROOT / ".build" / "layers")
    return Project(root)


@pytest.fixture(scope="module")
def cloud(project: Project, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """ministack with the three models in it."""
    base = environ(tmp_path_factory.mktemp("home"))
    with ministack(tmp_path_factory.mktemp("ministack")) as running:
        local = ["-c", "target=local", "--require-approval", "never"]
        for words in (["bootstrap"], ["deploy", *APIS, *local]):
            done = subprocess.run(
                [*node.cdk_command(), *words],
                cwd=project.root,
                env={**base, **running.environ},
                capture_output=True,
                text=True,
            )
            assert done.returncode == 0, done.stdout + done.stderr
        yield running


def outputs(cloud: Cloud, stack: str) -> dict[str, str]:
    (found,) = cloud.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    return {one["OutputKey"]: one["OutputValue"] for one in found["Outputs"]}


def post(cloud: Cloud, host: str, path: str, request: Any, *, sign: str = "", **headers: str) -> tuple[int, Any]:
    """POST to a host that ministack plays."""
    body = json.dumps(request)
    asked = AWSRequest("POST", f"http://{host}{path}", data=body, headers={"content-type": "application/json"})
    if sign:
        SigV4Auth(Credentials("test", "test"), sign, REGION).add_auth(asked)
    connection = http.client.HTTPConnection("127.0.0.1", cloud.port, timeout=60)
    try:
        sent = {**dict(asked.headers.items()), **{name.replace("_", "-"): one for name, one in headers.items()}}
        connection.request("POST", path, body, {**sent, "host": host})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def golden(project: Project) -> list[dict[str, Any]]:
    lines = (project.functions / "by-key" / "golden.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines[:5]]


def rest_host(cloud: Cloud, stack: str) -> str:
    """Where ministack plays the API whose address the stack tells."""
    address = outputs(cloud, stack)["Rank"].removeprefix("https://")
    assert address.partition("/")[2] == f"live/v1/models/{stack}:rank"
    return f"{address.partition('.')[0]}.execute-api.localhost:{cloud.port}"


def test_caller_with_the_key_gets_the_trainers_scores(cloud: Cloud, project: Project) -> None:
    id = outputs(cloud, "by-key")["ApiKeyId"]
    key = cloud.client("apigateway").get_api_key(apiKey=id, includeValue=True)["value"]
    host = rest_host(cloud, "by-key")
    for wanted in golden(project):
        status, answer = post(cloud, host, "/live/v1/models/by-key:rank", wanted["request"], x_api_key=key)
        assert status == 200 and "degraded" not in answer, answer
        assert answer["scores"] == pytest.approx(wanted["scores"], abs=1e-6, rel=0)
    assert post(cloud, host, "/live/v1/models/by-key:rank", {})[0] == 403


def test_rest_api_takes_signed_requests_alone(cloud: Cloud, project: Project) -> None:
    host = rest_host(cloud, "by-iam")
    for wanted in golden(project):
        status, answer = post(cloud, host, "/live/v1/models/by-iam:rank", wanted["request"], sign="execute-api")
        assert status == 200, answer
        assert answer["scores"] == pytest.approx(wanted["scores"], abs=1e-6, rel=0)
    assert post(cloud, host, "/live/v1/models/by-iam:rank", golden(project)[0]["request"])[0] == 403


def test_function_url_is_the_aliass(cloud: Cloud, project: Project) -> None:
    functions = cloud.client("lambda")
    (name,) = [
        one["FunctionName"] for one in functions.list_functions()["Functions"] if "by-url" in one["FunctionName"]
    ]
    url = functions.get_function_url_config(FunctionName=name, Qualifier="live")
    assert url["AuthType"] == "AWS_IAM"
    assert Path(outputs(cloud, "by-url")["Rank"]).name == "by-url:rank"
