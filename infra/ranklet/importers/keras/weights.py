"""model.weights.h5 before Keras reads it, and the model's size before its weights are made.

HDF5 can point out of the file (external data, virtual datasets, links) and declare arrays of any size that it does not
hold; a config can ask for layers of any size. What the config asks for, the file must hold.
"""

from __future__ import annotations

import io
import math
from pathlib import Path
from typing import Any

import orjson

from ranklet.errors import ImportRefused
from ranklet.importers import archives

WEIGHTS = "model.weights.h5"
MAX_OBJECTS = 100_000
SLACK = 1 << 20
"""Numbers that a model may have beyond its file's: states that older versions of Keras did not save."""


def check(keras: Any, path: Path) -> None:
    """Raises ImportRefused naming what points out of the file, or a model larger than its weights."""
    with archives.open_zip(path) as archive:
        held = _numbers(archive.read(WEIGHTS), path.name)
        config = orjson.loads(archive.read("config.json"))
    config["compile_config"] = None
    with keras.StatelessScope(initialize_variables=False):
        model = keras.saving.deserialize_keras_object(config, safe_mode=True)
    asked = sum(math.prod(one.shape) for one in getattr(model, "variables", ()))
    if asked > held + SLACK:
        raise ImportRefused(f"{path.name}: config.json asks for {asked} weights, {WEIGHTS} holds {held}; save it again")


def _numbers(content: bytes, file: str) -> int:
    """How many numbers the file holds."""
    import h5py  # of Keras

    total, left, seen = 0, [], 0
    try:
        with h5py.File(io.BytesIO(content), "r") as root:
            left = [root]
            while left:
                group = left.pop()
                for name in group:
                    seen += 1
                    found = _member(group, name, file)
                    if seen > MAX_OBJECTS:
                        raise ImportRefused(f"{file}: {WEIGHTS} holds more than {MAX_OBJECTS} objects")
                    if isinstance(found, h5py.Group):
                        left.append(found)
                    else:
                        total += found.size
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:
        raise ImportRefused(f"{file}: {WEIGHTS} is damaged: {str(error)[:200]}; save the model again") from error
    return total


def _member(group: Any, name: str, file: str) -> Any:
    """A group, or a dataset that holds its own numbers."""
    import h5py

    place = f"{file}: {WEIGHTS}: {group.name.rstrip('/')}/{name}"
    if not isinstance(group.get(name, getlink=True), h5py.HardLink):
        raise ImportRefused(f"{place} is a link; Keras writes none")
    found = group[name]
    if isinstance(found, h5py.Group):
        return found
    if not isinstance(found, h5py.Dataset) or found.is_virtual or found.external:
        raise ImportRefused(f"{place} has its data elsewhere; Keras writes none such")
    if found.dtype.kind not in "biufSO" or found.shape is None:
        raise ImportRefused(f"{place} holds {found.dtype}, no numbers")
    if found.chunks is not None and found.nbytes > archives.MAX_RATIO * max(1, found.id.get_storage_size()):
        raise ImportRefused(f"{place} unpacks {found.id.get_storage_size()} bytes to {found.nbytes}")
    return found
