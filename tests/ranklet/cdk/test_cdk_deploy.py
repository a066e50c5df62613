"""The real `cdk` command, and a real deployment of the example models into ministack, a stand-in for AWS.

Nothing here is AWS itself: that a stand-in accepts a template and serves the function does not say that AWS does.
ministack pins botocore, so it gets an environment of its own, of the Python that Lambda runs: its workers load the
layers that were built for Lambda.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from cdk_project import ROOT

from ranklet import app, node
from ranklet.packaging import bytecode
from ranklet.project import Project
from ranklet.tables.deployed import read as read_deployed
from ranklet.tables.push import push
from ranklet_runtime.manifest import Manifest

pytestmark = pytest.mark.slow

MINISTACK = "ministack==1.5.33"
MODELS = ("movie-ftrl", "movie-two-tower")
REGION = "us-east-1"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The example models in a project without bundles; finished layers are borrowed from the checkout."""
    root = tmp_path_factory.mktemp("deployed")
    shutil.copy(ROOT / "cdk.json", root)
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
    nowhere = str(tmp_path_factory.mktemp("home") / "none")
    base = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "CDK_", "JSII_"))}
    base |= {"AWS_CONFIG_FILE": nowhere, "AWS_SHARED_CREDENTIALS_FILE": nowhere, "AWS_EC2_METADATA_DISABLED": "true"}
    base |= {"PATH": os.pathsep.join([str(Path(sys.executable).parent), base["PATH"]]), "CI": "true"}
    environ = node.with_node(base)
    version = subprocess.run([*node.cdk_command(), "--version"], env=environ, capture_output=True, text=True)
    if version.returncode:
        pytest.skip(f"npm cannot fetch {node.CDK}: {version.stderr[-300:]}")

    def run(*words: str, **more: str) -> str:
        done = subprocess.run(
            [*node.cdk_command(), *words], cwd=project.root, env={**environ, **more}, capture_output=True, text=True
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


@dataclass(frozen=True)
class Cloud:
    """A running ministack."""

    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environ(self) -> dict[str, str]:
        """What points clients of AWS at it."""
        keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": REGION}
        return {**keys, "AWS_DEFAULT_REGION": REGION, "AWS_ENDPOINT_URL": self.url}

    def client(self, service: str) -> object:
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    def rank(self, model: str, request: object, *, signed: bool = True) -> tuple[int, dict[str, object]]:
        """POST a request to a model through the deployed HTTP API."""
        (api,) = [one["ApiId"] for one in self.client("apigatewayv2").get_apis()["Items"] if one["Name"] == "ranklet"]
        host, path, body = f"{api}.execute-api.localhost:{self.port}", f"/v1/models/{model}:rank", json.dumps(request)
        asked = AWSRequest("POST", f"http://{host}{path}", data=body, headers={"content-type": "application/json"})
        if signed:
            SigV4Auth(Credentials("test", "test"), "execute-api", REGION).add_auth(asked)
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request("POST", path, body, {**dict(asked.headers.items()), "host": host})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """ministack on a free port of this machine, with nothing in it."""
    python = bytecode.compiler((3, 13))
    if python is None or (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        pytest.skip("Lambda's layers run only under Python 3.13 on Linux x86_64")
    folder = tmp_path_factory.mktemp("ministack")
    subprocess.run([python, "-m", "venv", str(folder / "venv")], check=True)
    pip = [str(folder / "venv" / "bin" / "python"), "-m", "pip", "install", "--quiet", MINISTACK]
    installed = subprocess.run(pip, capture_output=True, text=True)
    if installed.returncode:
        pytest.skip(f"pip cannot fetch {MINISTACK}: {installed.stderr[-300:]}")
    port = free_port()
    environ = {**os.environ, "BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port), "S3_DATA_DIR": str(folder / "s3")}
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(
            [str(folder / "venv" / "bin" / "ministack")],
            cwd=folder,
            env=environ,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        wait_for(port, server)
        yield Cloud(port)
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait(10)


def wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    for _ in range(120):
        assert server.poll() is None, "ministack ended at once"
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.5)
    raise AssertionError("ministack did not listen within a minute")


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
