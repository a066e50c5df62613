"""Weights from an .npz file, read so that no file can do harm.

`numpy.load` would allocate what a header claims and knows no limit on what a member inflates to; here
every size is checked before memory is taken: the directory's against a limit, the header's against the member's.
"""

from __future__ import annotations

import io
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ranklet_runtime.engines.base import Array
from ranklet_runtime.errors import ManifestError

if TYPE_CHECKING:
    import zipfile

MAX_BYTES = 2**31
"""Of all arrays of a file, inflated. What is larger belongs into an embedding table."""

_MAX_MEMBERS = 4096
_PLAIN = {0, 8}
"""Stored and deflated."""
_WEIGHTS = ("f2", "f4", "f8")
_ENCRYPTED = 0x1


def read_npz(path: Path, *, limit: int = MAX_BYTES) -> dict[str, Array]:
    """The float arrays of an .npz file by name, C-contiguous and in native byte order; float16 widened to float32.

    Raises ManifestError naming the array that is pickled, not of floats, or larger than it or `limit` allows.
    """
    # Imported here: engines without weights of their own have no use for 4 ms of archives.
    import zipfile
    import zlib

    # What zipfile raises for damaged files and for forms that it does not know.
    unreadable = (OSError, EOFError, ValueError, RuntimeError, zipfile.BadZipFile, zlib.error)
    try:
        with zipfile.ZipFile(path) as file:
            members = file.infolist()
            _check_directory(path, members, limit)
            return {member.filename[:-4]: _array(path, member.filename, _content(file, member)) for member in members}
    except unreadable as error:
        raise ManifestError(f"cannot read {path.name} as .npz: {error}; write it with numpy.savez") from error


def need(arrays: Mapping[str, Array], name: str, shape: tuple[int | None, ...]) -> Array:
    """The array `name`, whose shape is `shape` where that says a number.

    Raises ManifestError when it is absent or shaped otherwise.
    """
    if not arrays:
        raise ManifestError(f"no weights, where {name!r} is needed; steps.source must name an .npz file")
    array = arrays.get(name)
    if array is None:
        raise ManifestError(f"the weights have no array {name!r}, they have {sorted(arrays)}")
    fits = array.ndim == len(shape) and all(want in (None, got) for want, got in zip(shape, array.shape, strict=True))
    if not fits:
        wanted = ", ".join("any" if size is None else str(size) for size in shape)
        raise ManifestError(f"array {name!r} has shape {list(array.shape)}, wanted [{wanted}]")
    return array


def refuse_surplus(arrays: Mapping[str, Array], known: set[str]) -> None:
    """Raises ManifestError for arrays that nothing reads: a misspelt name would otherwise score as absent."""
    if surplus := set(arrays) - known:
        raise ManifestError(f"nothing reads the arrays {sorted(surplus)}; this engine reads {sorted(known)}")


def padded(table: Array) -> Array:
    """`table` with one more row of zeros, which the id -1 (missing, padding) reads."""
    return np.concatenate([table, np.zeros((1, *table.shape[1:]), table.dtype)])


def shared(arrays: Mapping[str, Array], tables: Mapping[str, str]) -> dict[str, Array]:
    """`w.<input>` and `v.<input>`, where `options.tables` names the table that an input reads.

    Raises ManifestError for a table without arrays.
    """
    of_tables = set(tables.values())
    found = {name: array for name, array in arrays.items() if name == "bias" or name[2:] not in of_tables}
    for name, table in tables.items():
        parts = {f"{part}{name}": arrays[f"{part}{table}"] for part in ("w.", "v.") if f"{part}{table}" in arrays}
        if not parts or not parts.keys().isdisjoint(found):
            raise ManifestError(f"options.tables reads {table!r} for {name!r}; the weights have {sorted(arrays)}")
        found |= parts
    return found


def padded_tables(arrays: Mapping[str, Array], part: str) -> dict[str, Array]:
    """Input → its table of `part` ("w." or "v."), padded; one that several inputs read is padded once."""
    made: dict[int, Array] = {}
    names = [name for name in arrays if name.startswith(part)]
    return {name[2:]: _once(made, arrays[name]) for name in names}


def _once(made: dict[int, Array], table: Array) -> Array:
    if id(table) not in made:
        made[id(table)] = padded(table)
    return made[id(table)]


def _check_directory(path: Path, members: list[zipfile.ZipInfo], limit: int) -> None:
    names = [member.filename for member in members]
    if len(names) > _MAX_MEMBERS or len(set(names)) != len(names):
        raise ManifestError(f"{path.name} holds {len(names)} members, at most {_MAX_MEMBERS} different ones are read")
    if (size := sum(member.file_size for member in members)) > limit:
        raise ManifestError(f"{path.name} inflates to {size} bytes, at most {limit} are read; use an embedding table")
    for member in members:
        odd = member.compress_type not in _PLAIN or member.flag_bits & _ENCRYPTED
        if odd or not member.filename.endswith(".npy"):
            raise ManifestError(f"{path.name}: member {member.filename!r} is not an array that numpy.savez writes")


def _content(file: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    """A member's bytes; asked by size, since a read to the end inflates first and cuts to the claimed size after."""
    with file.open(member) as stream:
        return stream.read(member.file_size)


def _array(path: Path, member: str, content: bytes) -> Array:
    stream = io.BytesIO(content)
    try:
        shape, fortran, dtype = _header(stream)
    except ValueError as error:
        raise ManifestError(f"{path.name}: {member} has no readable .npy header: {error}") from error
    if dtype.hasobject or dtype.str[1:] not in _WEIGHTS:
        raise ManifestError(f"{path.name}: {member} is of {dtype}; wanted float16, float32 or float64, never pickled")
    size, left = math.prod(shape) * dtype.itemsize, len(content) - stream.tell()
    if size != left or min(shape, default=0) < 0:
        raise ManifestError(f"{path.name}: {member} claims {size} bytes of shape {list(shape)}, it holds {left}")
    array: Array = np.frombuffer(content, dtype, offset=stream.tell()).reshape(shape, order="F" if fortran else "C")
    wanted = np.float32 if dtype.itemsize == 2 else dtype.newbyteorder("=")
    return np.ascontiguousarray(array, dtype=wanted).reshape(shape)


def _header(stream: io.BytesIO) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, Fortran order and dtype: the .npy format, numpy/lib/format.py."""
    if np.lib.format.read_magic(stream) == (1, 0):
        return np.lib.format.read_array_header_1_0(stream)
    return np.lib.format.read_array_header_2_0(stream)
