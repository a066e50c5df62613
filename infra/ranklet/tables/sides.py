"""The rows of a version one by one, wherever they lie: what `diff` compares."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from ranklet.items import Items
from ranklet.tables import files, get, scan
from ranklet.tables.built.items import BuiltItems
from ranklet.tables.built.opened import Build, opened
from ranklet.tables.built.record import RECORD
from ranklet.tables.source import blocks
from ranklet_features.spec import Table
from ranklet_features.stores.dynamodb import pages
from ranklet_features.stores.keys import RESERVED


class Side(Protocol):
    """A version to compare."""

    table: Table

    def rows(self) -> Iterator[tuple[str, bytes]]:
        """Key as text and packed row, of every row, in any order; memory does not grow with their number."""
        ...


class Staged:
    """A folder that a build staged. Raises TableError for one that is not whole."""

    def __init__(self, folder: Path) -> None:
        self.table, self._vectors = files.read_staged(folder)

    def rows(self) -> Iterator[tuple[str, bytes]]:
        """As `Side` says; row by row whatever the pages, as both sides are compared so."""
        start, by_row = 0, replace(self.table, page=1)
        for block in blocks(self._vectors.values):
            keys = self._vectors.keys[start : start + len(block)]
            yield from Items(by_row, keys, block).pairs(0, len(block))
            start += len(block)


class Elsewhere:
    """A version that was built elsewhere, read out of the files of its build. Raises TableError as `opened` does."""

    def __init__(self, build: Build) -> None:
        self.table, self._items = build.table, BuiltItems(build.table, build)

    def rows(self) -> Iterator[tuple[str, bytes]]:
        """As `Side` says."""
        return self._items.rows()


def of(folder: Path) -> Side:
    """The version of a folder: one that was staged, or that of `ranklet tables build`. Raises TableError."""
    built = str(folder) if (folder / RECORD).exists() else files.built(folder)
    return Staged(folder) if built is None else Elsewhere(opened(built))


class Live:
    """A version in DynamoDB, read by a Scan. Raises TableError for one that is absent or not whole."""

    def __init__(self, client: Any, physical: str) -> None:
        self.table, self._client = get.table_of(client, physical), client

    def rows(self) -> Iterator[tuple[str, bytes]]:
        """As `Side` says."""
        for one in scan.items(self._client, self.table.physical):
            if one.key == RESERVED:
                continue
            if self.table.page == 1:
                yield one.key, one.value
                continue
            keys, packed = pages.joined({one.key: one.value}, self.table)
            yield from ((str(key), row.tobytes()) for key, row in zip(keys.tolist(), packed, strict=True))
