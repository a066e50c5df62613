"""What a .keras file is made of, before Keras reads it: only Keras's own classes, none that run code of the file.

Keras imports the module that a layer's config names and calls what it finds there, and a Lambda layer holds bytecode.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from ranklet.errors import ImportRefused
from ranklet.importers import archives

MAX_CONFIG = 64 << 20
MAX_DEPTH = 200
PACKAGES = ("keras.", "builtins")
CODE = {"Lambda", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer", "FunctionSpec", "__lambda__"}
"""Layers and values that carry code or load more of it from elsewhere."""


def check(path: Path) -> None:
    """Raises ImportRefused naming the layer and its class that is not Keras's own, or that holds code."""
    with archives.open_zip(path) as archive:
        content = archive.read("config.json", limit=MAX_CONFIG)
    try:
        config = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise ImportRefused(f"{path.name}: config.json is no JSON: {error}; save the model again") from error
    for one, layer in _objects(config, "the model", 0):
        _check(one, layer, path.name)


def _check(one: dict[str, Any], layer: str, file: str) -> None:
    name, module = one["class_name"], one.get("module")
    if name in CODE:
        raise ImportRefused(
            f"{file}: layer {layer!r} is a {name}, which holds code of its own: write it with keras.ops or layers of "
            "Keras, or compute it before the request"
        )
    known = module is None or module == "keras" or str(module).startswith(PACKAGES)
    if not known or ">" in str(one.get("registered_name") or ""):
        raise ImportRefused(
            f"{file}: layer {layer!r} is {module}.{name}, a class of your own: only Keras's are read; save the "
            "model with layers of Keras, or export it to ONNX"
        )


def _objects(value: Any, layer: str, depth: int) -> Iterator[tuple[dict[str, Any], str]]:
    """All that Keras would make objects of, each with the layer that it stands in."""
    if depth > MAX_DEPTH:
        raise ImportRefused(f"config.json is nested more than {MAX_DEPTH} deep at {layer!r}")
    if isinstance(value, dict):
        if isinstance(value.get("class_name"), str) and not value["class_name"].startswith("__keras"):
            layer = _name(value, layer)
            yield value, layer
        for inner in value.values():
            yield from _objects(inner, layer, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            yield from _objects(inner, layer, depth + 1)


def _name(value: dict[str, Any], layer: str) -> str:
    config = value.get("config")
    found = config.get("name") if isinstance(config, dict) else None
    return found if isinstance(found, str) else layer
