"""Where the functions of this bench start: an interpreter, its runtime client, layers, and variations of them."""

from __future__ import annotations

import compileall
import importlib.metadata
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ranklet.bench.base import Progress, Setting
from ranklet.bench.cold.models import Kind
from ranklet.errors import BenchError
from ranklet.local.function import Function, Layer
from ranklet.local.runtime_client import base_python, runtime_folder
from ranklet.packaging import bytecode, fetch, layers, pins
from ranklet.packaging.publish import EPOCH, aside, normalise, publish
from ranklet.packaging.targets import MACHINES, Target, host_target, lambda_target
from ranklet.startup.hosted import HANDLER, MEMORY_MB
from ranklet.startup.starting import Place

CLIENT = ("awslambdaric", "simplejson", "snapshot-restore-py")
SDK = ("boto3", "botocore", "s3transfer", "jmespath", "urllib3", "python-dateutil", "six")
"""What Lambda's runtime brings of boto3, all without compiled code."""
BOTO3 = Path(__file__).with_name("boto3_entry.py")
TIMEOUT_S = 30.0

NOTHING = '''"""A function that does nothing."""


def handler(event, context):
    return {"statusCode": 204}
'''


@dataclass(frozen=True)
class Home:
    """An interpreter and what it starts with. layers: name → built folder. out: where layers are."""

    python: str
    version: str
    target: Target
    runtime: Path
    out: Path
    layers: dict[str, Path] = field(default_factory=dict)

    def place(self, kind: Kind) -> Place:
        """A kind as it is deployed."""
        names = ("features", "inference", "onnx") if kind.onnx else ("features", "inference")
        return self._place(kind, kind.bundle, HANDLER, [Layer(name, self.layers[name]) for name in names])

    def boto3(self, kind: Kind, scratch: Path) -> Place:
        """The same function with a store that asks by boto3, whose bytecode is as valid as in Lambda."""
        sdk = scratch / "boto3"
        for name in SDK:
            _copy(name, sdk / "python")
        # Beside the SDK: the bundle is held to its hash, as everybody's.
        shutil.copyfile(BOTO3, sdk / "python" / BOTO3.name)
        bytecode.compile_packages(sdk / "python", [sdk / "python"], self.python)
        ours = [Layer(name, self.layers[name]) for name in ("features", "inference")]
        return self._place(kind, kind.bundle, f"{BOTO3.stem}.handler", [Layer("boto3", sdk), *ours])

    def stale(self, kind: Kind, scratch: Path) -> Place:
        """The same function with bytecode that names the times its sources had before they were packed."""
        made = []
        for name in ("features", "inference"):
            folder = scratch / "stale" / name
            shutil.copytree(self.layers[name], folder)
            _compile_by_time(self.python, folder)
            normalise(folder)
            made.append(Layer(name, folder))
        # Lambda's disk is read-only: what is compiled at a start is compiled again at the next.
        return replace(self._place(kind, kind.bundle, HANDLER, made), flags=("-B",))

    def plain(self, kind: Kind, scratch: Path, progress: Progress) -> Place:
        """The same function with NumPy's own files over the trimmed ones."""
        progress("fetch NumPy as it is")
        folder = scratch / "plain"
        requirements = layers.SOURCES / "features" / "requirements.txt"
        numpy = [pin for pin in pins.read(requirements, self.target) if pin.startswith("numpy==")]
        fetch.install(numpy, self.target, folder / "python")
        bytecode.compile_packages(folder / "python", [folder / "python"], self.python)
        normalise(folder)
        ours = [Layer(name, self.layers[name]) for name in ("features", "inference")]
        return self._place(kind, kind.bundle, HANDLER, [*ours, Layer("numpy", folder)])

    def nothing(self, scratch: Path) -> Place:
        """A function of three lines."""
        code = scratch / "nothing"
        code.mkdir()
        (code / "entry.py").write_text(NOTHING, encoding="utf-8")
        bytecode.compile_packages(code, [code], self.python)
        function = Function("nothing", "entry.handler", code, timeout_s=TIMEOUT_S)
        return Place(function, self.python, self.runtime)

    def _place(self, kind: Kind, code: Path, handler: str, made: Sequence[Layer]) -> Place:
        function = Function(kind.name, handler, code, tuple(made), memory_mb=MEMORY_MB, timeout_s=TIMEOUT_S)
        return Place(function, self.python, self.runtime, kind.environ)


def home(setting: Setting, progress: Progress) -> Home:
    """Lambda's own Python and layers where this machine runs them, else the host's."""
    out = setting.folder.parent / "layers"
    target, python = _lambda()
    if python is None:
        progress(
            f"no python{target.python[0]}.{target.python[1]} that runs Lambda's layers here: the host's are measured"
        )
        target, python = host_target(), base_python()
        runtime = runtime_folder(setting.folder.parent / "runtime")
    else:
        runtime = _client(target, python, setting.folder, progress)
    built = {name: layers.build(name, target, out, progress=progress) for name in layers.NAMES}
    version = subprocess.run([python, "-V"], capture_output=True, text=True, check=True).stdout.split()[-1]
    return Home(python, version, target, runtime, out, built)


def architecture() -> str | None:
    """This machine's in Lambda's words; None for one that Lambda does not have."""
    return {machine: name for name, machine in MACHINES.items()}.get(platform.machine())


def _lambda() -> tuple[Target, str | None]:
    """Lambda's target for this machine's processor, and an interpreter here that is of its minor."""
    name = architecture()
    target = lambda_target(name or "x86_64")
    runs = sys.platform == "linux" and name is not None
    return target, bytecode.compiler(target.python) if runs else None


def _client(target: Target, python: str, folder: Path, progress: Progress) -> Path:
    """The runtime client in the versions that are installed beside ranklet, for the target."""
    wanted = [f"{name}=={importlib.metadata.version(name)}" for name in CLIENT]
    place = folder / f"client-{target.name}-{importlib.metadata.version(CLIENT[0])}"
    if not place.is_dir():
        progress(f"fetching {', '.join(wanted)} for {target.name}")
        with aside(place) as scratch:
            fetch.install(wanted, target, scratch)
            bytecode.compile_packages(scratch, [scratch], python)
            publish(scratch, place)
    return place


def _copy(name: str, folder: Path) -> None:
    """An installed distribution's files."""
    for file in importlib.metadata.distribution(name).files or ():
        if ".." in file.parts or "__pycache__" in file.parts:
            continue
        if file.suffix == ".so":
            raise BenchError(f"{name} has compiled code of another Python; it cannot be measured here")
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(str(file.locate()), folder / file)


def _compile_by_time(python: str, folder: Path) -> None:
    """Bytecode as pip makes it; what was there is of another kind, and valid for ever."""
    for found in list(folder.rglob("__pycache__")):
        shutil.rmtree(found)
    for path in folder.rglob("*.py"):
        os.utime(path, (EPOCH + 40 * 365 * 86400,) * 2)
    command = [python, "-m", compileall.__name__, "-q", "--invalidation-mode", "timestamp", str(folder)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, capture_output=True)
