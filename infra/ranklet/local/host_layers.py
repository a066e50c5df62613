"""Layers for this machine: what a layer asset holds was built for Amazon Linux and its Python, not for ours.

Only what the project builds is replaced, by the same builder with the host as its target; a layer of unknown origin
is used as it is. Which of the two runs is said in the log, layer by layer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from ranklet.local.function import Function, Layer
from ranklet.local.logs import LogLine, LogSink
from ranklet.packaging import layers, targets

LayerFolder = Callable[[str], Path | None]
"""Layer name → the folder to use here, None to use the asset."""


def built_for_host(out: Path, log: LogSink) -> LayerFolder:
    """The project's own layers for the running interpreter, built below `out` on first use.

    What is returned raises PackagingError when a pin has no wheel for this machine.
    """
    target = targets.host_target()

    def folder(name: str) -> Path | None:
        if name not in layers.NAMES:
            return None
        return layers.build(name, target, out, progress=lambda text: log(LogLine("layers", text, platform=True)))

    return folder


def substitute(function: Function, folder: LayerFolder, log: LogSink) -> Function:
    """The function with its layers replaced where `folder` has something for this machine."""
    return replace(function, layers=tuple(_one(function.name, layer, folder, log) for layer in function.layers))


def _one(function: str, layer: Layer, folder: LayerFolder, log: LogSink) -> Layer:
    here = folder(layer.name)
    built = f"built for this machine, {here.name}" if here else "the asset that AWS gets"
    log(LogLine(function, f"layer {layer.name}: {built}", platform=True))
    return replace(layer, folder=here) if here else layer
