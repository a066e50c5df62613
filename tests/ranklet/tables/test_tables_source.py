"""What is refused of an author's .npy table, and that what is kept is sorted and whole."""

from pathlib import Path

import numpy as np
import pytest
from tables_kit import gathered

from ranklet.errors import TableError
from ranklet.tables import source
from ranklet.tables.source import Vectors
from ranklet.tables.sources import npy


def _write(folder: Path, values: np.ndarray, keys: object) -> str:
    np.save(folder / "v.npy", values)
    if isinstance(keys, str):
        (folder / "k.txt").write_text(keys, encoding="utf-8")
        return "k.txt"
    np.save(folder / "k.npy", np.asarray(keys))
    return "k.npy"


def _read(folder: Path, values: np.ndarray, keys: object, key: str = "int") -> Vectors:
    return gathered(folder, vectors="v.npy", keys=_write(folder, values, keys), key=key)


def test_rows_come_back_sorted_by_key_with_their_own_vectors(tmp_path: Path) -> None:
    table = _read(tmp_path, np.array([[3.0], [1.0], [2.0]], np.float32), [30, 10, 20])
    assert isinstance(table.keys, np.ndarray)
    assert table.keys.tolist() == [10, 20, 30]
    assert table.values.tolist() == [[1.0], [2.0], [3.0]]


def test_string_keys_are_lines(tmp_path: Path) -> None:
    table = _read(tmp_path, np.array([[2.0], [1.0]]), "ü-film\nfilm\n", "string")
    assert table.keys == ("film", "ü-film")
    assert table.values.tolist() == [[1.0], [2.0]]


def test_integer_keys_may_be_lines_too(tmp_path: Path) -> None:
    table = _read(tmp_path, np.array([[2.0], [1.0]]), "7\n-9223372036854775808\n")
    assert np.asarray(table.keys).tolist() == [-(1 << 63), 7]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_every_width_of_float_becomes_float32(tmp_path: Path, dtype: type[np.floating]) -> None:
    values = np.random.default_rng(2).normal(size=(7, 3)).astype(dtype)
    table = _read(tmp_path, values, range(7))
    assert table.values.dtype == np.float32
    assert np.array_equal(table.values, values.astype(np.float32))


def test_chunks_of_any_size_give_the_same_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(3)
    values, keys = random.normal(size=(1000, 5)).astype(np.float32), random.permutation(1000) * 3 - 500
    whole = _read(tmp_path, values, keys)
    expected = np.asarray(whole.values).copy()
    monkeypatch.setattr(npy, "CHUNK_NUMBERS", 64)
    monkeypatch.setattr(source, "BLOCK_BYTES", 130)
    parts = _read(tmp_path, values, keys)
    order = np.argsort(keys)
    assert np.array_equal(expected, values[order])
    assert np.array_equal(parts.values, expected)
    assert np.array_equal(np.asarray(parts.keys), keys[order])


def test_the_gathered_file_is_what_numpy_would_save(tmp_path: Path) -> None:
    values = np.random.default_rng(5).normal(size=(10, 4)).astype(np.float32)
    table = _read(tmp_path, values, range(10))
    np.save(tmp_path / "expected.npy", values)
    assert table.file is not None
    assert table.file.read_bytes() == (tmp_path / "expected.npy").read_bytes()
    assert sorted(path.name for path in (tmp_path / "scratch").iterdir()) == ["t.exact.npy"]


def test_a_table_without_rows_has_its_width(tmp_path: Path) -> None:
    assert _read(tmp_path, np.empty((0, 6), np.float32), np.empty(0, np.int64)).values.shape == (0, 6)


@pytest.mark.parametrize(
    ("values", "keys", "key", "message"),
    [
        (np.ones((2, 3)), [1], "int", "1 keys in k.npy, 2 rows in v.npy"),
        (np.ones((2, 3)), [1, 1], "int", "key '1' stands on more than one row: row 0 of v.npy and row 1 of v.npy"),
        (np.ones((3, 3)), "a\nb\na", "string", "key 'a' stands on more than one row: line 1 of k.txt and line 3"),
        (np.ones((2, 3)), "a\n__ranklet__", "string", "line 2 of k.txt .* reserved"),
        (np.ones((3, 3)), "a\n\nb", "string", "line 2 of k.txt is empty"),
        (np.ones((1, 3)), "x" * 2049, "string", "line 1 .* longer than 2048 bytes"),
        (np.ones((1, 3)), "ü" * 1025, "string", "line 1 .* longer than 2048 bytes"),
        (np.ones((2, 3)), "1\n2.0", "int", "line 2 of k.txt is '2.0'"),
        (np.ones((2, 3)), "1\n9223372036854775808", "int", "line 2 of k.txt is '9223372036854775808'"),
        (np.ones((2, 3)), np.array([1, 1 << 63], np.uint64), "int", "9223372036854775808, more than 64 bits"),
        (np.ones((2, 3), np.int64), [1, 2], "int", "holds int64"),
        (np.ones(3), [1, 2, 3], "int", "floats \\[rows, dim\\] are needed"),
        (np.array([[1.0], [np.nan]]), [1, 2], "int", "row 1 of v.npy holds a NaN"),
        (np.array([[np.inf], [1.0]]), [1, 2], "int", "row 0 of v.npy holds a NaN or an infinity"),
        (np.array([[1.0], [1e39]]), [1, 2], "int", "row 1 of v.npy holds a number beyond float32"),
        (np.ones((2, 3)), np.array([1.0, 2.0]), "int", "needs integers"),
    ],
)
def test_a_table_that_could_score_a_wrong_row_is_refused(
    tmp_path: Path, values: np.ndarray, keys: object, key: str, message: str
) -> None:
    with pytest.raises(TableError, match=message):
        _read(tmp_path, values, keys, key)


def test_a_pickled_array_is_not_read(tmp_path: Path) -> None:
    np.save(tmp_path / "v.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    np.save(tmp_path / "k.npy", np.array([1]))
    with pytest.raises(TableError, match=r"cannot read v\.npy"):
        gathered(tmp_path, vectors="v.npy", keys="k.npy")
