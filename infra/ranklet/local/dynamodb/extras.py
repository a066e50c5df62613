"""What surrounds a table: its tags and its point-in-time recovery. Both are kept, and do nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ranklet.local.dynamodb.errors import Refused, invalid, no_table
from ranklet.local.dynamodb.faults import Dice
from ranklet.local.dynamodb.schema import Tables, arn, existing, require, tag_pairs
from ranklet.local.dynamodb.tables import Table


def tag_resource(tables: Tables, body: Mapping[str, Any], dice: Dice) -> dict[str, Any]:
    """Add tags to a table, or replace those of the same key."""
    require(body, {"ResourceArn", "Tags"})
    _by_arn(tables, body["ResourceArn"]).tags.update(tag_pairs(body["Tags"]))
    return {}


def untag_resource(tables: Tables, body: Mapping[str, Any], dice: Dice) -> dict[str, Any]:
    """Remove tags by their keys; those that are not there are no fault."""
    require(body, {"ResourceArn", "TagKeys"})
    table = _by_arn(tables, body["ResourceArn"])
    if not isinstance(body["TagKeys"], list):
        raise Refused("SerializationException", "Unexpected field type")
    for key in body["TagKeys"]:
        table.tags.pop(key, None)
    return {}


def list_tags_of_resource(tables: Tables, body: Mapping[str, Any], dice: Dice) -> dict[str, Any]:
    """All tags of a table, in one answer."""
    require(body, {"ResourceArn"})
    table = _by_arn(tables, body["ResourceArn"])
    return {"Tags": [{"Key": key, "Value": value} for key, value in table.tags.items()]}


def update_continuous_backups(tables: Tables, body: Mapping[str, Any], dice: Dice) -> dict[str, Any]:
    """Switch point-in-time recovery; nothing can be restored here."""
    require(body, {"TableName", "PointInTimeRecoverySpecification"})
    table, wanted = existing(tables, body["TableName"]), body["PointInTimeRecoverySpecification"]
    if not isinstance(wanted, dict) or wanted.keys() != {"PointInTimeRecoveryEnabled"}:
        raise invalid("the local server knows of PointInTimeRecoveryEnabled alone; use DynamoDB itself for more")
    table.restorable = bool(wanted["PointInTimeRecoveryEnabled"])
    return _backups(table)


def describe_continuous_backups(tables: Tables, body: Mapping[str, Any], dice: Dice) -> dict[str, Any]:
    """Whether point-in-time recovery is on."""
    require(body, {"TableName"})
    return _backups(existing(tables, body["TableName"]))


def _backups(table: Table) -> dict[str, Any]:
    state = "ENABLED" if table.restorable else "DISABLED"
    return {
        "ContinuousBackupsDescription": {
            "ContinuousBackupsStatus": "ENABLED",
            "PointInTimeRecoveryDescription": {"PointInTimeRecoveryStatus": state},
        }
    }


def _by_arn(tables: Tables, name: Any) -> Table:
    for table in tables.values():
        if arn(table) == name:
            return table
    raise no_table(str(name).rpartition("/")[2])
