"""A table whose rows stand in for what a step would compute: a user's vector that was computed beforehand.

A key that the table does not have is no fault and nothing is put in its place: the step computes what the row would
have said. A row that could not be read in time is computed as well, and counted as degraded, unless the table's
`unavailable` is `error`. Which rows were found is a tensor of its own, `<feature>_found`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ranklet_features.errors import SpecError, StoreUnavailable
from ranklet_features.kinds.base import Compiled, Values
from ranklet_features.spec import FeatureSpec, Table
from ranklet_features.stores.base import FOUND, UNAVAILABLE, EmbeddingStore
from ranklet_features.stores.counts import counts_of
from ranklet_features.tables import unique


def found_name(feature: str) -> str:
    """The tensor, bool [n], that says which rows of a stored feature were found."""
    return f"{feature}_found"


class StoredReader:
    """One feature over its table.

    It reads apart from other features over the same table, as a row that is absent means something else to them.
    """

    def __init__(self, feature: Compiled, table: Table, store: EmbeddingStore) -> None:
        self.name, self.found = feature.name, found_name(feature.name)
        self.reason = f"unavailable_rows:{table.name}"
        self._feature, self._table, self._store, self._counts = feature, table, store, counts_of(store)
        self._network = table.placement == "dynamodb"

    def read(self, values: Values, deadline: float | None) -> tuple[NDArray[np.float32], NDArray[np.bool_], int]:
        """float32 [n, dim] with zeros where nothing was found, bool [n], and how many rows were not read in time.

        Raises StoreUnavailable where the table's policy forbids to go on without them.
        """
        keys = self._feature.wanted(values).keys
        if not len(keys):
            return np.zeros((0, self._table.dim), np.float32), np.zeros(0, np.bool_), 0
        self._counts.rows += len(keys)
        keys, order = unique(keys) if self._network and len(keys) > 1 else (keys, None)
        rows, status = self._store.rows(keys, deadline=deadline)
        if order is not None:
            rows, status = rows[order], status[order]
        found = status == FOUND
        if found.all():
            return rows, found, 0
        unread = self._count(status)
        if unread and self._table.unavailable == "error":
            raise StoreUnavailable(
                f"table {self._table.name!r}: rows could not be read in time, and going on without is forbidden"
            )
        self._counts.degraded += unread
        return rows, found, unread

    def _count(self, status: NDArray[np.uint8]) -> int:
        """Count what was not found; how many rows were not read in time."""
        unread = int(np.count_nonzero(status == UNAVAILABLE))
        self._counts.unavailable += unread
        self._counts.misses += int(np.count_nonzero(status)) - unread
        return unread


def check(name: str, spec: FeatureSpec) -> None:
    """Raise SpecError unless the feature gives each user one row."""
    feature = spec.features.get(name)
    if feature is None:
        raise SpecError(f"no feature {name!r} to stand in for a step; features: {', '.join(spec.features) or 'none'}")
    read = [spec.inputs[part] for part in feature.of if part in spec.inputs]
    if feature.kind != "embedding" or any(declared.side == "item" or declared.list for declared in read):
        raise SpecError(
            f"feature {name!r} ({feature.kind}) stands in for what a step computes of a user: it must be an embedding "
            "of one key of the user's or the context's side, not of an item's or of a list"
        )
