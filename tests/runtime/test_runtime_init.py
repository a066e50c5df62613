"""What INIT does beyond opening the bundle: tables elsewhere are asked which version they are, before any request."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ranklet_features.errors import StoreUnavailable, TableMismatch
from ranklet_features.plan import FeaturePlan
from ranklet_features.spec import Feature, FeatureSpec, Input, Table
from ranklet_features.stores.base import UNAVAILABLE, Keys, Rows
from ranklet_runtime.manifest import Manifest
from ranklet_runtime.scorer import Scorer


class Store:
    """A table that answers nothing in time, or raises, and notes what it was asked."""

    def __init__(self, table: Table, error: Exception | None = None) -> None:
        self.table, self._error = table, error
        self.asked: list[tuple[Any, float | None]] = []

    def rows(self, keys: Keys, *, deadline: float | None = None) -> Rows:
        self.asked.append((list(keys), deadline))
        if self._error is not None:
            raise self._error
        return Rows(np.zeros((len(keys), 1), np.float32), np.full(len(keys), UNAVAILABLE, np.uint8))

    def close(self) -> None:
        """Nothing to give back."""


def _scorer(*stores: Store) -> Scorer:
    tables = {store.table.name: store.table for store in stores}
    inputs = {"int": Input("item", "int"), "string": Input("item", "string")}
    features = {name: Feature("embedding", (table.key,), {"table": name}) for name, table in tables.items()}
    spec = FeatureSpec(inputs, features, tables)
    by_name = {store.table.name: store for store in stores}
    plan = FeaturePlan.compile(spec, Path(), by_name)
    return Scorer(Manifest("m", "1", spec, (), "score"), plan, (), by_name)


def _table(name: str, key: Any = "int", placement: Any = "dynamodb") -> Table:
    return Table(name, f"ranklet-{name}-1", "1", key, 1, 3, placement=placement)


def test_each_table_elsewhere_is_read_once_and_what_does_not_answer_is_no_fault() -> None:
    stores = Store(_table("films")), Store(_table("words", "string")), Store(_table("here", placement="resident"))
    _scorer(*stores).verify()
    films, words, here = (store.asked for store in stores)
    assert [keys for keys, _ in films] == [[0]]
    assert [keys for keys, _ in words] == [["0"]]
    assert here == []
    assert all(deadline is not None for _, deadline in films + words)


def test_a_table_of_another_version_is_refused() -> None:
    with pytest.raises(TableMismatch, match="another run"):
        _scorer(Store(_table("films")), Store(_table("words"), TableMismatch("another run"))).verify()


def test_what_aws_refuses_is_left_to_the_first_request() -> None:
    """Rights may take a while to reach a new role; a request says what is wrong, and the next one may be answered."""
    after = Store(_table("words"))
    _scorer(Store(_table("films"), StoreUnavailable("access denied")), after).verify()
    assert len(after.asked) == 1
