"""What a read that failed leaves behind: nothing that only the garbage collector can take away.

An exception that is kept holds the frames that it passed, up to the caller's, and with them a request's body and
arrays. In a list of one of those frames it is a circle, and a function that makes little garbage would keep every one.
"""

from __future__ import annotations

import dataclasses
import gc
import time
import weakref
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import orjson
import pytest
from stores_support import environment, make_table

from ranklet.local.dynamodb import Faults, LocalDynamo
from ranklet_features.errors import StoreUnavailable
from ranklet_features.packing import pack
from ranklet_features.stores import open_store
from ranklet_features.stores.base import UNAVAILABLE, EmbeddingStore

KINDS = {
    "throttled": Faults(throttle=1.0),
    "failed": Faults(error=1.0),
    "reset": Faults(reset=1.0),
    "cut short": Faults(truncate=1.0),
    "damaged": Faults(damage=1.0),
    "silent": Faults(silent=1.0),
    "nothing of it": Faults(unprocessed=1.0),
}


class Held:
    """Stands for what a request holds."""


@pytest.fixture
def store(dynamo: LocalDynamo, tmp_path: Path) -> Iterator[EmbeddingStore]:
    table = dataclasses.replace(make_table(list(range(50)), placement="dynamodb", cache_entries=0), hedge=0.5)
    folder = tmp_path / table.physical
    folder.mkdir()
    np.save(folder / "vectors.npy", pack(np.ones((50, table.dim), np.float32), table.dtype))
    np.save(folder / "keys.npy", np.arange(50))
    (folder / "table.json").write_bytes(orjson.dumps(dataclasses.asdict(table)))
    dynamo.load(folder)
    opened = open_store(table, Path(), environment(dynamo.endpoint))
    yield opened
    opened.close()


@pytest.fixture
def uncollected() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def request(store: EmbeddingStore) -> weakref.ref[Held]:
    """Reads as a request does, and forgets what it held."""
    held = Held()
    try:
        rows = store.rows(np.arange(40), deadline=time.monotonic() + 0.15)
    except StoreUnavailable:
        pass
    else:
        assert set(rows.status.tolist()) <= {0, UNAVAILABLE}
    return weakref.ref(held)


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_request_held_is_gone_when_it_ends(
    store: EmbeddingStore, dynamo: LocalDynamo, uncollected: None, kind: str
) -> None:
    assert request(store)() is None
    dynamo.faults = KINDS[kind]
    kept = [request(store) for _ in range(3)]
    dynamo.faults = Faults()
    kept.append(request(store))
    assert [one() for one in kept] == [None] * 4
