"""`ranklet tables list`: every version in the account."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import click

from ranklet.cli import tables_common as common
from ranklet.cli import terminal
from ranklet.errors import TableError

if TYPE_CHECKING:
    from ranklet.tables.clients import Aws
    from ranklet.tables.deployed import Naming
    from ranklet.tables.listing import Listed
    from ranklet.tables.versions import Version

DIGITS = 4


@click.command("list")
@click.argument("table", required=False)
@click.option("--bucket", help="Of snapshots; by default the one of the shared stack.")
@common.where
@terminal.as_json
def list_(table: str | None, bucket: str | None, region: str | None, endpoint: str | None, as_json: bool) -> None:
    """Show every version of every table, or of TABLE: what it holds, its state, its cost a month, who names it.

    \b
    ranklet tables list
    ranklet tables list films --json
    ranklet tables list --endpoint http://127.0.0.1:8000 --region us-east-1

    A version is incomplete while it is loaded, or when a load was interrupted: no function reads it then. Where the
    functions cannot be read, who names a version is unknown, and stderr says why. DynamoDB counts bytes every six
    hours; before that they are estimated.

    Needs dynamodb:ListTables, DescribeTable, DescribeContinuousBackups, ListTagsOfResource, GetItem; for who names
    them lambda:ListFunctions, ListVersionsByFunction, ListAliases, GetFunctionConfiguration; for snapshots
    ssm:GetParameter, s3:ListBucket, s3:GetObject. Exit code 7 when the tables cannot be read.
    """
    from ranklet.tables import listing

    aws = common.aws(region, endpoint)
    with terminal.progress("tables") as progress:
        progress("reading what is there")
        found = versions(aws, table, bucket or bucket_of(aws))
        progress("reading who names it")
        namings = _namings(aws)
    listed = listing.listed(found, namings, common.bundles())
    if as_json:
        terminal.emit([_document(one) for one in listed])
        return
    columns = ["version", "state", "rows:", "dim:", "dtype", "page:", "size:", "$/month:", "created", "named by"]
    terminal.show("Table versions", columns, [_row(one) for one in listed])


def versions(aws: Aws, table: str | None, bucket: str | None) -> list[Version]:
    """What is in DynamoDB, and in the bucket of snapshots where there is one."""
    from ranklet.tables import snapshots_there
    from ranklet.tables import versions as there

    found = there.every(aws.dynamodb, table)
    if bucket:
        found += snapshots_there.every(aws.s3, bucket, table)
    return found


def bucket_of(aws: Aws) -> str | None:
    """The shared stack's bucket; None, and a line on stderr, where it cannot be known."""
    from ranklet.tables import deployed

    try:
        return deployed.bucket(aws.ssm, common.environment())
    except TableError as error:
        terminal.ERR.print(f"without snapshots in S3: {error}", markup=False)
        return None


def _namings(aws: Aws) -> list[Naming] | None:
    from ranklet.tables import deployed

    try:
        return deployed.read(aws.functions)
    except TableError as error:
        terminal.ERR.print(f"without who names them: {error}", markup=False)
        return None


def _document(one: Listed) -> dict[str, Any]:
    version = dataclasses.asdict(one.version)
    functions = None
    if one.functions is not None:
        functions = [
            {"function": who.function, "version": who.version, "aliases": who.aliases} for who in one.functions
        ]
    return {**version, "functions": functions, "bundles": one.bundles}


def _row(one: Listed) -> list[str]:
    version = one.version
    names = ["?"] if one.functions is None else [str(who) for who in one.functions]
    names += [f"bundle {model}" for model in one.bundles]
    return [
        version.physical + (" (S3)" if version.store == "s3" else ""),
        version.state,
        *("" if value is None else str(value) for value in (version.rows, version.dim, version.dtype, version.page)),
        terminal.size(version.bytes),
        f"{version.dollars:.{DIGITS}f}",
        f"{version.created:%Y-%m-%d %H:%M}",
        ", ".join(names) or "nobody",
    ]
