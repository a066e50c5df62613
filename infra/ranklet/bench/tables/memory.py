"""Rows that are in memory: the cache of a `dynamodb` table, and resident tables, beside np.take on the same data.

A request has 500 keys. `hot`: they are drawn from 2 000 rows, which a processor's own cache holds, as the popular
rows of a catalogue are. `wide`: from 100 000 rows (25 MB as float32), where every row is a wait for memory, also for
np.take. String keys are decoded from JSON anew for each call, as a request brings them: their hashes are not known yet.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from ranklet.bench import base
from ranklet.bench.base import Found, Progress, Row, Sample, Setting, Way
from ranklet.bench.tables import data
from ranklet.bench.tables.data import Sheet
from ranklet.errors import BenchError
from ranklet_features.spec import KeyType, Table, VectorType
from ranklet_features.stores import open_store
from ranklet_features.stores.base import FOUND, EmbeddingStore, Keys, Rows
from ranklet_features.stores.cached import CachedStore

N = 500
HOT, WIDE = 2_000, 100_000
CALLS = 8
"""Per timing: enough to outweigh the clock's own cost, few enough for the keys to stay in the processor's cache."""
WARM = 4

FILL = 5_000
NAMES: Mapping[KeyType, str] = {"int": "integer", "string": "string"}
RESIDENT: Sequence[tuple[KeyType, VectorType]] = (
    ("int", "f32"),
    ("int", "f16"),
    ("int", "int8"),
    ("string", "f32"),
    ("string", "f16"),
    ("string", "int8"),
)


class Behind:
    """A store that answers from an array: what stands behind the cache while it fills, and must not be asked again."""

    def __init__(self, sheet: Sheet) -> None:
        self.table: Table = sheet.table
        self.asked = 0
        self._sheet = sheet
        self._places = {key: place for place, key in enumerate(sheet.keys)}

    def rows(self, keys: Keys, *, deadline: float | None = None) -> Rows:
        """Rows of keys that are all there."""
        self.asked += len(keys)
        places = np.array([self._places[key] for key in keys], np.intp)
        return Rows(self._sheet.exact(places), np.full(len(keys), FOUND, np.uint8))

    def close(self) -> None:
        """Nothing is held."""


def measure(setting: Setting, progress: Progress) -> Found:
    """Figures `cached-…` and `resident-…`. Raises BenchError where rows are wrong, or the cache asks anew for some."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="ranklet-bench-")))
        ways: dict[str, Sample] = {}
        for size, rows in (("hot", HOT), ("wide", HOT * 10 if setting.quick else WIDE)):
            progress(f"filling caches with {rows} rows")
            wanted = data.requests(rows, N)
            ways[f"take {size}"] = data.taking(data.sheet(rows=rows), wanted, calls=CALLS, warm=WARM).sample
            for key in NAMES:
                ways[f"cached {key} {size}"] = _cached(key, rows, wanted)
        for key, dtype in RESIDENT:
            sheet = data.sheet(rows=HOT, key=key, dtype=dtype)
            data.bundle(sheet, folder)
            opened = open_store(sheet.table, folder, {})
            stack.callback(opened.close)
            ways[f"resident {key} {dtype}"] = _checked(opened, sheet, data.requests(HOT, N))
        progress(f"timing reads of {N} rows in memory")
        taken = base.interleaved(ways, setting)
    return Found(list(_rows(taken)), [taken["take hot"]])


def _cached(key: KeyType, rows: int, wanted: Sequence[NDArray[np.intp]]) -> Sample:
    sheet = data.sheet(rows=rows, key=key, placement="dynamodb", cache_entries=WIDE)
    behind = Behind(sheet)
    cached = CachedStore(behind)
    for start in range(0, rows, FILL):
        cached.rows(sheet.keys[start : start + FILL])
    sample = _checked(cached, sheet, wanted)
    if behind.asked != rows:
        raise BenchError(f"cached {key}: {behind.asked} rows were read to fill the cache with {rows}")
    return sample


def _checked(store: EmbeddingStore, sheet: Sheet, wanted: Sequence[NDArray[np.intp]]) -> Sample:
    for places in wanted:
        answer = store.rows(sheet.names(places))
        base.equal(f"{sheet.table.name}, {N} rows in memory", answer.values, sheet.exact(places))
        base.equal(f"{sheet.table.name}, statuses", answer.status, np.full(N, FOUND))
    return Way(store.rows, lambda turn: sheet.names(wanted[turn % len(wanted)]), CALLS, WARM).sample


def _rows(taken: Mapping[str, NDArray[np.float64]]) -> Iterator[Row]:
    for size in ("hot", "wide"):
        tail = "" if size == "hot" else "-wide"
        yield base.microseconds(f"take-500{tail}-us", taken[f"take {size}"], n=N, peer="np.take")
        for key, name in NAMES.items():
            ours = taken[f"cached {key} {size}"]
            yield base.microseconds(f"cached-{name}-keys-500{tail}-us", ours, n=N)
            yield base.ratio(f"cached-{name}-keys-500{tail}-vs-take", ours, taken[f"take {size}"], n=N, peer="np.take")
    for key, dtype in RESIDENT:
        tail = "" if dtype == "f32" else f"-{dtype}"
        yield base.microseconds(f"resident-{NAMES[key]}-keys-500{tail}-us", taken[f"resident {key} {dtype}"], n=N)
