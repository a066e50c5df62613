"""The real layers, each with its own requirements alone, run after pruning.

The host's are built into the project's own `.build/`, where `ranklet serve` takes them from.
"""

from __future__ import annotations

import json
import platform
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import onnx
import pytest

from ranklet import tree
from ranklet.packaging import bytecode, layers
from ranklet.packaging.targets import host_target, lambda_target
from ranklet.startup import budget

OUT = layers.SOURCES.parent / ".build" / "layers"

# Imports every module of a package (handler.py opens a bundle at import and is left out), then tells which files
# outside the standard library were loaded.
WALK = """
import importlib, json, pkgutil, sys, sysconfig
for name in {packages}:
    package = importlib.import_module(name)
    for module in pkgutil.walk_packages(getattr(package, "__path__", []), name + "."):
        if not module.name.endswith((".handler", ".__main__")):
            importlib.import_module(module.name)
{more}
stdlib = sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")
files = [getattr(m, "__file__", None) for m in list(sys.modules.values())]
print(json.dumps(sorted(f for f in files if f and not f.startswith(stdlib))))
"""

POWERTOOLS = """
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
Logger(service="x").info("logged")
metrics = Metrics(namespace="x", service="y")
metrics.add_metric(name="n", unit=MetricUnit.Count, value=1)
metrics.flush_metrics()
"""

SESSION = """
import numpy, onnxruntime
session = onnxruntime.InferenceSession({model!r}, providers=["CPUExecutionProvider"])
(out,) = session.run(None, {{"x": numpy.array([[1, 2], [3, 4]], dtype=numpy.float32)}})
assert out.tolist() == [[5.0], [11.0]], out
"""


def check(python: str, folders: list[Path], packages: list[str], more: str = "") -> None:
    """Import the packages with these layer folders on the path and nothing else; nothing else may be loaded."""
    paths = [str(folder / "python") for folder in folders]
    script = f"import sys; sys.path[:0] = {paths!r}\n" + WALK.format(packages=packages, more=more)
    done = subprocess.run([python, "-I", "-S", "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    loaded = json.loads(done.stdout.splitlines()[-1])
    assert loaded
    assert [file for file in loaded if not file.startswith(tuple(paths))] == []


def check_all(python: str, built: dict[str, Path], model: str) -> None:
    features, inference = built["features"], built["inference"]
    faster = ["pybase64"] if (features / "python" / "pybase64").is_dir() else []  # from Python 3.12 on
    check(python, [features], ["ranklet_features", "orjson", *faster])
    check(python, [features, inference], ["ranklet_runtime", "msgpack", "typing_extensions"], POWERTOOLS)
    # onnxruntime brings no numpy of its own: every function has the features layer.
    check(python, [features, built["onnx"]], [], SESSION.format(model=model))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """x · [1, 2]ᵀ as an ONNX file."""
    helper = onnx.helper
    weights = onnx.numpy_helper.from_array(np.array([[1], [2]], dtype=np.float32), "w")
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "g",
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ["n", 2])],
        [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, ["n", 1])],
        [weights],
    )
    path = tmp_path_factory.mktemp("model") / "m.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), str(path))
    return str(path)


def test_each_layer_runs_on_this_machine_with_its_own_requirements_alone(model: str) -> None:
    check_all(sys.executable, {name: layers.build(name, host_target(), OUT) for name in layers.NAMES}, model)


def megabytes(folders: list[Path], archive: Path) -> tuple[float, float]:
    """Unpacked and zipped, in 10⁶ bytes."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as file:
        for folder in folders:
            for name, path in tree.files(folder):
                file.write(path, f"{folder.name}/{name}")
    return sum(map(tree.size, folders)) / budget.MB, archive.stat().st_size / budget.MB


@pytest.mark.slow
@pytest.mark.parametrize(("architecture", "machine"), [("x86_64", 62), ("arm64", 183)])
def test_layers_for_lambda_are_small_and_of_its_machine(
    architecture: str, machine: int, model: str, tmp_path: Path
) -> None:
    built = {name: layers.build(name, lambda_target(architecture), OUT) for name in layers.NAMES}
    unpacked, zipped = megabytes(list(built.values()), tmp_path / "all.zip")
    print(f"{architecture}: {unpacked:.1f} MB unpacked, {zipped:.1f} MB zipped")
    assert budget.check_layers(built) < 90 * budget.MB and zipped * budget.MB < budget.ZIPPED
    assert budget.check_layers({name: built[name] for name in ("features", "inference")}) < 45 * budget.MB
    assert (built["features"] / "python" / "pybase64").is_dir()
    objects = [path for folder in built.values() for _, path in tree.files(folder) if ".so" in path.name]
    assert len(objects) >= 8
    for path in objects:
        header = path.read_bytes()[:20]
        assert header[:4] == b"\x7fELF" and int.from_bytes(header[18:20], "little") == machine, path
    python = bytecode.compiler((3, 13))
    if architecture == "x86_64" and python and (platform.system(), platform.machine()) == ("Linux", "x86_64"):
        check_all(python, built, model)
