"""Scan: a table's items page by page, in no order that means anything."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ranklet.local.dynamodb.errors import invalid
from ranklet.local.dynamodb.faults import Dice
from ranklet.local.dynamodb.schema import Tables, capacity, require
from ranklet.local.dynamodb.tables import Table

MAX_PAGE = 1 << 20
"""Bytes of the items of one answer; the item that goes beyond is the last one."""


def scan(tables: Tables, body: Mapping[str, Any], dice: Dice) -> dict[str, Any]:
    """Up to `Limit` items or 1 MB from behind `ExclusiveStartKey`, of all or of one segment; or their number alone."""
    require(body, {"TableName"}, {"Limit", "ExclusiveStartKey", "Select", "ConsistentRead", "Segment", "TotalSegments"})
    table, limit = tables.named(body["TableName"]), body.get("Limit", 1 << 31)
    select = body.get("Select", "ALL_ATTRIBUTES")
    if select not in ("ALL_ATTRIBUTES", "COUNT"):
        raise invalid(f"the local server does not support Select {select}; use DynamoDB itself for it")
    if not isinstance(limit, int) or limit < 1:
        raise invalid(
            f"1 validation error detected: Value '{limit}' at 'limit' failed to satisfy constraint: "
            "Member must have value greater than or equal to 1"
        )
    start = table.identity(body["ExclusiveStartKey"]) if "ExclusiveStartKey" in body else None
    found, size, last = _page(table, start, limit, _segment(body))
    answer: dict[str, Any] = {"Count": len(found), "ScannedCount": len(found)}
    if select == "ALL_ATTRIBUTES":
        answer["Items"] = found
    if last is not None:
        answer["LastEvaluatedKey"] = {table.key_name: {table.key_type: last}}
    units = max(1, -(-size // 4096)) * (1.0 if body.get("ConsistentRead") else 0.5)
    if counted := capacity(body, {table.name: units}):
        answer["ConsumedCapacity"] = counted[0]
    return answer


def _page(
    table: Table, start: str | None, limit: int, segment: tuple[int, int]
) -> tuple[list[Mapping[str, Any]], int, str | None]:
    """Items, their bytes, and the key behind which the next page begins, None at the end."""
    found: list[Mapping[str, Any]] = []
    size, (number, segments) = 0, segment
    for key in table.after(start):
        if segments > 1 and hash_of(key) % segments != number:
            continue
        stored = table.get(key)
        assert stored is not None
        found.append(stored.item)
        size += stored.size
        if len(found) >= limit or size >= MAX_PAGE:
            return found, size, key
    return found, size, None


def hash_of(key: str) -> int:
    """What decides the segment of a key; not what decides its place, so that every segment is spread."""
    return sum(key.encode())


def _segment(body: Mapping[str, Any]) -> tuple[int, int]:
    match body.get("Segment", 0), body.get("TotalSegments", 1):
        case int(number), int(segments) if 0 <= number < segments:
            if ("Segment" in body) == ("TotalSegments" in body):
                return number, segments
    raise invalid("The Segment parameter must be less than the TotalSegments parameter, and both must be given")
