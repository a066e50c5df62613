"""`ranklet tables push`: the versions that a bundle pins, into DynamoDB."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import click

from ranklet import project
from ranklet.cli import tables_common as common
from ranklet.cli import terminal
from ranklet.model import load


@click.command()
@click.argument("model")
@click.option("--table", help="Only this table of the model.")
@click.option(
    "--via",
    type=click.Choice(["write", "import"]),
    default="write",
    show_default=True,
    help="Batched writes, or files in S3 that DynamoDB imports: no write units, better above some million rows.",
)
@click.option("--bucket", help="S3 bucket for --via import, in the table's region.")
@click.option("--prefix", default="ranklet-import", show_default=True, help="Folder in that bucket.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["dynamodb-json", "ion"]),
    default="dynamodb-json",
    show_default=True,
    help="Of the files to import; both are compressed by gzip.",
)
@click.option(
    "--snapshots",
    metavar="BUCKET",
    help="For tables that are fetched from S3 [the shared stack's bucket, of RANKLET_ENV].",
)
@click.option("--dry-run", is_flag=True, help="Call nobody: say what would be written, and what it costs.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="With --dry-run --via import: write the files into this folder.",
)
@click.option("--restorable/--no-restorable", default=True, show_default=True, help="Point-in-time recovery.")
@click.option("--protected/--no-protected", default=True, show_default=True, help="Deletion protection.")
@click.option("--kms-key", metavar="ARN", help="Key for new tables [that of [function] kms_key].")
@common.where
@terminal.as_json
def push(
    model: str,
    table: str | None,
    via: str,
    bucket: str | None,
    prefix: str,
    form: str,
    snapshots: str | None,
    dry_run: bool,
    out: Path | None,
    restorable: bool,
    protected: bool,
    kms_key: str | None,
    region: str | None,
    endpoint: str | None,
    as_json: bool,
) -> None:
    """Write the tables that MODEL's bundle pins into DynamoDB, and read them back; snapshots go into their S3 bucket.

    \b
    ranklet tables push movie-two-tower
    ranklet tables push movie-two-tower --dry-run
    ranklet tables push movie-two-tower --via import --bucket my-bucket
    ranklet tables push movie-two-tower --endpoint http://127.0.0.1:8000 --region us-east-1

    A version is immutable: a table that is whole already is left alone, an interrupted push goes on where it stopped.
    A version that `ranklet tables build` made is loaded out of that build's files; one that lies in S3 is imported from
    there, without --bucket.
    Push before `cdk deploy`: the function reads the very version its manifest names. Exit code 7 when a table could
    not be written or did not read back equal; it is then not whole, and no function reads it.

    Needs dynamodb:CreateTable, DescribeTable, TagResource, GetItem, BatchGetItem, BatchWriteItem, PutItem, Scan,
    UpdateContinuousBackups; to import dynamodb:ImportTable, DescribeImport, ListImports, UpdateTable, s3:ListBucket,
    GetObject, PutObject, DeleteObject, and for its log below /aws-dynamodb/imports logs:CreateLogGroup,
    CreateLogStream, DescribeLogGroups, DescribeLogStreams, PutLogEvents, PutRetentionPolicy; for snapshots
    ssm:GetParameter and s3:GetObject, PutObject; with a key of yours kms:CreateGrant, DescribeKey, Encrypt, Decrypt,
    GenerateDataKey, ReEncryptFrom, ReEncryptTo on it.
    """
    from ranklet.tables import push as pushing
    from ranklet.tables.creation import Options

    _check(via, bucket, dry_run=dry_run, out=out)
    here = project.find()
    chosen, fetched = common.away(here, model, table)
    shelved = [common.staged(here, one) for one in fetched]
    if table is None and (artefacts := common.manifest(here, model).artefacts) is not None:
        shelved.append(here.build / "tables" / artefacts.physical)
    if dry_run:
        _estimate([common.staged(here, one) for one in chosen], shelved, form=form, via=via, out=out, as_json=as_json)
        return
    if via == "import" and not bucket and not all(_is_in_s3(common.staged(here, one)) for one in chosen):
        raise click.UsageError("--via import needs --bucket, or --dry-run with --out")
    (folder,) = here.models([model])
    key = kms_key or load(folder).function.kms_key
    aws, options = common.aws(region, endpoint), Options(model, restorable, protected, key)
    store = common.snapshots(aws, snapshots) if shelved else ""
    done, uploaded = [], []
    with common.bars() as bar:
        for folder in shelved:
            from ranklet.tables import snapshot

            uploaded.append(snapshot.upload(folder, aws.s3, store, progress=bar(folder.name)))
        for one in chosen:
            folder = common.staged(here, one)
            if via == "write":
                done.append(pushing.push(folder, client=aws.dynamodb, progress=bar(one.physical), options=options))
            else:
                from ranklet.tables import s3import

                place = s3import.Place(bucket, prefix, form) if bucket else None
                done.append(
                    s3import.push(folder, dynamodb=aws.dynamodb, s3=aws.s3, place=place, bar=bar, options=options)
                )
    if as_json:
        terminal.emit(
            [
                *map(dataclasses.asdict, done),
                *(dataclasses.asdict(one) | {"via": "s3", "bucket": store} for one in uploaded),
            ]
        )
        return
    if done or not uploaded:
        rows = [[one.physical, str(one.rows), str(one.written), str(one.verified), one.via] for one in done]
        terminal.show(f"Tables of {model}", ["table", "rows:", "items written:", "read back:", "via"], rows)
    if uploaded:
        rows = [
            [one.physical, str(len(one.files)), terminal.size(one.bytes), terminal.size(one.written)]
            for one in uploaded
        ]
        terminal.show(f"Snapshots of {model} in {store}", ["table", "files:", "size:", "sent:"], rows)


def _is_in_s3(folder: Path) -> bool:
    """Whether a version was built in S3, where it is imported from."""
    from ranklet.tables import files

    return (files.built(folder) or "").startswith("s3")


def _check(via: str, bucket: str | None, *, dry_run: bool, out: Path | None) -> None:
    if via == "write" and bucket:
        raise click.UsageError("--bucket is for --via import")
    if out is not None and not (dry_run and via == "import"):
        raise click.UsageError("--out is for --dry-run --via import")


def _estimate(
    folders: list[Path], shelved: list[Path], *, form: str, via: str, out: Path | None, as_json: bool
) -> None:
    from ranklet.items import Items
    from ranklet.tables import estimate, importfiles, snapshot
    from ranklet.tables.push import staged

    documents: list[dict[str, Any]] = []
    with common.bars() as bar:
        for folder in folders:
            items = staged(folder)
            found = dataclasses.asdict(estimate.of(items))
            if out is not None:
                if not isinstance(items, Items):
                    raise click.UsageError(
                        f"{folder.name} was built elsewhere, as import files: --out has none to write"
                    )
                parts = importfiles.write(items, out / folder.name, form=form, progress=bar(folder.name))
                found |= {
                    "folder": str(out / folder.name),
                    "files": len(parts),
                    "compressed": sum(p.bytes for p in parts),
                }
            documents.append(found)
    snapshots = [(folder.name, snapshot.size(folder)) for folder in shelved]
    if as_json:
        documents += [{"physical": name, "bytes": size, "via": "s3"} for name, size in snapshots]
        terminal.emit(documents)
        return
    columns = ["table", "items:", "size:", "write units:", "$ to write:", "$ to import:", "files"]
    rows = [
        [
            one["physical"],
            str(one["items"]),
            terminal.size(one["bytes"]),
            str(one["write_units"]),
            f"{one['write_dollars']:.2f}",
            f"{one['import_dollars']:.2f}",
            f"{one['files']} in {one['folder']}" if out is not None else "none written",
        ]
        for one in documents
    ]
    terminal.show(f"What a push would do (by {via}); nothing was called", columns, rows)
    if snapshots:
        rows = [[name, terminal.size(size)] for name, size in snapshots]
        terminal.show("Snapshots that it would send, as far as they are not there", ["table", "size:"], rows)
