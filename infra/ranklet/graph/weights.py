"""Weights that several graphs of one bundle have: in one file beside them, once.

ONNX calls that external data. onnxruntime maps the file, so that a table which two sessions read is in memory once too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

LEAST = 1024
"""Bytes of the smallest tensor that is worth it."""

ALIGNED = 64
"""Bytes that tensors in the file begin at multiples of, as a processor likes to read them."""

Key = tuple[int, tuple[int, ...], bytes]


def shared(contents: Sequence[bytes], file: str) -> tuple[list[bytes], bytes]:
    """The graphs, and the contents of the file of that name which they then read; empty where they share nothing."""
    import onnx  # as slow to import as onnxruntime

    models = [onnx.load_from_string(content) for content in contents]
    having = Counter(key for model in models for key in {_key(tensor) for tensor in _large(model)})
    places: dict[Key, int] = {}
    file_content = bytearray()
    for model in models:
        for tensor in _large(model):
            if having[key := _key(tensor)] > 1:
                if key not in places:
                    file_content += bytes(-len(file_content) % ALIGNED)
                    places[key] = len(file_content)
                    file_content += tensor.raw_data
                _move(tensor, file, places[key])
    if not places:
        return list(contents), b""
    return [model.SerializeToString(deterministic=True) for model in models], bytes(file_content)


def _large(model: Any) -> list[Any]:
    return [tensor for tensor in model.graph.initializer if len(tensor.raw_data) >= LEAST]


def _key(tensor: Any) -> Key:
    return tensor.data_type, tuple(tensor.dims), sha256(tensor.raw_data).digest()


def _move(tensor: Any, file: str, offset: int) -> None:
    """The tensor's numbers in the file, from the offset on."""
    size = len(tensor.raw_data)
    tensor.ClearField("raw_data")
    tensor.data_location = 1  # EXTERNAL
    for key, value in (("location", file), ("offset", str(offset)), ("length", str(size))):
        tensor.external_data.add(key=key, value=value)
