"""Rows of a table in DynamoDB: item `{"k": {"S": key as text}, "v": {"B": packed row, or page of rows}}`.

The row `__ranklet__` holds the table's own description and is written last when a table is pushed. It is read
with the first rows: a table that is not whole, or is another version's, is never scored.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from ranklet_features.errors import StoreError, TableMismatch
from ranklet_features.packing import from_bytes, unpack
from ranklet_features.spec import Table
from ranklet_features.stores.base import FOUND, MISSING, UNAVAILABLE, Keys, Neighbours, Rows
from ranklet_features.stores.dynamodb import pages
from ranklet_features.stores.dynamodb.batch import Batch, BatchReader
from ranklet_features.stores.dynamodb.client import Client
from ranklet_features.stores.keys import RESERVED, int_keys, require_text, text_keys

DEFAULT_WAIT_S = 1.0
"""How long a read may take when the caller gives no deadline."""

MAX_KEY_BYTES = 2048
"""DynamoDB's limit on a partition key in UTF-8; one longer key would have the whole call refused."""

PINNED = ("version", "key", "dim", "dtype")
"""Fields of the table's description that must equal the manifest's."""

_log = logging.getLogger(__name__)


class DynamoStore:
    """Reads rows over the network; what is not there in time is UNAVAILABLE."""

    def __init__(self, table: Table, client: Client, *, reader: BatchReader | None = None) -> None:
        self.table = table
        self._client: Client | None = client
        self._reader = reader or BatchReader(table, client)
        self.counts = self._reader.counts
        self._verified = False

    def rows(self, keys: Keys, *, deadline: float | None = None) -> Rows:
        """Read rows; `deadline` is on the clock of `time.monotonic()`.

        Raises TableMismatch when the table is absent, not whole or not the pinned one, StoreUnavailable when AWS
        refuses (access, credentials): deployment faults, which no default may hide. A slow, throttling or broken
        backend never raises.
        """
        until = self._until(deadline)
        if self.table.page > 1:
            wanted = int_keys(keys, self.table)
            return self._of_pages(wanted, *self._pages(wanted, until))
        names = self._names(keys)
        places = dict(zip(names, range(len(names)), strict=True))
        if len(places) < len(names):
            places = {name: place for place, name in enumerate(places)}
        asked = list(places) if self.table.key == "int" else [name for name in places if _may_exist(name)]
        rows = self._rows(places, self._read(asked, until) if asked else Batch([]))
        if len(places) == len(names):
            return rows
        which = np.fromiter(map(places.__getitem__, names), np.intp, len(names))
        return Rows(rows.values.take(which, axis=0), rows.status.take(which))

    def rows_with_neighbours(self, keys: Keys, *, deadline: float | None = None) -> tuple[Rows, Neighbours]:
        """Rows of distinct keys, and the other rows of the pages that were read for them. Raises what `rows` does."""
        wanted = int_keys(keys, self.table)
        batch, found, packed = self._pages(wanted, self._until(deadline))
        others = np.flatnonzero(~np.isin(found, wanted))
        values, status = self._unpack(packed[others])
        fit = np.flatnonzero(status == FOUND)
        return self._of_pages(wanted, batch, found, packed), Neighbours(found[others[fit]], values[fit])

    def renew(self) -> None:
        """Read over new connections with new credentials from now on."""
        if self._client is not None:
            self._client.renew()

    def close(self) -> None:
        """Give the client back; its connections close with the last store that shares them."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _names(self, keys: Keys) -> list[str]:
        if self.table.key == "int":
            return list(map(str, int_keys(keys, self.table).tolist()))
        names = text_keys(keys)
        require_text(names, self.table)
        return names

    def _read(self, asked: list[str], until: float) -> Batch:
        self.counts.reads += len(asked)
        if self._verified:
            return self._reader.read(asked, deadline=until)
        batch = self._reader.read([RESERVED, *asked], deadline=until)
        if RESERVED in batch.pending:
            return Batch(pending=asked)
        self._verify(batch.values.pop(RESERVED, None))
        return batch

    def _verify(self, description: bytes | None) -> None:
        where = f"table {self.table.name}: {self.table.physical}"
        if description is None:
            raise TableMismatch(f"{where} is not whole, its row {RESERVED} is absent; run `ranklet tables push` again")
        try:
            fields = orjson.loads(description)
            found = {name: fields[name] for name in PINNED} | {"page": fields.get("page", 1)}
        except (orjson.JSONDecodeError, KeyError, TypeError) as error:
            raise TableMismatch(f"{where}: its row {RESERVED} cannot be read ({error})") from error
        pinned = {name: getattr(self.table, name) for name in (*PINNED, "page")}
        if found != pinned:
            raise TableMismatch(f"{where} is {found}, the manifest pins {pinned}; build and push again")
        self._verified = True

    def _until(self, deadline: float | None) -> float:
        if self._client is None:
            raise StoreError(f"table {self.table.name}: read after close")
        return time.monotonic() + DEFAULT_WAIT_S if deadline is None else deadline

    def _pages(self, keys: NDArray[np.int64], until: float) -> tuple[Batch, NDArray[np.int64], NDArray[Any]]:
        """The pages of keys, each read once; the keys of all their rows, ascending, and these rows, packed."""
        names = list(map(pages.name, np.unique(keys // self.table.page).tolist()))
        batch = self._read(names, until) if names else Batch([])
        return batch, *pages.joined(batch.values, self.table)

    def _of_pages(self, keys: NDArray[np.int64], batch: Batch, found: NDArray[np.int64], packed: NDArray[Any]) -> Rows:
        rows = Rows(np.zeros((len(keys), self.table.dim), np.float32), np.full(len(keys), MISSING, np.uint8))
        if len(found):
            places = np.searchsorted(found, keys)
            there = np.flatnonzero(found.take(places, mode="clip") == keys)
            rows.values[there], rows.status[there] = self._unpack(packed[places[there]])
        unread = [pages.number(name) for name in batch.pending]
        rows.status[np.isin(keys // self.table.page, unread)] = UNAVAILABLE
        return rows

    def _rows(self, places: dict[str, int], batch: Batch) -> Rows:
        """Rows in the order of `places`."""
        if len(batch.values) == len(places):  # the usual case: nothing to be sent to its place
            return Rows(*self._unpack(self._packed([batch.values[name] for name in places])))
        rows = Rows(np.zeros((len(places), self.table.dim), np.float32), np.full(len(places), MISSING, np.uint8))
        found = [places[name] for name in batch.values]
        if found:
            rows.values[found], rows.status[found] = self._unpack(self._packed(batch.values.values()))
        rows.status[[places[name] for name in batch.pending]] = UNAVAILABLE
        return rows

    def _packed(self, rows: Iterable[bytes]) -> NDArray[Any]:
        # A bytearray, so that the rows belong to the caller, who may write into them.
        return from_bytes(bytearray().join(rows), dtype=self.table.dtype, dim=self.table.dim)

    def _unpack(self, packed: NDArray[Any]) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
        """Rows [n, dim] and their statuses; those that are not finite are zeroed: they must not be scored."""
        with np.errstate(invalid="ignore", over="ignore"):  # a scale that is no number; found below
            values = unpack(packed)
        status = np.full(len(values), FOUND, np.uint8)
        finite = np.isfinite(values)
        if not finite.all():
            unfit = ~finite.all(axis=1)
            values[unfit], status[unfit] = 0, UNAVAILABLE
            _log.warning("table %s: %d rows hold a NaN or an infinity", self.table.name, int(unfit.sum()))
        return values, status


def _may_exist(name: str) -> bool:
    """Whether a row may have this key; asking DynamoDB for any other would have the whole call refused."""
    try:
        return name != RESERVED and 0 < len(name.encode()) <= MAX_KEY_BYTES
    except UnicodeEncodeError:  # half of a surrogate pair: no UTF-8, hence no key
        return False
