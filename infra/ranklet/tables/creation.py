"""Create a version's table: on-demand billing, tags that say whose it is, protected, restorable.

DynamoDB makes protection and restoring a matter of separate calls; a server that does not know them (a local one)
still gets its table, and the answer says what it lacks.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ranklet.errors import TableError
from ranklet.tables.calls import refused, until_answered
from ranklet_features.spec import Table

READY_S, POLL_S = 300.0, 0.5
RESTORABLE_TRIES = 40

SCHEMA: Mapping[str, Any] = {
    "AttributeDefinitions": [{"AttributeName": "k", "AttributeType": "S"}],
    "KeySchema": [{"AttributeName": "k", "KeyType": "HASH"}],
    "BillingMode": "PAY_PER_REQUEST",
}
GONE = "ResourceNotFoundException"


@dataclass(frozen=True)
class Options:
    """How a new table is kept. restorable: point-in-time recovery. protected: against deletion (`prune` lifts it).

    kms_key: the ARN of a KMS key of one's own, None for the one that DynamoDB encrypts with anyway.
    """

    model: str = ""
    restorable: bool = True
    protected: bool = True
    kms_key: str | None = None

    @property
    def encryption(self) -> Mapping[str, Any]:
        """The parameter of a table's creation, by call or by import."""
        if self.kms_key is None:
            return {}
        return {"SSESpecification": {"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": self.kms_key}}


@dataclass(frozen=True)
class Created:
    """A table that is active. identity: what tells it from a table of the same name that was deleted."""

    identity: Mapping[str, Any]
    arn: str
    new: bool


def ensure(client: Any, table: Table, options: Options) -> Created:
    """The table, created where it is absent, and active. Raises TableError when it cannot be made."""
    from botocore.exceptions import ClientError

    new = True
    try:
        until_answered(
            table.physical,
            client.create_table,
            TableName=table.physical,
            **SCHEMA,
            **options.encryption,
            Tags=tags(table, options.model),
            DeletionProtectionEnabled=options.protected,
        )
    except ClientError as error:
        # ResourceInUse: an earlier push was interrupted, or another one is on its way; puts of the same rows agree.
        if refused(error) != "ResourceInUseException":
            raise TableError(f"{table.physical} cannot be created: {error}") from error
        new = False
    described = active(client, table)
    identity = {
        "arn": described.get("TableArn"),
        "id": described.get("TableId"),
        "created": str(described.get("CreationDateTime")),
    }
    return Created(identity, described.get("TableArn", ""), new)


def active(client: Any, table: Table, *, sleep: Callable[[float], None] = time.sleep) -> dict[str, Any]:
    """The table's description once it is active; it may take some seconds to be known everywhere."""
    from botocore.exceptions import ClientError

    status = "absent"
    for _ in range(int(READY_S / POLL_S)):
        try:
            described: dict[str, Any] = until_answered(table.physical, client.describe_table, TableName=table.physical)[
                "Table"
            ]
            status = described["TableStatus"]
        except ClientError as error:
            if refused(error) != GONE:
                raise TableError(f"{table.physical} cannot be described: {error}") from error
        if status == "ACTIVE":
            return described
        sleep(POLL_S)
    raise TableError(f"{table.physical} is {status} after {READY_S:.0f} s; run the push again later")


def adopt(client: Any, table: Table, arn: str, options: Options) -> None:
    """Give a table that an import made what `ensure` gives at creation: ImportTable has no parameters for it."""
    from botocore.exceptions import ClientError

    try:
        until_answered(table.physical, client.tag_resource, ResourceArn=arn, Tags=tags(table, options.model))
        if options.protected:
            until_answered(
                table.physical, client.update_table, TableName=table.physical, DeletionProtectionEnabled=True
            )
    except ClientError as error:
        raise TableError(f"{table.physical} cannot be tagged and protected: {error}") from error
    active(client, table)


def make_restorable(client: Any, table: Table, *, sleep: Callable[[float], None] = time.sleep) -> bool:
    """Switch point-in-time recovery on; False where the server does not know it. A new table is not ready at once."""
    from botocore.exceptions import ClientError

    refusal: Exception | None = None
    for _ in range(RESTORABLE_TRIES):
        try:
            until_answered(
                table.physical,
                client.update_continuous_backups,
                TableName=table.physical,
                PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True},
            )
            return True
        except ClientError as error:
            if refused(error) == "UnknownOperationException":
                return False
            refusal = error
            if refused(error) != "ContinuousBackupsUnavailableException":
                break
        sleep(POLL_S)
    raise TableError(f"{table.physical}: point-in-time recovery was refused: {refusal}; --no-restorable does without")


def tags(table: Table, model: str) -> list[dict[str, str]]:
    """Whose table it is, for bills and for `ranklet tables list`."""
    named = {"ranklet:model": model, "ranklet:table": table.name, "ranklet:version": table.version}
    return [{"Key": key, "Value": value} for key, value in named.items() if value]
