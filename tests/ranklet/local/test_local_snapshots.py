"""A model whose table is fetched from S3: built as models are, then served by AWS's own runtime client."""

from __future__ import annotations

import http.client
import json
import math
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import boto3
import numpy as np
import pytest
from host_layer_kit import host_layer
from moto.server import ThreadedMotoServer

from ranklet import pipeline
from ranklet.local.cloud import LocalCloud
from ranklet.local.event_v2 import Api
from ranklet.local.function import Function, Layer
from ranklet.local.logs import LogLine
from ranklet.local.routes import Route
from ranklet.local.template import Deployment
from ranklet.project import Project
from ranklet.tables import room
from ranklet.tables.files import read_table
from ranklet.tables.snapshot import upload

BUCKET = f"built-{uuid.uuid4().hex}"
KEYS = np.arange(10, 410, 2)
ROWS = np.random.default_rng(5).normal(size=(len(KEYS), 16)).astype(np.float32)
WEIGHTS = np.random.default_rng(6).normal(size=17).astype(np.float32) / 4

MODEL = """
name = "films"

[inputs.age]
side = "user"

[inputs.id]
side = "item"
type = "int"

[features.age]
kind = "dense"
of = "age"

[features.vector]
kind = "embedding"
of = "id"
table = "film"

[tables.film]
vectors = "export/film.npy"
keys = "export/film.keys.npy"
key = "int"
placement = "resident"

[[steps]]
format = "numpy"
engine = "linear"
source = "export/model.npz"
inputs = { age = "age", vector = "vector" }
outputs = { score = "score" }
"""


def score(age: float, key: int) -> float:
    """The model by its definition, in plain Python."""
    vector = ROWS[KEYS.tolist().index(key)] if key in KEYS else np.zeros(16)
    total = float(WEIGHTS[0]) * age + sum(float(w) * float(v) for w, v in zip(WEIGHTS[1:], vector, strict=True))
    return 1 / (1 + math.exp(-total))


REQUESTS = [(21.0, [10, 12, 408]), (0.0, [200, 11, 200]), (63.5, KEYS.tolist()), (5.0, [-1, 2**40])]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A built project, for whose table no package has room."""
    root = tmp_path_factory.mktemp("snapshot")
    folder = root / "functions" / "films"
    (folder / "export").mkdir(parents=True)
    (folder / "model.toml").write_text(MODEL)
    np.save(folder / "export" / "film.npy", ROWS)
    np.save(folder / "export" / "film.keys.npy", KEYS)
    np.savez(
        folder / "export" / "model.npz",
        **{"bias": np.zeros(1, np.float32), "w.age": WEIGHTS[:1], "w.vector": WEIGHTS[1:]},
    )
    golden = [
        {"request": {"user": {"age": age}, "items": {"id": keys}}, "scores": [score(age, key) for key in keys]}
        for age, keys in REQUESTS
    ]
    (folder / "golden.jsonl").write_text("".join(json.dumps(row) + "\n" for row in golden))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(room, "LIMIT", 0)
        pipeline.build(folder, out=root / ".build")
    yield Project(root)


@pytest.fixture(scope="module")
def layer(tmp_path_factory: pytest.TempPathFactory) -> Layer:
    """What the layers hold, from where it is installed: the child sees nothing else."""
    return Layer("all", host_layer(tmp_path_factory.mktemp("layer")))


def deployment(project: Project, layer: Layer, **environment: str) -> Deployment:
    """The function as a template would have it."""
    function = Function(
        name="films",
        handler="ranklet_runtime.handler.handler",
        code=project.bundle("films"),
        layers=(layer,),
        environment=environment,
        memory_mb=512,
        timeout_s=30.0,
    )
    return Deployment((function,), (Route("ANY /films/{proxy+}", "films"),), Api())


def rank(cloud: Any, age: float, keys: list[int]) -> Any:
    with closing(http.client.HTTPConnection(cloud.url.split("/")[2], timeout=60)) as connection:
        body = json.dumps({"user": {"age": age}, "items": {"id": keys}})
        connection.request("POST", "/films/v1/models/films:rank", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        content = answer.read()
        assert answer.status == 200, content
        return json.loads(content)


def check(cloud: Any) -> None:
    for age, keys in REQUESTS:
        answer = rank(cloud, age, keys)
        assert answer["scores"] == pytest.approx([score(age, key) for key in keys], abs=1e-6)
        absent = sum(key not in KEYS for key in keys)
        assert answer.get("degraded", {}) == ({"missing_rows:film": absent} if absent else {})


def test_build_leaves_the_table_out_of_the_package(project: Project) -> None:
    (staged,) = (project.build / "tables").glob("*/table.json")
    assert set(read_table(staged.parent).snapshot or ()) == {"vectors.npy", "keys.npy"}
    assert not list(project.bundle("films").glob("tables/*"))


def test_local_cloud_serves_a_fetched_table(project: Project, layer: Layer) -> None:
    lines: list[LogLine] = []
    cloud = LocalCloud(
        deployment(project, layer), tables=project.build / "tables", layers=lambda name: None, log=lines.append
    )
    with cloud.running() as running:
        check(running)
    texts = [line.text for line in lines if line.function == "cloud"]
    assert any("with the snapshots of 1 tables" in text for text in texts)
    assert not any("DynamoDB" in text for text in texts)


@contextmanager
def moto() -> Iterator[tuple[str, Any]]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    client = boto3.client(
        "s3", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b"
    )
    client.create_bucket(Bucket=BUCKET)
    try:
        yield endpoint, client
    finally:
        client.close()
        server.stop()


def test_what_boto3_uploaded_to_motos_s3_is_served(project: Project, layer: Layer, tmp_path: Path) -> None:
    (staged,) = (project.build / "tables").glob("*/table.json")
    with moto() as (endpoint, client):
        upload(staged.parent, client, BUCKET)
        given = {
            "AWS_ENDPOINT_URL_S3": endpoint,
            "RANKLET_SNAPSHOTS": BUCKET,
            "RANKLET_SNAPSHOT_FOLDER": str(tmp_path / "tmp"),
        }
        lines: list[LogLine] = []
        cloud = LocalCloud(
            deployment(project, layer, **given), build=tmp_path, layers=lambda name: None, log=lines.append
        )
        with cloud.running() as running:
            check(running)
    assert (tmp_path / "tmp" / staged.parent.name / "vectors.npy").exists()


def test_a_snapshot_that_is_not_there_is_told_by_the_function(project: Project, layer: Layer, tmp_path: Path) -> None:
    with moto() as (endpoint, _):
        given = {
            "AWS_ENDPOINT_URL_S3": endpoint,
            "RANKLET_SNAPSHOTS": "another-bucket",
            "RANKLET_SNAPSHOT_FOLDER": str(tmp_path / "tmp"),
        }
        lines: list[LogLine] = []
        cloud = LocalCloud(
            deployment(project, layer, **given), build=tmp_path, layers=lambda name: None, log=lines.append
        )
        with cloud.running() as running:
            answer = running.invoke("films", {})
    assert answer.error == "Unhandled"
    assert b"ranklet tables push" in answer.payload
