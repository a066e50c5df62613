"""Rows outside the graph, read once per table and request by a Gather's own ids; user results, kept on demand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from ranklet_features.errors import StoreUnavailable
from ranklet_features.spec import Table
from ranklet_features.stores.base import MISSING, UNAVAILABLE, Rows
from ranklet_runtime.errors import BadRequest, ManifestError
from ranklet_runtime.keeping import Kept
from ranklet_runtime.lookup import Lookup
from ranklet_runtime.manifest import Step

VALUES = np.arange(20, dtype=np.float32).reshape(10, 2)


class Store:
    """A table of ten rows that notes what it was asked."""

    def __init__(self, placement: Any = "resident", status: Sequence[int] = (0,) * 10, **policies: Any) -> None:
        self.table = Table("films", "ranklet-films-0", "0", "int", 2, 10, placement=placement, **policies)
        self.status = np.asarray(status, np.uint8)
        self.asked: list[list[int]] = []

    def rows(self, keys: Any, *, deadline: float | None = None) -> Rows:
        self.asked.append(np.asarray(keys).tolist())
        status = self.status[keys]
        return Rows(np.where(status[:, None] == 0, VALUES[keys], 0), status)

    def close(self) -> None: ...


def lookup(store: Store, **ranks: int) -> Lookup:
    options = {f"{name}.rows": {"table": "films", "rank": rank} for name, rank in ranks.items()}
    inputs = {f"{name}.rows": name for name in ranks}
    outputs = {f"{name}.rows": f"rows/{name}" for name in ranks}
    return Lookup(Step("lookup", "item", inputs, outputs, options=options), {"films": store})


def test_all_uses_of_a_table_are_one_read() -> None:
    store = Store()
    found, degraded = lookup(store, film=1, liked=2).read(
        {"film": np.array([3, 1, 3]), "liked": np.array([[1, 9]])}, None
    )
    assert store.asked == [[3, 1, 3, 1, 9]]
    np.testing.assert_array_equal(found["rows/film"], VALUES[[3, 1, 3]])
    np.testing.assert_array_equal(found["rows/liked"], VALUES[[[1, 9]]])
    assert degraded == {}


def test_over_the_network_each_row_is_read_once() -> None:
    store = Store("dynamodb")
    ids = {"film": np.array([3, 1, 3, -7]), "liked": np.array([[1, 9], [9, 1]])}
    found, _ = lookup(store, film=1, liked=2).read(ids, None)
    assert store.asked == [[1, 3, 9]]
    np.testing.assert_array_equal(found["rows/film"], VALUES[[3, 1, 3, 3]])
    np.testing.assert_array_equal(found["rows/liked"], VALUES[[[1, 9], [9, 1]]])


def test_ids_below_zero_count_from_the_end_as_the_graphs_own() -> None:
    found, _ = lookup(Store(), film=1).read({"film": np.array([-1, -10], np.int32)}, None)
    np.testing.assert_array_equal(found["rows/film"], VALUES[[9, 0]])


@pytest.mark.parametrize("wrong", [10, -11, 1 << 40])
def test_an_id_outside_the_table_is_named(wrong: int) -> None:
    ids = {"film": np.array([1]), "liked": np.array([[0, wrong]])}
    with pytest.raises(BadRequest, match=f"liked holds {wrong}, table 'films' has the rows 0 to 9"):
        lookup(Store(), film=1, liked=2).read(ids, None)


@pytest.mark.parametrize(
    ("shape", "rank", "wanted"), [((3,), 2, (3, 1, 2)), ((3, 1), 1, (3, 2)), ((3, 1), 2, (3, 1, 2))]
)
def test_a_last_dimension_of_one_comes_or_goes(shape: tuple[int, ...], rank: int, wanted: tuple[int, ...]) -> None:
    found, _ = lookup(Store(), film=rank).read({"film": np.zeros(shape, np.int64)}, None)
    assert found["rows/film"].shape == wanted


def test_no_ids_are_no_read() -> None:
    store = Store()
    found, _ = lookup(store, liked=2).read({"liked": np.zeros((1, 0), np.int64)}, None)
    assert (found["rows/liked"].shape, store.asked) == ((1, 0, 2), [])


def test_rows_that_are_not_there_are_zeros_and_counted() -> None:
    status = [0, MISSING, UNAVAILABLE, *[0] * 7]
    found, degraded = lookup(Store(status=status), film=1).read({"film": np.array([0, 1, 2, 1])}, None)
    np.testing.assert_array_equal(found["rows/film"], [[0, 1], [0, 0], [0, 0], [0, 0]])
    assert degraded == {"missing_rows:films": 2, "unavailable_rows:films": 1}


def test_a_table_may_forbid_defaults() -> None:
    store = Store(status=[UNAVAILABLE] * 10, unavailable="error")
    with pytest.raises(StoreUnavailable, match="1 rows could not be read, and defaults are forbidden"):
        lookup(store, film=1).read({"film": np.array([4])}, None)


def test_a_table_that_is_not_there_is_named() -> None:
    step = Step("lookup", "item", {"r": "film"}, {"r": "rows"}, options={"r": {"table": "gone", "rank": 1}})
    with pytest.raises(ManifestError, match="no table for 'r'"):
        Lookup(step, {"films": Store()})


class Doubles:
    """An engine that counts its runs and uses its memory again."""

    def __init__(self) -> None:
        self.runs, self.memory = 0, np.zeros((1, 2), np.float32)

    def run(self, tensors: Any) -> dict[str, Any]:
        self.runs += 1
        self.memory = np.resize(self.memory, tensors["x"].shape)
        np.multiply(tensors["x"], 2, out=self.memory)
        return {"y": self.memory}


def kept(*, seconds: float = 5, entries: int = 2) -> tuple[Kept, Doubles, list[float]]:
    step = Step("onnx", "user", {"x": "x", "again": "x"}, {"y": "y"}, keep_seconds=seconds, keep_entries=entries)
    engine, now = Doubles(), [0.0]
    return Kept(step, engine, clock=lambda: now[0]), engine, now  # type: ignore[arg-type]


def ask(kept: Kept, *values: float) -> list[float]:
    found: list[float] = kept.run({"x": np.array([values], np.float32)})["y"].ravel().tolist()
    return found


def test_the_same_user_is_computed_once_for_some_seconds() -> None:
    one, engine, now = kept()
    assert [ask(one, 1, 2), ask(one, 3, 4), ask(one, 1, 2)] == [[2, 4], [6, 8], [2, 4]]
    assert (engine.runs, dict(one.counts)) == (2, {"UserCacheMisses": 2, "UserCacheHits": 1})
    now[0] = 5.0
    assert ask(one, 1, 2) == [2, 4]
    assert engine.runs == 3


def test_no_more_users_are_kept_than_asked_for() -> None:
    one, engine, _ = kept(entries=2)
    for value in (1, 2, 3, 2, 3):
        ask(one, value, 0)
    assert engine.runs == 3
    ask(one, 1, 0)  # the oldest had to go
    assert engine.runs == 4


def test_other_bytes_are_another_user() -> None:
    one, engine, _ = kept()
    ask(one, 0.0, 1)
    ask(one, -0.0, 1)
    one.run({"x": np.array([[0.0], [1]], np.float32).T.copy()})
    assert engine.runs == 2


def test_what_a_later_step_writes_stays_out_of_what_is_kept() -> None:
    one, _, _ = kept()
    found = one.run({"x": np.ones((1, 2), np.float32)})
    found["more"] = np.zeros(1)
    assert set(one.run({"x": np.ones((1, 2), np.float32)})) == {"y"}


def test_rows_of_several_users_are_not_kept() -> None:
    one, engine, _ = kept()
    for _ in range(2):
        one.run({"x": np.ones((3, 2), np.float32)})
    assert (engine.runs, dict(one.counts)) == (2, {})
