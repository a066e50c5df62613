"""GetItem and BatchGetItem."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ranklet.local.dynamodb import projection
from ranklet.local.dynamodb.errors import Refused, invalid
from ranklet.local.dynamodb.faults import Dice
from ranklet.local.dynamodb.items import Item, read_units
from ranklet.local.dynamodb.schema import Tables, capacity, require
from ranklet.local.dynamodb.tables import Table

MAX_KEYS = 100
MAX_ANSWER = 16 << 20


def get_item(tables: Tables, body: Mapping[str, Any], dice: Dice) -> dict[str, Any]:
    """One item, or an empty object."""
    require(body, {"TableName", "Key"}, {"ConsistentRead", *projection.PARAMETERS})
    table, paths = tables.named(body["TableName"]), projection.paths(body)
    stored = table.get(table.identity(body["Key"]))
    units = read_units(stored.size if stored else 0, consistent=bool(body.get("ConsistentRead")))
    answer: dict[str, Any] = {} if stored is None else {"Item": projection.projected(stored.item, paths)}
    if counted := capacity(body, {table.name: units}):
        answer["ConsumedCapacity"] = counted[0]
    return answer


def batch_get_item(tables: Tables, body: Mapping[str, Any], dice: Dice) -> dict[str, Any]:
    """Items of up to 100 keys, in no order; what goes beyond 16 MB, or is left over on purpose, is unprocessed."""
    require(body, {"RequestItems"})
    batches = [_Batch(tables.named(name), request) for name, request in _checked(body["RequestItems"]).items()]
    room = MAX_ANSWER
    for batch in batches:
        room = batch.read(room, dice)
    answer: dict[str, Any] = {
        "Responses": {batch.table.name: batch.found for batch in batches},
        "UnprocessedKeys": {batch.table.name: {**batch.request, "Keys": batch.left} for batch in batches if batch.left},
    }
    if counted := capacity(body, {batch.table.name: batch.units for batch in batches}):
        answer["ConsumedCapacity"] = counted
    return answer


@dataclass
class _Batch:
    """What one batch asks of one table, and what was read of it."""

    table: Table
    request: Mapping[str, Any]
    found: list[Item] = field(default_factory=list)
    left: list[Any] = field(default_factory=list)
    units: float = 0.0

    def read(self, room: int, dice: Dice) -> int:
        """Read while there is room in the answer; the bytes of room that are left."""
        keys, consistent = self.request["Keys"], bool(self.request.get("ConsistentRead"))
        paths = projection.paths(self.request)
        identities = [self.table.identity(key) for key in keys]
        if len(set(identities)) < len(identities):
            raise invalid("Provided list of item keys contains duplicates")
        kept = dice.kept(len(keys))
        self.left = keys[kept:]
        for key, identity in zip(keys[:kept], identities, strict=False):
            stored = self.table.get(identity)
            size = stored.size if stored else 0
            if size > room:
                self.left = [*self.left, key]
                continue
            room -= size
            self.units += read_units(size, consistent=consistent)
            if stored is not None:
                self.found.append(projection.projected(stored.item, paths))
        if dice.hit(dice.faults.stray):
            self.found.append({**(self.found or [{}])[0], self.table.key_name: {self.table.key_type: "1000000007"}})
        dice.random.shuffle(self.found)
        return room


def _checked(batches: Any) -> Mapping[str, Any]:
    """The batches by table, after what DynamoDB checks before it looks at any table."""
    if not isinstance(batches, dict) or not all(isinstance(request, dict) for request in batches.values()):
        raise Refused("SerializationException", "Unexpected field type")
    if not batches:
        raise invalid(_length("requestItems", "greater than or equal to 1"))
    for name, request in batches.items():
        require(request, {"Keys"}, {"ConsistentRead", *projection.PARAMETERS})
        if not isinstance(request["Keys"], list):
            raise Refused("SerializationException", "Unexpected field type")
        if not request["Keys"]:
            raise invalid(_length(f"requestItems.{name}.member.keys", "greater than or equal to 1"))
        if len(request["Keys"]) > MAX_KEYS:
            raise invalid(_length(f"requestItems.{name}.member.keys", f"less than or equal to {MAX_KEYS}"))
    if sum(len(request["Keys"]) for request in batches.values()) > MAX_KEYS:
        raise invalid("Too many items requested for the BatchGetItem call")
    return batches


def _length(place: str, bound: str) -> str:
    return (
        f"1 validation error detected: Value at '{place}' failed to satisfy constraint: Member must have length {bound}"
    )
