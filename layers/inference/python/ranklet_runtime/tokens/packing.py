"""What a token holds, as bytes: whose it is, until when, and tensors as raw little-endian buffers, in msgpack.

It is read only once its signature was; still every tensor is held to the manifest, by dtype, shape and bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import msgpack
import numpy as np
from numpy.typing import NDArray

from ranklet_features.lean import dataclass
from ranklet_runtime.manifest import Held

Array = NDArray[Any]
Of = tuple[str, str, str]
"""Model, version and the beginning of the bundle's hash."""
DTYPES = frozenset({"<f4", "<f8", "<f2", "<i8", "<i4", "|i1", "|u1", "|b1", "<i2", "<u2", "<u4", "<u8"})
DEEPEST = 8


@dataclass(frozen=True)
class Packed:
    """expires: seconds since 1970. degraded: what `prepare` defaulted. inputs: raw values. buffers: of the tensors."""

    of: Of
    expires: int
    degraded: Mapping[str, int]
    inputs: Mapping[str, Any]
    buffers: Sequence[Any]


def pack(packed: Packed) -> bytes:
    """As `unpack` reads it."""
    head = [list(packed.of), packed.expires, dict(packed.degraded), dict(packed.inputs)]
    content: bytes = msgpack.packb([*head, list(packed.buffers)])
    return content


def unpack(content: bytes) -> Packed | None:
    """None for what `pack` did not make."""
    try:
        of, expires, degraded, inputs, buffers = msgpack.unpackb(content)
        model, version, bundle = of
        return Packed((model, version, bundle), int(expires), dict(degraded), dict(inputs), list(buffers))
    except (TypeError, ValueError, msgpack.UnpackException):
        return None


def buffers(tensors: Mapping[str, Array]) -> list[Any]:
    """In the order of their names, which are not repeated."""
    return [[one.dtype.newbyteorder("<").str, list(one.shape), one.tobytes()] for _, one in sorted(tensors.items())]


def tensors(found: Sequence[Any], held: Mapping[str, Held]) -> dict[str, Array] | None:
    """By name; None for tensors that the manifest does not have so."""
    try:
        return {name: _tensor(buffer, held[name]) for name, buffer in zip(sorted(held), found, strict=True)}
    except (TypeError, ValueError):
        return None


def _tensor(buffer: Any, held: Held) -> Array:
    """Raises ValueError and TypeError."""
    dtype, shape, data = buffer
    if dtype not in DTYPES or np.dtype(dtype) != np.dtype(held.dtype) or len(shape) > DEEPEST:
        raise ValueError(dtype)
    if not all(type(size) is int and size >= 0 for size in shape) or type(data) is not bytes:
        raise ValueError(shape)
    wanted = held.shape
    if wanted is not None and (
        len(wanted) != len(shape) or any(a not in (None, b) for a, b in zip(wanted, shape, strict=True))
    ):
        raise ValueError(shape)
    if len(data) != prod(shape) * np.dtype(dtype).itemsize:
        raise ValueError(len(data))
    # A copy: it is writable, and its own memory, as what a step makes is.
    return np.frombuffer(data, dtype).reshape(shape).copy()
