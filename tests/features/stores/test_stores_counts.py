"""What reads are said to have cost and found, beside what the server says."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import boto3
import numpy as np
import orjson
import pytest
from stores_support import ACCESS_KEY, REGION, SECRET_KEY, TOKEN, environment, make_table

from ranklet.local.dynamodb import Faults, LocalDynamo
from ranklet_features.errors import InputError, StoreUnavailable
from ranklet_features.packing import pack
from ranklet_features.spec import Table
from ranklet_features.stores import open_store
from ranklet_features.stores.counts import Counts
from ranklet_features.tables import TableReader


@pytest.fixture
def opened(dynamo: LocalDynamo, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Opens a table of so many rows of random numbers; its store."""
    with ExitStack() as stack:

        def make(rows: int, **fields: Any) -> Any:
            text = fields.get("key") == "string"
            keys: Any = sorted(f"{i:0{fields.pop('length', 3)}}" for i in range(rows)) if text else list(range(rows))
            table = make_table(keys, placement="dynamodb", **{"cache_entries": 0, **fields})
            values = np.random.default_rng(1).normal(size=(rows, table.dim)).astype(np.float32)
            folder = tmp_path / table.physical
            folder.mkdir()
            stage(folder, table, keys, pack(values, table.dtype))
            dynamo.load(folder)
            store = open_store(table, Path(), environment(dynamo.endpoint))
            stack.callback(store.close)
            return store

        yield make


def stage(folder: Path, table: Table, keys: Any, packed: Any) -> None:
    np.save(folder / "vectors.npy", packed)
    if table.key == "int":
        np.save(folder / "keys.npy", np.array(keys, np.int64))
    else:
        (folder / "keys.json").write_bytes(orjson.dumps(keys))
    (folder / "table.json").write_bytes(orjson.dumps(dataclasses.asdict(table)))


def consumed(endpoint: str, table: Table, keys: list[Any]) -> float:
    """What the server says that boto3's read of the same items consumes."""
    names = sorted({f"p{key // table.page}" for key in keys}) if table.page > 1 else list(map(str, keys))
    client = boto3.client(
        "dynamodb",
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
        aws_session_token=TOKEN,
    )
    total = 0.0
    for start in range(0, len(names), 100):
        wanted = {table.physical: {"Keys": [{"k": {"S": name}} for name in names[start : start + 100]]}}
        answer = client.batch_get_item(RequestItems=wanted, ReturnConsumedCapacity="TOTAL")
        total += answer["ConsumedCapacity"][0]["CapacityUnits"]
    client.close()
    return total


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"dtype": "f16"},
        {"dtype": "int8"},
        {"dim": 1100},
        {"dim": 1018},
        {"dim": 600, "key": "string", "length": 1700},
        {"page": 7},
        {"page": 40, "dim": 64},
        {"page": 100, "dim": 64, "dtype": "int8"},
    ],
    ids=repr,
)
def test_read_units_are_the_servers(opened: Callable[..., Any], dynamo: LocalDynamo, fields: dict[str, Any]) -> None:
    store = opened(230, **fields)
    text = store.table.key == "string"
    keys: list[Any] = [f"{i:0{fields['length']}}" for i in range(240)] if text else list(range(0, 260, 2))
    store.rows(keys)
    store.counts.take()  # the first read has asked for the table's description too
    store.rows(keys)
    assert store.counts.units == consumed(dynamo.endpoint, store.table, keys)


def test_a_read_of_everything_is_counted_once(opened: Callable[..., Any], dynamo: LocalDynamo) -> None:
    store = opened(230)
    store.rows([1])
    store.counts.take()
    calls = dynamo.calls["BatchGetItem"]
    store.rows(list(range(250)))
    counts = store.counts.take()
    assert (counts.reads, counts.calls, counts.retries, counts.throttles) == (250, 3, 0, 0)
    assert dynamo.calls["BatchGetItem"] - calls == counts.calls
    assert len(counts.read_ms) == 1 and counts.read_ms[0] > 0
    assert store.counts == Counts()


def test_throttles_and_what_is_left_over_are_counted_with_the_calls_that_follow(
    opened: Callable[..., Any], dynamo: LocalDynamo
) -> None:
    store = opened(230, hedge=0.0)
    store.rows([1])
    for faults in (Faults(seed=2, throttle=0.5), Faults(seed=3, unprocessed=0.7), Faults(seed=4, error=0.5)):
        store.counts.take()
        dynamo.faults = faults
        calls = dynamo.calls["BatchGetItem"]
        rows = store.rows(list(range(230)), deadline=time.monotonic() + 60)
        assert not rows.status.any()
        counts = store.counts.take()
        assert dynamo.calls["BatchGetItem"] - calls == counts.calls
        assert counts.retries == counts.calls - 3 > 0
        assert counts.units == 230 * 0.5  # what was refused or left over costs nothing
        assert (counts.throttles > 0) == (not faults.error)
        assert not faults.throttle or counts.throttles == counts.retries


def test_the_cache_counts_what_it_knew_and_what_it_knew_to_be_absent(opened: Callable[..., Any]) -> None:
    store = opened(50, cache_entries=100)
    store.rows([1, 2, 90])
    counts = store.counts.take()
    assert (counts.cache_hits, counts.negative_hits, counts.reads) == (0, 0, 3)
    store.rows([1, 2, 90])
    counts = store.counts.take()
    assert (counts.cache_hits, counts.negative_hits, counts.reads, counts.calls) == (3, 1, 0, 0)
    store.rows([2, 3, 90, 91])
    counts = store.counts.take()
    assert (counts.cache_hits, counts.negative_hits, counts.reads, counts.units) == (2, 1, 2, 1.0)


class Asker:
    """A feature's wish for rows."""

    def __init__(self, keys: list[int]) -> None:
        self.keys = np.array(keys)
        self.positions = None
        self.column = self
        self.values = keys

    def fault(self, place: int, message: str) -> InputError:
        return InputError("item", "id", message, index=(place,))


@pytest.mark.parametrize("cache", [0, 100])
def test_rows_that_the_model_gets_are_counted_by_what_they_are(
    opened: Callable[..., Any], dynamo: LocalDynamo, cache: int
) -> None:
    store = opened(50, cache_entries=cache)
    reader = TableReader(store.table, store)
    wanted: Any = [Asker([1, 1, 60]), Asker([2, 60, 61, 1])]
    _, degraded = reader.read(wanted, None)
    counts = store.counts.take()
    assert (counts.rows, counts.misses, counts.unavailable, counts.degraded) == (7, 3, 0, 3)
    assert counts.reads == 4  # each key once
    assert degraded == {"missing_rows:items": 3}
    dynamo.faults = Faults(error=1.0)
    _, degraded = reader.read(wanted[1:], 0.0)
    counts = store.counts.take()
    expected = {"missing_rows:items": 2} if cache else {"unavailable_rows:items": 4}
    assert degraded == expected
    assert (counts.rows, counts.misses + counts.unavailable, counts.degraded) == (
        4,
        *expected.values(),
        *expected.values(),
    )


def test_rows_that_fail_a_request_are_no_degraded_ones(opened: Callable[..., Any]) -> None:
    store = opened(50)
    for policies, deadline, error in (
        ({"missing": "error"}, None, InputError),
        ({"unavailable": "error"}, 0.0, StoreUnavailable),
    ):
        reader = TableReader(dataclasses.replace(store.table, **policies), store)
        wanted: Any = [Asker([60, 61])]
        with pytest.raises(error):
            reader.read(wanted, deadline)
        counts = store.counts.take()
        assert (counts.rows, counts.misses + counts.unavailable, counts.degraded) == (2, 2, 0)
