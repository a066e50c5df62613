"""Graphs and weights that no package holds: staged, pushed, fetched when a function starts, refused where that fails.

The limit is shrunk; all else is the real way: build, proof, synthesis, the local cloud with AWS's runtime client.
"""

from __future__ import annotations

import http.client
import json
import math
import re
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import numpy as np
import onnx
import orjson
import pytest
from click.testing import CliRunner
from host_layer_kit import host_layer
from moto.server import ThreadedMotoServer
from onnx import TensorProto, helper, numpy_helper

from ranklet import app, artefacts, golden, model, pipeline, tree
from ranklet.cli import ranklet
from ranklet.errors import BundleError, ModelError, TableError
from ranklet.local.cloud import LocalCloud
from ranklet.local.logs import LogLine
from ranklet.local.s3 import LocalS3
from ranklet.packaging import sizes
from ranklet.pipeline import Built
from ranklet.project import Project
from ranklet.tables import placement, room
from ranklet_features.errors import StoreError
from ranklet_runtime.function import Function
from ranklet_runtime.manifest import Manifest

ROOT = Path(__file__).resolve().parents[3]
MB = 1 << 20
Edit = Callable[[str, str], None]


def build(here: Project) -> Built:
    return pipeline.build(here.functions / "small", out=here.build)


@pytest.fixture
def shrunk(here: Project, monkeypatch: pytest.MonkeyPatch) -> Built:
    """The model as it was packaged, before the limit shrank to one byte less than the build measured."""
    built = build(here)
    measured = built.bytes - (built.folder / "certificate.json").stat().st_size
    monkeypatch.setattr(sizes, "LIMIT", room.layers(onnx=False) + measured - 1)
    return built


@pytest.fixture
def fetched(here: Project, shrunk: Built) -> Built:
    """The model built again, with artefacts that are fetched."""
    return build(here)


def staged(here: Project, built: Built) -> Path:
    assert built.manifest.artefacts is not None
    return here.build / "tables" / built.manifest.artefacts.physical


def test_what_fits_is_in_the_package_and_the_build_says_so(here: Project) -> None:
    built = build(here)
    assert built.manifest.artefacts is None
    assert re.match(r"in the package: the bundle takes 0\.\d MB, of a package of 250\.0 MB the layers", built.packaged)


def test_what_does_not_fit_leaves_the_bundle_and_scores_alike(here: Project, shrunk: Built, fetched: Built) -> None:
    assert fetched.certificate.paths == shrunk.certificate.paths
    assert not (fetched.folder / "steps").exists()
    assert [name for name, _ in tree.files(staged(here, fetched))] == ["artefacts.json", "steps/0-weights.npz"]
    assert fetched.packaged.startswith("into /tmp, from S3: they take 0.0 MB")
    assert Manifest.read(fetched.folder / "manifest.json").artefacts == fetched.manifest.artefacts


def test_the_same_inputs_give_the_same_bundle(here: Project, fetched: Built, tmp_path: Path) -> None:
    again = pipeline.build(here.functions / "small", out=tmp_path / "elsewhere")
    assert tree.digest(again.folder) == tree.digest(fetched.folder)


def test_the_command_prints_the_choice(here: Project, fetched: Built, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(here.root)
    text = CliRunner().invoke(ranklet, ["build", "small"])
    assert "graphs and weights: into /tmp, from S3" in text.stderr.replace("\n", " "), text.output
    (document,) = json.loads(CliRunner().invoke(ranklet, ["build", "small", "--json"]).stdout)
    assert document["artefacts"]["fetched"] is True


@pytest.fixture(scope="module")
def layer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the layers hold, from where it is installed: the child sees nothing else."""
    return host_layer(tmp_path_factory.mktemp("layer"))


def synthesised(here: Project, tmp_path: Path) -> Path:
    shutil.copy(ROOT / "cdk.json", here.root / "cdk.json")
    stub = tmp_path / "stub"
    stub.mkdir(exist_ok=True)
    (stub / "empty.py").write_text("")
    return app.synthesise(here, out=tmp_path / "cdk.out", layer=lambda name, architecture: stub)


def rank(url: str, body: Any) -> Any:
    with closing(http.client.HTTPConnection(url.split("/")[2], timeout=60)) as connection:
        headers = {"Content-Type": "application/json"}
        connection.request("POST", "/small/v1/models/small:rank", orjson.dumps(body), headers)
        answer = connection.getresponse()
        content = answer.read()
        assert answer.status == 200, content
        return json.loads(content)


def cloud(here: Project, assembly: Path, layer: Path, lines: list[LogLine]) -> LocalCloud:
    return LocalCloud(
        assembly, tables=here.build / "tables", build=here.build, layers=lambda name: layer, log=lines.append
    )


def test_local_cloud_gives_the_golden_scores_from_what_it_fetched(
    here: Project, fetched: Built, layer: Path, tmp_path: Path
) -> None:
    assembly = synthesised(here, tmp_path)
    template = json.loads((assembly / "small.template.json").read_text())
    policies = [one["Properties"] for one in template["Resources"].values() if one["Type"] == "AWS::IAM::Policy"]
    statements = [statement for policy in policies for statement in policy["PolicyDocument"]["Statement"]]
    (read,) = [one["Resource"] for one in statements if one["Action"] == "s3:GetObject"]
    assert f"/artefacts/{staged(here, fetched).name}/steps/0-weights.npz" in json.dumps(read)
    lines: list[LogLine] = []
    with cloud(here, assembly, layer, lines).running() as running:
        for row in golden.read(here.functions / "small" / "golden.jsonl"):
            body = {"user": row.user, "context": row.context, "items": row.items}
            answer = rank(running.url, body)
            assert answer["scores"] == pytest.approx(row.scores, abs=1e-6)
    assert any("S3 http" in line.text for line in lines)


def test_other_weights_than_the_proven_ones_are_never_opened(
    here: Project, fetched: Built, layer: Path, tmp_path: Path
) -> None:
    assembly = synthesised(here, tmp_path)
    weights = staged(here, fetched) / "steps" / "0-weights.npz"
    content = bytearray(weights.read_bytes())
    content[len(content) // 2] ^= 1
    weights.write_bytes(content)
    with cloud(here, assembly, layer, []).running() as running:
        answer = running.invoke("small", {})
    assert answer.error == "Unhandled"
    assert b"the manifest pins" in answer.payload


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def test_tables_push_sends_them_once(here: Project, fetched: Built, moto: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "local")
    monkeypatch.chdir(here.root)
    bucket = f"built-{uuid.uuid4().hex}"
    with closing(boto3.client("s3", endpoint_url=moto, region_name="us-east-1")) as client:
        client.create_bucket(Bucket=bucket)
        command = ["tables", "push", "small", "--endpoint", moto, "--region", "us-east-1", "--snapshots", bucket]
        folder = staged(here, fetched)
        size = (folder / "steps" / "0-weights.npz").stat().st_size
        for written in (size, 0):
            done = CliRunner().invoke(ranklet, [*command, "--json"])
            (found,) = json.loads(done.stdout)
            assert (found["physical"], found["bytes"], found["written"]) == (folder.name, size, written), done.output
        key = f"artefacts/{folder.name}/steps/0-weights.npz"
        body = client.get_object(Bucket=bucket, Key=key)["Body"].read()
    assert body == (folder / "steps" / "0-weights.npz").read_bytes()
    assert f'"bytes": {size}' in CliRunner().invoke(ranklet, [*command, "--dry-run", "--json"]).stdout


def test_a_push_of_what_was_changed_since_is_refused(
    here: Project, fetched: Built, moto: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(here.root)
    (staged(here, fetched) / "steps" / "0-weights.npz").write_bytes(b"others")
    command = ["tables", "push", "small", "--endpoint", moto, "--region", "us-east-1", "--snapshots", "any"]
    done = CliRunner().invoke(ranklet, command)
    assert isinstance(done.exception, TableError)
    assert "run `ranklet build` again" in str(done.exception)


def settled(here: Project, **changes: Any) -> tuple[model.Model, Manifest]:
    described = model.load(here.functions / "small")
    for table, fields in changes.items():
        described = replace_in(described, table, fields)
    return described, Manifest.read(here.bundle("small") / "manifest.json")


def replace_in(described: model.Model, table: str, fields: dict[str, Any]) -> model.Model:
    import msgspec

    changed = msgspec.convert(
        {**msgspec.to_builtins(getattr(described, table)), **fields}, type(getattr(described, table))
    )
    return msgspec.structs.replace(described, **{table: changed})


PATIENT, SNAPPED = {"kind": "provisioned", "count": 1}, {"kind": "snapstart"}
LARGE = {"function": {"memory": 4096}}


@pytest.mark.parametrize(
    ("size", "changes", "message"),
    [
        (950, {}, "artefacts of 950.0 MB need 1996.0 MB of memory, [function] memory = 1024; raise it"),
        (400, {}, None),
        (
            500,
            LARGE,
            'a start fetches 500.0 MB for about 7 s, INIT has 10 s on demand; give it [warmth] kind = "provisi',
        ),
        (900, {**LARGE, "warmth": PATIENT}, None),
        (
            600,
            {**LARGE, "warmth": SNAPPED},
            '600.0 MB are to be fetched, /tmp holds 512.0 MB with [warmth] kind = "snap',
        ),
        (500, {**LARGE, "warmth": SNAPPED}, None),
    ],
)
def test_what_a_function_cannot_fetch_is_told_with_its_sizes(
    here: Project, size: int, changes: dict[str, Any], message: str | None
) -> None:
    build(here)
    found = artefacts.hurdle(*settled(here, **changes), size * MB)
    assert found is None if message is None else found is not None and found.startswith(message)


def test_tables_that_are_fetched_too_count(here: Project) -> None:
    build(here)
    described, manifest = settled(here, function={"memory": 10_240})
    assert artefacts.hurdle(described, manifest, 300 * MB) is None
    found = artefacts.hurdle(described, manifest, 300 * MB, tables=300 * MB)
    assert found is not None and found.startswith("a start fetches 600.0 MB for about 8 s")
    described, manifest = settled(here, function={"memory": 10_240}, warmth=PATIENT)
    found = artefacts.hurdle(described, manifest, 300 * MB, tables=9000 * MB)
    assert found == "a start fetches 9300.0 MB for about 124 s, of the 130 s that INIT has at most"


def test_a_start_that_takes_too_long_is_not_synthesised_and_the_build_warns_of_it(
    here: Project, fetched: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(placement, "FETCH_BYTES_S", 1000)
    assert "As model.toml stands it does not deploy: a start fetches 0.0 MB for about" in build(here).packaged
    with pytest.raises(BundleError, match=r"small: a start fetches .* give it \[warmth\] kind = \"provisioned\""):
        synthesised(here, tmp_path)


def test_artefacts_that_no_function_holds_are_refused(
    here: Project, shrunk: Built, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(placement, "TMP_BYTES", 1000)
    with pytest.raises(ModelError, match=r"small: its artefacts take 0\.0 MB, in memory .*: move embeddings to"):
        build(here)


def test_a_bundle_that_is_too_large_without_them_is_refused(here: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sizes, "LIMIT", room.layers(onnx=False) + 10)
    with pytest.raises(ModelError, match="small: without its artefacts the bundle takes 0"):
        build(here)


def test_artefacts_that_are_not_staged_are_named(here: Project, fetched: Built, tmp_path: Path) -> None:
    shutil.rmtree(staged(here, fetched))
    with pytest.raises(BundleError, match=r"its artefacts are not staged .*run `ranklet build small`"):
        synthesised(here, tmp_path)


def graph(folder: Path) -> None:
    """score = sigmoid(price × 0.25), the weight in a file beside it."""
    price, score = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 1]) for name in ("price", "score"))
    weight = numpy_helper.from_array(np.array([[0.25]], np.float32), "weight")
    nodes = [
        helper.make_node("MatMul", ["price", "weight"], ["logit"]),
        helper.make_node("Sigmoid", ["logit"], ["score"]),
    ]
    made = helper.make_model(
        helper.make_graph(nodes, "films", [price], [score], [weight]),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=9,
    )
    onnx.save(made, folder / "0-graph.onnx", save_as_external_data=True, location="weights.bin", size_threshold=0)


def test_onnxruntime_finds_external_data_beside_a_fetched_graph(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = tmp_path / "functions" / "films"
    (bundle / "steps").mkdir(parents=True)
    graph(bundle / "steps")
    step = {"engine": "onnx", "rows": "item", "inputs": {"price": "price"}, "outputs": {"score": "score"}}
    document = {
        "format": 1,
        "model": "films",
        "version": "1",
        "inputs": {"price": {"side": "item", "type": "float"}},
        "features": {"price": {"kind": "dense", "of": ["price"]}},
        "tables": {},
        "steps": [{**step, "artefact": "steps/0-graph.onnx"}],
        "score": "score",
        "dialects": ["native"],
        "limits": {},
        "threads": 1,
    }
    (bundle / "manifest.json").write_bytes(orjson.dumps(document))
    manifest = Manifest.read(bundle / "manifest.json")
    monkeypatch.setattr(sizes, "LIMIT", room.layers(onnx=True) + tree.size(bundle) - 1)
    monkeypatch.setattr(artefacts, "fits", fits_without_steps)
    manifest = artefacts.settle(manifest, bundle, tmp_path / "tables")
    assert manifest.artefacts is not None
    assert sorted(manifest.artefacts.files) == ["steps/0-graph.onnx", "steps/weights.bin"]
    with LocalS3() as s3:
        s3.load(tmp_path / "tables" / manifest.artefacts.physical)
        environ = {
            "AWS_ENDPOINT_URL_S3": s3.endpoint,
            "RANKLET_SNAPSHOTS": s3.bucket,
            "RANKLET_SNAPSHOT_FOLDER": str(tmp_path / "tmp"),
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "a",
            "AWS_SECRET_ACCESS_KEY": "b",
        }
        function = Function.open(bundle, environ)
        event = {
            "version": "2.0",
            "rawPath": "/films/v1/models/films:rank",
            "requestContext": {"http": {"method": "POST"}},
            "headers": {"content-type": "application/json"},
            "body": json.dumps({"items": {"price": [2.0, -4.0]}}),
        }
        answer = json.loads(function(event, None)["body"])
    assert answer["scores"] == pytest.approx([1 / (1 + math.exp(-0.5)), 1 / (1 + math.exp(1.0))], abs=1e-6)
    odd = replace(manifest, artefacts=replace(manifest.artefacts, files={"../../weights.bin": "0" * 64}))
    with pytest.raises(StoreError, match="is no name of a version, or of a file of one"):
        from ranklet_runtime.scorer import Scorer

        Scorer.open(odd, bundle, environ)


def fits_without_steps(manifest: Manifest, bundle: Path) -> bool:
    """The manifest grows by what it says of two files, more than they are here."""
    return not (bundle / "steps").exists()
