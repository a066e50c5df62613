"""diff against sums done directly over both sides' rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from lifecycle_kit import Place, pinned, staged, tables, vectors

from ranklet.errors import TableError
from ranklet.tables import diff, files, push
from ranklet.tables.sides import Live, Staged
from ranklet.tables.source import Vectors
from ranklet_features.packing import pack, unpack

ROWS, DIM = 300, 6


def silent(name: str) -> Any:
    return lambda done, total: None


def two(key: str = "int") -> tuple[Vectors, Vectors]:
    """Rows 0 … 279 and 40 … 299 of one set; every fifth of the second moved, one of them far, one to zero."""
    first = vectors(ROWS, DIM, seed=1, key=key)
    moved = first.values.copy()
    moved[::5] += np.random.default_rng(2).normal(size=(len(moved[::5]), DIM), scale=0.01).astype(np.float32)
    moved[50] = -first.values[50] * 30
    moved[55] = 0
    keys = first.keys
    return Vectors(keys[:280], first.values[:280]), Vectors(keys[40:], moved[40:])


def cosine(one: np.ndarray, other: np.ndarray) -> float:
    lengths = np.sqrt((one**2).sum()) * np.sqrt((other**2).sum())
    return 1 - float((one * other).sum() / lengths) if lengths else 1.0


def expected(old: Vectors, new: Vectors, dtypes: tuple[Any, Any]) -> dict[str, tuple[float, float]]:
    """Key → distance and cosine change of every changed row, one by one."""
    one, other = (
        dict(zip(map(str, side.keys), unpack(pack(side.values, dtype)).astype(np.float64), strict=True))
        for side, dtype in zip((old, new), dtypes, strict=True)
    )
    found = {}
    for key in one.keys() & other.keys():
        if (one[key] != other[key]).any():
            found[key] = (float(np.sqrt(((one[key] - other[key]) ** 2).sum())), cosine(one[key], other[key]))
    return found


@pytest.mark.parametrize("file_bytes", [1 << 25, 400], ids=["one-file", "many-files"])
@pytest.mark.parametrize("dtypes", [("f32", "f32"), ("f32", "int8")], ids="-".join)
@pytest.mark.parametrize("key", ["int", "string"])
def test_every_difference_is_found_and_measured(
    tmp_path: Path, key: str, dtypes: tuple[str, str], file_bytes: int
) -> None:
    old, new = two(key)
    folders = [
        staged(tmp_path, given=side, key=key, dtype=dtype) for side, dtype in zip((old, new), dtypes, strict=True)
    ]
    found = diff.diff(*map(Staged, folders), top=7, bar=silent, file_bytes=file_bytes)
    wanted = expected(old, new, dtypes)
    assert (found.old_rows, found.new_rows, found.added, found.removed) == (280, 260, 20, 40)
    assert found.changed == len(wanted)
    assert found.changed == (48 if dtypes[1] == "f32" else 240)
    assert found.equal == 240 - len(wanted)
    assert found.examples["removed"] == [str(one) for one in old.keys[:7]]
    assert found.examples["added"] == [str(one) for one in new.keys[240:247]]
    for place, rows in ((0, found.by_distance), (1, found.by_cosine)):
        ranked = sorted((figures[place] for figures in wanted.values()), reverse=True)[:7]
        np.testing.assert_allclose([(row.distance, row.cosine)[place] for row in rows], ranked, rtol=1e-9, atol=1e-12)
        for row in rows:
            np.testing.assert_allclose((row.distance, row.cosine), wanted[row.key], rtol=1e-9, atol=1e-12)
    assert found.by_distance[0].key == str(new.keys[10])
    assert found.by_cosine[0].cosine == pytest.approx(2, abs=1e-6 if dtypes[1] == "f32" else 0.01)
    assert {row.key for row in found.by_cosine[:2]} == {str(new.keys[10]), str(new.keys[15])}
    distances = [figures[0] for figures in wanted.values()]
    assert found.mean_distance == pytest.approx(np.mean(distances))
    assert found.max_distance == pytest.approx(max(distances))


@pytest.mark.parametrize("page", [1, 8])
def test_versions_in_dynamodb_and_a_staged_folder(place: Place, tmp_path: Path, page: int) -> None:
    old, new = two()
    before = files.write_staged(pinned(given=old, page=page), tmp_path)
    after = files.write_staged(pinned(given=new), tmp_path)
    for folder in (before, after):
        push.push(folder, client=place.dynamodb)
    shown = place.tables("diff", before.name, after.name, "--json")
    assert shown.code == 0, shown.stderr
    found = diff.diff(Staged(before), Staged(after), bar=silent)
    assert shown.json["by_distance"] == [vars(row) for row in found.by_distance]
    assert (shown.json["changed"], shown.json["added"], shown.json["removed"]) == (48, 20, 40)
    assert diff.diff(Live(place.dynamodb, before.name), Staged(before), bar=silent).same
    text = place.tables("diff", before.name, str(after), "--top", "2").stdout
    assert "and 38 more" in text


def test_exit_code_tells_whether_they_differ(tmp_path: Path) -> None:
    old, new = (str(staged(tmp_path, given=side)) for side in two())
    assert tables("diff", old, old, "--exit-code").code == 0
    assert tables("diff", old, new).code == 0
    assert tables("diff", old, new, "--exit-code").code == 1


def test_a_version_without_rows_differs_by_all_of_the_other(tmp_path: Path) -> None:
    old, _ = two()
    none = Vectors(np.zeros(0, np.int64), np.zeros((0, DIM), np.float32))
    found = diff.diff(*(Staged(staged(tmp_path, given=side)) for side in (none, old)), bar=silent)
    assert (found.added, found.removed, found.changed, found.equal) == (280, 0, 0, 0)


def test_pages_of_either_side_are_compared_row_by_row(tmp_path: Path) -> None:
    old, _ = two()
    sides = [Staged(staged(tmp_path, given=old, page=page)) for page in (1, 16)]
    assert diff.diff(*sides, bar=silent).same


@pytest.mark.parametrize(
    ("given", "fields", "said"),
    [
        (vectors(5, 3), {}, "6 numbers a row.*3"),
        (vectors(5, DIM, key="string"), {"key": "string"}, "int keys.*string"),
    ],
)
def test_rows_without_counterparts_are_not_compared(
    tmp_path: Path, given: Vectors, fields: dict[str, Any], said: str
) -> None:
    sides = [Staged(staged(tmp_path, given=two()[0])), Staged(staged(tmp_path, given=given, **fields))]
    with pytest.raises(TableError, match=said):
        diff.diff(*sides, bar=silent)


def test_nothing_is_left_on_disk(tmp_path: Path) -> None:
    sides = [Staged(staged(tmp_path / "tables", given=side)) for side in two()]
    (tmp_path / "scratch").mkdir()
    diff.diff(*sides, bar=silent, scratch=tmp_path / "scratch")
    assert not list((tmp_path / "scratch").iterdir())
