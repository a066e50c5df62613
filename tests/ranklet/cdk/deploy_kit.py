"""ministack, a stand-in for AWS, as the deployment tests run it, and what points clients at it.

ministack pins botocore, so it gets an environment of its own, of the Python that Lambda runs: its workers load the
layers that were built for Lambda.
"""

from __future__ import annotations

import json
import os
import platform
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from ranklet import node
from ranklet.packaging import bytecode

MINISTACK = "ministack==1.5.33"
REGION = "us-east-1"


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

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    def rank(
        self, model: str, request: object, *, signed: bool = True, api: str = "ranklet"
    ) -> tuple[int, dict[str, Any]]:
        """POST a request to a model through the deployed HTTP API of that name."""
        (id,) = [one["ApiId"] for one in self.client("apigatewayv2").get_apis()["Items"] if one["Name"] == api]
        host, path, body = f"{id}.execute-api.localhost:{self.port}", f"/v1/models/{model}:rank", json.dumps(request)
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


@contextmanager
def ministack(folder: Path) -> Iterator[Cloud]:
    """Run it on a free port of this machine, with nothing in it. Skips the test where it cannot be had."""
    python = bytecode.compiler((3, 13))
    if python is None or (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        pytest.skip("Lambda's layers run only under Python 3.13 on Linux x86_64")
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


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    for _ in range(120):
        assert server.poll() is None, "ministack ended at once"
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.5)
    raise AssertionError("ministack did not listen within a minute")


def environ(home: Path) -> dict[str, str]:
    """An environment with node, the running Python and no AWS configuration. Skips the test where npm has no `cdk`."""
    nowhere = str(home / "none")
    base = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "CDK_", "JSII_"))}
    base |= {"AWS_CONFIG_FILE": nowhere, "AWS_SHARED_CREDENTIALS_FILE": nowhere, "AWS_EC2_METADATA_DISABLED": "true"}
    base |= {"PATH": os.pathsep.join([str(Path(sys.executable).parent), base["PATH"]]), "CI": "true"}
    found = node.with_node(base)
    version = subprocess.run([*node.cdk_command(), "--version"], env=found, capture_output=True, text=True)
    if version.returncode:
        pytest.skip(f"npm cannot fetch {node.CDK}: {version.stderr[-300:]}")
    return found
