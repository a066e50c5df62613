"""How one row of an embedding table is packed: little-endian, without padding, the same in files and in DynamoDB.

    f32    dim × float32
    f16    dim × float16
    int8   float32 scale, then dim × int8; value = int8 × scale, scale = max |row| / 127 (1 where that is zero)

Rounding is half to even. Packing is done at build time; unpacking is on the hot path and makes one float32 array.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranklet_features.spec import VectorType

_PLAIN: dict[str, np.dtype[Any]] = {"f32": np.dtype("<f4"), "f16": np.dtype("<f2")}


def row_dtype(dtype: VectorType, dim: int) -> np.dtype[Any]:
    """The NumPy dtype of one packed row, whose `itemsize` is the row's size in bytes."""
    if dtype == "int8":
        return np.dtype([("scale", "<f4"), ("values", "i1", (dim,))])
    return np.dtype((_PLAIN[dtype], (dim,)))


def pack(values: NDArray[np.floating[Any]], dtype: VectorType) -> NDArray[Any]:
    """Pack rows [n, dim]: a plain [n, dim] array for f32 and f16, a structured [n] array for int8.

    The values must be finite, and for f16 below 65 520 in size; the caller checks.
    """
    if dtype != "int8":
        return np.ascontiguousarray(values, _PLAIN[dtype])
    exact = np.asarray(values, np.float64)
    scale = (np.abs(exact).max(axis=1) / 127).astype("<f4")
    scale[scale == 0] = 1  # rows of zeros, and rows too small for any scale
    packed = np.zeros(len(exact), row_dtype("int8", exact.shape[1]))
    packed["scale"] = scale
    packed["values"] = np.clip(np.rint(exact / scale[:, None].astype(np.float64)), -127, 127)
    return packed


def unpack(packed: NDArray[Any]) -> NDArray[np.float32]:
    """Rows as float32 [n, dim]; for f32 the very array, no copy."""
    if packed.dtype.names is None:
        return packed.astype(np.float32, copy=False)
    values: NDArray[np.float32] = packed["values"] * packed["scale"][:, None]
    return values


def from_bytes(buffer: bytes | bytearray, *, dtype: VectorType, dim: int) -> NDArray[Any]:
    """Packed rows out of their joined bytes, whose length must be a multiple of the row's size."""
    if dtype == "int8":
        return np.frombuffer(buffer, row_dtype(dtype, dim))
    return np.frombuffer(buffer, _PLAIN[dtype]).reshape(-1, dim)
