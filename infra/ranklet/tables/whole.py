"""When a table counts as whole: its row `__ranklet__` is there and describes the version that is meant.

The row is written last, after everything was read back, and nothing else writes it. The store refuses a table
without it, so that no function scores with half a table.
"""

from __future__ import annotations

from typing import Any

import orjson

from ranklet.errors import TableError
from ranklet.tables.calls import refused, until_answered
from ranklet_features.spec import Table
from ranklet_features.stores.keys import RESERVED

CONTENT = ("name", "version", "key", "dim", "rows", "dtype", "page")
"""Fields of a description that follow from the rows; the others are a model's policy and may differ."""


def description(client: Any, physical: str) -> dict[str, Any] | None:
    """The fields that a table says of itself; None where it is absent or not whole.

    Raises TableError for a row `__ranklet__` that cannot be read.
    """
    from botocore.exceptions import ClientError

    try:
        answer = until_answered(
            physical, client.get_item, TableName=physical, Key={"k": {"S": RESERVED}}, ConsistentRead=True
        )
    except ClientError as error:
        if refused(error) == "ResourceNotFoundException":
            return None
        raise TableError(f"{physical} cannot be read: {error}") from error
    if "Item" not in answer:
        return None
    try:
        fields = orjson.loads(answer["Item"]["v"]["B"])
        return {"page": 1, **fields}
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise TableError(f"{physical}: its row {RESERVED} cannot be read ({error})") from error


def is_whole(client: Any, table: Table) -> bool:
    """Whether the table is there and whole. Raises TableError when it says that it is another one."""
    fields = description(client, table.physical)
    if fields is None:
        return False
    wanted = {name: getattr(table, name) for name in CONTENT}
    found = {name: fields.get(name) for name in CONTENT}
    if found != wanted:
        differing = ", ".join(
            f"{name} {found[name]!r} for {wanted[name]!r}" for name in CONTENT if found[name] != wanted[name]
        )
        raise TableError(f"{table.physical} says that it is another table: {differing}; build the model again")
    return True


def mark(client: Any, table: Table, described: bytes) -> None:
    """Write the row that makes a table whole. described: the staged table.json."""
    item = {"k": {"S": RESERVED}, "v": {"B": described}}
    until_answered(table.physical, client.put_item, TableName=table.physical, Item=item)
