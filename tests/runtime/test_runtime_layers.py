"""Each layer in an interpreter that has the layer's own requirements and nothing else.

The requirements are installed once, as the layers are built: exact pins, wheels, no resolving. `-S -s` leaves out the
site-packages of the environment that runs the tests.
"""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from runtime_kit import (
    ONNX_REQUEST,
    ONNX_SCORES,
    REQUEST,
    VECTORS,
    expected,
    rank,
    write_bundle,
    write_onnx_bundle,
)

LAYERS = Path(__file__).parents[2] / "layers"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the installed requirements of each layer."""
    folder = tmp_path_factory.mktemp("layers")
    options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:", "--no-compile"]
    for layer in ("features", "inference", "onnx"):
        requirements = str(LAYERS / layer / "requirements.txt")
        command = ["pip", "install", *options, "--target", str(folder / layer), "-r", requirements]
        environ = {**os.environ, "PIP_USER": "0"}
        done = subprocess.run(
            [sys.executable, "-m", *command], env=environ, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, done.stderr
    return folder


def run(installed: Path, layers: list[str], script: str, *arguments: str, **environ: str) -> tuple[str, str]:
    """Run a script on the layers' own code and requirements; what it writes to stdout and stderr."""
    own = [LAYERS / layer / "python" for layer in layers if (LAYERS / layer / "python").is_dir()]
    paths = os.pathsep.join(str(path) for path in [*own, *(installed / layer for layer in layers)])
    done = subprocess.run(
        [sys.executable, "-S", "-s", "-B", "-c", textwrap.dedent(script), *arguments],
        env={"PYTHONPATH": paths, "PATH": os.environ["PATH"], **environ},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr


SERVE = """
    import json, sys
    import ranklet_runtime.handler as entry
    answer = entry.handler(json.load(open(sys.argv[1])), None)
    print(json.dumps([answer["statusCode"], json.loads(answer["body"])]))
    entry.handler.telemetry.flush()
"""


def test_features_layer_assembles_alone(installed: Path, tmp_path: Path) -> None:
    script = """
        import json, sys
        from pathlib import Path
        from ranklet_features.plan import FeaturePlan
        from ranklet_features.spec import Feature, FeatureSpec, Input, Table
        from ranklet_features.stores import open_store
        folder = Path(sys.argv[1])
        table = Table("films", "ranklet-films-1", "1", "int", 2, 4)
        spec = FeatureSpec(
            {"id": Input("item", "int")},
            {"vector": Feature("embedding", ("id",), {"table": "films"})},
            {"films": table},
        )
        plan = FeaturePlan.compile(spec, folder, {"films": open_store(table, folder, {})})
        print(json.dumps(plan.assemble({}, {}, {"id": [40, 10]}).tensors["vector"].tolist()))
        for absent in ("msgpack", "ranklet_runtime", "onnxruntime", "aws_lambda_powertools"):
            try:
                __import__(absent)
            except ImportError:
                continue
            raise SystemExit(absent + " is there")
    """
    out, _ = run(installed, ["features"], script, str(write_bundle(tmp_path / "bundle")))
    assert json.loads(out) == [VECTORS[3], VECTORS[0]]


def test_inference_layer_serves_a_numpy_model(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "event.json").write_text(json.dumps(rank(REQUEST)))
    bundle = write_bundle(tmp_path / "bundle")
    out, _ = run(
        installed, ["features", "inference"], SERVE, str(tmp_path / "event.json"), LAMBDA_TASK_ROOT=str(bundle)
    )
    answer, metrics, films = out.splitlines()
    assert json.loads(answer) == [200, {"scores": pytest.approx(expected(REQUEST), abs=1e-6)}]
    assert json.loads(metrics)["Requests"] == [1]
    assert json.loads(films)["table"] == "films"


def test_inference_layer_logs_a_fault(installed: Path, tmp_path: Path) -> None:
    script = """
        import json, sys
        import ranklet_runtime.handler as entry
        entry.handler.scorer = None
        print(entry.handler(json.load(open(sys.argv[1])), None)["body"])
    """
    (tmp_path / "event.json").write_text(json.dumps(rank(REQUEST)))
    bundle = write_bundle(tmp_path / "bundle")
    out, err = run(
        installed, ["features", "inference"], script, str(tmp_path / "event.json"), LAMBDA_TASK_ROOT=str(bundle)
    )
    assert json.loads(out.splitlines()[0]) == {"error": "internal error, request gateway-id"}
    assert "AttributeError" in json.loads(err)["exception"]


def test_onnx_layer_serves_a_graph(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "event.json").write_text(json.dumps(rank(ONNX_REQUEST)))
    bundle = write_onnx_bundle(tmp_path / "bundle")
    layers = ["features", "inference", "onnx"]
    out, _ = run(installed, layers, SERVE, str(tmp_path / "event.json"), LAMBDA_TASK_ROOT=str(bundle))
    assert json.loads(out.splitlines()[0]) == [200, {"scores": pytest.approx(ONNX_SCORES, abs=1e-6)}]
