"""Tables in memory-mapped files: only pages that are read cost memory.

Files: vectors, rows packed in the table's dtype (f32 and f16: [rows, dim] in C order; int8: [rows], each with its
scale), and the ascending, unique keys, int64 or a JSON list of strings. In the bundle they are `tables/<name>.npy` and
`tables/<name>.keys.npy` or `.keys.json`; those of a table with a snapshot are fetched from S3 first.
"""

from __future__ import annotations

from collections.abc import Mapping
from operator import lt
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from ranklet_features.errors import StoreError, TableMismatch
from ranklet_features.packing import row_dtype, unpack
from ranklet_features.spec import Table
from ranklet_features.stores.base import MISSING, Keys, Rows
from ranklet_features.stores.counts import Counts
from ranklet_features.stores.indexes import Index, TextIndex, int_index


class ResidentStore:
    """Rows of a table that lies in memory; never UNAVAILABLE."""

    def __init__(self, table: Table, vectors: NDArray[Any], index: Index) -> None:
        self.table = table
        self._vectors: NDArray[Any] | None = vectors
        self._index = index
        self.counts = Counts()

    def rows(self, keys: Keys, *, deadline: float | None = None) -> Rows:
        """Read rows; `deadline` is not needed, nothing waits. Raises StoreError after `close`."""
        if self._vectors is None:
            raise StoreError(f"table {self.table.name}: read after close")
        slots = self._index.slots(keys)
        if not len(self._vectors):
            return Rows(np.zeros((len(slots), self.table.dim), np.float32), np.full(len(slots), MISSING, np.uint8))
        # "clip" reads row 0 for the absent ones, to be zeroed below, and spares numpy a checked copy.
        values = unpack(self._vectors.take(slots, axis=0, mode="clip"))
        absent = slots < 0
        if np.count_nonzero(absent):  # a quarter of what any() costs
            values[absent] = 0
        # A boolean's byte already is the status: 0 is FOUND, 1 is MISSING.
        return Rows(values, absent.view(np.uint8))

    def close(self) -> None:
        """Let go of the map; its pages are freed with the last array that stands on it."""
        self._vectors = None


def open_table(table: Table, folder: Path, environ: Mapping[str, str]) -> ResidentStore:
    """Map the table's files: those of the bundle `folder`, or of its snapshot, which is fetched where it is not there.

    environ: bucket, region, credentials and endpoint of S3; not needed for files of the bundle.
    Raises TableMismatch when files are absent or are not what `table` says, and what `snapshots.fetch.fetched` raises.
    """
    where, keys = _files(table, folder, environ)
    vectors = _mapped(table, where)
    row = row_dtype(table.dtype, table.dim)
    expected, shape = row.base, (table.rows, *row.shape)
    if vectors.dtype != expected or vectors.shape != shape or not vectors.flags.c_contiguous:
        order = "C" if vectors.flags.c_contiguous else "Fortran"
        raise _mismatch(
            table, f"vectors are {vectors.dtype} {vectors.shape} in {order} order, pinned are {expected} {shape} in C"
        )
    # A plain view: np.memmap's own __array_finalize__ costs several microseconds on every read.
    return ResidentStore(table, np.asarray(vectors), _index(table, keys))


def _files(table: Table, folder: Path, environ: Mapping[str, str]) -> tuple[Path, Path]:
    """Vectors and keys."""
    if table.snapshot is not None:
        # Imported here: sockets, TLS and signatures are nothing that a table in the package should pay for.
        from ranklet_features.stores.snapshots.fetch import fetched

        return fetched(table, environ)
    ending = "json" if table.key == "string" else "npy"
    return folder / "tables" / f"{table.name}.npy", folder / "tables" / f"{table.name}.keys.{ending}"


def _index(table: Table, path: Path) -> Index:
    if table.key == "string":
        return TextIndex(table, _text_keys(table, path))
    keys = np.asarray(_mapped(table, path))
    if keys.dtype != np.int64 or keys.shape != (table.rows,):
        raise _mismatch(table, f"keys are {keys.dtype} {keys.shape}, pinned are int64 {(table.rows,)}")
    if not (keys[1:] > keys[:-1]).all():
        raise _mismatch(table, "keys are not ascending and unique")
    return int_index(table, keys)


def _text_keys(table: Table, path: Path) -> list[str]:
    try:
        keys = orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError) as error:
        raise _mismatch(table, f"cannot read {path.name}: {error}") from error
    if not isinstance(keys, list) or len(keys) != table.rows or set(map(type, keys)) - {str}:
        raise _mismatch(table, f"{path.name} is not a list of {table.rows} strings")
    if not all(map(lt, keys, keys[1:])):
        raise _mismatch(table, "keys are not ascending and unique")
    return keys


def _mapped(table: Table, path: Path) -> NDArray[Any]:
    try:
        mapped: NDArray[Any] = np.lib.format.open_memmap(path, mode="r")
    except (OSError, ValueError) as error:
        raise _mismatch(table, f"cannot read {path.name}: {error}") from error
    return mapped


def _mismatch(table: Table, what: str) -> TableMismatch:
    return TableMismatch(f"table {table.name} version {table.version}: {what}; run `ranklet build` again")
