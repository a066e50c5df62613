"""Columns as raw buffers inside msgpack: no number is parsed, a column of 500 costs a microsecond.

A buffer is a map of exactly three entries: `{"dtype": "<f4", "shape": [n], "data": <bin>}`.

- `dtype` is one of DTYPES in NumPy's own notation: little-endian (`<`), or one byte (`|`).
- `shape` holds one or two sizes, `[n]` or `[n, width]`.
- `data` holds the values in C order, exactly as many bytes as dtype and shape say.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranklet_runtime.errors import BadRequest

DTYPES = {name: np.dtype(name) for name in ("<f2", "<f4", "<f8", "|i1", "<i2", "<i4", "<i8", "|u1", "<u2", "<u4")}
"""Fixed width, no objects, and every integer among them fits into 64 signed bits."""

KEYS = frozenset({"dtype", "shape", "data"})


def read(buffer: Mapping[Any, Any], path: str) -> NDArray[Any]:
    """The read-only array [n] or [n, width] of a buffer; it shares the memory of the message.

    Raises BadRequest with `path` when the map is no buffer or its parts disagree.
    """
    named, shape, data = buffer.get("dtype"), buffer.get("shape"), buffer.get("data")
    # Nearly all are columns [n] without a fault; what follows finds the others' fault.
    if type(named) is str and type(shape) is list and type(data) is bytes and len(buffer) == 3 and len(shape) == 1:
        dtype = DTYPES.get(named)
        if dtype is not None and type(shape[0]) is int and shape[0] * dtype.itemsize == len(data):
            return np.frombuffer(data, dtype)
    return _read(buffer, path)


def _read(buffer: Mapping[Any, Any], path: str) -> NDArray[Any]:
    if buffer.keys() != KEYS:
        raise BadRequest("a map here is a buffer: exactly dtype, shape and data", path=path)
    named, shape, data = buffer["dtype"], buffer["shape"], buffer["data"]
    dtype = DTYPES.get(named) if isinstance(named, str) else None
    if dtype is None:
        raise BadRequest(f"dtype must be one of {', '.join(DTYPES)}", path=f"{path}.dtype")
    if not isinstance(shape, list) or len(shape) not in (1, 2) or not all(type(n) is int and n >= 0 for n in shape):
        raise BadRequest("shape must be one or two sizes of 0 or more", path=f"{path}.shape")
    if not isinstance(data, bytes) or len(data) != prod(shape) * dtype.itemsize:
        size = f"{len(data)} bytes" if isinstance(data, bytes) else f"a {type(data).__name__}"
        wanted = f"{prod(shape) * dtype.itemsize} bytes for {named} {shape}"
        raise BadRequest(f"data is {size}, must be {wanted}", path=f"{path}.data")
    return np.frombuffer(data, dtype).reshape(shape)


def write(array: NDArray[Any]) -> dict[str, Any]:
    """The buffer of an array [n] or [n, width] whose dtype is one of DTYPES."""
    return {"dtype": array.dtype.str, "shape": list(array.shape), "data": array.tobytes()}
