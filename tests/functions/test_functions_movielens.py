"""The data set is the pinned one, however it came into the cache."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from ranklet.demo import movielens
from ranklet.errors import DataError


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache that holds nothing, and a pip that asks no index."""
    monkeypatch.setenv("RANKLET_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    return tmp_path / "cache"


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that pip fetches from instead of an index."""
    folder = tmp_path / "shelf"
    folder.mkdir()
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def test_the_whole_set_is_read() -> None:
    data = movielens.load()
    assert data.users[1] == movielens.User(24, "M", "technician")
    assert data.items[1] == movielens.Movie("Toy Story", 1995, ("Animation", "Children's", "Comedy"))
    assert {len(column) for column in data.ratings.values()} == {100_000}
    assert [data.ratings[name][0] for name in ("user_id", "movie_id", "rating")] == [196, 242, 3]
    assert sorted(data.users) == list(range(1, 944))
    assert sorted(data.items) == list(range(1, 1683))
    assert np.bincount(data.ratings["rating"].astype(int)).tolist() == [0, 6110, 11370, 27145, 34174, 21201]


def test_years_come_from_the_column_or_the_title() -> None:
    items = movielens.load().items
    assert [number for number, movie in items.items() if movie.year is None] == [267]
    assert items[1412].year == 1995
    assert min(movie.year for movie in items.values() if movie.year) == 1922


def test_without_an_index_the_remedy_is_named(empty_cache: Path) -> None:
    with pytest.raises(DataError, match=r"not fetched \(.*recbole.*PIP_INDEX_URL.*by hand"):
        movielens.load()
    assert list(empty_cache.iterdir()) == []


def test_another_file_of_the_same_name_is_refused(empty_cache: Path, shelf: Path) -> None:
    with zipfile.ZipFile(shelf / movielens.WHEEL, "w") as wheel:
        wheel.writestr("recbole-1.2.1.dist-info/METADATA", "Metadata-Version: 2.1\nName: recbole\nVersion: 1.2.1\n")
        wheel.writestr("recbole-1.2.1.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
    with pytest.raises(DataError, match="the index serves another file"):
        movielens.load()
    assert list(empty_cache.iterdir()) == []


def test_a_damaged_cache_is_fetched_again(empty_cache: Path, shelf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _stock(shelf, empty_cache, monkeypatch)
    empty_cache.mkdir()
    (empty_cache / movielens.WHEEL).write_bytes(b"torn")
    assert len(movielens.load().items) == 1682
    assert [path.name for path in empty_cache.iterdir()] == [movielens.WHEEL]


def test_processes_may_fetch_at_once(empty_cache: Path, shelf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _stock(shelf, empty_cache, monkeypatch)
    command = [sys.executable, "-c", "from ranklet.demo import movielens; print(len(movielens.load().items))"]
    children = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    assert [child.communicate(timeout=120)[0].strip() for child in children] == ["1682"] * 3
    assert [path.name for path in empty_cache.iterdir()] == [movielens.WHEEL]


def test_an_unwritable_cache_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("RANKLET_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(DataError, match="set RANKLET_CACHE"):
        movielens.fetch()


def _stock(shelf: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the real wheel, from the machine's own cache, on the shelf."""
    with monkeypatch.context() as patch:
        patch.delenv("RANKLET_CACHE")
        patch.delenv("PIP_NO_INDEX")
        patch.delenv("PIP_FIND_LINKS")
        real = movielens.fetch()
    (shelf / movielens.WHEEL).write_bytes(real.read_bytes())
    assert not own_cache.exists()
