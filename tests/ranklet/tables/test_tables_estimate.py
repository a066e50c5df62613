"""What a push is said to cost: units and bytes counted on what a push really writes, prices by hand."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ranklet.items import Items
from ranklet.tables import estimate, importfiles
from ranklet_features.spec import Table


@pytest.mark.parametrize(
    ("keys", "page", "units"),
    [
        (np.array([5, 70, 123456]), 1, 3 * 2),  # an item of 1024 bytes, and its key and names: two units
        (["a", "bb", "ç"], 1, 3 * 2),
        (np.array([0, 1, 9]), 4, 3 + 2),  # two rows, 2 054 bytes and a key; one row
    ],
)
def test_it_is_what_a_push_writes(tmp_path: Path, keys: Any, page: int, units: int) -> None:
    table = Table("t", "t-1", "1", "int" if isinstance(keys, np.ndarray) else "string", 256, 3, page=page)
    items = Items(table, keys, np.random.default_rng(1).normal(size=(3, 256)).astype("<f4"))
    found = estimate.of(items)
    parts = importfiles.write(items, tmp_path, form="dynamodb-json", progress=lambda done, total: None)
    source = sum(len(gzip.decompress(part.path.read_bytes())) for part in parts)
    stored = sum(len(key.encode()) + len(value) + 2 for key, value in items.pairs(0, len(items)))
    assert (found.rows, found.items, found.bytes) == (3, len(items), stored)
    assert found.write_units == units
    assert found.write_dollars == pytest.approx(units * 0.625e-6)
    assert found.import_dollars == pytest.approx(source * 0.15e-9)
