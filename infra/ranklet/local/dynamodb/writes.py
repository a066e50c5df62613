"""PutItem and BatchWriteItem."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ranklet.local.dynamodb import conditions
from ranklet.local.dynamodb.errors import Refused, invalid
from ranklet.local.dynamodb.faults import Dice
from ranklet.local.dynamodb.items import check_item, item_size, write_units
from ranklet.local.dynamodb.schema import Tables, capacity, require
from ranklet.local.dynamodb.tables import Stored, Table

MAX_WRITES = 25


def put_item(tables: Tables, body: Mapping[str, Any], dice: Dice) -> dict[str, Any]:
    """Write one item, if its condition holds."""
    require(body, {"TableName", "Item"}, {"ReturnValues", *conditions.PARAMETERS})
    table, item = tables.named(body["TableName"]), body["Item"]
    if body.get("ReturnValues", "NONE") not in ("NONE", "ALL_OLD"):
        raise invalid("Return values set to invalid value")
    key = _key(table, item)
    old = table.get(key)
    conditions.require_condition(body, old.item if old else {})
    table.put(item)
    answer: dict[str, Any] = {}
    if body.get("ReturnValues") == "ALL_OLD" and old is not None:
        answer["Attributes"] = old.item
    if counted := capacity(body, {table.name: _units(old, item_size(item))}):
        answer["ConsumedCapacity"] = counted[0]
    return answer


def batch_write_item(tables: Tables, body: Mapping[str, Any], dice: Dice) -> dict[str, Any]:
    """Up to 25 puts and deletes; all are checked before the first is done. Some are left over on purpose."""
    require(body, {"RequestItems"})
    unprocessed: dict[str, Any] = {}
    units: dict[str, float] = {}
    for table, requests, keys in _checked(tables, body["RequestItems"]):
        kept = dice.kept(len(requests))
        if left := requests[kept:]:
            unprocessed[table.name] = left
        units[table.name] = sum(
            _write(table, request, key) for request, key in zip(requests[:kept], keys, strict=False)
        )
    answer: dict[str, Any] = {"UnprocessedItems": unprocessed}
    if counted := capacity(body, units):
        answer["ConsumedCapacity"] = counted
    return answer


def _write(table: Table, request: Mapping[str, Any], key: str) -> float:
    """Do one write; its units."""
    old = table.get(key)
    if "PutRequest" in request:
        item = request["PutRequest"]["Item"]
        table.put(item)
        return _units(old, item_size(item))
    table.delete(key)
    return _units(old, 0)


def _checked(tables: Tables, batches: Any) -> list[tuple[Table, list[Any], list[str]]]:
    """Per table its requests and their keys, after every check."""
    if not isinstance(batches, dict) or not all(isinstance(requests, list) for requests in batches.values()):
        raise Refused("SerializationException", "Unexpected field type")
    if not batches or not all(batches.values()):
        raise invalid("The batch write request list for a table cannot be null or empty")
    if sum(map(len, batches.values())) > MAX_WRITES:
        raise invalid("Too many items requested for the BatchWriteItem call")
    checked = []
    for name, requests in batches.items():
        table = tables.named(name)
        keys = [_request_key(table, request) for request in requests]
        if len(set(keys)) < len(keys):
            raise invalid("Provided list of item keys contains duplicates")
        checked.append((table, requests, keys))
    return checked


def _request_key(table: Table, request: Any) -> str:
    match request:
        case {"PutRequest": {"Item": item}, **rest} if not rest:
            return _key(table, item)
        case {"DeleteRequest": {"Key": key}, **rest} if not rest:
            return table.identity(key)
    raise invalid("Supplied write request must contain exactly one of PutRequest or DeleteRequest")


def _key(table: Table, item: Any) -> str:
    """The identity of an item to be written."""
    check_item(item)
    value = item.get(table.key_name)
    if value is None:
        raise invalid(f"One or more parameter values were invalid: Missing the key {table.key_name} in the item")
    (actual,) = value
    if actual != table.key_type:
        raise invalid(
            f"One or more parameter values were invalid: Type mismatch for key {table.key_name} "
            f"expected: {table.key_type} actual: {actual}"
        )
    return table.identity({table.key_name: value})


def _units(old: Stored | None, size: int) -> float:
    """A write costs by the larger of the item before and after."""
    return write_units(max(old.size if old else 0, size))
