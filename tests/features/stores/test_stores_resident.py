from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import orjson
import pytest
from stores_support import DIM, assert_rows, make_table, vectors, write_resident

from ranklet_features.errors import StoreError, TableMismatch
from ranklet_features.stores import open_store
from ranklet_features.stores.base import MISSING
from ranklet_features.stores.indexes import SortedIndex, SpanIndex, int_index

EXTREMES = [-(2**63), -(2**63) + 1, -1, 0, 1, 2**62, 2**63 - 1]


def opened(folder: Path, keys: list, **changes):
    table = make_table(keys, **changes)
    write_resident(folder, table, keys)
    return open_store(table, folder, {})


def test_vectors_stay_in_the_mapped_file(tmp_path: Path) -> None:
    store = opened(tmp_path, [3, 5, 9])
    base = store._vectors
    while not isinstance(base, np.memmap):
        base = base.base
        assert base is not None, "the vectors were read into memory"
    assert base.mode == "r" and Path(base.filename).name == "items.npy"


def test_a_read_owns_its_rows(tmp_path: Path) -> None:
    store = opened(tmp_path, [3, 5, 9])
    store.rows([3, 5]).values[:] = 7
    assert_rows(store.rows([3, 5]), [3, 5], {3, 5, 9})


@pytest.mark.parametrize("keys", [[3, 5, 9], EXTREMES, list(range(-500, 500, 3)), ["a", "é", "日本"]])
def test_half_precision_is_widened(tmp_path: Path, keys: list) -> None:
    store = opened(tmp_path, keys, dtype="f16")
    assert store._vectors.dtype == np.float16
    assert_rows(store.rows(keys[::-1]), keys[::-1], set(keys))


@pytest.mark.parametrize("kind", [SpanIndex, SortedIndex])
def test_both_integer_indexes_agree_at_the_edges(kind: type) -> None:
    keys = np.array([-7, -4, 0, 5, 70_000], np.int64) if kind is SpanIndex else np.array(EXTREMES, np.int64)
    index = int_index(make_table([1]), keys)
    span_of_small = 70_000 + 7 + 1
    if kind is SpanIndex:
        index = SpanIndex(make_table([1]), keys, span_of_small)
    assert isinstance(index, kind)
    asked = sorted({*keys.tolist(), *EXTREMES, *(keys[keys > -(2**63)] - 1).tolist(), 4, 69_999, 70_001})
    expected = [keys.tolist().index(key) if key in keys.tolist() else -1 for key in asked]
    assert index.slots(np.array(asked, np.int64)).tolist() == expected


def test_scattered_keys_are_not_given_an_array_over_their_range() -> None:
    assert isinstance(int_index(make_table([1]), np.array([0, 2**40])), SortedIndex)
    assert isinstance(int_index(make_table([1]), np.arange(10**6) * 8), SpanIndex)
    assert isinstance(int_index(make_table([1]), np.array([-(2**63), 2**63 - 1])), SortedIndex)


@pytest.mark.parametrize("key", ["int", "string"])
def test_a_table_without_rows_misses_everything(tmp_path: Path, key: str) -> None:
    store = opened(tmp_path, [], key=key)
    rows = store.rows([1, 2] if key == "int" else ["a", "b"])
    assert rows.status.tolist() == [MISSING, MISSING] and rows.values.shape == (2, DIM)


def test_reading_after_close_is_an_error(tmp_path: Path) -> None:
    store = opened(tmp_path, [3])
    store.close()
    store.close()
    with pytest.raises(StoreError, match="after close"):
        store.rows([3])


def _spoil_dim(folder: Path) -> None:
    np.save(folder / "items.npy", vectors([3, 5, 9], DIM + 1))


def _spoil_rows(folder: Path) -> None:
    np.save(folder / "items.npy", vectors([3, 5]))


def _spoil_dtype(folder: Path) -> None:
    np.save(folder / "items.npy", vectors([3, 5, 9]).astype(np.float64))


def _spoil_byte_order(folder: Path) -> None:
    np.save(folder / "items.npy", vectors([3, 5, 9]).astype(">f4"))


def _spoil_memory_order(folder: Path) -> None:
    np.save(folder / "items.npy", np.asfortranarray(vectors([3, 5, 9])))


def _spoil_header(folder: Path) -> None:
    (folder / "items.npy").write_bytes(b"not numpy")


def _spoil_length(folder: Path) -> None:
    whole = (folder / "items.npy").read_bytes()
    (folder / "items.npy").write_bytes(whole[:-4])


def _pickle(folder: Path) -> None:
    np.save(folder / "items.npy", np.array([{}, []], dtype=object), allow_pickle=True)


def _remove(folder: Path) -> None:
    (folder / "items.npy").unlink()


def _unsort_keys(folder: Path) -> None:
    np.save(folder / "items.keys.npy", np.array([3, 9, 5]))


def _repeat_key(folder: Path) -> None:
    np.save(folder / "items.keys.npy", np.array([3, 5, 5]))


def _narrow_keys(folder: Path) -> None:
    np.save(folder / "items.keys.npy", np.array([3, 5, 9], np.int32))


def _fewer_keys(folder: Path) -> None:
    np.save(folder / "items.keys.npy", np.array([3, 5]))


def _remove_keys(folder: Path) -> None:
    (folder / "items.keys.npy").unlink()


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (_spoil_dim, r"\(3, 9\)"),
        (_spoil_rows, r"\(2, 8\)"),
        (_spoil_dtype, "float64"),
        (_spoil_byte_order, ">f4"),
        (_spoil_memory_order, "Fortran"),
        (_spoil_header, "cannot read items.npy"),
        (_spoil_length, "cannot read items.npy"),
        (_pickle, "cannot read items.npy"),
        (_remove, "cannot read items.npy"),
        (_unsort_keys, "not ascending"),
        (_repeat_key, "not ascending"),
        (_narrow_keys, "int32"),
        (_fewer_keys, "keys are"),
        (_remove_keys, "cannot read items.keys.npy"),
    ],
)
def test_files_that_are_not_the_pinned_table_are_refused(tmp_path: Path, spoil, says: str) -> None:
    table = make_table([3, 5, 9])
    write_resident(tmp_path, table, [3, 5, 9])
    spoil(tmp_path / "tables")
    with pytest.raises(TableMismatch, match=says) as refusal:
        open_store(table, tmp_path, {})
    assert "table items version 0123abcd" in str(refusal.value) and "ranklet build" in str(refusal.value)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b'["b", "a", "c"]', "not ascending"),
        (b'["a", "b", "b"]', "not ascending"),
        (b'["a", "b"]', "list of 3 strings"),
        (b'["a", "b", 3]', "list of 3 strings"),
        (b'{"a": 1, "b": 2, "c": 3}', "list of 3 strings"),
        (b'["a", "b"', "cannot read items.keys.json"),
    ],
)
def test_string_keys_that_are_not_the_pinned_ones_are_refused(tmp_path: Path, content: bytes, says: str) -> None:
    table = make_table(["a", "b", "c"])
    write_resident(tmp_path, table, ["a", "b", "c"])
    (tmp_path / "tables" / "items.keys.json").write_bytes(content)
    with pytest.raises(TableMismatch, match=says):
        open_store(table, tmp_path, {})


def test_a_large_table_agrees_with_numpy(tmp_path: Path) -> None:
    rng = np.random.default_rng(7)
    keys = np.unique(rng.integers(-(10**12), 10**12, 20_000))
    table = make_table([1], rows=len(keys), dim=16)
    (tmp_path / "tables").mkdir()
    values = rng.standard_normal((len(keys), 16)).astype(np.float32)
    np.save(tmp_path / "tables" / "items.npy", values)
    np.save(tmp_path / "tables" / "items.keys.npy", keys)
    store = open_store(table, tmp_path, {})
    chosen = rng.integers(0, len(keys), 1000)
    rows = store.rows(keys[chosen])
    np.testing.assert_array_equal(rows.values, values[chosen])
    absent = np.setdiff1d(rng.integers(-(10**12), 10**12, 500), keys)
    assert (store.rows(absent).status == MISSING).all()


def test_the_build_writes_what_the_store_maps(tmp_path: Path) -> None:
    from ranklet.tables.files import write_resident as build_write
    from ranklet.tables.pin import Pinned
    from ranklet.tables.source import Vectors

    keys = sorted(["b", "a", "é", "z", "日本"])
    table = make_table(keys)
    build_write(Pinned(table, Vectors(tuple(keys), vectors(keys)), ""), tmp_path)
    assert orjson.loads((tmp_path / "tables" / "items.keys.json").read_bytes()) == keys
    assert_rows(open_store(table, tmp_path, {}).rows([*keys, "absent"]), [*keys, "absent"], set(keys))
    with pytest.raises(TableMismatch):
        open_store(dataclasses.replace(table, dim=DIM - 1), tmp_path, {})
