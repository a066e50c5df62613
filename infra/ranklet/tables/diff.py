"""What differs between two versions of a table: rows added, removed and changed, and how far the changed ones moved.

Neither side is in an order of keys, and neither need fit into memory. So both are dealt out into files by a hash of
the key, few enough rows to a file that two of them, one of each side, are compared in memory: as databases join
(Kitsuregawa, Tanaka and Moto-oka, 1983, "Application of hash to data base machine and its architecture").
"""

from __future__ import annotations

import struct
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from heapq import nlargest, nsmallest
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranklet.errors import TableError
from ranklet.tables.loader import Progress
from ranklet.tables.sides import Side
from ranklet_features.packing import from_bytes, row_dtype, unpack
from ranklet_features.spec import Table

FILE_BYTES = 32 << 20
"""Of the rows of one file, about."""

MAX_FILES = 512
"""Files that are open at once: below what systems grant a process by default."""

LENGTH = struct.Struct("<H")


@dataclass(frozen=True)
class Changed:
    """One changed row. distance: Euclidean. cosine: 1 - the cosine of the angle between the two rows."""

    key: str
    distance: float
    cosine: float


@dataclass
class Difference:
    """What differs. rows of both sides, then how many of them; mean_distance: over changed rows.

    examples: some keys of rows added and removed, least first. by_distance and by_cosine: the changed rows that moved
    the furthest.
    """

    old: str
    new: str
    old_rows: int = 0
    new_rows: int = 0
    added: int = 0
    removed: int = 0
    changed: int = 0
    equal: int = 0
    mean_distance: float = 0.0
    max_distance: float = 0.0
    max_cosine: float = 0.0
    examples: dict[str, list[str]] = field(default_factory=dict)
    by_distance: list[Changed] = field(default_factory=list)
    by_cosine: list[Changed] = field(default_factory=list)

    @property
    def same(self) -> bool:
        """Whether both versions hold the same numbers under the same keys."""
        return not (self.added or self.removed or self.changed)


def diff(
    old: Side,
    new: Side,
    *,
    top: int = 10,
    bar: Callable[[str], Progress],
    file_bytes: int = FILE_BYTES,
    scratch: Path | None = None,
) -> Difference:
    """Compare two versions. top: rows of each list. scratch: where the rows lie meanwhile, as many bytes as both have.

    Raises TableError where keys or widths are of different kinds, so that no row has a counterpart.
    """
    _comparable(old.table, new.table)
    found = Difference(old.table.physical, new.table.physical)
    size = max(one.rows * row_dtype(one.dtype, one.dim).itemsize for one in (old.table, new.table))
    files = max(1, min(MAX_FILES, -(-size // file_bytes)))
    with tempfile.TemporaryDirectory(prefix="ranklet-diff-", dir=scratch) as folder:
        parts = [
            _deal(side, Path(folder), name, files, bar(f"{side.table.physical} read"))
            for name, side in (("old", old), ("new", new))
        ]
        moves = bar("compared")
        for number, (before, after) in enumerate(zip(*parts, strict=True), start=1):
            _compare(_read(before, old.table), _read(after, new.table), old.table, new.table, found, top)
            moves(number, files)
    return found


def _comparable(old: Table, new: Table) -> None:
    for name, what in (("key", "keys"), ("dim", "numbers a row")):
        if (one := getattr(old, name)) != (other := getattr(new, name)):
            raise TableError(f"{old.physical} has {one} {what}, {new.physical} {other}: their rows cannot be compared")


def _deal(side: Side, folder: Path, name: str, files: int, moves: Progress) -> list[Path]:
    """Deal a side's rows out into files: length of the key, key, row."""
    paths = [folder / f"{name}-{number}" for number in range(files)]
    row_bytes, done = row_dtype(side.table.dtype, side.table.dim).itemsize, 0
    with ExitStack() as stack:
        open_files = [stack.enter_context(path.open("wb")) for path in paths]
        for key, row in side.rows():
            if len(row) != row_bytes:
                raise TableError(f"{side.table.physical}: row {key!r} has {len(row)} bytes, not {row_bytes}")
            blob = key.encode()
            open_files[zlib.crc32(blob) % files].write(LENGTH.pack(len(blob)) + blob + row)
            done += 1
            if not done % 5000:
                moves(min(done, side.table.rows), side.table.rows)
    moves(side.table.rows, side.table.rows)
    return paths


def _read(path: Path, table: Table) -> tuple[list[str], NDArray[np.float32]]:
    """Keys and numbers [n, dim] of one file, which goes."""
    blob, row_bytes = path.read_bytes(), row_dtype(table.dtype, table.dim).itemsize
    path.unlink()
    keys, rows, place = [], bytearray(), 0
    while place < len(blob):
        (length,) = LENGTH.unpack_from(blob, place)
        start = place + LENGTH.size
        keys.append(blob[start : start + length].decode())
        place = start + length + row_bytes
        rows += blob[start + length : place]
    return keys, unpack(from_bytes(rows, dtype=table.dtype, dim=table.dim))


def _compare(
    before: tuple[list[str], NDArray[np.float32]],
    after: tuple[list[str], NDArray[np.float32]],
    old: Table,
    new: Table,
    found: Difference,
    top: int,
) -> None:
    """Compare one file of each side, and add what differs."""
    (old_keys, old_rows), (new_keys, new_rows) = before, after
    places = {key: place for place, key in enumerate(old_keys)}
    here = [place for place, key in enumerate(new_keys) if key in places]
    found.old_rows += len(old_keys)
    found.new_rows += len(new_keys)
    found.added += len(new_keys) - len(here)
    found.removed += len(old_keys) - len(here)
    there = set(new_keys)
    _examples(found, "added", (key for key in new_keys if key not in places), top, new)
    _examples(found, "removed", (key for key in old_keys if key not in there), top, old)
    if here:
        keys = [new_keys[place] for place in here]
        _changed(keys, old_rows[[places[key] for key in keys]], new_rows[here], found, top)


def _changed(keys: list[str], old: NDArray[np.float32], new: NDArray[np.float32], found: Difference, top: int) -> None:
    differ = np.flatnonzero((old != new).any(axis=1))
    found.equal += len(keys) - len(differ)
    if not len(differ):
        return
    one, other = old[differ].astype(np.float64), new[differ].astype(np.float64)
    distances: NDArray[np.float64] = np.asarray(np.linalg.norm(one - other, axis=1), np.float64)
    cosines = _cosine_changes(one, other)
    total = found.mean_distance * found.changed + float(distances.sum())
    found.changed += len(differ)
    found.mean_distance = total / found.changed
    found.max_distance = max(found.max_distance, float(np.max(distances)))
    found.max_cosine = max(found.max_cosine, float(np.max(cosines)))
    for name, figures in (("by_distance", distances), ("by_cosine", cosines)):
        # A file's own largest before anything is made of them.
        chosen = np.argsort(-figures, kind="stable")[:top].tolist()
        rows = (Changed(keys[differ[place]], float(distances[place]), float(cosines[place])) for place in chosen)
        measure: Callable[[Changed], Any] = _distance if name == "by_distance" else _cosine
        setattr(found, name, nlargest(top, [*getattr(found, name), *rows], key=measure))


def _cosine_changes(old: NDArray[np.float64], new: NDArray[np.float64]) -> NDArray[np.float64]:
    """1 - cosine; of a row of zeros: 1 when the other is none, as no direction is left."""
    lengths = np.linalg.norm(old, axis=1) * np.linalg.norm(new, axis=1)
    products = np.einsum("ij,ij->i", old, new)
    cosines = np.divide(products, lengths, out=np.zeros_like(products), where=lengths > 0)
    changes: NDArray[np.float64] = 1 - np.clip(cosines, -1, 1)
    return changes


def _examples(found: Difference, name: str, keys: Iterable[str], top: int, table: Table) -> None:
    order: Callable[[str], Any] = int if table.key == "int" else str
    found.examples[name] = nsmallest(top, _both(found.examples.get(name, []), keys), key=order)


def _both(one: Iterable[str], other: Iterable[str]) -> Iterator[str]:
    yield from one
    yield from other


def _distance(row: Changed) -> tuple[float, str]:
    return row.distance, row.key


def _cosine(row: Changed) -> tuple[float, str]:
    return row.cosine, row.key
