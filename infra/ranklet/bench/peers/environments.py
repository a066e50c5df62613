"""Where a peer's packages are: an environment of its own, made from exact pins; or why there is none."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import canonicalize_name

from ranklet.bench import asked
from ranklet.bench.base import Progress, Setting
from ranklet.bench.peers.table import Peer
from ranklet.errors import BenchError
from ranklet.local.runtime_client import base_python, runtime_folder
from ranklet.packaging import bytecode, targets
from ranklet.packaging.targets import Target

PINS = Path(__file__).with_name("requirements")
CLIENT = "awslambdaric"
LAMBDA_PYTHON = (3, 13)
ABSENT = "not installed; --install makes its environment"


class Absent(Exception):
    """There is no such peer here; the text says why."""


@dataclass(frozen=True)
class Runtime:
    """What functions run with. python: without packages. client: folder of the runtime client. target: of layers."""

    python: str
    client: Path
    target: Target


def of_peer(name: str, peer: Peer, setting: Setting, progress: Progress) -> Path:
    """The interpreter of a peer's environment, made where the setting says so. Raises Absent."""
    if missing := [program for program in peer.programs if shutil.which(program) is None]:
        raise Absent(f"needs {', '.join(missing)}, which this machine has not")
    try:
        found = asked.environment(
            f"peer-{peer.home or name}", pins(peer.home or name), setting, progress, python=peer.python
        )
    except BenchError as error:
        raise Absent(str(error)) from error
    if found is None:
        raise Absent(ABSENT)
    return found


def runtime(setting: Setting, progress: Progress) -> Runtime:
    """Lambda's own Python and the layers as AWS gets them, where `--install` could make that; else this Python's."""
    try:
        found = asked.environment(f"peer-{CLIENT}", pins(CLIENT), setting, progress, python=LAMBDA_PYTHON)
    except BenchError as error:
        progress(str(error))
        found = None
    if found is not None and (base := bytecode.compiler(LAMBDA_PYTHON)) is not None:
        target = targets.lambda_target(targets.host_target().architecture)
        return Runtime(str(Path(base).resolve()), site_packages(found), target)
    return Runtime(base_python(), runtime_folder(setting.folder / "runtime"), targets.host_target())


def pins(name: str) -> list[str]:
    """`name==version`, everything that is in the environment."""
    lines = (PINS / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def label(name: str, peer: Peer) -> str:
    """The peer's package and its version, as it is pinned."""
    pinned = dict(pin.split("==") for pin in pins(peer.home or name))
    return f"{peer.package} {next(v for one, v in pinned.items() if canonicalize_name(one) == peer.package)}"


def site_packages(python: Path) -> Path:
    """Where an environment's packages lie."""
    return next((python.parent.parent / "lib").glob("python3.*/site-packages"))
