"""Engines: what computes a step. One file each, imported when a manifest names it.

To add one: a file with a class that satisfies `engines.base.Engine`, a line here, a line in the conformance test.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import cast

from ranklet_runtime.engines.base import Engine
from ranklet_runtime.errors import ManifestError
from ranklet_runtime.manifest import Step

ENGINES: Mapping[str, str] = {
    "dot": "ranklet_runtime.engines.dot:DotEngine",
    "ffm": "ranklet_runtime.engines.ffm:FfmEngine",
    "fm": "ranklet_runtime.engines.fm:FmEngine",
    "hashed": "ranklet_runtime.engines.hashed:HashedEngine",
    "linear": "ranklet_runtime.engines.linear:LinearEngine",
    "mlp": "ranklet_runtime.engines.mlp:MlpEngine",
    "onnx": "ranklet_runtime.engines.onnx:OnnxEngine",
    "trees": "ranklet_runtime.engines.trees:TreesEngine",
}


def find_engine(name: str) -> type[Engine]:
    """The class of an engine.

    Raises ManifestError for a name that is not in the table.
    """
    if name not in ENGINES:
        raise ManifestError(f"unknown engine {name!r}; allowed: {sorted(ENGINES)}")
    module, _, attribute = ENGINES[name].partition(":")
    return cast(type[Engine], getattr(importlib.import_module(module), attribute))


def open_engine(step: Step, folder: Path, *, threads: int) -> Engine:
    """Open a step's engine on the bundle in `folder`.

    threads: of one run, for engines that have their own; NumPy's are the environment's (OMP_NUM_THREADS).
    Raises ManifestError naming what does not fit.
    """
    return find_engine(step.engine).open(step, folder, threads=threads)
