"""A function whose files were changed after they were proven does not start, and its log says which file it was."""

from __future__ import annotations

import http.client
import json
from contextlib import closing
from pathlib import Path

import pytest
from cdk_project import Assembly, Synthesise, new_project, stub_layers, write_bundle, write_model
from host_layer_kit import host_layer
from served_kit import write_served

from ranklet import app, certificate
from ranklet.local.cloud import LocalCloud
from ranklet.local.logs import LogLine
from ranklet.project import Project


def test_stack_pins_the_hash_of_the_proven_bundle(synthesise: Synthesise, project: Project) -> None:
    write_model(project, "films")
    bundle = write_bundle(project, "films")
    variables = synthesise().only("films", "AWS::Lambda::Function")["Environment"]["Variables"]
    assert variables["RANKLET_BUNDLE"] == certificate.digest(bundle)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> tuple[Assembly, Project, Path]:
    root = tmp_path_factory.mktemp("integrity")
    project = new_project(root / "project")
    write_served(project, "films")
    out = app.synthesise(project, out=root / "cdk.out", layer=stub_layers(root / "layers"))
    return Assembly(out), project, host_layer(root / "layer")


def asked(served: tuple[Assembly, Project, Path]) -> tuple[int, str]:
    """The status of a request, and the log."""
    assembly, project, layer = served
    lines: list[LogLine] = []
    cloud = LocalCloud(assembly.folder, build=project.build, layers=lambda _: layer, log=lines.append)
    with (
        cloud.running() as running,
        closing(http.client.HTTPConnection(running.url.split("/")[2], timeout=60)) as http1,
    ):
        body = json.dumps({"user": {"age": 1.0}, "items": {"id": [0, 3]}})
        http1.request("POST", "/v1/models/films:rank", body, {"content-type": "application/json"})
        return http1.getresponse().status, "\n".join(line.text for line in lines)


def test_deployed_bundle_answers_until_a_file_of_it_is_changed(served: tuple[Assembly, Project, Path]) -> None:
    assert asked(served)[0] == 200
    (weights,) = served[0].folder.glob("asset.*/steps/*.npz")
    content = bytearray(weights.read_bytes())
    content[len(content) // 2] ^= 1
    weights.write_bytes(content)
    status, log = asked(served)
    assert status >= 500
    assert "this is not the bundle that was proven: steps/" in log and "build and deploy the model again" in log
