"""The tables themselves: CreateTable, DescribeTable, DeleteTable and ListTables."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from ranklet.local.dynamodb.errors import Refused, invalid, no_table
from ranklet.local.dynamodb.faults import Dice
from ranklet.local.dynamodb.tables import Table

MAX_LIST = 100
BAD_VALUES = "One or more parameter values were invalid"


class Tables(dict[str, Table]):
    """Tables by name."""

    def named(self, name: Any) -> Table:
        """The table that an item action names. Refused when there is none."""
        if not isinstance(name, str):
            raise Refused("SerializationException", f"{type(name).__name__} cannot be converted to String")
        table = self.get(name)
        if table is None:
            raise no_table()
        return table


def require(body: Mapping[str, Any], needed: Collection[str], allowed: Collection[str] = ()) -> None:
    """Refuse a request without its parameters, or with some that mean something this server does not do."""
    for name in needed:
        if name not in body:
            small = name[0].lower() + name[1:]
            raise invalid(
                f"1 validation error detected: Value null at '{small}' failed to satisfy constraint: "
                "Member must not be null"
            )
    harmless = {"ReturnConsumedCapacity", "ReturnItemCollectionMetrics"}
    for name in body:
        if name not in needed and name not in allowed and name not in harmless:
            raise invalid(f"the local server does not support {name}; use DynamoDB itself for it")


def capacity(body: Mapping[str, Any], units: Mapping[str, float]) -> list[dict[str, Any]]:
    """ConsumedCapacity per table, where the request asks for it."""
    wanted = body.get("ReturnConsumedCapacity", "NONE")
    if wanted not in ("NONE", "TOTAL", "INDEXES"):
        raise invalid(
            f"1 validation error detected: Value '{wanted}' at 'returnConsumedCapacity' failed to satisfy constraint: "
            "Member must satisfy enum value set: [INDEXES, TOTAL, NONE]"
        )
    if wanted == "NONE":
        return []
    detail = wanted == "INDEXES"
    return [
        {"TableName": name, "CapacityUnits": spent, **({"Table": {"CapacityUnits": spent}} if detail else {})}
        for name, spent in units.items()
    ]


def create_table(tables: Tables, body: Mapping[str, Any], dice: Dice) -> dict[str, Any]:
    """A new, empty table with one partition key; it is active at once."""
    options = {"BillingMode", "ProvisionedThroughput", "DeletionProtectionEnabled", "SSESpecification", "TableClass"}
    require(body, {"TableName", "KeySchema", "AttributeDefinitions"}, {*options, "Tags"})
    name = body["TableName"]
    if not isinstance(name, str) or not re.fullmatch(r"[a-zA-Z0-9_.-]{3,255}", name):
        raise invalid(
            f"1 validation error detected: Value '{name}' at 'tableName' failed to satisfy constraint: "
            "Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+ and have length 3 to 255"
        )
    key_name, key_type = _key(body["KeySchema"], body["AttributeDefinitions"])
    billing, throughput = _billing(body)
    if name in tables:
        raise Refused("ResourceInUseException", f"Table already exists: {name}")
    table = tables[name] = Table(name, key_name, key_type, billing, throughput)
    table.tags.update(tag_pairs(body.get("Tags", [])))
    table.protected = bool(body.get("DeletionProtectionEnabled", False))
    return {"TableDescription": _describe(table)}


def describe_table(tables: Tables, body: Mapping[str, Any], dice: Dice) -> dict[str, Any]:
    """What there is to say about a table."""
    require(body, {"TableName"})
    return {"Table": _describe(existing(tables, body["TableName"]))}


def delete_table(tables: Tables, body: Mapping[str, Any], dice: Dice) -> dict[str, Any]:
    """Delete a table; it is gone at once."""
    require(body, {"TableName"})
    table = existing(tables, body["TableName"])
    if table.protected:
        raise invalid(
            f"Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection "
            f"first: {table.name}"
        )
    del tables[table.name]
    return {"TableDescription": {**_describe(table), "TableStatus": "DELETING"}}


def list_tables(tables: Tables, body: Mapping[str, Any], dice: Dice) -> dict[str, Any]:
    """Names in ascending order, up to 100 at a time."""
    require(body, (), {"Limit", "ExclusiveStartTableName"})
    limit = body.get("Limit", MAX_LIST)
    if not isinstance(limit, int) or not 1 <= limit <= MAX_LIST:
        raise invalid(f"1 validation error detected: Value '{limit}' at 'limit' failed to satisfy constraint: 1 to 100")
    names = sorted(name for name in tables if name > body.get("ExclusiveStartTableName", ""))
    answer: dict[str, Any] = {"TableNames": names[:limit]}
    if len(names) > limit:
        answer["LastEvaluatedTableName"] = names[limit - 1]
    return answer


def update_table(tables: Tables, body: Mapping[str, Any], dice: Dice) -> dict[str, Any]:
    """Switch protection against deletion; other changes are refused."""
    require(body, {"TableName", "DeletionProtectionEnabled"})
    table = existing(tables, body["TableName"])
    table.protected = bool(body["DeletionProtectionEnabled"])
    return {"TableDescription": _describe(table)}


def arn(table: Table) -> str:
    """The table's name for the whole of AWS."""
    return f"arn:aws:dynamodb:local:000000000000:table/{table.name}"


def tag_pairs(tags: Any) -> dict[str, str]:
    """Tags as a mapping. Refused when they are none."""
    match tags:
        case list() if all(isinstance(tag, dict) and tag.keys() == {"Key", "Value"} for tag in tags):
            return {str(tag["Key"]): str(tag["Value"]) for tag in tags}
    raise Refused("SerializationException", "Unexpected field type")


def existing(tables: Tables, name: Any) -> Table:
    """The table that an action on tables names. Refused when there is none."""
    if not isinstance(name, str) or name not in tables:
        raise no_table(str(name))
    return tables[name]


def _key(schema: Any, definitions: Any) -> tuple[str, str]:
    """Name and type of the partition key."""
    match schema, definitions:
        case [{"AttributeName": str(name), "KeyType": "HASH"}], [{"AttributeName": defined, "AttributeType": kind}]:
            if defined != name:
                raise invalid(
                    f"{BAD_VALUES}: Some index key attributes are not defined in AttributeDefinitions. "
                    f"Keys: [{name}], AttributeDefinitions: [{defined}]"
                )
            if kind not in ("S", "N", "B"):
                raise invalid(
                    f"1 validation error detected: Value '{kind}' at 'attributeDefinitions.1.member.attributeType' "
                    "failed to satisfy constraint: Member must satisfy enum value set: [B, N, S]"
                )
            return name, kind
    raise invalid("the local server has tables with one partition key (HASH) and no other attribute defined")


def _billing(body: Mapping[str, Any]) -> tuple[str, Mapping[str, int]]:
    mode, throughput = body.get("BillingMode", "PROVISIONED"), body.get("ProvisionedThroughput")
    if mode not in ("PROVISIONED", "PAY_PER_REQUEST"):
        raise invalid(
            f"1 validation error detected: Value '{mode}' at 'billingMode' failed to satisfy constraint: "
            "Member must satisfy enum value set: [PROVISIONED, PAY_PER_REQUEST]"
        )
    if mode == "PROVISIONED" and not throughput:
        raise invalid(
            f"{BAD_VALUES}: ReadCapacityUnits and WriteCapacityUnits must both be specified "
            "when BillingMode is PROVISIONED"
        )
    if mode == "PAY_PER_REQUEST" and throughput:
        raise invalid(
            f"{BAD_VALUES}: Neither ReadCapacityUnits nor WriteCapacityUnits can be specified "
            "when BillingMode is PAY_PER_REQUEST"
        )
    return mode, throughput or {}


def _describe(table: Table) -> dict[str, Any]:
    units = {name: table.throughput.get(name, 0) for name in ("ReadCapacityUnits", "WriteCapacityUnits")}
    description = {
        "AttributeDefinitions": [{"AttributeName": table.key_name, "AttributeType": table.key_type}],
        "TableName": table.name,
        "KeySchema": [{"AttributeName": table.key_name, "KeyType": "HASH"}],
        "TableStatus": "ACTIVE",
        "CreationDateTime": table.created,
        "ProvisionedThroughput": {"NumberOfDecreasesToday": 0, **units},
        "TableSizeBytes": table.size(),
        "ItemCount": table.count(),
        "TableArn": arn(table),
        "TableId": table.uuid,
        "DeletionProtectionEnabled": table.protected,
    }
    if table.billing == "PAY_PER_REQUEST":
        description["BillingModeSummary"] = {"BillingMode": table.billing}
    return description
