"""Write a staged table version into DynamoDB and read it back before it counts as whole.

Rows are plain puts of an immutable version, so an interrupted push is simply run again. The row
`__ranklet__`, which describes the table, is written last, and only when what was read back is equal: a table
without it is not whole.
"""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ranklet.errors import TableError
from ranklet.tables import files
from ranklet.tables.source import RESERVED
from ranklet_features.spec import Table

WRITE_BATCH, READ_BATCH = 25, 100
"""DynamoDB's limits for BatchWriteItem and BatchGetItem."""

VERIFY_ROWS = 10_000
"""Up to this many rows are all read back; of a larger table, a sample of this size."""

MAX_TRIES = 12
"""Of one batch under throttling: about a minute and a half of back-off in all."""

Progress = Callable[[int, int], None]
"""Called with rows done and rows in all."""


@dataclass(frozen=True)
class Pushed:
    """What a push did: written 0 means that the table was whole already."""

    physical: str
    rows: int
    written: int
    verified: int


def push(folder: Path, *, client: Any, progress: Progress = lambda done, rows: None) -> Pushed:
    """Create the table if need be, write every row, read rows back, then mark the table whole.

    client: a boto3 DynamoDB client. Raises TableError when a row does not read back equal or writes stay throttled.
    """
    table, vectors = files.read_staged(folder)
    if _is_whole(client, table):
        return Pushed(table.physical, table.rows, written=0, verified=0)
    _create(client, table)
    names = [str(key) for key in vectors.keys]
    for start in range(0, len(names), WRITE_BATCH):
        batch = zip(names[start : start + WRITE_BATCH], vectors.values[start : start + WRITE_BATCH], strict=True)
        _write(client, table, [_item(name, row.tobytes()) for name, row in batch])
        progress(min(start + WRITE_BATCH, len(names)), len(names))
    verified = _verify(client, table, names, vectors.values)
    _write(client, table, [_item(RESERVED, (folder / "table.json").read_bytes())])
    return Pushed(table.physical, table.rows, written=len(names), verified=verified)


def _item(key: str, value: bytes) -> dict[str, Any]:
    return {"k": {"S": key}, "v": {"B": value}}


def _is_whole(client: Any, table: Table) -> bool:
    try:
        answer = client.get_item(TableName=table.physical, Key={"k": {"S": RESERVED}}, ConsistentRead=True)
    except client.exceptions.ResourceNotFoundException:
        return False
    return "Item" in answer


def _create(client: Any, table: Table) -> None:
    # ResourceInUse: an earlier push was interrupted; its rows are written again.
    with contextlib.suppress(client.exceptions.ResourceInUseException):
        client.create_table(
            TableName=table.physical,
            AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
        )
    client.get_waiter("table_exists").wait(TableName=table.physical, WaiterConfig={"Delay": 1, "MaxAttempts": 120})


def _write(client: Any, table: Table, items: Sequence[dict[str, Any]]) -> None:
    pending: list[Any] = [{"PutRequest": {"Item": item}} for item in items]
    for pause in _pauses():
        answer = client.batch_write_item(RequestItems={table.physical: pending})
        pending = answer.get("UnprocessedItems", {}).get(table.physical, [])
        if not pending:
            return
        time.sleep(pause)
    raise TableError(f"{table.physical}: writes stay throttled; run the push again, written rows are kept")


def _pauses() -> Iterator[float]:
    """Full-jitter exponential back-off, as the AWS Architecture Blog describes it; at most ten seconds each."""
    for attempt in range(MAX_TRIES):
        yield random.uniform(0, min(10.0, 0.05 * 2**attempt))


def _verify(client: Any, table: Table, names: Sequence[str], values: np.ndarray[Any, Any]) -> int:
    """Read back all rows of a small table, a seeded sample of a large one; how many were compared."""
    chosen = np.arange(len(names))
    if len(names) > VERIFY_ROWS:
        chosen = np.sort(np.random.default_rng(0).choice(len(names), VERIFY_ROWS, replace=False))
    for start in range(0, len(chosen), READ_BATCH):
        wanted = {names[i]: values[i].tobytes() for i in chosen[start : start + READ_BATCH]}
        stored = _read(client, table, list(wanted))
        for name, row in wanted.items():
            if stored.get(name) != row:
                state = "differs" if name in stored else "is absent"
                raise TableError(f"{table.physical}: row {name!r} {state} when read back; delete the table, push again")
    return len(chosen)


def _read(client: Any, table: Table, names: Sequence[str]) -> dict[str, bytes]:
    pending: dict[str, Any] = {table.physical: {"Keys": [{"k": {"S": name}} for name in names], "ConsistentRead": True}}
    rows: dict[str, bytes] = {}
    for pause in _pauses():
        answer = client.batch_get_item(RequestItems=pending)
        rows |= {item["k"]["S"]: item["v"]["B"] for item in answer["Responses"].get(table.physical, [])}
        pending = answer.get("UnprocessedKeys", {})
        if not pending:
            return rows
        time.sleep(pause)
    raise TableError(f"{table.physical}: reads stay throttled; run the push again")
