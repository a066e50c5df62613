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
MODULES = {
    *("keras", "keras.activations", "keras.constraints", "keras.dtype_policies", "keras.initializers"),
    *("keras.layers", "keras.losses", "keras.metrics", "keras.models", "keras.ops", "keras.optimizers"),
    *("keras.optimizers.schedules", "keras.quantizers", "keras.random", "keras.regularizers"),
}
"""Of Keras, all that models are made of; there are others, which fetch and write files."""
INNER = ("keras.src.layers.", "keras.src.models.", "keras.src.ops.")
"""Where classes stand that have no public name: operations, and models that were put together of layers."""
VALUES = {"__bytes__", "__ellipsis__", "__keras_tensor__", "__numpy__", "__slice__", "__tensor__"}
CODE = {"Lambda", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer", "FunctionSpec", "__lambda__"}
"""Layers and values that carry code or load more of it from elsewhere."""
HDF5 = b"\x89HDF\r\n\x1a\n"


def check(path: Path) -> None:
    """Raises ImportRefused naming the layer and its class that is not Keras's own, or that holds code."""
    _check_kind(path)
    with archives.open_zip(path) as archive:
        content = archive.read("config.json", limit=MAX_CONFIG)
    try:
        config = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise ImportRefused(f"{path.name}: config.json is no JSON: {error}; save the model again") from error
    if not isinstance(config, dict):
        raise ImportRefused(f"{path.name}: config.json is no object; save the model again")
    config.pop("compile_config", None)  # how it was trained, which is not read
    for one, layer in _objects(config, "the model", 0):
        _check(one, layer, path.name)


def _check_kind(path: Path) -> None:
    if path.is_dir():
        raise ImportRefused(f"{path.name} is a folder; save the model as one file, {path.name}.keras")
    with path.open("rb") as file:
        head = file.read(len(HDF5))
    if head == HDF5:
        raise ImportRefused(
            f"{path.name} is an HDF5 file, as Keras 2 wrote models: load it with the version of Keras that wrote it, "
            'then model.save("ranker.keras") of Keras 3, or model.export("ranker") of Keras 2.13 and newer, and '
            "import what that writes"
        )


def _check(one: dict[str, Any], layer: str, file: str) -> None:
    name, module = one["class_name"], one.get("module")
    if name in CODE:
        raise ImportRefused(
            f"{file}: layer {layer!r} is a {name}, which holds code of its own: write it with keras.ops or layers of "
            "Keras, or compute it before the request"
        )
    inner = str(module).startswith(INNER) and name != "function"
    known = inner or module in MODULES or (module == "builtins" and name == "function") or name in VALUES
    if not known or ">" in str(one.get("registered_name") or ""):
        raise ImportRefused(
            f"{file}: layer {layer!r} is {module}.{name}, a class of your own: only Keras's are read; save the "
            "model with layers of Keras, or export it to ONNX or as a SavedModel (model.export)"
        )
    config = one.get("config")
    if isinstance(config, dict) and isinstance(config.get("vocabulary"), str):
        raise ImportRefused(
            f"{file}: layer {layer!r} reads its vocabulary from a file elsewhere; give it the list of words"
        )


def _objects(value: Any, layer: str, depth: int) -> Iterator[tuple[dict[str, Any], str]]:
    """All that Keras would make objects of, each with the layer that it stands in."""
    if depth > MAX_DEPTH:
        raise ImportRefused(f"config.json is nested more than {MAX_DEPTH} deep at {layer!r}")
    if isinstance(value, dict):
        if isinstance(value.get("class_name"), str):
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
