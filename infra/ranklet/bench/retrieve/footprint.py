"""What an index of a million vectors of 64 takes: to load, and in memory.

Measured in a process of its own that has imported NumPy and ranklet's features, as growth from before the index is
opened: anonymous memory (RssAnon, proc(5)) and the resident pages of mapped files (RssFile). What is read from a file
without being mapped, int8's exact vectors, lies in the page cache, which is nobody's memory and is dropped at need.

    load      milliseconds until an opened index could be asked, files in the page cache
    memory    after 300 searches of held-out queries and one that looks at every row, so that every page that any
              search could touch is there: the most that it can be
"""

from __future__ import annotations

import dataclasses
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import orjson

from ranklet.bench.base import Found, Progress, Row, Setting
from ranklet.bench.retrieve import sets
from ranklet.bench.retrieve.sets import K
from ranklet.errors import BenchError
from ranklet_features.index.searching import Index
from ranklet_features.index.spec import IndexSpec

ROWS = 1_000_000
SEARCHES = 300
STATUS = Path("/proc/self/status")
NAMES = {"float32": "f32", "int8": "int8"}


def measure(setting: Setting, progress: Progress) -> Found:
    """Figures `index-load-1m-…` and `memory-1m-…`; without a value where the system is not Linux, or in a hurry."""
    rows: list[Row] = []
    for packing, name in NAMES.items():
        found: tuple[float | None, float | None] = (None, None)
        if STATUS.exists() and not setting.quick:
            progress(f"opening a million {name} vectors")
            found = _measured(packing, setting, progress)
        rows.append(Row(f"index-load-1m-{name}-ms", ROWS, found[0], "ms", None))
        rows.append(Row(f"memory-1m-{name}-mb", ROWS, found[1], "MB", None))
    return Found(rows)


def _measured(packing: str, setting: Setting, progress: Progress) -> tuple[float, float]:
    made = sets.make("clustered", ROWS, packing, setting, progress)
    assert made is not None, "clustered vectors are drawn"
    spec = orjson.dumps(dataclasses.asdict(made.spec)).decode()
    command = [sys.executable, "-m", "ranklet.bench.retrieve.footprint", str(made.folder), spec]
    done = subprocess.run(command, capture_output=True, check=False, timeout=600)
    if done.returncode:
        raise BenchError(f"an index could not be searched: {done.stderr.decode(errors='replace')}")
    load, memory = orjson.loads(done.stdout)
    return load, memory


def resident() -> float:
    """MB of this process, anonymous and of files."""
    found = re.findall(r"^Rss(?:Anon|File):\s*(\d+) kB$", STATUS.read_text(encoding="ascii"), re.MULTILINE)
    return sum(map(int, found)) * 1024 / 1e6


def main(folder: Path, spec: IndexSpec) -> None:
    """In the process that is measured: milliseconds of loading, and MB of growth, on stdout."""
    queries = np.load(folder / "queries.npy")
    before = resident()
    start = time.perf_counter()
    index = Index.open(spec, folder)
    loaded = (time.perf_counter() - start) * 1000
    for at in range(SEARCHES):
        index.search(queries[at % len(queries)], K)
    every = dataclasses.replace(spec, probes=spec.lists)
    Index(every, index.files).search(queries[0], K)
    print(orjson.dumps([loaded, resident() - before]).decode())


if __name__ == "__main__":
    main(Path(sys.argv[1]), IndexSpec(**orjson.loads(sys.argv[2])))
