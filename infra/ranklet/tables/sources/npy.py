"""Vectors as `numpy.save` wrote them, with their keys in a second file: .npy of ints, or .txt with one key a line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranklet.tables.sources.base import CHUNK_NUMBERS, Asked, Chunk, Keys, Places, int_key


def read(asked: Asked) -> Iterator[Chunk]:
    """As `sources.read` says; vectors are float16, 32 or 64, and as many as keys."""
    assert asked.table.vectors is not None and asked.table.keys is not None
    path, key_path = asked.resolve(asked.table.vectors), asked.resolve(asked.table.keys)
    shape = _shape(asked, path)
    keys, key_places = keys_of(asked, key_path)
    if len(keys) != shape[0]:
        raise asked.error(f"{len(keys)} keys in {key_path.name}, {shape[0]} rows in {path.name}")
    step = max(1, CHUNK_NUMBERS // shape[1])
    for start in range(0, max(shape[0], 1), step):
        stop = min(start + step, shape[0])
        # Mapped anew for each chunk, so that pages already read are not kept in memory.
        values = np.array(_load(asked, path)[start:stop])
        numbers = range(start, stop)
        yield Chunk(
            keys[start:stop],
            values,
            Places(path.name, numbers),
            None if key_places is None else Places(key_path.name, key_places[start:stop], "line"),
        )


def _shape(asked: Asked, path: Path) -> tuple[int, int]:
    values = _load(asked, path)
    if values.ndim != 2 or values.dtype.kind != "f" or values.shape[1] == 0:
        raise asked.error(f"{path.name} holds {values.dtype} {list(values.shape)}; floats [rows, dim] are needed")
    return values.shape[0], values.shape[1]


def _load(asked: Asked, path: Path) -> NDArray[Any]:
    try:
        loaded: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise asked.error(f"cannot read {path.name}: {error}; write it with numpy.save") from error
    return loaded


def keys_of(asked: Asked, path: Path) -> tuple[Keys, Sequence[int] | None]:
    """The keys, and the line of each where they are lines."""
    if path.suffix == ".npy" and asked.table.key == "int":
        return _int_keys(asked, path), None
    lines = _lines(asked, path)
    numbers = range(1, len(lines) + 1)
    if asked.table.key == "string":
        return lines, numbers
    found = (int_key(asked, text, f"line {number} of {path.name}") for number, text in zip(numbers, lines, strict=True))
    return np.fromiter(found, np.int64, len(lines)), numbers


def _int_keys(asked: Asked, path: Path) -> NDArray[np.int64]:
    keys = _load(asked, path)
    if keys.ndim != 1 or keys.dtype.kind not in "iu":
        raise asked.error(f'{path.name} holds {keys.dtype} {list(keys.shape)}; key = "int" needs integers [rows]')
    if keys.dtype == np.uint64 and len(keys) and int(keys.max()) >= 1 << 63:
        raise asked.error(f"{path.name} holds {int(keys.max())}, more than 64 bits with a sign can hold")
    return keys.astype(np.int64)


def _lines(asked: Asked, path: Path) -> list[str]:
    try:
        lines = path.read_bytes().decode("utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise asked.error(f"cannot read {path.name}: {error}; write one key a line, UTF-8") from error
    return lines[:-1] if lines[-1] == "" else lines
