"""The bench of retrieval on small sets: its figures, what it keeps, and that a wrong score is never timed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ranklet.bench.base import ABSENT, Setting
from ranklet.bench.retrieve import data, footprint, peers, sets, speed
from ranklet.errors import BenchError, DataError
from ranklet_features.index.searching import Found, Index


@pytest.fixture
def setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Setting:
    """Few rounds, few queries, no peers."""
    monkeypatch.setattr(Setting, "rounds", property(lambda self: 2))
    monkeypatch.setattr(Setting, "turns", property(lambda self: 2))
    monkeypatch.setattr(data, "QUERIES", 24)
    monkeypatch.setattr(speed, "SMALL", 4000)
    return Setting(tmp_path, quick=True)


def quiet(what: str) -> None:
    """Progress that nobody reads."""


def test_figures_are_named_and_the_index_is_kept(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speed, "SETS", (("clustered", 4000), ("isotropic", 4000)))
    found = speed.measure(setting, quiet)
    rows = {row.figure: row for row in found.rows}
    for figure in ("recall-at-100-100k", "ivf-speedup-100k", "recall-at-100-100k-int8", "recall-at-100-isotropic-100k"):
        assert rows[figure].value is not None and rows[figure].value > 0
    for name in peers.NAMES:
        assert rows[f"ivf-vs-{name}-100k"].peer == ABSENT
    assert rows["ivf-speedup-100k"].unit == "speedup" and len(found.controls) == 3
    made = [path.name for path in (setting.folder / "retrieve").iterdir()]
    assert sorted(made) == ["clustered-4k-float32-1", "clustered-4k-int8-1", "isotropic-4k-float32-1"]
    before = {path: path.stat().st_mtime_ns for path in (setting.folder / "retrieve").rglob("*.npy")}
    speed.measure(setting, quiet)
    assert before == {path: path.stat().st_mtime_ns for path in (setting.folder / "retrieve").rglob("*.npy")}


def test_data_that_cannot_be_had_is_told_as_absent(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(rows: int) -> data.Set:
        raise DataError("no network")

    monkeypatch.setattr(data, "KINDS", {**data.KINDS, "real": never})
    monkeypatch.setattr(speed, "SETS", (("real", 4000),))
    (row,) = speed.measure(setting, quiet).rows
    assert (row.figure, row.value, row.peer) == ("recall-at-100-real-100k", None, ABSENT)


def test_wrong_score_ends_the_run(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speed, "SETS", (("clustered", 4000),))
    right = Index.search

    def wrong(self: Index, query: object, count: int) -> Found:
        found = right(self, query, count)  # type: ignore[arg-type]
        return found._replace(scores=np.nextafter(found.scores, np.float32(9)))

    monkeypatch.setattr(Index, "search", wrong)
    with pytest.raises(BenchError, match="scores of an index"):
        speed.measure(setting, quiet)


def test_footprint_is_told_in_a_long_run_only(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    assert [row.value for row in footprint.measure(setting, quiet).rows] == [None] * 4
    monkeypatch.setattr(footprint, "ROWS", 4000)
    load, memory, *_ = footprint.measure(Setting(setting.folder), quiet).rows
    assert load.figure == "index-load-1m-f32-ms" and load.value is not None and memory.value is not None


def test_sets_are_drawn_the_same_each_time(setting: Setting) -> None:
    first, second = (data.clustered(500) for _ in range(2))
    assert first.vectors.tobytes() == second.vectors.tobytes() and first.queries.shape == (data.QUERIES, data.DIM)
    made = sets.make("clustered", 4000, "float32", setting, quiet)
    assert made is not None and made.queries.shape == (data.QUERIES // 2, data.DIM)
