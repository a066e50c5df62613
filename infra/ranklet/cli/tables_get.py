"""`ranklet tables get`: rows by key."""

from __future__ import annotations

import dataclasses

import click

from ranklet.cli import tables_common as common
from ranklet.cli import terminal

SHOWN = 8
"""Numbers of a row that the table shows; --json has them all."""


@click.command()
@click.argument("version")
@click.argument("keys", nargs=-1, required=True, metavar="KEY…")
@common.where
@terminal.as_json
def get(version: str, keys: tuple[str, ...], region: str | None, endpoint: str | None, as_json: bool) -> None:
    """Show the rows of VERSION with these keys, decoded as a function decodes them.

    \b
    ranklet tables get ranklet-films-0123456789ab 1 50 2571
    ranklet tables get movie-two-tower/movies 50 --json
    ranklet tables get movie-two-tower/movies --json -- -7

    VERSION is a physical name, or MODEL/TABLE for what that model's bundle pins. A row that `upsert` wrote shows its
    revision. Needs dynamodb:GetItem and BatchGetItem. Exit code 1 when a key has no row, 7 when the version is absent
    or not whole.
    """
    from ranklet.tables import get as getting

    physical = common.physical(version)
    rows = getting.rows(common.aws(region, endpoint).dynamodb, physical, keys)
    if as_json:
        terminal.emit({"table": physical, "rows": [dataclasses.asdict(row) for row in rows]})
    else:
        shown = [[row.key, "" if row.revision is None else str(row.revision), _text(row.vector)] for row in rows]
        terminal.show(physical, ["key", "revision:", "row"], shown)
    if any(row.vector is None for row in rows):
        raise SystemExit(1)


def _text(vector: tuple[float, ...] | None) -> str:
    if vector is None:
        return "absent"
    text = " ".join(f"{number:.6g}" for number in vector[:SHOWN])
    return text + (f" … ({len(vector)} numbers)" if len(vector) > SHOWN else "")
