"""The table of actions: a further one is a function and a line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from ranklet.local.dynamodb import extras, reads, scans, schema, writes
from ranklet.local.dynamodb.errors import Refused
from ranklet.local.dynamodb.faults import Dice
from ranklet.local.dynamodb.schema import Tables

Action = Callable[[Tables, Mapping[str, Any], Dice], dict[str, Any]]

ACTIONS: Mapping[str, Action] = {
    "BatchGetItem": reads.batch_get_item,
    "BatchWriteItem": writes.batch_write_item,
    "CreateTable": schema.create_table,
    "DeleteTable": schema.delete_table,
    "DescribeContinuousBackups": extras.describe_continuous_backups,
    "DescribeTable": schema.describe_table,
    "GetItem": reads.get_item,
    "ListTables": schema.list_tables,
    "ListTagsOfResource": extras.list_tags_of_resource,
    "PutItem": writes.put_item,
    "Scan": scans.scan,
    "TagResource": extras.tag_resource,
    "UntagResource": extras.untag_resource,
    "UpdateContinuousBackups": extras.update_continuous_backups,
    "UpdateTable": schema.update_table,
}
VERSION = "DynamoDB_20120810."


def perform(tables: Tables, target: str, body: bytes, dice: Dice) -> dict[str, Any]:
    """Do what the `X-Amz-Target` header says with a JSON body. Raises Refused."""
    action = ACTIONS.get(target.removeprefix(VERSION)) if target.startswith(VERSION) else None
    if action is None:
        raise Refused("UnknownOperationException", f"the local server does not support {target or 'no target'}")
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Refused("SerializationException", "Unable to parse the request body as JSON") from error
    if not isinstance(document, dict):
        raise Refused("SerializationException", "Start of structure or map found where not expected.")
    refusal = dice.refusal()
    if refusal is not None:
        raise refusal
    return action(tables, document, dice)
