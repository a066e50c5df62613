"""A build that is whole: its description, its record and its files agree with each other and with its version."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import orjson

from ranklet.errors import TableError
from ranklet.tables.built.place import Place, at
from ranklet.tables.built.record import GOLDEN, ITEMS, RECORD, TABLE, Golden, Record
from ranklet_features.spec import Table


@dataclass(frozen=True)
class Build:
    """table: as the build describes it."""

    place: Place
    table: Table
    record: Record

    @cached_property
    def golden(self) -> Golden:
        """The rows that golden requests read, as far as the build was asked for them."""
        return Golden.from_bytes(self.place.read(GOLDEN), self.place.name)

    @property
    def items(self) -> int:
        """DynamoDB items in all files."""
        return sum(part.items for part in self.record.parts)


def opened(where: str) -> Build:
    """The build that lies there.

    Raises TableError for a build that is not whole, whose files are not those that it recorded, by name and size, and
    whose digests do not make its version.
    """
    place = at(where)
    table = _described(place)
    record = Record.from_bytes(place.read(RECORD), place.name)
    if record.version(table) != table.version or sum(part.rows for part in record.parts) != table.rows:
        raise TableError(f"{place.name}: {RECORD} and {TABLE} are not of one build; build the table again")
    found, wanted = place.sizes(ITEMS), {part.name: part.bytes for part in record.parts}
    if differing := sorted(name for name in found.keys() | wanted.keys() if found.get(name) != wanted.get(name)):
        name = differing[0]
        state = f"has {found[name]} bytes" if name in found else "is absent"
        meant = f"{wanted[name]} were written" if name in wanted else "no file of the build"
        raise TableError(f"{place.name}/{ITEMS}/{name} {state}, {meant}; build the table again")
    return Build(place, table, record)


def _described(place: Place) -> Table:
    blob = place.read(TABLE)
    try:
        fields: dict[str, Any] = orjson.loads(blob)
        default = fields["default"]
        return Table(**{**fields, "default": tuple(default) if default is not None else None})
    except (ValueError, KeyError, TypeError) as error:
        raise TableError(f"{place.name}/{TABLE} describes no table ({error}); build the table again") from error
