"""What is refused of an author's table, and that what is kept is sorted and whole."""

from pathlib import Path

import numpy as np
import pytest

from ranklet.errors import TableError
from ranklet.tables import source


def _write(folder: Path, values: np.ndarray, keys: object) -> tuple[Path, Path]:
    np.save(folder / "v.npy", values)
    if isinstance(keys, str):
        (folder / "k.txt").write_text(keys, encoding="utf-8")
        return folder / "v.npy", folder / "k.txt"
    np.save(folder / "k.npy", np.asarray(keys))
    return folder / "v.npy", folder / "k.npy"


def test_rows_come_back_sorted_by_key_with_their_own_vectors(tmp_path: Path) -> None:
    vectors, keys = _write(tmp_path, np.array([[3.0], [1.0], [2.0]], np.float32), [30, 10, 20])
    table = source.read("t", vectors=vectors, keys=keys, key="int")
    assert isinstance(table.keys, np.ndarray)
    assert table.keys.tolist() == [10, 20, 30]
    assert table.values.tolist() == [[1.0], [2.0], [3.0]]


def test_string_keys_are_lines(tmp_path: Path) -> None:
    vectors, keys = _write(tmp_path, np.array([[2.0], [1.0]]), "ü-film\nfilm\n")
    table = source.read("t", vectors=vectors, keys=keys, key="string")
    assert table.keys == ("film", "ü-film")
    assert table.values.tolist() == [[1.0], [2.0]]


@pytest.mark.parametrize(
    ("values", "keys", "key", "message"),
    [
        (np.ones((2, 3)), [1], "int", "1 keys in k.npy, 2 rows in v.npy"),
        (np.ones((2, 3)), [1, 1], "int", "key '1' stands on more than one row"),
        (np.ones((2, 3)), "a\na", "string", "key 'a' stands on more than one row"),
        (np.ones((2, 3)), "a\n__ranklet__", "string", "line 2 .* reserved"),
        (np.ones((2, 3)), "a\n\nb", "string", "line 2 .* is empty"),
        (np.ones((1, 3)), "x" * 2049, "string", "line 1 .* longer than 2048 bytes"),
        (np.ones((2, 3), np.int64), [1, 2], "int", "holds int64"),
        (np.ones(3), [1, 2, 3], "int", "floats \\[rows, dim\\] are needed"),
        (np.array([[1.0], [np.nan]]), [1, 2], "int", "row 1 of v.npy holds a NaN"),
        (np.array([[np.inf], [1.0]]), [1, 2], "int", "row 0 of v.npy holds a NaN or an infinity"),
        (np.ones((2, 3)), np.array([1.0, 2.0]), "int", "needs integers"),
    ],
)
def test_a_table_that_could_score_a_wrong_row_is_refused(
    tmp_path: Path, values: np.ndarray, keys: object, key: str, message: str
) -> None:
    vectors, names = _write(tmp_path, values, keys)
    with pytest.raises(TableError, match=message):
        source.read("t", vectors=vectors, keys=names, key=key)  # type: ignore[arg-type]


def test_a_pickled_array_is_not_read(tmp_path: Path) -> None:
    np.save(tmp_path / "v.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    np.save(tmp_path / "k.npy", np.array([1]))
    with pytest.raises(TableError, match=r"cannot read v\.npy"):
        source.read("t", vectors=tmp_path / "v.npy", keys=tmp_path / "k.npy", key="int")
