"""Read a whole table page by page, by Scan: its items one after another, or their number alone.

An answer holds up to 1 MB and a page is given up before the next is asked for, so memory does not grow with the table.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from ranklet.errors import TableError
from ranklet.tables.calls import until_answered

SEGMENTS = 8
"""Parts of a table that are counted side by side."""


class Stored(NamedTuple):
    """An item as it is stored. revision: the number that an upsert gave it, None for a row of the push."""

    key: str
    value: bytes
    revision: int | None = None


def items(client: Any, physical: str, *, consistent: bool = False) -> Iterator[Stored]:
    """Every item of a table, its description among them, in no order that means anything.

    Raises TableError where the table cannot be read, and for an item that is no row of ranklet's.
    """
    for answer in _pages(client, physical, ConsistentRead=consistent):
        for item in answer["Items"]:
            yield stored(physical, item)


def count(client: Any, physical: str, *, segments: int = SEGMENTS) -> int:
    """How many items a table holds at this moment, its description among them. Raises TableError."""
    with ThreadPoolExecutor(segments, thread_name_prefix="tables-count") as pool:
        return sum(pool.map(lambda number: _count(client, physical, number, segments), range(segments)))


def stored(physical: str, item: Any) -> Stored:
    """An item of boto3's. Raises TableError for one that is no row of ranklet's."""
    try:
        revision = int(item["r"]["N"]) if "r" in item else None
        return Stored(item["k"]["S"], bytes(item["v"]["B"]), revision)
    except (KeyError, TypeError, ValueError) as error:
        key = item.get("k", {}).get("S", "?")
        raise TableError(f"{physical}: the item {key!r} is no row of a table that ranklet wrote ({error!r})") from error


def _count(client: Any, physical: str, number: int, segments: int) -> int:
    part = {"Segment": number, "TotalSegments": segments} if segments > 1 else {}
    return sum(answer["Count"] for answer in _pages(client, physical, ConsistentRead=True, Select="COUNT", **part))


def _pages(client: Any, physical: str, **parameters: Any) -> Iterator[dict[str, Any]]:
    from botocore.exceptions import ClientError

    more: dict[str, Any] = {}
    while True:
        try:
            answer = until_answered(physical, client.scan, TableName=physical, **parameters, **more)
        except ClientError as error:
            raise TableError(f"{physical} cannot be read: {error}") from error
        yield answer
        if "LastEvaluatedKey" not in answer:
            return
        more = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}
