"""Write rows into a version that is live: fresh items and users between two trainings.

A version is immutable but for this. Each row that is written so carries the revision that the caller gave, in the
attribute `r`, and is written only where the row that is there has none or a lower one: of two writers who overtake each
other the newer one stays, row by row, and running an interrupted upsert again is harmless. Functions read such rows as
any other; they look at `k` and `v` alone.

A page holds many rows in one item and has no room for a revision each, so tables with pages are refused.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from typing import Any

from ranklet.errors import TableError
from ranklet.items import Items
from ranklet.tables import whole
from ranklet.tables.calls import MAX_TRIES, Again, attempt, pauses, refused
from ranklet.tables.loader import Progress
from ranklet.tables.pace import Pace
from ranklet.tables.source import Vectors
from ranklet_features.spec import Table

THREADS = 16
BLOCK = 64
WRITE_UNIT = 1024

NEWER = "attribute_not_exists(r) OR r < :r"
"""What must hold of the row that is there."""


@dataclass(frozen=True)
class Upserted:
    """What an upsert did. written: rows. ignored: rows whose stored revision is this one or a higher one."""

    physical: str
    revision: int
    rows: int
    written: int
    ignored: int


def refuse_pages(table: Table) -> None:
    """Raise TableError for a table whose rows cannot be guarded one by one."""
    if table.page > 1:
        raise TableError(
            f"{table.physical} holds {table.page} rows to an item, which cannot be guarded row by row; build the table "
            "with page = 1, or build a new version"
        )


def upsert(
    table: Table, packed: Vectors, revision: int, *, client: Any, progress: Progress, pace: Pace | None = None
) -> Upserted:
    """Write rows into the live version `table`, as it describes itself.

    packed: rows in the table's dtype. revision: not negative. Raises TableError for pages, rows of another form, a
    version that is not whole, and where DynamoDB refuses or stays throttled; what is written stays.
    """
    refuse_pages(table)
    if revision < 0:
        raise TableError(f"{table.physical}: the revision is {revision}; it counts up from 0")
    items = Items(replace(table, rows=len(packed.keys)), packed.keys, packed.values)
    if not whole.is_whole(client, table):
        raise TableError(f"{table.physical} is absent or not whole; `ranklet tables push` completes it")
    pace, done, written = pace or Pace(), 0, 0
    blocks = iter([(start, min(start + BLOCK, len(items))) for start in range(0, len(items), BLOCK)])
    progress(0, len(items))
    with ThreadPoolExecutor(THREADS, thread_name_prefix="tables-upsert") as pool:
        flying: dict[Future[int], int] = {}
        try:
            while True:
                while len(flying) < THREADS + 2 and (block := next(blocks, None)) is not None:
                    flying[pool.submit(_write_block, items, *block, revision, client, pace)] = block[1] - block[0]
                if not flying:
                    break
                for finished in wait(flying, return_when=FIRST_COMPLETED).done:
                    written += finished.result()
                    done += flying.pop(finished)
                    progress(done, len(items))
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
    return Upserted(table.physical, revision, len(items), written, len(items) - written)


def _write_block(items: Items, start: int, stop: int, revision: int, client: Any, pace: Pace) -> int:
    """How many rows of a block were written."""
    return sum(_write(items.table.physical, item, client, pace) for item in _puts(items, start, stop, revision))


def _puts(items: Items, start: int, stop: int, revision: int) -> Iterator[dict[str, Any]]:
    for key, value in items.pairs(start, stop):
        yield {"k": {"S": key}, "v": {"B": value}, "r": {"N": str(revision)}}


def _write(physical: str, item: dict[str, Any], client: Any, pace: Pace) -> bool:
    """Write one row if it is newer; whether it was."""
    from botocore.exceptions import ClientError

    reason = ""
    for pause in pauses():
        pace.take(-(-(len(item["v"]["B"]) + len(item["k"]["S"]) + 24) // WRITE_UNIT))
        try:
            attempt(
                client.put_item,
                TableName=physical,
                Item=item,
                ConditionExpression=NEWER,
                ExpressionAttributeValues={":r": item["r"]},
            )
            return True
        except Again as failure:
            reason = str(failure)
            if failure.throttled:
                pace.throttled()
        except ClientError as error:
            if refused(error) == "ConditionalCheckFailedException":
                return False
            raise TableError(f"{physical}: row {item['k']['S']!r} was refused: {error}") from error
        time.sleep(pause)
    raise TableError(
        f"{physical}: writes stay throttled after {MAX_TRIES} tries ({reason}); run the upsert again with the same "
        "revision"
    )
