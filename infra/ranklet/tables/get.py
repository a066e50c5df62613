"""Rows of one version by key, as a function would read them, decoded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ranklet.errors import TableError
from ranklet.tables import readback, whole
from ranklet.tables.scan import Stored
from ranklet_features.packing import from_bytes, unpack
from ranklet_features.spec import Table
from ranklet_features.stores.dynamodb import pages
from ranklet_features.stores.keys import RESERVED

MAX_KEY_BYTES = 2048


@dataclass(frozen=True)
class Row:
    """One row. vector: None where the table has none of this key. revision: of the upsert that wrote it."""

    key: str
    vector: tuple[float, ...] | None
    revision: int | None = None


def rows(client: Any, physical: str, keys: Sequence[str]) -> list[Row]:
    """One row per key, in order. Raises TableError for a version that is not whole, and for a key of another type."""
    table = table_of(client, physical)
    names = {key: _name(table, key) for key in keys}
    found: dict[str, Stored] = {}
    wanted = sorted(set(names.values()))
    for start in range(0, len(wanted), readback.READ_ITEMS):
        found |= readback.stored(client, physical, wanted[start : start + readback.READ_ITEMS])
    if table.page == 1:
        return [_row(table, key, found.get(names[key])) for key in keys]
    values = {one.key: one.value for one in found.values()}
    numbers, packed = pages.joined(values, table)
    at = dict(zip(numbers.tolist(), unpack(packed).tolist(), strict=True)) if len(numbers) else {}
    return [Row(key, tuple(at[int(key)]) if int(key) in at else None) for key in keys]


def table_of(client: Any, physical: str) -> Table:
    """What a version says of itself. Raises TableError for one that is absent or not whole."""
    said = whole.description(client, physical)
    if said is None:
        raise TableError(
            f"{physical} is absent or not whole: it has no row {RESERVED}; `ranklet tables list` says what there is, "
            "`ranklet tables push` completes it"
        )
    try:
        default = said.get("default")
        return Table(**{**said, "default": tuple(default) if default is not None else None})
    except TypeError as error:
        raise TableError(f"{physical}: its row {RESERVED} is of another ranklet ({error})") from error


def _name(table: Table, key: str) -> str:
    """The key of the item that holds a row. Raises TableError for a key that no row can have."""
    if table.key == "string":
        if not key or key == RESERVED or len(key.encode()) > MAX_KEY_BYTES:
            raise TableError(f"{table.physical}: no row can have the key {key[:60]!r}")
        return key
    try:
        number = int(key)
    except ValueError as error:
        raise TableError(f"{table.physical} has integers for keys, not {key[:60]!r}") from error
    return str(number) if table.page == 1 else pages.name(number // table.page)


def _row(table: Table, key: str, found: Stored | None) -> Row:
    if found is None:
        return Row(key, None)
    return Row(key, next(decoded(table, [found])), found.revision)


def decoded(table: Table, rows: Sequence[Stored]) -> Iterator[tuple[float, ...]]:
    """The numbers of rows (not pages). Raises TableError for one whose bytes are not the table's."""
    for one in rows:
        try:
            packed = from_bytes(one.value, dtype=table.dtype, dim=table.dim)
            (vector,) = unpack(packed).tolist()
        except ValueError as error:
            raise TableError(
                f"{table.physical}: the row {one.key!r} has {len(one.value)} bytes, no {table.dim} numbers of "
                f"{table.dtype}"
            ) from error
        yield tuple(vector)
