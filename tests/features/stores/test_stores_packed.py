"""How rows are packed and gathered into items changes what they cost, never what is read: every dtype, row by row and
in pages, against the rows as `packing` rounds them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stores_support import DIM, environment, make_table

from ranklet.items import Items
from ranklet.local.dynamodb import Faults, LocalDynamo
from ranklet_features.errors import TableMismatch
from ranklet_features.packing import pack, unpack
from ranklet_features.spec import Table
from ranklet_features.stores import open_store
from ranklet_features.stores.base import FOUND, MISSING, UNAVAILABLE
from ranklet_features.stores.dynamodb import pages

KEYS = [-(2**63), -16, -15, -1, 0, 1, 2, 14, 15, 16, 17, 40, 200, 10**12, 2**63 - 1]
ABSENT = [-17, -14, 3, 13, 18, 30, 10**12 + 1, 2**63 - 2]
DTYPES = ("f32", "f16", "int8")


def rows(n: int, dim: int = DIM) -> np.ndarray:
    values = np.random.default_rng(5).standard_normal((n, dim)).astype(np.float32)
    values[n // 2] = 0
    return values


def stage(folder: Path, table: Table, keys: list[Any]) -> Path:
    staged = folder / table.physical
    staged.mkdir()
    np.save(staged / "vectors.npy", pack(rows(len(keys)), table.dtype))
    np.save(staged / "keys.npy", np.array(keys, np.int64))
    (staged / "table.json").write_bytes(orjson.dumps(dataclasses.asdict(table)))
    return staged


@pytest.fixture
def opened(tmp_path: Path, dynamo: LocalDynamo) -> Callable[..., Any]:
    """Opens a store over a table of KEYS; closed by the test."""

    def make(**changes: Any) -> Any:
        fields = {"placement": "dynamodb", "cache_entries": 0, **changes}
        table = make_table(KEYS, **fields)
        dynamo.load(stage(tmp_path, table, KEYS))
        return closing(open_store(table, tmp_path, environment(dynamo.endpoint)))

    return make


@pytest.mark.parametrize("cache", [0, 4, 100])
@pytest.mark.parametrize("page", [1, 2, 15, 1000])
@pytest.mark.parametrize("dtype", DTYPES)
def test_rows_are_those_that_packing_gives(opened: Callable[..., Any], dtype: Any, page: int, cache: int) -> None:
    expected = dict(zip(KEYS, unpack(pack(rows(len(KEYS)), dtype)), strict=True))
    wanted = [*KEYS[::-1], *ABSENT, *KEYS[:3]]
    with opened(dtype=dtype, page=page, cache_entries=cache) as store:
        for _ in range(2):
            answer = store.rows(wanted)
            assert answer.values.dtype == np.float32 and answer.values.shape == (len(wanted), DIM)
            for key, value, status in zip(wanted, answer.values, answer.status.tolist(), strict=True):
                assert status == (FOUND if key in expected else MISSING), key
                np.testing.assert_array_equal(value, expected.get(key, np.zeros(DIM)))
            answer.values[:] = -1  # belongs to the caller
        assert store.rows([]).values.shape == (0, DIM)


@pytest.mark.parametrize("key", ["int", "string"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_resident_rows_are_those_that_packing_gives(tmp_path: Path, dtype: Any, key: str) -> None:
    keys: list[Any] = list(range(50)) if key == "int" else [f"{i:03d}" for i in range(50)]
    (tmp_path / "tables").mkdir()
    packed = pack(rows(50), dtype)
    np.save(tmp_path / "tables" / "items.npy", packed)
    if key == "int":
        np.save(tmp_path / "tables" / "items.keys.npy", np.arange(50))
    else:
        (tmp_path / "tables" / "items.keys.json").write_bytes(orjson.dumps(keys))
    with closing(open_store(make_table(keys, dtype=dtype), tmp_path, {})) as store:
        answer = store.rows([*keys[::-1], 77 if key == "int" else "x"])
    np.testing.assert_array_equal(answer.values[:-1], unpack(packed)[::-1])
    assert answer.status.tolist() == [FOUND] * 50 + [MISSING] and not answer.values[-1].any()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("pinned", DTYPES)
def test_a_resident_file_of_another_dtype_is_refused(tmp_path: Path, dtype: Any, pinned: Any) -> None:
    (tmp_path / "tables").mkdir()
    np.save(tmp_path / "tables" / "items.npy", pack(rows(5), dtype))
    np.save(tmp_path / "tables" / "items.keys.npy", np.arange(5))
    table = make_table(list(range(5)), dtype=pinned)
    if dtype == pinned:
        open_store(table, tmp_path, {}).close()
        return
    with pytest.raises(TableMismatch, match="vectors are"):
        open_store(table, tmp_path, {})


def test_each_page_is_asked_for_once(opened: Callable[..., Any], dynamo: LocalDynamo) -> None:
    with opened(page=15) as store:
        store.rows([0, 1, 2, 14, 0, 3, 13])  # all of page 0
        assert dynamo.calls["BatchGetItem"] == 1
        many = np.arange(15 * 100)  # a hundred pages: one call
        store.rows(many)
        assert dynamo.calls["BatchGetItem"] == 2


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_other_rows_of_a_page_are_remembered(opened: Callable[..., Any], dynamo: LocalDynamo, dtype: Any) -> None:
    with opened(page=16, cache_entries=1_000, dtype=dtype) as store:
        store.rows([1, -16])
        calls = dynamo.calls["BatchGetItem"]
        keys = [-1, 14, 15, 2, 0, -15, 1, -16]
        found = store.rows(keys)
        assert dynamo.calls["BatchGetItem"] == calls
        expected = unpack(pack(rows(len(KEYS)), dtype))
        assert not found.status.any()
        np.testing.assert_array_equal(found.values, expected[[KEYS.index(key) for key in keys]])
        assert store.counts.cache_hits == len(keys)
        # That a key of a page is absent is learned by asking for it.
        assert store.rows([3]).status.tolist() == [MISSING]
        assert dynamo.calls["BatchGetItem"] == calls + 1
        assert store.rows([3]).status.tolist() == [MISSING]
        assert dynamo.calls["BatchGetItem"] == calls + 1


def test_neighbours_take_a_part_of_the_cache_alone(opened: Callable[..., Any], dynamo: LocalDynamo) -> None:
    with opened(page=1000, cache_entries=32) as store:
        for key in (40, 200, 17):
            store.rows([key])
        calls = dynamo.calls["BatchGetItem"]
        # Each read of the page has kept two of its other rows, and what was asked for is still there.
        assert not store.rows([40, 200, 17]).status.any()
        assert dynamo.calls["BatchGetItem"] == calls
        assert store.counts.reads <= 3


@pytest.mark.parametrize("cache", [1, 3, 8, 60, 1_000])
@pytest.mark.parametrize("page", [2, 15, 200])
def test_whatever_is_evicted_a_row_is_its_keys_own(opened: Callable[..., Any], page: int, cache: int) -> None:
    dice = np.random.default_rng(cache)
    expected = rows(len(KEYS))
    with opened(page=page, cache_entries=cache) as store:
        for _ in range(60):
            keys = dice.permutation([*KEYS, *ABSENT])[: dice.integers(1, 12)].tolist()
            keys = [int(key) for key in keys]
            found = store.rows(keys)
            assert found.status.tolist() == [FOUND if key in KEYS else MISSING for key in keys]
            for key, value in zip(keys, found.values, strict=True):
                np.testing.assert_array_equal(value, expected[KEYS.index(key)] if key in KEYS else 0)


def test_a_table_of_another_page_is_refused(opened: Callable[..., Any], tmp_path: Path, dynamo: LocalDynamo) -> None:
    with opened(page=15):
        pass
    table = make_table(KEYS, placement="dynamodb", cache_entries=0, page=5)
    with (
        closing(open_store(table, tmp_path, environment(dynamo.endpoint))) as store,
        pytest.raises(TableMismatch, match=r"'page': 15.*'page': 5"),
    ):
        store.rows([0])


def test_rows_of_pages_that_do_not_come_in_time_are_unavailable(
    opened: Callable[..., Any], dynamo: LocalDynamo
) -> None:
    import time

    with opened(page=15) as store:
        store.rows([0])
        dynamo.faults = Faults(throttle=1.0)
        answer = store.rows([0, 3, 40], deadline=time.monotonic() + 0.2)
        assert answer.status.tolist() == [UNAVAILABLE] * 3 and not answer.values.any()


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_row_that_is_not_finite_is_unavailable(
    tmp_path: Path, dynamo: LocalDynamo, dtype: Any, caplog: pytest.LogCaptureFixture
) -> None:
    table = make_table([0, 1, 2], dtype=dtype, placement="dynamodb", cache_entries=0)
    staged = stage(tmp_path, table, [0, 1, 2])
    packed = np.load(staged / "vectors.npy")
    if dtype == "int8":
        packed["scale"][1] = np.inf
    else:
        packed[1, 3] = np.nan
    np.save(staged / "vectors.npy", packed)
    dynamo.load(staged)
    with closing(open_store(table, tmp_path, environment(dynamo.endpoint))) as store:
        answer = store.rows([0, 1, 2])
    assert answer.status.tolist() == [FOUND, UNAVAILABLE, FOUND]
    assert not answer.values[1].any() and np.isfinite(answer.values).all()
    assert "1 rows hold a NaN" in caplog.text


TABLE = make_table(list(range(40)), page=15, dtype="int8")
VALUES = {
    name: value
    for items in [Items(TABLE, np.arange(40), pack(rows(40), "int8"))]
    for name, value in items.pairs(0, len(items))
}


def test_pages_are_joined_in_the_order_of_their_keys() -> None:
    keys, packed = pages.joined(dict(reversed(VALUES.items())), TABLE)
    assert keys.tolist() == list(range(40))
    np.testing.assert_array_equal(unpack(packed), unpack(pack(rows(40), "int8")))
    none, nothing = pages.joined({}, TABLE)
    assert len(none) == len(nothing) == 0


DAMAGED: dict[str, bytes] = {
    "nothing": b"",
    "half a count": b"\x01",
    "a byte less": VALUES["p0"][:-1],
    "a byte more": VALUES["p0"] + b"\x00",
    "more rows than said": b"\x01\x00" + VALUES["p0"][2:],
    "keys of another page": VALUES["p0"][:30] + b"\x0f\x00" + VALUES["p0"][32:],
    "keys not ascending": VALUES["p0"][:2] + VALUES["p0"][4:6] + VALUES["p0"][2:4] + VALUES["p0"][6:],
    "a key twice": VALUES["p0"][:4] + VALUES["p0"][2:4] + VALUES["p0"][6:],
}


@pytest.mark.parametrize("value", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_page_is_refused_never_scored(value: bytes) -> None:
    with pytest.raises(TableMismatch, match=r"item p0 has .* pages of up to 15 rows of 8 numbers of int8"):
        pages.joined({"p0": value, "p1": VALUES["p1"]}, TABLE)


@given(st.binary(max_size=400))
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_a_page_or_refused(value: bytes) -> None:
    try:
        keys, packed = pages.joined({"p2": value}, TABLE)
    except TableMismatch:
        return
    assert len(keys) == len(packed) and set(keys.tolist()) <= set(range(30, 45))
