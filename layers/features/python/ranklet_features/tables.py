"""An embedding table as features see it: one read per request, and a policy for what was not read.

All features over one table share a call to its store. Keys are made unique first where a row costs a
network read; for memory, sorting the keys would cost more than reading a row twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, count
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from ranklet_features.errors import SpecError, StoreUnavailable
from ranklet_features.kinds.base import Wanted
from ranklet_features.spec import MissingPolicy, Table
from ranklet_features.stores.base import MISSING, UNAVAILABLE, EmbeddingStore, Keys, Rows
from ranklet_features.stores.counts import counts_of

_Order = NDArray[np.int64] | None


class TableReader:
    """A table with its store. Raises SpecError when its policy needs a default row that it does not have."""

    def __init__(self, table: Table, store: EmbeddingStore) -> None:
        _check(table)
        self.table, self.store, self.counts = table, store, counts_of(store)
        self.default = np.asarray(table.default or (0.0,) * table.dim, np.float32)
        self.policies = (
            (MISSING, table.missing, f"missing_rows:{table.name}"),
            (UNAVAILABLE, table.unavailable, f"unavailable_rows:{table.name}"),
        )

    def read(
        self, wanted: Sequence[Wanted], deadline: float | None
    ) -> tuple[list[NDArray[np.float32]], dict[str, int]]:
        """float32 [keys, dim] for each asker, and how many rows were defaulted, by reason.

        Raises InputError (an absent key where `missing` is `error`) and StoreUnavailable.
        """
        keys = wanted[0].keys if len(wanted) == 1 else _joined([asker.keys for asker in wanted])
        if not len(keys):
            return [np.zeros((0, self.table.dim), np.float32) for _ in wanted], {}
        self.counts.rows += len(keys)
        order: _Order = None
        if self.table.placement == "dynamodb":
            keys, order = unique(keys)
        rows = self.store.rows(keys, deadline=deadline)
        if order is not None:
            rows = Rows(rows.values[order], rows.status[order])
        values, degraded = self._filled(rows, wanted)
        if len(wanted) == 1:
            return [values], degraded
        ends = np.cumsum([len(asker.keys) for asker in wanted])
        return np.split(values, ends[:-1]), degraded

    def _filled(self, rows: Rows, wanted: Sequence[Wanted]) -> tuple[NDArray[np.float32], dict[str, int]]:
        if not np.count_nonzero(rows.status):  # a quarter of what any() costs
            return rows.values, {}
        values, degraded = rows.values.copy(), {}
        for status, policy, reason in self.policies:
            hit = np.flatnonzero(rows.status == status)
            if not len(hit):
                continue
            if status == MISSING:
                self.counts.misses += len(hit)
            else:
                self.counts.unavailable += len(hit)
            if policy == "error":
                raise self._error(status, int(hit[0]), wanted)
            values[hit] = 0.0 if policy == "zero" else self.default
            degraded[reason] = len(hit)
            self.counts.degraded += len(hit)
        return values, degraded

    def _error(self, status: int, position: int, wanted: Sequence[Wanted]) -> Exception:
        if status == UNAVAILABLE:
            return StoreUnavailable(
                f"table {self.table.name!r}: rows could not be read in time, and defaults are forbidden"
            )
        for asker in wanted:
            if position < len(asker.keys):
                break
            position -= len(asker.keys)
        key = asker.keys[position]
        place = position
        if asker.positions is not None:
            place = int(np.arange(len(asker.column.values))[asker.positions][position])
        return asker.column.fault(place, f"table {self.table.name!r} has no row {_show(key)}")


def unique(keys: Keys) -> tuple[Keys, _Order]:
    """Different keys, and for each given key its place among them (None when all were different)."""
    if isinstance(keys, np.ndarray):
        different, order = np.unique(keys, return_inverse=True)
        return (keys, None) if len(different) == len(keys) else (different, order)
    found: list[Any] = list(dict.fromkeys(keys))
    if len(found) == len(keys):
        return keys, None
    places = dict(zip(found, count(), strict=False))
    return found, np.fromiter(map(places.__getitem__, keys), np.int64, len(keys))


def _joined(parts: Sequence[Keys]) -> Keys:
    if isinstance(parts[0], np.ndarray):
        return np.concatenate(parts)
    return list(chain.from_iterable(parts))


def _show(key: Any) -> str:
    return repr(key[:40] if isinstance(key, str) else int(key))


def _check(table: Table) -> None:
    for policy in ("missing", "unavailable"):
        if getattr(table, policy) not in get_args(MissingPolicy):
            allowed = ", ".join(get_args(MissingPolicy))
            raise SpecError(f"table {table.name!r}: {policy} = {getattr(table, policy)!r}; allowed: {allowed}")
        if getattr(table, policy) in ("mean", "row") and table.default is None:
            raise SpecError(f"table {table.name!r}: {policy} = {getattr(table, policy)!r} needs the row in `default`")
    if table.default is not None and len(table.default) != table.dim:
        raise SpecError(f"table {table.name!r}: default has {len(table.default)} numbers, dim is {table.dim}")
