"""Gather a table's rows from its source, and refuse what could score a wrong row.

Rows go through a file, a few megabytes at a time: only the keys and their order are held in memory. Rows are sorted by
key, so that equal tables have equal bytes whatever order they were exported in.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranklet.errors import TableError
from ranklet.tables.sources.base import Chunk
from ranklet_features.spec import KeyType
from ranklet_features.stores.keys import RESERVED

MAX_KEY_BYTES = 2048
"""DynamoDB's limit on a partition key, in UTF-8."""

BLOCK_BYTES = 8 << 20
"""Bytes of rows that are worked on at once."""

__all__ = ["MAX_KEY_BYTES", "RESERVED", "Vectors", "blocks", "check_texts", "gather", "in_order", "save"]


@dataclass(frozen=True)
class Vectors:
    """keys: int64 [rows] or text, ascending and unique. values: finite, C order: float [rows, dim], or packed [rows].

    file: the .npy file that `values` is mapped from, where it is.
    """

    keys: NDArray[np.int64] | tuple[str, ...]
    values: NDArray[Any]
    file: Path | None = None


@dataclass
class _Seen:
    """What is kept of the chunks: their keys, and where rows stand."""

    keys: list[Any] = field(default_factory=list)
    chunks: list[tuple[int, Chunk]] = field(default_factory=list)
    rows: int = 0
    dim: int = 0

    def add(self, chunk: Chunk) -> None:
        self.keys.append(chunk.keys)
        # Without its rows, which are in the file.
        self.chunks.append((self.rows, Chunk((), np.empty(0, np.float32), chunk.places, chunk.key_places)))
        self.rows += len(chunk.values)

    def key_place(self, row: int) -> str:
        start, chunk = next(one for one in reversed(self.chunks) if one[0] <= row)
        return chunk.key_place(row - start)


def gather(name: str, chunks: Iterable[Chunk], *, key: KeyType, scratch: Path) -> Vectors:
    """Sort the rows of all chunks by key into `scratch/<name>.exact.npy`, float32 [rows, dim].

    Raises TableError with file and line or row for a key that is empty, reserved, over-long or stands twice, a NaN or
    infinity, a number beyond float32, rows of different length, and for no rows at all.
    """
    seen, raw = _Seen(), scratch / f"{name}.raw"
    with raw.open("wb") as file:
        for chunk in chunks:
            exact = _exact(name, chunk, seen)
            if key == "string":
                check_texts(name, chunk)
            file.write(exact.data)
            seen.add(chunk)
    if not seen.dim:
        raise TableError(f"table {name}: its source holds no row, so that its width is unknown")
    keys, order = _sorted(name, seen, key)
    rows = np.memmap(raw, np.float32, "r", shape=(seen.rows, seen.dim)) if seen.rows else np.empty((0, seen.dim))
    target = scratch / f"{name}.exact.npy"
    values = save(target, in_order(rows, order), np.dtype("<f4"), (seen.rows, seen.dim))
    raw.unlink()
    return Vectors(keys, values, target)


def blocks(values: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """The rows in order, some megabytes at a time; pages of a mapped file are given back once they were read."""
    if not len(values):
        return
    step = max(1, BLOCK_BYTES // values[0].nbytes)
    for start in range(0, len(values), step):
        yield values[start : start + step]
        _release(values)


def save(path: Path, parts: Iterable[NDArray[Any]], dtype: np.dtype[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """Write a .npy file part by part, with the bytes of `numpy.save`, and map it."""
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(
            file, {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
        )
        for part in parts:
            file.write(np.ascontiguousarray(part, dtype).tobytes())
    mapped: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    return mapped


def _exact(name: str, chunk: Chunk, seen: _Seen) -> NDArray[np.float32]:
    """The chunk's rows as float32 in memory order, checked."""
    width = chunk.values.shape[1]
    seen.dim = seen.dim or width
    if width != seen.dim:
        raise TableError(f"table {name}: {chunk.places[0]} has {width} numbers, rows before it {seen.dim}")
    if len(chunk.keys) != len(chunk.values):
        raise TableError(f"table {name}: {len(chunk.keys)} keys and {len(chunk.values)} rows from {chunk.places.file}")
    with np.errstate(over="ignore"):
        exact = np.ascontiguousarray(chunk.values, "<f4")
    finite = np.isfinite(exact).all(axis=1)
    if not finite.all():
        row = int(np.argmin(finite))
        what = "a number beyond float32" if np.isfinite(chunk.values[row]).all() else "a NaN or an infinity"
        raise TableError(f"table {name}: {chunk.places[row]} holds {what}")
    return exact


def check_texts(name: str, chunk: Chunk) -> None:
    """Raise TableError for a key that is empty, reserved, over-long or no text."""
    for row, text in enumerate(chunk.keys):
        if not text or text == RESERVED or (len(text) > MAX_KEY_BYTES // 4 and _bytes(text) > MAX_KEY_BYTES):
            raise TableError(
                f"table {name}: the key on {chunk.key_place(row)} is empty, reserved ({RESERVED}) "
                f"or longer than {MAX_KEY_BYTES} bytes"
            )
        if not text.isascii() and any("\ud800" <= letter <= "\udfff" for letter in text):
            raise TableError(f"table {name}: the key on {chunk.key_place(row)} holds half a character (a surrogate)")


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def _sorted(
    name: str, seen: _Seen, key: KeyType
) -> tuple[NDArray[np.int64] | tuple[str, ...], NDArray[np.intp] | None]:
    """The keys in ascending order and the order of the rows, None where they are in order already."""
    names: NDArray[Any]
    if key == "int":
        names = np.concatenate([np.asarray(part, np.int64) for part in seen.keys])
    else:
        names = np.array([text for part in seen.keys for text in part] or None, dtype=object).reshape(-1)[: seen.rows]
    seen.keys.clear()
    order: NDArray[np.intp] | None = None
    if (names[1:] <= names[:-1]).any():
        order = np.argsort(names, kind="stable")
        names = names[order]
        if len(twice := np.flatnonzero(names[1:] == names[:-1])):
            first, second = (int(order[twice[0] + step]) for step in (0, 1))
            raise TableError(
                f"table {name}: key {str(names[twice[0]])!r} stands on more than one row: {seen.key_place(first)} and "
                f"{seen.key_place(second)}; a key names one row"
            )
    return (names if key == "int" else tuple(names.tolist())), order


def in_order(rows: NDArray[Any], order: NDArray[np.intp] | None) -> Iterator[NDArray[Any]]:
    """The rows as `order` numbers them, some megabytes at a time; None leaves them as they are."""
    if order is None:
        yield from blocks(rows)
        return
    step = max(1, BLOCK_BYTES // rows[0].nbytes)
    for start in range(0, len(order), step):
        yield rows[order[start : start + step]]
        _release(rows)


def _release(values: NDArray[Any]) -> None:
    """Give back the pages of a mapped file; they are read again when needed."""
    mapped = getattr(values, "_mmap", None)
    if mapped is not None and hasattr(mmap, "MADV_DONTNEED"):
        mapped.madvise(mmap.MADV_DONTNEED)
