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
    from ranklet.tables.verify import Verified

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
@click.option("--sample", type=click.IntRange(1), default=SAMPLE, show_default=True, help="Items to compare.")
@common.where
@terminal.as_json
def verify(
    model: str | None,
    table: str | None,
    staged: Path | None,
    all_items: bool,
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
    that `upsert` wrote are counted apart. Where the count differs, all rows are read. As a gate before a deployment:
    `ranklet tables verify MODEL && cdk deploy MODEL`.

    Needs dynamodb:GetItem, BatchGetItem and Scan. Exit code 7 when a version is absent, not whole, or differs.
    """
    from ranklet.tables import verify as verifying
    from ranklet.tables.push import staged as read_staged

    if (model is None) == (staged is None):
        raise click.UsageError("give a MODEL, or --staged with a folder")
    client = common.aws(region, endpoint).dynamodb
    done = []
    with common.bars() as bar:
        for folder in _folders(model, table) if staged is None else [staged]:
            items = read_staged(folder)
            done.append(
                verifying.verify(items, client=client, progress=bar(folder.name), sample=sample, all_items=all_items)
            )
    _show(done, as_json)
    if wrong := [one.physical for one in done if not one.equal]:
        raise TableError(f"{', '.join(wrong)}: not what was staged; delete it and push again")


def _folders(model: str | None, table: str | None) -> list[Path]:
    assert model is not None
    here = project.find()
    return [common.staged(here, one) for one in common.pinned(here, model, table)]


def _show(done: list[Verified], as_json: bool) -> None:
    if as_json:
        terminal.emit([dataclasses.asdict(one) | {"equal": one.equal} for one in done])
        return
    columns = ["table", "staged:", "counted:", "compared:", "absent:", "different:", "unknown:", "upserted:"]
    fields = ("items", "counted", "compared", "absent", "different", "unknown", "upserted")
    terminal.show("Verified", columns, [[one.physical, *(str(getattr(one, name)) for name in fields)] for one in done])
    for one in done:
        for kind, keys in one.keys.items():
            more = getattr(one, kind) - len(keys)
            text = ", ".join(keys) + (f" and {more} more" if more else "")
            terminal.OUT.print(f"{one.physical}: {kind}: {text}", markup=False, soft_wrap=True)
