"""Write a table's items by BatchWriteItem: several calls in flight, as fast as DynamoDB takes them, never faster.

Items are cut into blocks; a thread writes a block call by call and reports it, and the journal notes it. Only a few
blocks exist at a time, so memory does not grow with the table.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any

from ranklet.errors import TableError
from ranklet.items import Numbered
from ranklet.tables.calls import MAX_TRIES, Again, attempt, pauses
from ranklet.tables.journal import Journal
from ranklet.tables.pace import Pace

CALL_ITEMS, CALL_BYTES = 25, 12 << 20
"""DynamoDB's limit for one BatchWriteItem, and less than its 16 MB."""

BLOCK = 100
THREADS = 8
WRITE_UNIT = 1024

Progress = Callable[[int, int], None]
"""Called with what is done and how much there is in all."""

Put = dict[str, Any]


def load(items: Numbered, *, client: Any, journal: Journal, progress: Progress, pace: Pace | None = None) -> int:
    """Write every item that the journal does not have; how many were written now.

    Raises TableError when DynamoDB refuses or stays throttled; what is written stays, and the journal knows it.
    """
    pace, total, before = pace or Pace(), len(items), journal.written()
    blocks = journal.missing(total, BLOCK)
    progress(before, total)
    with ThreadPoolExecutor(THREADS, thread_name_prefix="tables-push") as pool:
        flying: dict[Future[None], tuple[int, int]] = {}
        try:
            while True:
                while len(flying) < THREADS + 2 and (block := next(blocks, None)) is not None:
                    flying[pool.submit(_write_block, items, *block, client, pace)] = block
                if not flying:
                    break
                for finished in wait(flying, return_when=FIRST_COMPLETED).done:
                    finished.result()
                    journal.finish(*flying.pop(finished))
                    progress(journal.written(), total)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
    if journal.done != ([(0, total)] if total else []):
        raise TableError(f"{items.table.physical}: the loader lost count of its blocks: {journal.done[:3]} of {total}")
    return total - before


def _write_block(items: Numbered, start: int, stop: int, client: Any, pace: Pace) -> None:
    batch: list[Put] = []
    size = 0
    for key, value in items.pairs(start, stop):
        if batch and (len(batch) == CALL_ITEMS or size + len(value) > CALL_BYTES):
            _write(items.table.physical, batch, client, pace)
            batch, size = [], 0
        batch.append({"PutRequest": {"Item": {"k": {"S": key}, "v": {"B": value}}}})
        size += len(value)
    if batch:
        _write(items.table.physical, batch, client, pace)


def _write(physical: str, batch: list[Put], client: Any, pace: Pace) -> None:
    """One batch until all of it is written. What is left over (UnprocessedItems) was throttled."""
    from botocore.exceptions import ClientError

    reason = ""
    tries = pauses()
    while (pause := next(tries, None)) is not None:
        pace.take(sum(map(_units, batch)))
        try:
            answer = attempt(client.batch_write_item, RequestItems={physical: batch})
        except Again as failure:
            reason = str(failure)
            if failure.throttled:
                pace.throttled()
        except ClientError as error:
            raise TableError(f"{physical}: rows were refused: {error}") from error
        else:
            left = answer.get("UnprocessedItems", {}).get(physical, [])
            if not left:
                return
            if len(left) < len(batch):
                tries = pauses()  # some were written: this is slow, not stuck
            batch, reason = left, "UnprocessedItems"
            pace.throttled()
        time.sleep(pause)
    raise TableError(
        f"{physical}: writes stay throttled after {MAX_TRIES} tries ({reason}); run the push again, it goes on where "
        "it stopped"
    )


def _units(put: Put) -> int:
    item = put["PutRequest"]["Item"]
    return -(-(len(item["v"]["B"]) + len(item["k"]["S"]) + 2) // WRITE_UNIT)
