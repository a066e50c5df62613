"""What is measured on: an invented table, staged as a build stages it, and the keys of a few requests."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from ranklet.bench.base import Way
from ranklet_features.packing import pack, unpack
from ranklet_features.spec import KeyType, Placement, Table, VectorType

DIM = 64
SEED = 20_260_101
REQUESTS = 16
"""Requests that are sent in turn, so that no way meets the very keys of its last call."""


@dataclasses.dataclass(frozen=True)
class Sheet:
    """A table and its rows. keys: int64 [rows] or text, ascending. packed: as `packing.pack` gives them."""

    table: Table
    keys: NDArray[np.int64] | Sequence[str]
    packed: NDArray[Any]

    def exact(self, places: NDArray[np.intp]) -> NDArray[np.float32]:
        """float32 [n, dim]: the rows that a store must answer with for the keys at these places."""
        return unpack(self.packed[places])

    def names(self, places: NDArray[np.intp]) -> NDArray[np.int64] | list[str]:
        """The keys at these places; strings as a request's decoding makes them, which no dict has seen before."""
        if isinstance(self.keys, np.ndarray):
            return self.keys[places]
        fresh: list[str] = orjson.loads(orjson.dumps([self.keys[place] for place in places.tolist()]))
        return fresh


def sheet(
    *,
    rows: int,
    key: KeyType = "int",
    dtype: VectorType = "f32",
    placement: Placement = "resident",
    page: int = 1,
    cache_entries: int = 0,
) -> Sheet:
    """A table of random rows, the same ones every time."""
    values = np.random.default_rng(SEED).standard_normal((rows, DIM), np.float32)
    keys: Any = np.arange(rows) if key == "int" else [f"item-{number:07d}" for number in range(rows)]
    name = f"bench-{key}-{dtype}-{page}-{rows}"
    table = Table(
        name, f"ranklet-{name}", "bench", key, DIM, rows, dtype, placement, page=page, cache_entries=cache_entries
    )
    return Sheet(table, keys, pack(values, dtype))


def stage(sheet: Sheet, tables: Path) -> None:
    """Write `<tables>/<physical>/{vectors.npy, keys.npy|json, table.json}` for the wire server."""
    folder = tables / sheet.table.physical
    folder.mkdir(parents=True)
    np.save(folder / "vectors.npy", sheet.packed)
    _write_keys(sheet, folder / "keys")
    (folder / "table.json").write_bytes(orjson.dumps(dataclasses.asdict(sheet.table)))


def bundle(sheet: Sheet, folder: Path) -> None:
    """Write the files of a resident table into a bundle's folder."""
    (folder / "tables").mkdir(exist_ok=True)
    np.save(folder / "tables" / f"{sheet.table.name}.npy", sheet.packed)
    _write_keys(sheet, folder / "tables" / f"{sheet.table.name}.keys")


def _write_keys(sheet: Sheet, path: Path) -> None:
    if isinstance(sheet.keys, np.ndarray):
        np.save(path.with_name(path.name + ".npy"), sheet.keys)
    else:
        path.with_name(path.name + ".json").write_bytes(orjson.dumps(sheet.keys))


def requests(rows: int, n: int) -> list[NDArray[np.intp]]:
    """REQUESTS × the places of `n` different rows, all alike probable."""
    generator = np.random.default_rng(SEED + 1)
    return [generator.choice(rows, n, replace=False) for _ in range(REQUESTS)]


def taking(sheet: Sheet, wanted: Sequence[NDArray[np.intp]], *, calls: int, warm: int = 0) -> Way:
    """The control: NumPy takes the same rows out of an array, by their places. Less cannot be done."""
    values = sheet.exact(np.arange(sheet.table.rows))
    return Way(lambda places: values.take(places, axis=0), lambda turn: wanted[turn % len(wanted)], calls, warm)
