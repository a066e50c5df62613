"""The rows of a version one by one, wherever they lie: what `diff` compares."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from ranklet.items import Items
from ranklet.tables import files, get, scan
from ranklet_features.spec import Table
from ranklet_features.stores.dynamodb import pages
from ranklet_features.stores.keys import RESERVED

CHUNK = 4096


class Side(Protocol):
    """A version to compare."""

    table: Table

    def rows(self) -> Iterator[tuple[str, bytes]]:
        """Key as text and packed row, of every row, in any order; memory does not grow with their number."""
        ...


class Staged:
    """A folder that a build staged. Raises TableError for one that is not whole."""

    def __init__(self, folder: Path) -> None:
        self.table, vectors = files.read_staged(folder)
        # As rows, whatever the pages: both sides are compared row by row.
        self._items = Items(_by_row(self.table), vectors.keys, vectors.values)

    def rows(self) -> Iterator[tuple[str, bytes]]:
        """As `Side` says."""
        for start in range(0, len(self._items), CHUNK):
            yield from self._items.pairs(start, min(start + CHUNK, len(self._items)))


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


def _by_row(table: Table) -> Table:
    return replace(table, page=1)
