"""Read units and dollars of a request for 500 candidates, by DynamoDB's size rule, under a Zipf access log.

The rule (`reading`): an eventually consistent read takes half a unit per 4 KB or part of it, of each item by itself; an
absent item as much as the smallest. The log: of 100 000 rows, each request asks for 500 different ones, and the r-th
most popular row is asked for 1/r as often as the first. `cache`: the function's own cache holds a tenth of the rows;
what is counted is what it still asks for, over the second half of the log. `pages`: 15 rows in one item of 4 KB, by
key; `grouped`: keys are numbered by popularity, so that rows which are wanted together lie together.

Counts are not measured but computed, and checked: the wire server, asked for the same items, must report the same
units, and so must the whole read path where it sends the requests itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import numpy as np
import orjson
from numpy.typing import NDArray

from ranklet import prices
from ranklet.bench import base
from ranklet.bench.base import Found, Progress, Row, Setting
from ranklet.bench.tables import data, reads, servers
from ranklet.bench.tables.data import Sheet
from ranklet.errors import BenchError
from ranklet.items import Items
from ranklet_features.spec import Table
from ranklet_features.stores.base import FOUND, Keys, Neighbours, Rows
from ranklet_features.stores.cached import CachedStore
from ranklet_features.stores.dynamodb.client import Client

N = 500
PAGE = 15
"""Rows of 64 float32 in an item of up to 4 KB."""

UNIT_BYTES = 4096
CALL_KEYS = 100
CHECKED = 10
"""Requests of each case that are put to the wire server."""

MILLION = 1_000_000


@dataclass(frozen=True)
class Case:
    """How a table is kept and read."""

    name: str
    page: int = 1
    cached: bool = False
    grouped: bool = False


CASES = (
    Case(""),
    Case("-cache", cached=True),
    Case("-pages", page=PAGE),
    Case("-pages-cache", page=PAGE, cached=True),
    Case("-pages-grouped", page=PAGE, grouped=True),
    Case("-pages-grouped-cache", page=PAGE, cached=True, grouped=True),
)


def measure(setting: Setting, progress: Progress) -> Found:
    """Figures `read-units-500…` and `dollars-per-million-500…`. Raises BenchError where the server counts otherwise."""
    rows, requests = (20_000, 200) if setting.quick else (100_000, 1_000)
    progress(f"counting read units of {requests} requests")
    log = access_log(rows, requests)
    found: list[Row] = []
    with TemporaryDirectory(prefix="ranklet-bench-") as folder:
        sheets = {page: data.sheet(rows=rows, placement="dynamodb", page=page) for page in (1, PAGE)}
        for sheet in sheets.values():
            data.stage(sheet, Path(folder) / "tables")
        with servers.running(Path(folder) / "tables") as url:
            for case in CASES:
                sheet = with_cache(sheets[case.page], rows // 10 if case.cached else 0)
                wanted = log if case.grouped else scattered(log, rows)
                asked = item_keys(sheet, wanted)
                found += _rows(case, per_request(sheet, asked[requests // 2 :]))
                _check(case, sheet, wanted[:CHECKED], asked[:CHECKED], url)
    return Found(found)


def access_log(rows: int, requests: int, *, n: int = N) -> list[NDArray[np.int64]]:
    """Per request `n` different ranks, 0 … rows - 1, drawn one after the other with probability 1 / (rank + 1)."""
    generator = np.random.default_rng(data.SEED + 2)
    edges = np.cumsum(1 / np.arange(1, rows + 1))
    log = []
    for _ in range(requests):
        drawn = np.empty(0, np.int64)
        while len(drawn) < n:
            more = np.searchsorted(edges, generator.uniform(0, edges[-1], 4 * n), side="right")
            drawn = np.concatenate([drawn, more])
            drawn = drawn[np.sort(np.unique(drawn, return_index=True)[1])]
        log.append(drawn[:n])
    return log


def scattered(log: Sequence[NDArray[np.int64]], rows: int) -> list[NDArray[np.int64]]:
    """The same log where keys say nothing of popularity."""
    keys = np.random.default_rng(data.SEED + 3).permutation(rows)
    return [keys[ranks] for ranks in log]


def with_cache(sheet: Sheet, entries: int) -> Sheet:
    """The same table, read through a cache of so many rows."""
    return replace(sheet, table=replace(sheet.table, cache_entries=entries))


def item_keys(sheet: Sheet, wanted: Sequence[NDArray[np.int64]]) -> list[list[str]]:
    """Per request the keys of the items that are read for its rows."""
    behind = _Recorder(sheet.table)
    if sheet.table.cache_entries:
        cached = CachedStore(behind, clock=lambda: 0.0)
        for keys in wanted:
            behind.asked.append(np.empty(0, np.int64))
            cached.rows(keys)
    else:
        behind.asked = list(wanted)
    if sheet.table.page == 1:
        return [list(map(str, keys.tolist())) for keys in behind.asked]
    return [[f"p{page}" for page in np.unique(keys // sheet.table.page).tolist()] for keys in behind.asked]


def per_request(sheet: Sheet, asked: Sequence[Sequence[str]]) -> NDArray[np.float64]:
    """Read units of each request."""
    items = Items(sheet.table, sheet.keys, sheet.packed)
    return np.array([sum(reading(item_bytes(items, key)) for key in keys) for keys in asked])


def item_bytes(items: Items, key: str) -> int:
    """Bytes of an item as DynamoDB counts them: the names `k` and `v`, the key, the value; 0 where it is absent."""
    number = items.find(key)
    return 0 if number is None else len("kv") + len(key.encode()) + len(items.value(number))


def reading(size: int) -> float:
    """Units of one eventually consistent read of an item of so many bytes."""
    return 0.5 * max(1, -(-size // UNIT_BYTES))


def consumed(url: str, table: Table, asked: Sequence[str]) -> float:
    """What the server says that reading these items consumes."""
    total = 0.0
    with reads.client(url) as client:
        for start in range(0, len(asked), CALL_KEYS):
            keys = [{"k": {"S": key}} for key in asked[start : start + CALL_KEYS]]
            answer = client.batch_get_item(
                RequestItems={table.physical: {"Keys": keys}}, ReturnConsumedCapacity="TOTAL"
            )
            total += answer["ConsumedCapacity"][0]["CapacityUnits"]
    return total


@contextmanager
def metered() -> Iterator[list[float]]:
    """What our own client's calls consume meanwhile, as the server reports it to them."""
    units: list[float] = []
    exchange = Client.exchange

    def asking(client: Client, action: str, bodies: Sequence[bytes], *, deadline: float, hedge: Any) -> Any:
        more = [orjson.dumps({**orjson.loads(body), "ReturnConsumedCapacity": "TOTAL"}) for body in bodies]
        replies = exchange(client, action, more, deadline=deadline)
        for reply in replies:
            if not isinstance(reply, Exception):
                units.extend(used["CapacityUnits"] for used in orjson.loads(reply.body)["ConsumedCapacity"])
        return replies

    with patch.object(Client, "exchange", asking):
        yield units


def _check(case: Case, sheet: Sheet, wanted: Sequence[NDArray[np.int64]], asked: Sequence[list[str]], url: str) -> None:
    computed = per_request(sheet, asked).tolist()
    base.equal(f"read units{case.name}", [consumed(url, sheet.table, keys) for keys in asked], computed)
    with reads.store(sheet.table, url) as store:
        # The first read also fetches the row that describes the table; no request of the log asks for this key.
        store.rows(np.array([-1]))
        for keys, units in zip(wanted, computed, strict=True):
            with metered() as spent:
                answer = store.rows(keys)
            base.equal(f"rows{case.name}", answer.values, sheet.exact(keys))
            if sum(spent) != units:
                raise BenchError(f"read units{case.name}: the read path spent {sum(spent)}, computed are {units}")


def _rows(case: Case, units: NDArray[np.float64]) -> Iterator[Row]:
    dollars = units * prices.load().dynamodb.read_unit * MILLION
    for figure, values, unit in (("read-units", units, "read units"), ("dollars-per-million", dollars, "$")):
        spread = (float(np.min(values)), float(np.max(values)))
        yield Row(f"{figure}-{N}{case.name}", N, float(np.mean(values)), unit, spread)


class _Recorder:
    """A store that is asked for what the cache does not have, and writes it down."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.asked: list[NDArray[np.int64]] = []

    def rows(self, keys: Keys, *, deadline: float | None = None) -> Rows:
        """Zeros; only which keys were asked for matters."""
        self.asked[-1] = np.asarray(keys, np.int64)
        return Rows(np.zeros((len(keys), self.table.dim), np.float32), np.full(len(keys), FOUND, np.uint8))

    def rows_with_neighbours(self, keys: Keys, *, deadline: float | None = None) -> tuple[Rows, Neighbours]:
        """The same, and the keys of the other rows of those pages."""
        first, page = np.unique(np.asarray(keys) // self.table.page) * self.table.page, np.arange(self.table.page)
        found = (first[:, None] + page).ravel()
        others = found[(found < self.table.rows) & ~np.isin(found, keys)]
        return self.rows(keys), Neighbours(others, np.zeros((len(others), self.table.dim), np.float32))

    def close(self) -> None:
        """Nothing is held."""
