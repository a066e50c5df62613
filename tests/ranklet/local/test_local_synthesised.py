"""The project's own stacks, as the CDK writes them, served: what the constructs wire is what answers."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from ranklet import app, certificate, freshness
from ranklet.certificate import Certificate
from ranklet.local.cloud import LocalCloud
from ranklet.local.logs import LogLine
from ranklet.local.template import read
from ranklet.project import Project

ROOT = Path(__file__).resolve().parents[3]

MODEL = """
name = "films"

[inputs.age]
side = "user"

[features.age]
kind = "dense"
of = "age"

[[steps]]
format = "numpy"
engine = "linear"
source = "export/model.npz"

[function]
memory = 256
timeout = 6
reserved = 3

[warmth]
kind = "provisioned"
count = 1
"""

MANIFEST = {
    "format": 1,
    "model": "films",
    "version": "1",
    "inputs": {"age": {"side": "user"}},
    "features": {"age": {"kind": "dense", "of": ["age"]}},
    "tables": {},
    "steps": [{"engine": "linear", "rows": "item", "inputs": {"x": "age"}, "outputs": {"y": "score"}}],
    "score": "score",
    "dialects": ["native"],
    "limits": {"items": 10},
    "threads": 1,
}

HANDLER = """
import json, os

def handler(event, context):
    bundle = json.load(open(os.environ["LAMBDA_TASK_ROOT"] + "/manifest.json"))
    body = {"model": bundle["model"], "path": event["rawPath"], "route": event["routeKey"],
            "arn": context.invoked_function_arn, "threads": os.environ["OMP_NUM_THREADS"]}
    return {"statusCode": 200, "body": json.dumps(body)}
"""


@pytest.fixture(scope="module")
def synthesised(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The assembly of one model with a stub in the place of the runtime."""
    root = tmp_path_factory.mktemp("project")
    project = Project(root)
    (project.functions / "films").mkdir(parents=True)
    (project.functions / "films" / "model.toml").write_text(MODEL)
    (root / "cdk.json").write_bytes((ROOT / "cdk.json").read_bytes())
    bundle = project.bundle("films")
    bundle.mkdir(parents=True)
    (bundle / "manifest.json").write_text(json.dumps(MANIFEST))
    certificate.write(Certificate(certificate.digest(bundle), 1, 1e-6, {"native-json": 0.0}), bundle)
    freshness.mark(bundle, freshness.digest(project.functions / "films"))

    def layer(name: str, architecture: str) -> Path:
        package = root / "layers" / f"{name}-{architecture}" / "python" / f"ranklet_{name}"
        if name == "inference":
            package = package.with_name("ranklet_runtime")
        package.mkdir(parents=True, exist_ok=True)
        (package / "__init__.py").write_text("")
        (package / "handler.py").write_text(HANDLER)
        return package.parent.parent

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CDK_VALIDATION", "false")  # takes seconds, and is tested where the stacks are
        yield app.synthesise(project, out=root / "cdk.out", layer=layer)


def test_template_is_read_whole(synthesised: Path) -> None:
    deployment = read(synthesised)
    (function,) = deployment.functions
    assert (function.name, function.handler) == ("films", "ranklet_runtime.handler.handler")
    assert (function.memory_mb, function.timeout_s, function.provisioned, function.reserved) == (256, 6.0, 1, 3)
    assert (function.alias, function.environment["OMP_NUM_THREADS"]) == ("live", "1")
    assert [layer.name for layer in function.layers] == ["features", "inference"]
    assert (function.code / "manifest.json").is_file()
    assert {route.auth for route in deployment.routes} == {"AWS_IAM"}
    assert {"ANY /films/{proxy+}", "ANY /v1/models/films:rank"} <= {route.key for route in deployment.routes}
    assert (deployment.api.stage, deployment.skipped) == ("$default", ())


def test_synthesised_function_answers_on_its_routes(synthesised: Path, lines: list[LogLine]) -> None:
    with LocalCloud(synthesised, layers=lambda name: None, log=lines.append).running() as cloud:
        assert len(cloud.pids) == 1
        connection = http.client.HTTPConnection(cloud.url.split("/")[2], timeout=30)
        for path, route in (
            ("/v1/models/films:rank", "ANY /v1/models/films:rank"),
            ("/films/v1/models/films:rank", "ANY /films/{proxy+}"),
            ("/v1/models/films", "ANY /v1/models/films"),
        ):
            connection.request("POST", path, body=b"{}")
            answer = connection.getresponse()
            assert answer.status == 200
            assert json.loads(answer.read()) == {
                "model": "films",
                "path": path,
                "route": route,
                "arn": "arn:aws:lambda:us-east-1:123456789012:function:films:live",
                "threads": "1",
            }
        connection.close()
        assert cloud.stats()["films"].cold_starts == 0
