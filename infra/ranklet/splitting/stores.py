"""The author's tables, read while item rows are computed: from memory, wherever the function will read them."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import replace

import numpy as np

from ranklet.tables.pin import Pinned
from ranklet_features.stores.base import EmbeddingStore
from ranklet_features.stores.indexes import Index, TextIndex, int_index
from ranklet_features.stores.resident import ResidentStore


def opened(tables: Iterable[Pinned], stack: ExitStack) -> dict[str, EmbeddingStore]:
    """A store per table, closed with the stack."""
    found: dict[str, EmbeddingStore] = {}
    for one in tables:
        keys = one.vectors.keys
        table = replace(one.table, placement="resident", snapshot=None, page=1)
        index: Index = int_index(table, keys) if isinstance(keys, np.ndarray) else TextIndex(table, list(keys))
        store = found[table.name] = ResidentStore(table, one.vectors.values, index)
        stack.callback(store.close)
    return found
