"""Rows in memory: what is timed is right, comes from the cache, and leaves the file where it is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ranklet.bench.base import Setting
from ranklet.bench.tables import data, footprint, memory
from ranklet.errors import BenchError
from ranklet_features.stores import open_store
from ranklet_features.stores.base import Rows
from ranklet_features.stores.cached import CachedStore


def test_every_figure_that_scripts_rely_on_is_there(tmp_path: Path) -> None:
    found = memory.measure(Setting(tmp_path, quick=True), lambda text: None)
    rows = {row.figure: row for row in found.rows}
    for name in ("string", "integer"):
        row = rows[f"cached-{name}-keys-500-us"]
        assert (row.n, row.unit, row.peer) == (500, "µs", None)
        assert row.value is not None and row.spread is not None and row.spread[0] <= row.value <= row.spread[1]
        assert rows[f"cached-{name}-keys-500-vs-take"].peer == "np.take"
        assert {f"resident-{name}-keys-500{tail}-us" for tail in ("", "-f16", "-int8")} <= rows.keys()
    assert [len(control) for control in found.controls] == [5]


@pytest.mark.parametrize("key", ["int", "string"])
def test_a_cache_that_gives_a_wrong_row_is_not_timed(key: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    right = CachedStore.rows

    def wrong(self: CachedStore, keys: Any, *, deadline: float | None = None) -> Rows:
        rows = right(self, keys, deadline=deadline)
        return Rows(rows.values[::-1], rows.status)

    monkeypatch.setattr(CachedStore, "rows", wrong)
    with pytest.raises(BenchError, match="500 of 500 rows are wrong"):
        memory._cached(key, 1_000, data.requests(1_000, 500))


def test_a_cache_that_asks_anew_is_not_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "WIDE", 100)  # entries
    with pytest.raises(BenchError, match="rows were read to fill the cache with 1000"):
        memory._cached("int", 1_000, data.requests(1_000, 500))


def test_strings_are_new_in_every_request() -> None:
    sheet = data.sheet(rows=600, key="string")
    places = data.requests(600, 500)[0]
    one, other = sheet.names(places), sheet.names(places)
    assert list(one) == list(other)
    assert not any(a is b for a, b in zip(one, other, strict=True))


def test_invented_tables_are_the_same_every_time_and_are_what_a_store_opens(tmp_path: Path) -> None:
    for dtype in ("f32", "f16", "int8"):
        sheet = data.sheet(rows=50, dtype=dtype)
        np.testing.assert_array_equal(sheet.packed, data.sheet(rows=50, dtype=dtype).packed)
        data.bundle(sheet, tmp_path)
        places = np.arange(50)
        np.testing.assert_array_equal(
            open_store(sheet.table, tmp_path, {}).rows(sheet.keys).values, sheet.exact(places)
        )


@pytest.mark.skipif(not footprint.STATUS.exists(), reason="RssAnon is Linux's")
def test_a_mapped_table_is_not_copied(tmp_path: Path) -> None:
    found = footprint.measure(Setting(tmp_path, quick=True), lambda text: None)
    opened, read = (row.value for row in found.rows)
    assert opened is not None and opened < 512 * 0.05  # the index of two million keys
    assert read is not None and read < 512 * 0.01


@pytest.mark.skipif(not footprint.STATUS.exists(), reason="RssAnon is Linux's")
def test_anonymous_memory_is_what_is_written_to() -> None:
    """In a process of its own, with pages of its own: an allocator may hand out memory that was counted before."""
    program = """
import mmap
import numpy as np
from ranklet.bench.tables import footprint
before = footprint.anonymous()
held = mmap.mmap(-1, 64_000_000, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
reserved = footprint.anonymous()
np.frombuffer(held, np.uint8, 32_000_000).fill(1)
print(reserved - before, footprint.anonymous() - reserved)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120)
    reserved, written = map(float, done.stdout.split())
    assert reserved < 8
    assert written + 0.1 >= 32 and written < 2 * 32 + 8  # the zeros that were written may still be held


def test_wrong_rows_of_a_mapped_table_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = footprint.write
    monkeypatch.setattr(footprint, "STATUS", Path(__file__))
    monkeypatch.setattr(footprint, "ROWS", 20_000)
    monkeypatch.setattr(footprint, "write", lambda table, folder: write(table, folder) + np.float32(1))
    if not Path("/proc/self/status").exists():
        pytest.skip("RssAnon is Linux's")
    with pytest.raises(BenchError, match="rows of a table of 512 MB: 1000 of 1000 rows are wrong"):
        footprint.measure(Setting(tmp_path), lambda text: None)
