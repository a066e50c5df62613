"""Functions as they are deployed: ours with the modules of its layers alone, a Lambda peer with its own packages."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from ranklet import certificate
from ranklet.bench.base import Progress, Setting
from ranklet.bench.peers.environments import Runtime, site_packages
from ranklet.bench.peers.table import Peer
from ranklet.local.environment import Launch
from ranklet.local.function import Function, Layer
from ranklet.packaging import layers
from ranklet_runtime import integrity
from ranklet_runtime.function import ALONE, VERSIONS

HANDLER = "ranklet_runtime.handler.handler"
THREADS: Mapping[str, str] = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
MEMORY_MB, TIMEOUT_S = 1769, 30.0
"""One vCPU."""


def linked(runtime: Runtime, setting: Setting, *, scratch: Path, progress: Progress) -> tuple[Layer, ...]:
    """Our layers, linked aside, so that nobody who builds them anew takes them from under a run."""
    placed = []
    for name in layers.NAMES:
        built = layers.build(name, runtime.target, setting.folder.parent / "layers", progress=progress)
        placed.append(Layer(name, scratch / "layers" / name))
        shutil.copytree(built, placed[-1].folder, copy_function=os.link)
    return tuple(placed)


def ours(bundle: Path, placed: tuple[Layer, ...], runtime: Runtime) -> Launch:
    """Our function from a bundle, told what its stack tells it."""
    variables = {**THREADS, integrity.VARIABLE: certificate.read(bundle).bundle, VERSIONS: ALONE}
    return _launch("ours", HANDLER, bundle, placed, variables, runtime)


def of_peer(name: str, peer: Peer, runtime: Runtime, *, python: Path, folder: Path) -> Launch:
    """A peer's function. folder: of its code. Its environment's packages are its layer, bytecode and all."""
    layer = folder / "layer"
    layer.mkdir(exist_ok=True)
    if not (layer / "python").exists():
        (layer / "python").symlink_to(site_packages(python))
    return _launch(name, peer.handler, folder, (Layer(name, layer),), dict(THREADS), runtime)


def _launch(
    name: str, handler: str, code: Path, placed: tuple[Layer, ...], variables: dict[str, str], runtime: Runtime
) -> Launch:
    function = Function(
        name=name,
        handler=handler,
        code=code,
        layers=placed,
        environment=variables,
        memory_mb=MEMORY_MB,
        timeout_s=TIMEOUT_S,
    )
    return Launch(function, runtime.client, python=runtime.python)
