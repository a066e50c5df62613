"""`ranklet items`: items of a model that finds some, between two builds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ranklet import project
from ranklet.cli import tables_common as common
from ranklet.cli import terminal
from ranklet.errors import ModelError, TableError

if TYPE_CHECKING:
    from ranklet.tables.clients import Aws

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.argument("model")
@click.option("--from", "source", type=FILE, required=True, help="JSON lines of items, and of those that are gone.")
@click.option("--to", "target", type=click.Path(dir_okay=False, path_type=Path), help="A file here, instead of S3.")
@click.option("--snapshots", help="The bucket. [that of the shared stack]")
@click.option("--replace", is_flag=True, help="Forget what was added before.")
@click.option("--dry-run", is_flag=True, help="Read and check, write nothing.")
@common.where
@terminal.as_json
def items(
    model: str,
    source: Path,
    target: Path | None,
    snapshots: str | None,
    replace: bool,
    dry_run: bool,
    region: str | None,
    endpoint: str | None,
    as_json: bool,
) -> None:
    """Add items to MODEL, change or remove them, while its function answers; nothing is built.

    \b
    ranklet items movie-recall --from new.jsonl
    ranklet items movie-recall --from new.jsonl --to /mnt/fresh.msgpack
    ranklet items movie-recall --from new.jsonl --replace --dry-run --json

    A line is {"id": 7, "vector": [...], "genre": ["Drama"]}, or {"id": 7, "gone": true}. The model's bundle here says
    which index the items go with, and [retrieve] fresh_s in its model.toml how often functions look. The next build
    begins without them: put what is to stay into its table. Needs s3:GetObject and PutObject. --to writes a file for
    functions whose RANKLET_FRESH names it.
    """
    from ranklet.retrieving.fresh import Items

    retrieve = common.manifest(project.find(), model).retrieve
    if retrieve is None or not retrieve.fresh:
        raise ModelError(f"{model} does not look for fresh items; give it [retrieve] fresh_s, and build it again")
    aws = common.aws(region, endpoint)
    bucket = "" if target is not None else common.snapshots(aws, snapshots)
    before = None if replace else _before(aws, bucket, retrieve.fresh, target)
    found = Items() if before is None else Items.of(before, retrieve.index)
    count = found.add(source.read_bytes(), retrieve.index, source.name)
    content = found.content(retrieve.index)
    if not dry_run:
        _write(aws, bucket, retrieve.fresh, target, content)
    told = {"model": model, "lines": count, "items": len(found.vectors), "gone": len(found.gone), "bytes": len(content)}
    where = str(target) if target is not None else f"s3://{bucket}/{retrieve.fresh}"
    if as_json:
        terminal.emit({**told, "to": where, "dry_run": dry_run})
        return
    terminal.show(
        f"Fresh items of {model}" + (", nothing was written" if dry_run else ""),
        ("lines:", "items:", "gone:", "size:", "where"),
        [[str(count), str(len(found.vectors)), str(len(found.gone)), terminal.size(len(content)), where]],
    )


def _before(aws: Aws, bucket: str, key: str, target: Path | None) -> bytes | None:
    if target is not None:
        return target.read_bytes() if target.exists() else None
    from botocore.exceptions import ClientError

    try:
        content: bytes = aws.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        return content
    except ClientError as error:
        if error.response["Error"]["Code"] in ("NoSuchKey", "404"):
            return None
        raise TableError(f"s3://{bucket}/{key} cannot be read: {error}") from error


def _write(aws: Aws, bucket: str, key: str, target: Path | None, content: bytes) -> None:
    if target is not None:
        scratch = target.with_name(f"{target.name}.writing")
        scratch.write_bytes(content)
        scratch.replace(target)
        return
    from botocore.exceptions import ClientError

    try:
        aws.s3.put_object(Bucket=bucket, Key=key, Body=content)
    except ClientError as error:
        raise TableError(f"s3://{bucket}/{key} cannot be written: {error}") from error
