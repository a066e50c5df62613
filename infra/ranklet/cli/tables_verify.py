"""`ranklet tables verify`: is what is in DynamoDB what was staged?"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ranklet import project
from ranklet.cli import tables_common as common
from ranklet.cli import terminal
from ranklet.errors import TableError

if TYPE_CHECKING:
    from ranklet.tables.verify import Shelved, Verified
    from ranklet_features.spec import Table

SAMPLE = 10_000


@click.command()
@click.argument("model", required=False)
@click.option("--table", help="Only this table of the model.")
@click.option(
    "--staged",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Instead of a model: a folder that a build staged, such as .build/tables/ranklet-films-0123456789ab.",
)
@click.option("--all", "all_items", is_flag=True, help="Read every row, not a sample.")
@click.option("--snapshots", metavar="BUCKET", help="For tables that are fetched from S3 [the shared stack's bucket].")
@click.option("--sample", type=click.IntRange(1), default=SAMPLE, show_default=True, help="Items to compare.")
@common.where
@terminal.as_json
def verify(
    model: str | None,
    table: str | None,
    staged: Path | None,
    all_items: bool,
    snapshots: str | None,
    sample: int,
    region: str | None,
    endpoint: str | None,
    as_json: bool,
) -> None:
    """Compare the versions that MODEL's bundle pins with the rows that its build staged, by count and by bytes.

    \b
    ranklet tables verify movie-two-tower
    ranklet tables verify movie-two-tower --all --json
    ranklet tables verify --staged .build/tables/ranklet-films-0123456789ab

    A build makes the same rows of the same source, so that a fresh `ranklet build` verifies against the source. Rows
    that `upsert` wrote are counted apart. Where the count differs, all rows are read; the count itself takes a read
    unit per 4 KB of the table. Of a table that is fetched from S3 the objects are looked at, with --all their bytes. As
    a gate before a deployment: `ranklet tables verify MODEL && cdk deploy MODEL`.

    Needs dynamodb:GetItem, BatchGetItem and Scan; for snapshots ssm:GetParameter and s3:GetObject. Exit code 7 when a
    version is absent, not whole, or differs.
    """
    from ranklet.tables import verify as verifying
    from ranklet.tables.push import staged as read_staged

    if (model is None) == (staged is None):
        raise click.UsageError("give a MODEL, or --staged with a folder")
    aws = common.aws(region, endpoint)
    folders, fetched = _chosen(model, table) if staged is None else ([staged], [])
    done, shelved = [], []
    with common.bars() as bar:
        for folder in folders:
            items, moves = read_staged(folder), bar(folder.name)
            done.append(
                verifying.verify(items, client=aws.dynamodb, progress=moves, sample=sample, all_items=all_items)
            )
        if fetched:
            bucket = common.snapshots(aws, snapshots)
            shelved = [verifying.snapshot(one, aws.s3, bucket, all_bytes=all_items) for one in fetched]
    _show(done, shelved, as_json)
    if wrong := [one.physical for one in done if not one.equal]:
        raise TableError(f"{', '.join(wrong)}: not what was staged; delete it and push again")
    if wrong := [one.physical for one in shelved if not one.equal]:
        raise TableError(f"{', '.join(wrong)}: not what was staged; `ranklet tables push` sends what is missing")


def _chosen(model: str | None, table: str | None) -> tuple[list[Path], list[Table]]:
    assert model is not None
    here = project.find()
    stored, fetched = common.away(here, model, table)
    return [common.staged(here, one) for one in stored], fetched


def _show(done: list[Verified], shelved: list[Shelved], as_json: bool) -> None:
    if as_json:
        stored = [dataclasses.asdict(one) | {"equal": one.equal} for one in done]
        terminal.emit(stored + [dataclasses.asdict(one) | {"equal": one.equal} for one in shelved])
        return
    if shelved:
        rows = [[one.physical, ", ".join(one.files), ", ".join(one.wrong) or "none"] for one in shelved]
        terminal.show("Snapshots", ["table", "files", "absent or different"], rows)
    if not done:
        return
    columns = ["table", "staged:", "counted:", "compared:", "absent:", "different:", "unknown:", "upserted:"]
    fields = ("items", "counted", "compared", "absent", "different", "unknown", "upserted")
    terminal.show("Verified", columns, [[one.physical, *(str(getattr(one, name)) for name in fields)] for one in done])
    for one in done:
        for kind, keys in one.keys.items():
            more = getattr(one, kind) - len(keys)
            text = ", ".join(keys) + (f" and {more} more" if more else "")
            terminal.OUT.print(f"{one.physical}: {kind}: {text}", markup=False, soft_wrap=True)
