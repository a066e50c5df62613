"""A deployment of a model with tokens into ministack, a stand-in for AWS: its secret, tokens, and a change of key."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from http.client import HTTPConnection
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

MODEL = "movie-ftrl"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    root = tmp_path_factory.mktemp("deployed")
    settings = json.loads((ROOT / "cdk.json").read_text())
    settings["context"]["target"] = "local"  # without what the stand-in refuses
    (root / "cdk.json").write_text(json.dumps(settings))
    shutil.copytree(ROOT / "functions" / MODEL, root / "functions" / MODEL)
    described = root / "functions" / MODEL / "model.toml"
    described.write_text(described.read_text() + "\n[token]\n")
    (root / ".build").mkdir()
    (ROOT / ".build" / "layers").mkdir(parents=True, exist_ok=True)
    (root / ".build" / "layers").symlink_to(ROOT / ".build" / "layers")
    return Project(root)


@pytest.fixture(scope="module")
def cloud(project: Project, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """ministack with the model in it."""
    base = environ(tmp_path_factory.mktemp("home"))
    with ministack(tmp_path_factory.mktemp("ministack")) as running:
        for words in (["bootstrap"], ["deploy", MODEL, "--require-approval", "never"]):
            done = subprocess.run(
                [*node.cdk_command(), *words],
                cwd=project.root,
                env={**base, **running.environ},
                capture_output=True,
                text=True,
            )
            assert done.returncode == 0, done.stdout + done.stderr
        yield running


def ask(cloud: Cloud, verb: str, request: Any) -> tuple[int, dict[str, Any]]:
    (api,) = [one["ApiId"] for one in cloud.client("apigatewayv2").get_apis()["Items"] if one["Name"] == "ranklet"]
    host, path = f"{api}.execute-api.localhost:{cloud.port}", f"/v1/models/{MODEL}:{verb}"
    body = json.dumps(request)
    asked = AWSRequest("POST", f"http://{host}{path}", data=body, headers={"content-type": "application/json"})
    SigV4Auth(Credentials("test", "test"), "execute-api", REGION).add_auth(asked)
    connection = HTTPConnection("127.0.0.1", cloud.port, timeout=60)
    try:
        connection.request("POST", path, body, {**dict(asked.headers.items()), "host": host})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def test_deployed_model_ranks_by_token_and_takes_it_after_a_change_of_key(cloud: Cloud, project: Project) -> None:
    line = (project.functions / MODEL / "golden.jsonl").read_text().splitlines()[0]
    request = json.loads(line)["request"]
    once = {side: request[side] for side in ("user", "context")}
    plain = ask(cloud, "rank", request)
    assert plain[0] == 200, plain
    status, prepared = ask(cloud, "prepare", once)
    assert status == 200, prepared
    by_token = {"token": prepared["token"], "items": request["items"]}
    assert ask(cloud, "rank", by_token) == plain
    stack = cloud.client("cloudformation").describe_stacks(StackName=MODEL)["Stacks"][0]
    (arn,) = [one["OutputValue"] for one in stack["Outputs"] if one["OutputKey"] == "TokenKey"]
    secrets = cloud.client("secretsmanager")
    assert len(secrets.get_secret_value(SecretId=arn)["SecretString"]) == 64
    secrets.put_secret_value(SecretId=arn, SecretString="r" * 64)
    assert ask(cloud, "rank", by_token) == plain
    assert ask(cloud, "rank", {**by_token, "token": prepared["token"][:-3]})[0] == 401
