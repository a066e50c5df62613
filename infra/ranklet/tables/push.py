"""Bring a staged table version into DynamoDB and read it back before it counts as whole.

Two ways lead in: batched writes (`loader`), or files in S3 that DynamoDB imports into a new table (`s3import`).
Either way the row `__ranklet__`, which describes the table, is written last, and only when what was read back is
equal: a table without it is not whole, and no function scores with it. An interrupted push is simply run again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ranklet.items import Items, Numbered
from ranklet.tables import creation, files, readback, whole
from ranklet.tables.built.items import BuiltItems
from ranklet.tables.built.opened import opened
from ranklet.tables.creation import Options
from ranklet.tables.journal import Journal
from ranklet.tables.loader import Progress, load
from ranklet.tables.pace import Pace

UNNAMED = Options()


def silent(done: int, total: int) -> None:
    """A progress that nobody sees."""


@dataclass(frozen=True)
class Pushed:
    """What a push did. rows: of the version. items: what DynamoDB holds of them (fewer with pages).

    written: items written now; 0 means that the table was whole already. verified: items compared byte for byte.
    """

    physical: str
    rows: int
    items: int
    written: int
    verified: int
    via: str = "write"


def push(
    folder: Path,
    *,
    client: Any,
    progress: Progress = silent,
    options: Options = UNNAMED,
    pace: Pace | None = None,
) -> Pushed:
    """Create the table if need be, write every item, read back, then mark the table whole.

    client: a boto3 DynamoDB client. Raises TableError when a row does not read back equal or writes stay throttled.
    """
    items = staged(folder)
    done = Pushed(items.table.physical, items.table.rows, len(items), written=0, verified=0)
    if whole.is_whole(client, items.table):
        return done
    created = creation.ensure(client, items.table, options)
    described = (folder / "table.json").read_bytes()
    with Journal(folder, {**created.identity, "table": described.decode()}) as journal:
        written = load(items, client=client, journal=journal, progress=progress, pace=pace)
        # Whatever the answer: a journal that says more than the table holds must not be believed by the next push.
        journal.forget()
        verified = readback.compare(items, items.sample(readback.SAMPLE), client=client, progress=silent)
        readback.count(items, client=client)
    if options.restorable:
        creation.make_restorable(client, items.table)
    whole.mark(client, items.table, described)
    return replace(done, written=written, verified=verified)


def staged(folder: Path) -> Numbered:
    """The items of a staged table: memory-mapped, or out of the files of a build where it was built elsewhere.

    Raises TableError when the folder, or the build, is not a whole table.
    """
    if (place := files.built(folder)) is not None:
        return BuiltItems(files.read_table(folder), opened(place))
    table, vectors = files.read_staged(folder)
    return Items(table, vectors.keys, vectors.values)
