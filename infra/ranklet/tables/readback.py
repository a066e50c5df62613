"""Read items back by key and compare them byte for byte with what was staged."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any

from ranklet.errors import TableError
from ranklet.items import Numbered
from ranklet.tables import scan
from ranklet.tables.calls import Again, attempt, pauses
from ranklet.tables.loader import Progress
from ranklet.tables.scan import Stored

READ_ITEMS, READ_BYTES = 100, 12 << 20
"""DynamoDB's limit for one BatchGetItem, and less than its 16 MB."""

SAMPLE = 10_000
"""Up to this many items are all read back; of a larger table, a sample of this size."""


COUNT_ALONE = 50_000
"""Up to this many items are counted by one scan."""


def compare(items: Numbered, numbers: Sequence[int], *, client: Any, progress: Progress) -> int:
    """Read items and compare; how many were compared. Raises TableError for the first that is absent or differs."""
    done = 0
    for wanted in batches(items, numbers):
        found = read(client, items.table.physical, list(wanted))
        for key, value in wanted.items():
            if found.get(key) != value:
                state = "differs" if key in found else "is absent"
                raise TableError(
                    f"{items.table.physical}: row {key!r} {state} when read back; delete the table, push again"
                )
        done += len(wanted)
        progress(done, len(numbers))
    return done


def count(items: Numbered, *, client: Any) -> None:
    """Raise TableError where a table that is not whole yet holds more or fewer items than are staged.

    A row that nobody staged would be scored: a key that is missing from the staged rows has to read as missing.
    """
    physical = items.table.physical
    segments = 1 if len(items) < COUNT_ALONE else scan.SEGMENTS
    if (found := scan.count(client, physical, segments=segments)) != len(items):
        raise TableError(f"{physical} holds {found} items, {len(items)} are staged; delete the table, push again")


def read(client: Any, physical: str, keys: Sequence[str]) -> dict[str, bytes]:
    """The values of those of up to 100 keys that are there. Raises TableError when reads stay throttled."""
    return {key: one.value for key, one in stored(client, physical, keys).items()}


def stored(client: Any, physical: str, keys: Sequence[str]) -> dict[str, Stored]:
    """Those of up to 100 items that are there. Raises TableError when reads stay throttled."""
    from botocore.exceptions import ClientError

    pending: dict[str, Any] = {physical: {"Keys": [{"k": {"S": key}} for key in keys], "ConsistentRead": True}}
    values: dict[str, Stored] = {}
    reason = ""
    for pause in pauses():
        try:
            answer = attempt(client.batch_get_item, RequestItems=pending)
        except Again as failure:
            reason = str(failure)
        except ClientError as error:
            raise TableError(f"{physical} cannot be read: {error}") from error
        else:
            found = [scan.stored(physical, item) for item in answer["Responses"].get(physical, [])]
            values |= {one.key: one for one in found}
            pending, reason = answer.get("UnprocessedKeys", {}), "UnprocessedKeys"
            if not pending:
                return values
        time.sleep(pause)
    raise TableError(f"{physical}: reads stay throttled ({reason}); run the command again")


def batches(items: Numbered, numbers: Sequence[int]) -> Iterator[dict[str, bytes]]:
    """Key → value of those items, as many at a time as one call reads."""
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
