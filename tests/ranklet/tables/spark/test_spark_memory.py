"""Two million rows of 64 floats: what Spark's Java, the driver and the workers need together, and what one process."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import spark_kit as kit

from ranklet.tables.spark.content import of as content_of
from ranklet_features.spec import Table

ROWS, DIM, LIMIT = 2_000_000, 64, 2 << 30

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A dataset of ten files, each with keys of its own, written one after the other."""
    folder = tmp_path_factory.mktemp("catalogue")
    for number in range(10):
        data = kit.rows(ROWS // 10, seed=number)
        keys = pa.array(data["movie_id"].to_numpy() * 10 + number)
        pq.write_table(data.set_column(0, "movie_id", keys), folder / f"{number}.parquet", row_group_size=50_000)
    return str(folder)


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory, source: str) -> tuple[dict[str, Any], int]:
    """The local engine's answer, and the memory that it took."""
    tmp_path = tmp_path_factory.mktemp("local")
    recipe = kit.recipe(tmp_path, dim=DIM)
    (tmp_path / "films.recipe").write_bytes(recipe.to_bytes())
    code = (
        "import dataclasses, json, sys; from ranklet.tables.spark import recipe, single; from pathlib import Path; "
        "blob = recipe.Recipe.from_bytes(Path(sys.argv[1]).read_bytes()); "
        "built = single.run(blob, sys.argv[2], sys.argv[3], progress=lambda what: None); "
        "print(json.dumps(dataclasses.asdict(built)))"
    )
    return _run([sys.executable, "-c", code, str(tmp_path / "films.recipe"), source, str(tmp_path / "out")])


@pytest.fixture(scope="module")
def built(local: tuple[dict[str, Any], int]) -> Path:
    """Where the local engine built."""
    return Path(local[0]["out"])


@pytest.mark.skipif(bool(kit.lacking()), reason=kit.lacking())
@pytest.mark.parametrize("page", [1, 32])
def test_a_spark_build_of_two_million_rows_stays_under_two_gigabytes(tmp_path: Path, source: str, page: int) -> None:
    recipe = kit.recipe(tmp_path, dim=DIM, page=page)
    (tmp_path / "films.recipe").write_bytes(recipe.to_bytes())
    job = {
        "recipe": str(tmp_path / "films.recipe"),
        "input": source,
        "out": str(tmp_path / "out"),
        "master": "local[2]",
    }
    (tmp_path / "job.json").write_text(json.dumps(job))
    found, peak = _run([sys.executable, "-m", "ranklet.tables.spark.job", "--config", str(tmp_path / "job.json")])
    print(f"page {page}: {peak / 2**20:.0f} MB at most, Java, driver and workers together")
    assert peak < LIMIT
    assert found["table"]["rows"] == ROWS
    assert found["items"] == (ROWS if page == 1 else len(_pages(source, page)))
    if page == 1:
        described = {**found["table"], "default": None}
        content = content_of(kit.read_lines(tmp_path / "out"), Table(**described))
        assert (content.rows, content.version(Table(**described))) == (ROWS, found["table"]["version"])


def test_the_local_engine_needs_less_than_half_of_that(built: Path, local: tuple[dict[str, Any], int]) -> None:
    found, peak = local
    print(f"local: {peak / 2**20:.0f} MB at most")
    assert peak < LIMIT // 2
    assert found["table"]["rows"] == found["items"] == ROWS


@pytest.mark.parametrize("whole", [True, False])
def test_a_bundle_pins_and_reads_the_build_in_less_than_half_of_that(
    tmp_path: Path, built: Path, source: str, whole: bool
) -> None:
    folder = kit.write_model(tmp_path, dim=DIM)
    text = (folder / "model.toml").read_text()
    (folder / "model.toml").write_text(text.replace('catalogue = "catalogue.parquet"', f'built = "{built}"'))
    code = """
import json, sys
from pathlib import Path
from ranklet import model
from ranklet.tables import placement
from ranklet.tables.built import items, opened, pinning

folder, place, scratch = map(Path, sys.argv[1:4])
pinning.WHOLE = int(sys.argv[4])
described = model.load(folder)
pinned = pinning.pin("films", described, folder, golden=(), scratch=scratch, site=placement.ANYWHERE)
numbered = items.BuiltItems(pinned.table, opened.opened(str(place)))
read = sum(len(value) for _, value in numbered.pairs(0, len(numbered)))
print(json.dumps({"rows": pinned.table.rows, "staged": len(pinned.vectors.keys), "read": read}))
"""
    limit = 1 << 30 if whole else 0
    found, peak = _run([sys.executable, "-c", code, str(folder), str(built), str(tmp_path), str(limit)])
    print(f"bundle, {'all rows' if whole else 'golden rows'} staged: {peak / 2**20:.0f} MB at most")
    assert peak < LIMIT // 2
    assert found == {"rows": ROWS, "staged": ROWS if whole else 0, "read": ROWS * DIM * 4}


def _run(arguments: list[str]) -> tuple[dict[str, Any], int]:
    """A command's JSON and the largest sum, over it and its descendants at one time, of their peak resident bytes."""
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)
    with _watched(process.pid) as peak:
        answer, _ = process.communicate()
    assert process.returncode == 0
    found: dict[str, Any] = json.loads(answer)
    return found, peak[0]


@contextmanager
def _watched(pid: int) -> Iterator[list[int]]:
    """No less than what was used at any time: peaks of processes that live together are added as if they fell
    together, and pages that processes share are counted in each of them."""
    peak, over = [0], threading.Event()

    def watch() -> None:
        while not over.wait(0.1):
            peak[0] = max(peak[0], sum(map(_peak, _tree(pid))))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield peak
    finally:
        over.set()
        thread.join()


def _tree(pid: int) -> list[int]:
    parents: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue  # it ended meanwhile
    found = [pid]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found


def _peak(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM:"))


def _pages(source: str, page: int) -> np.ndarray:
    keys = pq.read_table(source, columns=["movie_id"])["movie_id"].to_numpy()
    return np.unique(keys // page)
