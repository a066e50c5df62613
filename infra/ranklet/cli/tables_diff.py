"""`ranklet tables diff`: what differs between two versions."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ranklet.cli import tables_common as common
from ranklet.cli import terminal

if TYPE_CHECKING:
    from ranklet.tables.clients import Aws
    from ranklet.tables.diff import Difference
    from ranklet.tables.sides import Side


@click.command()
@click.argument("old")
@click.argument("new")
@click.option("--top", type=click.IntRange(0), default=10, show_default=True, metavar="N", help="Rows of each list.")
@click.option("--exit-code", is_flag=True, help="Exit with 1 when the versions differ, for scripts.")
@common.where
@terminal.as_json
def diff(
    old: str,
    new: str,
    top: int,
    exit_code: bool,
    region: str | None,
    endpoint: str | None,
    as_json: bool,
) -> None:
    """Say how NEW differs from OLD: rows added, removed and changed, and those that moved the furthest.

    \b
    ranklet tables diff ranklet-films-0123456789ab ranklet-films-fedcba987654
    ranklet tables diff ranklet-films-0123456789ab movie-two-tower/movies --top 50
    ranklet tables diff ranklet-films-0123456789ab .build/tables/ranklet-films-fedcba987654 --json

    Each is a physical name, MODEL/TABLE for what that model's bundle pins, or a folder that a build staged. Versions of
    different dtypes are compared by their numbers. Both are read whole by Scan (half a read unit per 4 KB) and lie on
    disk meanwhile, beside the system's other temporary files.

    Needs dynamodb:GetItem and Scan. Exit code 0, with --exit-code 1 when they differ; 7 when they cannot be compared.
    """
    from ranklet.tables import diff as differing

    aws = common.aws(region, endpoint)
    sides = [_side(text, aws) for text in (old, new)]
    with common.bars() as bar:
        found = differing.diff(*sides, top=top, bar=bar)
    if as_json:
        terminal.emit(dataclasses.asdict(found) | {"same": found.same})
    else:
        _show(found)
    if exit_code and not found.same:
        raise SystemExit(1)


def _side(text: str, aws: Aws) -> Side:
    from ranklet.tables.sides import Live, of

    if (Path(text) / "table.json").is_file():
        return of(Path(text))
    return Live(aws.dynamodb, common.physical(text))


def _show(found: Difference) -> None:
    figures = ("old_rows", "new_rows", "added", "removed", "changed", "equal")
    columns = [f"{name.replace('_', ' ')}:" for name in figures]
    terminal.show(f"{found.old} → {found.new}", columns, [[str(getattr(found, name)) for name in figures]])
    for name, keys in found.examples.items():
        if keys:
            more = getattr(found, name) - len(keys)
            text = ", ".join(keys) + (f" and {more} more" if more else "")
            terminal.OUT.print(f"{name}: {text}", markup=False, soft_wrap=True)
    if not found.changed:
        return
    mean = f"changed rows moved by {found.mean_distance:.4g} on average, {found.max_distance:.4g} at most"
    for title, rows in ((f"By distance ({mean})", found.by_distance), ("By angle", found.by_cosine)):
        terminal.show(
            title,
            ["key", "distance:", "1 - cosine:"],
            [[row.key, f"{row.distance:.6g}", f"{row.cosine:.6g}"] for row in rows],
        )
