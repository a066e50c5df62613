"""NumPy's `.npy` files as arrays, from anybody: nothing is unpickled, nothing is made that the body does not hold.

The header is at most HEADER bytes and is held to the size of the body before any memory is taken.
Format: numpy.org/doc/stable/reference/generated/numpy.lib.format.html
"""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranklet_runtime.dialects.flat import Column
from ranklet_runtime.dialects.tabular import by_position
from ranklet_runtime.errors import BadRequest, PayloadTooLarge
from ranklet_runtime.served import Served

MAGIC = b"\x93NUMPY"
HEADER = 16_384
LENGTHS = {b"\x01\x00": 2, b"\x02\x00": 4, b"\x03\x00": 4}
"""Version → bytes of the header's length."""
LARGEST = 10_000_000
"""Of one size in a shape; a body has not more values."""


def read(body: bytes, *, limit: int) -> NDArray[Any]:
    """The read-only array of at least one dimension; it shares the body's memory.

    limit: of rows. Raises BadRequest for anything but one whole array of values, and PayloadTooLarge.
    """
    shape, fortran, dtype, start = _header(body)
    if not shape or any(not 0 <= size <= LARGEST for size in shape):
        raise BadRequest(f"an array of rows is expected, not one of shape {str(shape)[:80]}")
    if shape[0] > limit:
        raise PayloadTooLarge(f"{shape[0]} rows; this model takes {limit} in one request")
    if dtype.hasobject or not dtype.itemsize:
        raise BadRequest("arrays of Python objects are not read; send numbers, texts, or a structured array of them")
    wanted = prod(shape) * dtype.itemsize
    if len(body) - start != wanted:
        raise BadRequest(f"{len(body) - start} bytes of values; the header says {wanted}")
    if not wanted:
        return np.zeros(shape if len(shape) == 1 else (shape[0], 0), dtype)
    flat = np.frombuffer(body, dtype, offset=start)
    return flat.reshape(shape[::-1]).T if fortran else flat.reshape(shape)


def write(array: NDArray[Any]) -> bytes:
    """The array as an .npy file."""
    file = BytesIO()
    np.lib.format.write_array(file, np.asanyarray(array), allow_pickle=False)
    return file.getvalue()


def columns(body: bytes, served: Served) -> Mapping[str, Column]:
    """[n, columns] by position, [n] of the only one, or a structured array [n] by name."""
    array = read(body, limit=served.manifest.limits.items)
    if array.dtype.names is not None:
        if array.ndim != 1:
            raise BadRequest("a structured array must have one dimension, its rows")
        return {name: _plain(array[name]) for name in array.dtype.names}
    if array.ndim == 1:
        array = array.reshape(-1, 1)
    if array.ndim != 2:
        raise BadRequest(f"an array [rows, columns] is expected, not one of {array.ndim} dimensions")
    if not len(array):
        return {name: [] for name in served.inputs}
    return by_position([_plain(array[:, i]) for i in range(array.shape[1])], served, "$.rows")


def _header(body: bytes) -> tuple[tuple[int, ...], bool, np.dtype[Any], int]:
    """Shape, whether columns come first, dtype, and where the values start."""
    size = LENGTHS.get(body[6:8])
    if not body.startswith(MAGIC) or size is None:
        raise BadRequest("the body is not an .npy file of version 1, 2 or 3")
    start = 8 + size + int.from_bytes(body[8 : 8 + size], "little")
    if not 8 + size < start <= min(len(body), HEADER):
        raise BadRequest(f"the header of the .npy file is cut off, or longer than {HEADER} bytes")
    # Imported here: no other form needs it.
    from ast import literal_eval

    try:
        found = literal_eval(body[8 + size : start].decode("utf-8" if body[6] == 3 else "latin-1"))
        dtype = np.lib.format.descr_to_dtype(found["descr"])
        shape, fortran = found["shape"], found["fortran_order"]
    except (ArithmeticError, LookupError, MemoryError, RecursionError, SyntaxError, TypeError, ValueError) as error:
        raise BadRequest(f"the header of the .npy file is broken: {type(error).__name__}") from error
    if not (type(shape) is tuple and set(map(type, shape)) <= {int} and type(fortran) is bool):
        raise BadRequest("the header of the .npy file is broken: shape or fortran_order")
    return shape, fortran, dtype, start


def _plain(column: NDArray[Any]) -> Column:
    """Texts as Python's; bytes are UTF-8."""
    if column.dtype.kind == "U":
        texts: list[Any] = column.tolist()
        return texts
    if column.dtype.kind == "S":
        try:
            return [value.decode() for value in column.tolist()]
        except (AttributeError, UnicodeDecodeError) as error:
            raise BadRequest("the bytes of a text column are not UTF-8") from error
    return column
