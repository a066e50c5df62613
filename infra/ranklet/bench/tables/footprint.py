"""What opening a resident table of 512 MB costs in memory: its vectors stay in the file, only an index is built.

Measured in a process of its own as the growth of anonymous memory (RssAnon, proc(5)), which no other process shares and
which the kernel cannot drop: after opening the table, and once more after reading rows all over it.
"""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import orjson
from numpy.typing import NDArray

from ranklet.bench import base
from ranklet.bench.base import Found, Progress, Row, Setting
from ranklet.bench.tables import data
from ranklet.errors import BenchError
from ranklet_features.spec import Table
from ranklet_features.stores import open_store

ROWS = 2_000_000
READ = 1_000
STATUS = Path("/proc/self/status")
FIGURES = ("resident-512-mb-open-mb", "resident-512-mb-read-mb")


def measure(setting: Setting, progress: Progress) -> Found:
    """Figures `resident-512-mb-…`; without a value where the system is not Linux."""
    if not STATUS.exists():
        return Found([Row(figure, ROWS, None, "MB", None) for figure in FIGURES])
    progress("opening a table of 512 MB")
    table = Table("wide", "ranklet-wide-bench", "bench", "int", data.DIM, ROWS)
    with TemporaryDirectory(prefix="ranklet-bench-") as name:
        folder = Path(name)
        expected = write(table, folder)
        command = [sys.executable, "-m", "ranklet.bench.tables.footprint", name]
        done = subprocess.run(command, capture_output=True, check=False, timeout=300)
        if done.returncode:
            raise BenchError(f"a table of 512 MB could not be read: {done.stderr.decode(errors='replace')}")
        base.equal("rows of a table of 512 MB", np.load(folder / "rows.npy"), expected)
    grown = orjson.loads(done.stdout)
    return Found([Row(figure, ROWS, megabytes, "MB", None) for figure, megabytes in zip(FIGURES, grown, strict=True)])


def places(rows: int) -> NDArray[np.int64]:
    """Which rows are read: evenly over the whole table."""
    return np.linspace(0, rows - 1, READ).astype(np.int64)


def write(table: Table, folder: Path) -> NDArray[np.float32]:
    """A bundle's files whose vectors are holes but for the rows that are read; those rows."""
    (folder / "tables").mkdir()
    path = folder / "tables" / f"{table.name}.npy"
    vectors = np.lib.format.open_memmap(path, "w+", np.dtype("<f4"), (table.rows, table.dim))
    rows = np.random.default_rng(data.SEED).standard_normal((READ, table.dim), np.float32)
    vectors[places(table.rows)] = rows
    vectors.flush()
    np.save(folder / "tables" / f"{table.name}.keys.npy", np.arange(table.rows))
    (folder / "table.json").write_bytes(orjson.dumps(asdict(table)))
    return rows


def anonymous() -> float:
    """MB of this process that stand for no file."""
    found = re.search(r"^RssAnon:\s*(\d+) kB$", STATUS.read_text(encoding="ascii"), re.MULTILINE)
    assert found is not None
    return int(found[1]) * 1024 / 1e6


def main(folder: Path) -> None:
    """In the process that is measured: open, read, write the rows to `rows.npy` and the growth to stdout."""
    table = Table(**orjson.loads((folder / "table.json").read_bytes()))
    wanted = places(table.rows)
    before = anonymous()
    store = open_store(table, folder, {})
    opened = anonymous()
    rows = store.rows(wanted).values
    read = anonymous()
    np.save(folder / "rows.npy", rows)
    print(orjson.dumps([opened - before, read - opened]).decode())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
