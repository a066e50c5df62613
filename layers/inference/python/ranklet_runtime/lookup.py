"""Rows of the tables that left a graph: ids in, rows out, each table read once per request for all that ask.

The step `lookup` of a manifest. Its inputs are ids, each under the name of the rows that it gives; its options say per
name which `table` holds them and the `rank` of ids that the graph took. Ids are what the graph's own Gather took:
0 … rows - 1, or counted from the end below 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ranklet_features.errors import StoreUnavailable
from ranklet_features.lean import dataclass
from ranklet_features.stores.base import MISSING, UNAVAILABLE, EmbeddingStore
from ranklet_features.tables import unique
from ranklet_runtime.engines.base import Array
from ranklet_runtime.errors import BadRequest, ManifestError
from ranklet_runtime.manifest import Step

ENGINE = "lookup"


@dataclass(frozen=True)
class Use:
    """One Gather that was cut: which tensor of ids, and the tensor that its rows become."""

    ids: str
    rows: str
    rank: int


class Lookup:
    """Reads the rows of one step; rows that are absent, or were not read in time, are zeros and counted."""

    def __init__(self, step: Step, stores: Mapping[str, EmbeddingStore]) -> None:
        """Raises ManifestError where a table or an option is not there."""
        self._tables: list[tuple[EmbeddingStore, list[Use]]] = []
        uses: dict[str, list[Use]] = {}
        for name, tensor in step.inputs.items():
            options = step.options.get(name)
            if not isinstance(options, Mapping) or options.get("table") not in stores:
                raise ManifestError(f"lookup: no table for {name!r}; run `ranklet build` again")
            use = Use(tensor, step.outputs[name], options["rank"])
            uses.setdefault(options["table"], []).append(use)
        self._tables = [(stores[table], asking) for table, asking in uses.items()]

    def read(self, tensors: Mapping[str, Array], deadline: float | None) -> tuple[dict[str, Array], dict[str, int]]:
        """Rows [*ids, dim] by tensor, and how many were defaulted, by reason.

        Raises BadRequest for an id outside its table, StoreUnavailable where the table forbids defaults.
        """
        found: dict[str, Array] = {}
        degraded: dict[str, int] = {}
        for store, uses in self._tables:
            ids = [_ranked(tensors[use.ids], use.rank) for use in uses]
            flat = ids[0].reshape(-1) if len(ids) == 1 else np.concatenate([one.reshape(-1) for one in ids])
            flat = _within(flat, store, uses, ids)
            rows = _rows(store, flat, deadline, degraded)
            start = 0
            for use, one in zip(uses, ids, strict=True):
                found[use.rows] = rows[start : start + one.size].reshape(*one.shape, store.table.dim)
                start += one.size
        return found, degraded


def _ranked(ids: Array, rank: int) -> Array:
    """A last dimension of 1 comes or goes, as the engines have it."""
    if ids.ndim == rank - 1:
        return ids[..., np.newaxis]
    return ids[..., 0] if ids.ndim == rank + 1 and ids.shape[-1] == 1 else ids


def _within(flat: Array, store: EmbeddingStore, uses: Sequence[Use], ids: Sequence[Array]) -> Array:
    """The ids as rows of the table, those below 0 counted from its end."""
    flat = flat.astype(np.int64, copy=False)
    if not flat.size:
        return flat
    low, high, rows = int(flat.min()), int(flat.max()), store.table.rows
    if high >= rows or low < -rows:
        wrong = high if high >= rows else low
        name = next(use.ids for use, one in zip(uses, ids, strict=True) if (one == wrong).any())
        raise BadRequest(f"{name} holds {wrong}, table {store.table.name!r} has the rows 0 to {rows - 1}")
    return np.where(flat < 0, flat + rows, flat) if low < 0 else flat


def _rows(store: EmbeddingStore, ids: Array, deadline: float | None, degraded: dict[str, int]) -> Array:
    """float32 [ids, dim]. Where a row costs a network read, each is read once; in memory, a second read costs less
    than finding the first."""
    if not ids.size:
        return np.zeros((0, store.table.dim), np.float32)
    keys, order = unique(ids) if store.table.placement == "dynamodb" else (ids, None)
    rows = store.rows(keys, deadline=deadline)
    values, status = (rows.values, rows.status) if order is None else (rows.values[order], rows.status[order])
    if status.any():
        _count(store, status, degraded)
    return values


def _count(store: EmbeddingStore, status: Array, degraded: dict[str, int]) -> None:
    table = store.table
    for which, policy, reason in (
        (MISSING, table.missing, "missing_rows"),
        (UNAVAILABLE, table.unavailable, "unavailable_rows"),
    ):
        if not (count := int(np.count_nonzero(status == which))):
            continue
        if policy == "error":
            raise StoreUnavailable(f"table {table.name!r}: {count} rows could not be read, and defaults are forbidden")
        degraded[f"{reason}:{table.name}"] = count
