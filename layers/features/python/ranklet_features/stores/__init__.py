"""Embedding stores: whatever turns keys into the rows of one immutable table version.

`open_store` opens the store that a table's placement names. A further store is one module with an
`open_table(table, folder, environ)` and one line in STORES; the module is imported when it is used, so that a
function with resident tables never pays for sockets and TLS.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

from ranklet_features.errors import SpecError
from ranklet_features.spec import Table
from ranklet_features.stores.base import EmbeddingStore

STORES = {
    "resident": "ranklet_features.stores.resident",
    "dynamodb": "ranklet_features.stores.dynamodb",
}
"""Placement → module. What is not in memory already is read through the bounded cache."""


def open_store(table: Table, folder: Path, environ: Mapping[str, str]) -> EmbeddingStore:
    """Open the store of one table.

    folder: the bundle, which holds `tables/<name>.npy` and its keys where the table is resident.
    environ: region, endpoint and credentials of a `dynamodb` table; nothing is read over the network yet.
    Raises SpecError for an unknown placement, TableMismatch when files are not the pinned table, and
    StoreUnavailable where region or credentials are not given.
    """
    module = STORES.get(table.placement)
    if module is None:
        raise SpecError(f"table {table.name}: placement {table.placement!r}; allowed: {sorted(STORES)}")
    store: EmbeddingStore = import_module(module).open_table(table, folder, environ)
    if table.placement == "resident" or table.cache_entries <= 0:
        return store
    # Imported here: a function with resident tables alone has no use for it.
    from ranklet_features.stores.cached import CachedStore

    return CachedStore(store)
