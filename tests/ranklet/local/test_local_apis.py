"""An example model through every kind of API, in the local cloud: the real runtime behind the synthesised template."""

from __future__ import annotations

import http.client
import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgpack
import numpy as np
import pytest

from ranklet import app
from ranklet.local.cloud import LocalCloud
from ranklet.local.hosted import Hosted
from ranklet.local.logs import LogLine
from ranklet.project import Project

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[3]
JSON, MSGPACK = "application/json", "application/msgpack"
APIS = {
    "by-http": '[api]\nauth = "iam"\n',
    "by-key": '[api]\nkind = "rest"\nauth = "key"\n[api.cors]\norigins = ["https://a.example"]\n',
    "by-schema": '[api]\nkind = "rest"\n[api.rest]\nvalidate = "body"\n',
    "by-url": '[api]\nkind = "url"\n',
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """One example model under a name for every kind; finished layers are borrowed from the checkout."""
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
def cloud(project: Project) -> Iterator[Hosted]:
    lines: list[LogLine] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CDK_VALIDATION", "false")  # takes seconds, and is tested where the stacks are
        assembly = app.synthesise(project, out=project.build / "serve.out")
    tables = project.build / "tables"
    with LocalCloud(assembly, tables=tables, build=project.build, log=lines.append).running() as running:
        yield running


def ask(url: str, path: str, body: bytes, kind: str) -> tuple[Mapping[str, str], Any]:
    host, _, stage = url.removeprefix("http://").partition("/")
    connection = http.client.HTTPConnection(host, timeout=60)
    headers = {"content-type": kind, "accept": kind, "origin": "https://a.example"}
    try:
        connection.request("POST", f"/{stage}{path}" if stage else path, body, headers)
        answer = connection.getresponse()
        received = answer.read()
        assert answer.status == 200, received
        assert answer.headers["content-type"] == kind
        return answer.headers, json.loads(received) if kind == JSON else msgpack.unpackb(received)
    finally:
        connection.close()


def scores(answer: Any) -> list[float]:
    told = answer["scores"]
    return np.frombuffer(told["data"], told["dtype"]).tolist() if isinstance(told, dict) else list(told)


@pytest.mark.parametrize("kind", [JSON, MSGPACK])
@pytest.mark.parametrize("name", APIS)
def test_every_kind_of_api_gives_the_trainers_scores(cloud: Hosted, project: Project, name: str, kind: str) -> None:
    golden = (project.functions / name / "golden.jsonl").read_text().splitlines()[:10]
    assert golden
    for wanted in map(json.loads, golden):
        body = json.dumps(wanted["request"]).encode() if kind == JSON else msgpack.packb(wanted["request"])
        for path in (f"/v1/models/{name}:rank", f"/{name}/v1/models/{name}:rank"):
            headers, answer = ask(cloud.url_of(name), path, body, kind)
            assert scores(answer) == pytest.approx(wanted["scores"], abs=1e-6, rel=0)
            assert headers.get("access-control-allow-origin") == ("https://a.example" if name == "by-key" else None)
