"""What every store promises. A further store is one line in STORES below."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from stores_support import DIM, assert_rows, environment, make_table, write_resident, write_staged

from ranklet.local.dynamodb import LocalDynamo
from ranklet_features.errors import StoreError
from ranklet_features.spec import Table
from ranklet_features.stores import STORES as PLACEMENTS
from ranklet_features.stores import open_store
from ranklet_features.stores.base import MISSING, EmbeddingStore
from ranklet_features.stores.cached import CachedStore
from ranklet_features.stores.keys import RESERVED

KEYS: dict[str, list[Any]] = {
    "dense ids": list(range(250)),
    "scattered ids": [-(2**63), -5, 0, 7, 10**12, 2**63 - 1],
    "strings": sorted(["a", "A", "0", "user-1", " ", "é", "e\u0301", "日本", "🎬", "x" * 2048, '"\\\n\x00']),
}
ABSENT: dict[str, list[Any]] = {
    "dense ids": [-1, 250, 2**63 - 1, -(2**63)],
    "scattered ids": [-(2**63) + 1, 1, 2**63 - 2],
    "strings": ["", "b", "x" * 2049, "é" * 1025, "\ud800", RESERVED, "1" * 1_000_000],
}
Open = Callable[[Table], EmbeddingStore]


def _resident(table: Table, folder: Path, server: LocalDynamo) -> EmbeddingStore:
    return open_store(dataclasses.replace(table, placement="resident"), folder, {})


def _dynamodb(table: Table, folder: Path, server: LocalDynamo) -> EmbeddingStore:
    return open_store(dataclasses.replace(table, cache_entries=0), folder, environment(server.endpoint))


def _cached_resident(table: Table, folder: Path, server: LocalDynamo) -> EmbeddingStore:
    return CachedStore(_resident(dataclasses.replace(table, cache_entries=5), folder, server))


def _cached_dynamodb(table: Table, folder: Path, server: LocalDynamo) -> EmbeddingStore:
    return open_store(table, folder, environment(server.endpoint))


STORES = {
    "resident": _resident,
    "dynamodb": _dynamodb,
    "cached resident": _cached_resident,
    "cached dynamodb": _cached_dynamodb,
}


@pytest.fixture(params=[(kind, dtype) for kind in KEYS for dtype in ("f32", "f16")], ids="-".join)
def case(request: pytest.FixtureRequest) -> tuple[str, str]:
    return request.param


@pytest.fixture(params=STORES)
def store(
    request: pytest.FixtureRequest, case: tuple[str, str], tmp_path: Path, dynamo: LocalDynamo
) -> Iterator[EmbeddingStore]:
    kind, dtype = case
    table = make_table(KEYS[kind], dtype=dtype, placement="dynamodb")
    write_resident(tmp_path, table, KEYS[kind])
    dynamo.load(write_staged(tmp_path, table, KEYS[kind]))
    store = STORES[request.param](table, tmp_path, dynamo)
    yield store
    store.close()


def test_every_placement_stands_in_this_suite() -> None:
    assert set(PLACEMENTS) <= set(STORES)


def test_rows_come_in_the_order_of_the_keys(store: EmbeddingStore, case: tuple[str, str]) -> None:
    keys = KEYS[case[0]]
    for asked in (keys, keys[::-1], keys[::2], keys[:1]):
        assert_rows(store.rows(asked), asked, set(keys))


def test_duplicates_are_answered_each(store: EmbeddingStore, case: tuple[str, str]) -> None:
    keys = KEYS[case[0]]
    asked = [keys[0], keys[-1], keys[0], keys[0], keys[1]] * 3
    assert_rows(store.rows(asked), asked, set(keys))


def test_absent_keys_are_missing_and_zero(store: EmbeddingStore, case: tuple[str, str]) -> None:
    keys, absent = KEYS[case[0]], ABSENT[case[0]]
    mixed = [key for pair in zip(absent, keys, strict=False) for key in pair]
    for _ in range(2):
        assert_rows(store.rows(absent), absent, set(keys))
        assert_rows(store.rows(mixed), mixed, set(keys))


def test_no_keys_give_no_rows(store: EmbeddingStore, case: tuple[str, str]) -> None:
    rows = store.rows([])
    assert rows.values.shape == (0, DIM) and rows.status.shape == (0,)


def test_arrays_of_keys_are_read_like_lists(store: EmbeddingStore, case: tuple[str, str]) -> None:
    keys = KEYS[case[0]]
    plain = [key for key in keys if not isinstance(key, str) or not key.endswith("\x00")]  # numpy cuts trailing NULs
    assert_rows(store.rows(np.array(plain)), plain, set(keys))


@pytest.mark.parametrize(
    "wrong",
    [[1.0], [None], [b"a"], [[1]], [True], np.array([1.5]), np.array([2**63], np.uint64), [2**63], [-(2**70)]],
    ids=repr,
)
def test_keys_of_another_type_are_an_error_not_a_wrong_row(
    store: EmbeddingStore, case: tuple[str, str], wrong: Any
) -> None:
    with pytest.raises(TypeError):
        store.rows(wrong)
    with pytest.raises(TypeError):
        store.rows([1] if case[0] == "strings" else ["1"])


def test_rows_belong_to_the_caller(store: EmbeddingStore, case: tuple[str, str]) -> None:
    keys = KEYS[case[0]]
    rows = store.rows(keys)
    rows.values[:] = -1
    rows.status[:] = MISSING
    assert_rows(store.rows(keys), keys, set(keys))


def test_reading_after_close_is_an_error(store: EmbeddingStore, case: tuple[str, str]) -> None:
    store.close()
    with pytest.raises(StoreError):
        store.rows(KEYS[case[0]])
