"""`ranklet tables upsert`: rows of fresh items and users, into a live version."""

from __future__ import annotations

import dataclasses
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ranklet import project
from ranklet.cli import tables_common as common
from ranklet.cli import terminal

if TYPE_CHECKING:
    from ranklet.tables.sources.base import Asked
    from ranklet_features.spec import Table

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.argument("version")
@click.option("--from", "source", type=FILE, required=True, help="Parquet, CSV, JSON lines, word2vec text or .npy.")
@click.option("--keys", type=FILE, help="Keys of a .npy file: .npy of integers, or .txt with one key a line.")
@click.option("--format", "form", help="Of the file, where its ending does not tell it.")
@click.option("--key-column", help="[that of model.toml, or key]")
@click.option("--vector-column", help="A column of lists. [that of model.toml, or vector]")
@click.option("--vector-columns", help="Columns of numbers, joined by commas; `v*` for many.")
@click.option(
    "--revision",
    type=click.IntRange(0, (1 << 63) - 1),
    required=True,
    help="A number that you raise: a row is written only where it has none yet, or a lower one.",
)
@click.option("--dry-run", is_flag=True, help="Read and check the rows, write nothing.")
@common.where
@terminal.as_json
def upsert(
    version: str,
    source: Path,
    keys: Path | None,
    form: str | None,
    key_column: str | None,
    vector_column: str | None,
    vector_columns: str | None,
    revision: int,
    dry_run: bool,
    region: str | None,
    endpoint: str | None,
    as_json: bool,
) -> None:
    """Write rows into VERSION while functions read it: fresh items and users between two trainings.

    \b
    ranklet tables upsert movie-two-tower/movies --from fresh.parquet --revision 1764028800
    ranklet tables upsert ranklet-films-0123456789ab --from new.npy --keys new.txt --revision 2
    ranklet tables upsert ranklet-films-0123456789ab --from rows.jsonl --revision 3 --dry-run --json

    VERSION is a physical name, or MODEL/TABLE for what that model's bundle pins; then columns are those of its
    model.toml, and the file of a table with a `tower` is a catalogue that the tower computes rows of. Key type and
    width must be those of the version; no key may stand twice. Each row keeps its revision (attribute `r`): an older
    upsert never writes over a newer row, and the same one may be run again. Functions see new rows when their cache
    forgets the old ones (`cache_ttl_s`). The next version begins without them: put what is to stay into its source.

    Tables with pages are refused. Needs dynamodb:GetItem and PutItem. Exit code 7 when the rows or the version are
    refused.
    """
    from ranklet.tables import get as getting
    from ranklet.tables import pin, sources
    from ranklet.tables import source as gathering
    from ranklet.tables import upsert as upserting

    client = common.aws(region, endpoint).dynamodb
    table = getting.table_of(client, common.physical(version))
    upserting.refuse_pages(table)
    fields = {
        "format": form,
        "key_column": key_column,
        "vector_column": vector_column,
        "vector_columns": tuple(vector_columns.split(",")) if vector_columns else None,
    }
    asked = _asked(version, table, source, keys, {name: value for name, value in fields.items() if value is not None})
    with tempfile.TemporaryDirectory(prefix="ranklet-upsert-") as scratch, common.bars() as bar:
        rows = gathering.gather(table.name, sources.read(asked), key=table.key, scratch=Path(scratch))
        if rows.values.shape[1] != table.dim:
            raise asked.error(
                f"{source.name} has {rows.values.shape[1]} numbers a row, {table.physical} has {table.dim}"
            )
        packed = pin.pin(table.name, asked.table, rows, scratch=Path(scratch)).vectors
        if dry_run:
            done = upserting.Upserted(table.physical, revision, len(rows.keys), 0, 0)
        else:
            done = upserting.upsert(table, packed, revision, client=client, progress=bar(table.physical))
    if as_json:
        terminal.emit(dataclasses.asdict(done) | {"dry_run": dry_run})
        return
    title = "Rows that were checked; nothing was written" if dry_run else "Upserted"
    terminal.show(
        title,
        ["table", "revision:", "rows:", "written:", "ignored, not newer:"],
        [[done.physical, str(revision), str(done.rows), str(done.written), str(done.ignored)]],
    )


def _asked(version: str, table: Table, source: Path, keys: Path | None, fields: dict[str, Any]) -> Asked:
    """What to read, as a model.toml would say it."""
    from ranklet.model import TableSource
    from ranklet.tables.sources.base import Asked

    own: dict[str, Any] = {"key": table.key, "dtype": table.dtype, "placement": "dynamodb"}
    given = {str(source): source, **({str(keys): keys} if keys else {})}
    model, slash, name = version.partition("/")
    if not slash:
        return Asked(
            table.name, TableSource(**_rows_from(source, keys), **fields, **own), source.parent, given.__getitem__
        )
    from ranklet import model as models
    from ranklet.pipeline import files_below

    folder = project.find().models([model])[0]
    described = models.load(folder)
    written = described.tables[name]
    own |= {"key_column": written.key_column}
    if written.tower is not None:
        own |= {
            field: getattr(written, field) for field in ("tower", "tower_inputs", "tower_output", "inputs", "features")
        }
        wanted = TableSource(**{**own, "catalogue": str(source), **fields})
    else:
        if not {"vector_column", "vector_columns"} & set(fields):
            own |= {"vector_column": written.vector_column, "vector_columns": written.vector_columns}
        wanted = TableSource(**{**own, **_rows_from(source, keys), **fields})
    below = partial(files_below, folder)
    return Asked(
        table.name,
        wanted,
        folder,
        lambda file: given[file] if file in given else below(file),
        described.inputs,
        described.features,
    )


def _rows_from(source: Path, keys: Path | None) -> dict[str, Any]:
    if (source.suffix == ".npy") != (keys is not None):
        raise click.UsageError("--keys goes with a .npy file, and such a file needs it")
    return {"vectors": str(source), "keys": str(keys)} if keys else {"source": str(source)}
