"""The text format of word2vec, also fastText's .vec: `rows dim`, then `key v1 … vdim` a line, parted by blanks.

Format: the original word2vec tool's output with `-binary 0`.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np

from ranklet.tables.sources.base import CHUNK_NUMBERS, Asked, Chunk, Keys, Places, int_key


def read(asked: Asked) -> Iterator[Chunk]:
    """As `sources.read` says."""
    assert asked.table.source is not None
    path = asked.resolve(asked.table.source)
    try:
        with path.open("rb") as file:
            rows, dim = _header(asked, path, file.readline())
            found = 0
            numbered = enumerate(file, start=2)
            while part := list(islice(numbered, max(1, CHUNK_NUMBERS // dim))):
                yield _chunk(asked, path, part, dim)
                found += len(part)
    except OSError as error:
        raise asked.error(f"cannot read {path.name}: {error}") from error
    if found != rows:
        raise asked.error(f"{path.name} says {rows} rows on line 1 and has {found}; it was cut off, or written wrongly")


def _header(asked: Asked, path: Path, line: bytes) -> tuple[int, int]:
    parts = line.split()
    if len(parts) != 2 or not all(part.isdigit() for part in parts) or int(parts[1]) < 1:
        raise asked.error(
            f"line 1 of {path.name} must be `rows dim`; GloVe's files lack it: write it as the first line"
        )
    return int(parts[0]), int(parts[1])


def _chunk(asked: Asked, path: Path, part: list[tuple[int, bytes]], dim: int) -> Chunk:
    places = Places(path.name, range(part[0][0], part[-1][0] + 1), "line")
    names: list[str] = []
    values = np.empty((len(part), dim))
    for row, (_, line) in enumerate(part):
        parts = line.split()
        if len(parts) != dim + 1:
            raise asked.error(
                f"{places[row]} has {max(0, len(parts) - 1)} numbers after its key, line 1 says {dim}; "
                "a key holds no blanks"
            )
        try:
            names.append(parts[0].decode("utf-8"))
            if b"_" in line and (wrong := [part for part in parts[1:] if b"_" in part]):
                raise ValueError(f"{wrong[0].decode(errors='replace')!r} is no number")
            values[row] = list(map(float, parts[1:]))
        except ValueError as error:
            raise asked.error(f"{places[row]}: {error}") from error
    return Chunk(_keys(asked, names, places), values, places)


def _keys(asked: Asked, names: list[str], places: Places) -> Keys:
    if asked.table.key == "string":
        return names
    return np.fromiter((int_key(asked, name, places[row]) for row, name in enumerate(names)), np.int64, len(names))
