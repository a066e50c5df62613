"""A bundle's start on this machine: the host's layers, the installed runtime client, the first golden request."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ranklet import certificate
from ranklet.artefacts import uses_onnx
from ranklet.golden import Golden
from ranklet.local.event_v2 import event_v2
from ranklet.local.function import Function, Layer
from ranklet.local.runtime_client import base_python, runtime_folder
from ranklet.packaging import layers
from ranklet.packaging.targets import host_target
from ranklet.startup.starting import Place
from ranklet_runtime.integrity import VARIABLE
from ranklet_runtime.manifest import Manifest

HANDLER = "ranklet_runtime.handler.handler"
MEMORY_MB, TIMEOUT_S = 1769, 30.0


def needed(manifest: Manifest) -> tuple[str, ...]:
    """The layers of a function: onnxruntime's where a step runs on it."""
    return tuple(name for name in layers.NAMES if name != "onnx" or uses_onnx(manifest))


def at_hand(manifest: Manifest, out: Path) -> bool:
    """Whether the layers can be made here without fetching anything."""
    return all(layers.offline(name, host_target(), out / "layers") for name in needed(manifest))


def place(
    manifest: Manifest,
    bundle: Path,
    out: Path,
    *,
    extra: Mapping[str, str],
    progress: Callable[[str], None] = lambda what: None,
) -> Place:
    """Where a bundle starts here. out: the project's `.build`. extra: where its tables are."""
    target = host_target()
    built = [Layer(name, layers.build(name, target, out / "layers", progress=progress)) for name in needed(manifest)]
    function = Function(manifest.model, HANDLER, bundle, tuple(built), memory_mb=MEMORY_MB, timeout_s=TIMEOUT_S)
    return Place(function, base_python(), runtime_folder(out / "runtime"), {**pinned(bundle), **extra})


def pinned(bundle: Path) -> dict[str, str]:
    """What the stack tells a function of its bundle, which INIT holds the files to."""
    return {VARIABLE: certificate.read(bundle).bundle}


def event(manifest: Manifest, golden: Golden) -> dict[str, Any]:
    """A golden request as an HTTP API sends it; a mere look at a function that does not speak the native form."""
    model = manifest.model
    if "native" not in manifest.dialects:
        return event_v2("GET", f"/{model}/ping")
    body = json.dumps({"user": golden.user, "context": golden.context, "items": golden.items}).encode()
    return event_v2("POST", f"/v1/models/{model}:rank", headers={"content-type": "application/json"}, body=body)
