"""Two million rows are pushed and compared by processes that stay small."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from lifecycle_kit import staged, vectors

from ranklet.tables.source import Vectors

ROWS, DIM = 2_000_000, 64
BOUND_MB = 2000
"""What is promised. The rows alone are 488 MB, and are mapped."""

SERVER = """
import sys
from ranklet.local.dynamodb import LocalDynamo, tables

class Forgetful(tables.Table):
    '''A table that takes every row and keeps its number alone: the loader is measured, not a server's memory.'''
    taken = 0

    def put(self, item):
        Forgetful.taken += 1

from ranklet.local.dynamodb import schema
schema.Table = Forgetful
with LocalDynamo() as local:
    print(local.endpoint, flush=True)
    sys.stdin.readline()
    print(Forgetful.taken, flush=True)
"""

PEAK = r"""
import re
print(int(re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())[1]) // 1024)
"""

LOAD = (
    """
import sys
from pathlib import Path
from ranklet.tables import creation, push
from ranklet.tables.clients import Aws
from ranklet.tables.journal import Journal
from ranklet.tables.loader import load

folder, client = Path(sys.argv[1]), Aws("us-east-1", sys.argv[2]).dynamodb
items = push.staged(folder)
creation.ensure(client, items.table, push.UNNAMED)
with Journal(folder, {}) as journal:
    print(load(items, client=client, journal=journal, progress=push.silent))
"""
    + PEAK
)

DIFF = (
    """
import sys
from pathlib import Path
from ranklet.tables import diff
from ranklet.tables.sides import Staged

found = diff.diff(*(Staged(Path(folder)) for folder in sys.argv[1:]), bar=lambda name: lambda done, total: None)
print(found.changed, found.added, found.removed)
"""
    + PEAK
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from Linux's /proc"),
]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two versions: of the second every thousandth row differs, and its keys begin and end ten later."""
    folder, old = tmp_path_factory.mktemp("large"), vectors(ROWS, DIM)
    values = old.values.copy()
    values[10::1000] += 1
    keys = np.arange(ROWS)
    shifted = Vectors(keys + 10, np.concatenate([values[10:], values[:10]]))
    return [staged(folder, given=one) for one in (Vectors(keys, old.values), shifted)]


def run(code: str, *words: object) -> list[str]:
    command = [sys.executable, "-c", code, *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=3600, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_two_million_rows_are_loaded_in_a_part_of_two_gigabytes(folders: list[Path]) -> None:
    command = [sys.executable, "-c", SERVER]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin is not None and server.stdout is not None
        try:
            written, peak = run(LOAD, folders[0], server.stdout.readline().strip())
            server.stdin.write("\n")
            server.stdin.flush()
            assert int(written) == int(server.stdout.readline()) == ROWS
            print(f"loader: {peak} MB")
            assert int(peak) < BOUND_MB
        finally:
            server.kill()


def test_two_million_rows_are_compared_in_a_part_of_two_gigabytes(folders: list[Path]) -> None:
    changed, added, removed, peak = run(DIFF, *folders)
    print(f"diff: {peak} MB")
    assert (int(changed), int(added), int(removed)) == (ROWS // 1000, 10, 10)
    assert int(peak) < BOUND_MB
