"""Read items back by key and compare them byte for byte with what was staged."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ranklet.errors import TableError
from ranklet.items import Items
from ranklet.tables.calls import Again, attempt, pauses
from ranklet.tables.loader import Progress

READ_ITEMS, READ_BYTES = 100, 12 << 20
"""DynamoDB's limit for one BatchGetItem, and less than its 16 MB."""

SAMPLE = 10_000
"""Up to this many items are all read back; of a larger table, a sample of this size."""


def sample(items: Items, size: int = SAMPLE) -> Sequence[int]:
    """Numbers of the items to look at: all, or `size` drawn without regard to order, first and last among them."""
    total = len(items)
    if total <= size:
        return range(total)
    drawn = np.random.default_rng(0).choice(total, size, replace=False)
    return sorted({0, total - 1, *drawn.tolist()})


def compare(items: Items, numbers: Sequence[int], *, client: Any, progress: Progress) -> int:
    """Read items and compare; how many were compared. Raises TableError for the first that is absent or differs."""
    done = 0
    for wanted in _calls(items, numbers):
        stored = read(client, items.table.physical, list(wanted))
        for key, value in wanted.items():
            if stored.get(key) != value:
                state = "differs" if key in stored else "is absent"
                raise TableError(
                    f"{items.table.physical}: row {key!r} {state} when read back; delete the table, push again"
                )
        done += len(wanted)
        progress(done, len(numbers))
    return done


def read(client: Any, physical: str, keys: Sequence[str]) -> dict[str, bytes]:
    """The values of those of up to 100 keys that are there. Raises TableError when reads stay throttled."""
    from botocore.exceptions import ClientError

    pending: dict[str, Any] = {physical: {"Keys": [{"k": {"S": key}} for key in keys], "ConsistentRead": True}}
    values: dict[str, bytes] = {}
    reason = ""
    for pause in pauses():
        try:
            answer = attempt(client.batch_get_item, RequestItems=pending)
        except Again as failure:
            reason = str(failure)
        except ClientError as error:
            raise TableError(f"{physical} cannot be read: {error}") from error
        else:
            values |= {item["k"]["S"]: item["v"]["B"] for item in answer["Responses"].get(physical, [])}
            pending, reason = answer.get("UnprocessedKeys", {}), "UnprocessedKeys"
            if not pending:
                return values
        time.sleep(pause)
    raise TableError(f"{physical}: reads stay throttled ({reason}); run the command again")


def _calls(items: Items, numbers: Sequence[int]) -> Iterator[dict[str, bytes]]:
    wanted: dict[str, bytes] = {}
    size = 0
    for number in numbers:
        value = items.value(number)
        if wanted and (len(wanted) == READ_ITEMS or size + len(value) > READ_BYTES):
            yield wanted
            wanted, size = {}, 0
        wanted[items.key(number)] = value
        size += len(value)
    if wanted:
        yield wanted
