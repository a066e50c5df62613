"""Which table versions an account holds in DynamoDB, and what each says of itself.

A table is ranklet's by its name, `ranklet-<table>-<twelve hex digits>`, and by its row `__ranklet__` or its tags; names
alone could be anybody's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from ranklet import prices
from ranklet.errors import TableError
from ranklet.tables import whole
from ranklet.tables.calls import refused, until_answered
from ranklet.tables.placement import GB
from ranklet_features.packing import row_dtype

PHYSICAL = re.compile(r"ranklet-(?P<table>[a-z][a-z0-9-]{0,47})-(?P<version>[0-9a-f]{12})")
"""The name of a table version, as `pin` gives it."""

ITEM_OVERHEAD = 100
"""Bytes that DynamoDB bills for an item beside its own, for the index that finds it."""

AT_ONCE = 8
READABLE = ("ACTIVE", "UPDATING")

State = Literal["complete", "incomplete", "foreign", "unreadable", "leaving"]
"""complete: its row `__ranklet__` is there. incomplete: it is being loaded, or a load was interrupted.
foreign: neither its row nor its tags say that ranklet made it. unreadable: its row cannot be read.
leaving: it is being deleted."""


@dataclass(frozen=True)
class Version:
    """One version. store: where its rows are. id: what tells it from a later table of the same name.

    rows, dim, dtype, key and page: as its row `__ranklet__` says, None where it is not complete. bytes: as the service
    counts them (DynamoDB does so every six hours), estimated from the description before that. created: when. model:
    the model that it was pushed for. dollars: per month of keeping it, backups included.
    """

    physical: str
    table: str
    version: str
    store: Literal["dynamodb", "s3"]
    state: State
    created: datetime
    bytes: int
    dollars: float
    rows: int | None = None
    dim: int | None = None
    dtype: str | None = None
    key: str | None = None
    page: int | None = None
    model: str = ""
    protected: bool = False
    restorable: bool = False
    id: str = ""
    arn: str = ""


def parts(physical: str) -> tuple[str, str] | None:
    """Table and version of a physical name; None for a name that is not ranklet's."""
    found = PHYSICAL.fullmatch(physical)
    return (found["table"], found["version"]) if found else None


def every(client: Any, table: str | None = None) -> list[Version]:
    """Every version of every table, or of one, by name and then age. Raises TableError where AWS does not answer."""
    names = [name for name in _names(client) if (named := parts(name)) and table in (None, named[0])]
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="tables-list") as pool:
        found = [one for one in pool.map(lambda name: describe(client, name), names) if one is not None]
    return sorted(found, key=lambda one: (one.table, one.created, one.physical))


def describe(client: Any, physical: str) -> Version | None:
    """One version; None where there is no such table. Raises TableError where it cannot be described."""
    from botocore.exceptions import ClientError

    try:
        shown = until_answered(physical, client.describe_table, TableName=physical)["Table"]
    except ClientError as error:
        if refused(error) == "ResourceNotFoundException":
            return None
        raise TableError(f"{physical} cannot be described: {error}") from error
    table, version = parts(physical) or (physical, "")
    arn = shown.get("TableArn", "")
    tags = _tags(client, physical, arn)
    said, unreadable = None, shown["TableStatus"] not in (*READABLE, "CREATING", "DELETING")
    try:
        said = whole.description(client, physical) if shown["TableStatus"] in READABLE else None
    except TableError:
        unreadable = True
    size, items = shown.get("TableSizeBytes", 0), shown.get("ItemCount", 0)
    if said is not None and not size:
        size, items = _estimate(said)
    restorable = _restorable(client, physical)
    return Version(
        physical=physical,
        table=table,
        version=version,
        store="dynamodb",
        state="unreadable" if unreadable else _state(shown["TableStatus"], said, tags, (table, version)),
        created=shown["CreationDateTime"],
        bytes=size,
        dollars=_dollars(size, items, restorable=restorable),
        **{name: (said or {}).get(name) for name in ("rows", "dim", "dtype", "key", "page")},
        model=tags.get("ranklet:model", ""),
        protected=bool(shown.get("DeletionProtectionEnabled", False)),
        restorable=restorable,
        id=str(shown.get("TableId", "")),
        arn=arn,
    )


def _names(client: Any) -> Iterator[str]:
    from botocore.exceptions import ClientError

    more: dict[str, str] = {}
    while True:
        try:
            answer = until_answered("DynamoDB", client.list_tables, **more)
        except ClientError as error:
            raise TableError(f"the tables cannot be listed: {error}") from error
        yield from answer["TableNames"]
        if "LastEvaluatedTableName" not in answer:
            return
        more = {"ExclusiveStartTableName": answer["LastEvaluatedTableName"]}


def _state(status: str, said: dict[str, Any] | None, tags: dict[str, str], named: tuple[str, str]) -> State:
    if status == "DELETING":
        return "leaving"
    if said is not None:
        return "complete" if (said.get("name"), said.get("version")) == named else "foreign"
    if status == "CREATING" or (tags.get("ranklet:table"), tags.get("ranklet:version")) == named:
        return "incomplete"
    return "foreign"


def _tags(client: Any, physical: str, arn: str) -> dict[str, str]:
    from botocore.exceptions import ClientError

    try:
        answer = until_answered(physical, client.list_tags_of_resource, ResourceArn=arn)
    except ClientError as error:
        if refused(error) in ("ResourceNotFoundException", "UnknownOperationException"):
            return {}
        raise TableError(f"the tags of {physical} cannot be read: {error}") from error
    return {tag["Key"]: tag["Value"] for tag in answer.get("Tags", [])}


def _restorable(client: Any, physical: str) -> bool:
    """Whether point-in-time recovery is on, which is billed by the size; a local server may not know it."""
    from botocore.exceptions import ClientError

    try:
        answer = until_answered(physical, client.describe_continuous_backups, TableName=physical)
    except ClientError as error:
        if refused(error) in ("TableNotFoundException", "ResourceNotFoundException", "UnknownOperationException"):
            return False
        raise TableError(f"the backups of {physical} cannot be described: {error}") from error
    shown = answer["ContinuousBackupsDescription"].get("PointInTimeRecoveryDescription", {})
    return bool(shown.get("PointInTimeRecoveryStatus") == "ENABLED")


def _estimate(said: dict[str, Any]) -> tuple[int, int]:
    """Bytes and items that follow from a description, keys taken as eight bytes."""
    rows, page = said["rows"], said["page"]
    row = row_dtype(said["dtype"], said["dim"]).itemsize
    items = -(-rows // page)
    return rows * (row + (2 if page > 1 else 0)) + items * (8 + len("kv")), items


def _dollars(size: int, items: int, *, restorable: bool) -> float:
    """Per month, as DynamoDB bills it: an item's overhead counts."""
    known = prices.load().dynamodb
    each = known.storage_gb_month + (known.backup_gb_month if restorable else 0.0)
    return (size + items * ITEM_OVERHEAD) / GB * each
