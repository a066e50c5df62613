"""What a token holds, as bytes: whose it is, until when, and the tensors one after the other, in msgpack.

It is read only once its signature was; still every tensor is held to the manifest, by shape and bytes. Its dtype stands
in the manifest alone. All tensors are one block, each at a multiple of eight bytes, so that reading is one copy.
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
ALIGNED = 8
DEEPEST = 8
SHAPES = (list, tuple)


@dataclass(frozen=True)
class Packed:
    """expires: seconds since 1970. degraded: what `prepare` defaulted. inputs: raw values. shapes and block: of the
    tensors, in the order of their names."""

    of: Of
    expires: int
    degraded: Mapping[str, int]
    inputs: Mapping[str, Any]
    shapes: Sequence[Any]
    block: bytes


def pack(packed: Packed) -> bytes:
    """As `unpack` reads it."""
    head = [list(packed.of), packed.expires, dict(packed.degraded), dict(packed.inputs)]
    content: bytes = msgpack.packb([*head, list(packed.shapes), packed.block])
    return content


def unpack(content: bytes) -> Packed | None:
    """None for what `pack` did not make."""
    try:
        of, expires, degraded, inputs, shapes, block = msgpack.unpackb(content)
        model, version, bundle = of
        return Packed((model, version, bundle), int(expires), dict(degraded), dict(inputs), list(shapes), bytes(block))
    except (TypeError, ValueError, msgpack.UnpackException):
        return None


class Layout:
    """Where the tensors of a manifest stand in a block. held: by name."""

    def __init__(self, held: Mapping[str, Held]) -> None:
        self._each = [(name, np.dtype(held[name].dtype), held[name].shape) for name in sorted(held)]
        self._fixed = [None if shape is None or None in shape else list(shape) for _, _, shape in self._each]

    def write(self, tensors: Mapping[str, Array]) -> tuple[list[list[int]], bytes]:
        """Shapes and block."""
        parts = [np.ascontiguousarray(tensors[name], dtype).tobytes() for name, dtype, _ in self._each]
        padded = [part + bytes(-len(part) % ALIGNED) for part in parts]
        return [list(tensors[name].shape) for name, _, _ in self._each], b"".join(padded)

    def read(self, shapes: Sequence[Any], block: bytes) -> dict[str, Array] | None:
        """By name; None for tensors that the manifest does not have so."""
        if len(shapes) != len(self._each):
            return None
        whole = np.frombuffer(block, np.uint8).copy()  # writable, and memory of its own, as what a step makes is
        found: dict[str, Array] = {}
        start = 0
        for (name, dtype, wanted), fixed, shape in zip(self._each, self._fixed, shapes, strict=True):
            if shape != fixed and not _fits(shape, wanted, fixed):
                return None
            stop = start + prod(shape) * dtype.itemsize
            if stop > len(whole):
                return None
            found[name] = whole[start:stop].view(dtype).reshape(shape)
            start = stop + (-stop % ALIGNED)
        return found if start == len(whole) else None


def _fits(shape: Any, wanted: tuple[int | None, ...] | None, fixed: Any) -> bool:
    """Whether a shape that varies is one, and as the manifest has it."""
    if fixed is not None or type(shape) not in SHAPES or len(shape) > DEEPEST:
        return False
    if not all(type(size) is int and 0 <= size < 1 << 31 for size in shape):
        return False
    return wanted is None or (
        len(wanted) == len(shape) and all(a in (None, b) for a, b in zip(wanted, shape, strict=True))
    )
