"""The client against a server that throttles, loses, resets, truncates, damages and dawdles: never a wrong row."""

from __future__ import annotations

import dataclasses
import logging
import random
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from stores_support import assert_rows, environment, make_table, vectors, write_staged

from ranklet.local.dynamodb import Faults, LocalDynamo
from ranklet_features.stores import open_store
from ranklet_features.stores.base import FOUND, MISSING, UNAVAILABLE, EmbeddingStore, Rows

KINDS = ("throttle", "error", "unprocessed", "reset", "silent", "truncate", "damage", "stray", "slow")
PRESENT, ABSENT = 600, 60
MARGIN_S = 10.0
"""Beyond the deadline; generous, since other work may hold this machine's processors."""


class Bench:
    """A local server with one table, and a check of every row that is read from it."""

    def __init__(self, server: LocalDynamo, folder: Path, key: str) -> None:
        self.keys: list[Any] = (
            list(range(PRESENT + ABSENT)) if key == "int" else [f"n-{i}" for i in range(PRESENT + ABSENT)]
        )
        present = sorted(self.keys[:PRESENT])
        self.expected = vectors(self.keys)
        self.table = make_table(present, name=key, placement="dynamodb", cache_entries=0)
        self.server = server
        server.load(write_staged(folder, self.table, present))

    def open(self, cache_entries: int = 0) -> EmbeddingStore:
        table = dataclasses.replace(self.table, cache_entries=cache_entries)
        return open_store(table, Path(), environment(self.server.endpoint))

    def read(self, store: EmbeddingStore, chosen: list[int], wait_s: float) -> Rows:
        """Read and check: each row is its own key's, or UNAVAILABLE; the deadline is kept."""
        deadline = time.monotonic() + wait_s
        rows = store.rows([self.keys[i] for i in chosen], deadline=deadline)
        assert time.monotonic() < deadline + MARGIN_S
        places, found = np.array(chosen, np.intp), rows.status == FOUND
        assert rows.values.shape == (len(chosen), self.table.dim)
        assert (places[found] < PRESENT).all() and (places[rows.status == MISSING] >= PRESENT).all()
        np.testing.assert_array_equal(rows.values[found], self.expected[places[found]])
        assert not rows.values[~found].any()
        return rows


@pytest.fixture(params=["int", "string"])
def bench(
    request: pytest.FixtureRequest, dynamo: LocalDynamo, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> Bench:
    caplog.set_level(logging.ERROR)
    return Bench(dynamo, tmp_path, request.param)


def draw_faults(dice: random.Random, seed: int) -> Faults:
    """Some kinds of faults, each rare to certain; pauses of a few milliseconds."""
    kinds = dice.sample(KINDS, dice.randint(1, 4))
    rates = {kind: dice.choice((0.05, 0.2, 0.5, 0.9)) for kind in kinds}
    return Faults(
        seed=seed, slow_s=dice.choice((0.002, 0.01, 0.05)), latency_s=dice.choice(((0, 0), (0, 0.003))), **rates
    )


def fuzz(bench: Bench, cases: range) -> Counter[str]:
    """Run cases, each with its own seed; how many rows had which status."""
    seen: Counter[str] = Counter()
    store = bench.open()
    for case in cases:
        dice = random.Random(case)
        if case % 20 == 0:
            store.close()
            store = bench.open(cache_entries=dice.choice((0, 0, 5, 300)))
        bench.server.faults = draw_faults(dice, case)
        n = dice.choice((1, 3, 30, 100, 101, 260))
        rows = bench.read(
            store, [dice.randrange(PRESENT + ABSENT) for _ in range(n)], dice.choice((0.005, 0.015, 0.04))
        )
        counts = np.bincount(rows.status, minlength=3)
        whole = "whole" if not counts[UNAVAILABLE] else "partly" if counts[FOUND] else "none"
        seen += Counter({"found": int(counts[FOUND]), "missing": int(counts[MISSING]), whole: 1})
    store.close()
    return seen


def test_a_thousand_cases_without_a_wrong_row(bench: Bench) -> None:
    seen = fuzz(bench, range(500))
    assert min(seen["whole"], seen["partly"], seen["none"]) > 10 and seen["missing"] > 100, seen


@pytest.mark.slow
def test_ten_thousand_cases_without_a_wrong_row(bench: Bench) -> None:
    seen = fuzz(bench, range(1000, 6000))
    print(seen)
    assert min(seen["whole"], seen["partly"], seen["none"]) > 100, seen


@pytest.mark.parametrize("kind", ["throttle", "error", "unprocessed", "reset", "truncate", "damage", "stray"])
def test_with_time_enough_every_row_is_read(bench: Bench, kind: str) -> None:
    store = bench.open()
    for seed in range(6):
        bench.server.faults = Faults(seed=seed, **{kind: 0.5})
        rows = bench.read(store, list(range(0, PRESENT + ABSENT, 3)), 60.0)
        assert not (rows.status == UNAVAILABLE).any()
    store.close()


@pytest.mark.parametrize("kind", ["throttle", "error", "reset", "silent", "truncate", "damage", "slow"])
def test_a_backend_that_never_answers_leaves_rows_unavailable_and_is_used_again_when_it_does(
    bench: Bench, kind: str
) -> None:
    for store in (bench.open(), bench.open(cache_entries=50)):
        bench.server.faults = Faults(**{kind: 1.0}, slow_s=30.0)
        rows = bench.read(store, [1, 2, 2, PRESENT], 0.05)
        if kind in ("silent", "slow", "reset", "throttle", "error"):
            assert (rows.status == UNAVAILABLE).all()
        bench.server.faults = Faults()
        rows = bench.read(store, [1, 2, 2, PRESENT], 60.0)
        assert rows.status.tolist() == [FOUND, FOUND, FOUND, MISSING]
        store.close()


def test_a_server_that_is_not_there_leaves_rows_unavailable(tmp_path: Path) -> None:
    with LocalDynamo() as server:
        endpoint = server.endpoint
    table = make_table([1], placement="dynamodb")
    store = open_store(table, Path(), environment(endpoint))
    rows = store.rows([1, 2], deadline=time.monotonic() + 0.05)
    assert rows.status.tolist() == [UNAVAILABLE, UNAVAILABLE]
    store.close()


def test_a_deadline_that_has_passed_asks_for_nothing(bench: Bench) -> None:
    store = bench.open()
    rows = store.rows(bench.keys[:3], deadline=time.monotonic() - 1)
    assert (rows.status == UNAVAILABLE).all() and not bench.server.calls
    store.close()


def test_a_server_that_was_started_anew_is_found_again(tmp_path: Path) -> None:
    table = make_table([1, 2], placement="dynamodb", cache_entries=0)
    staged = write_staged(tmp_path, table, [1, 2])
    with LocalDynamo() as server:
        server.load(staged)
        port = int(server.endpoint.rsplit(":", 1)[1])
        store = open_store(table, Path(), environment(server.endpoint))
        assert_rows(store.rows([1]), [1], {1, 2})
    again = LocalDynamo()
    again.load(staged)
    again.start(port)
    assert_rows(store.rows([1, 2], deadline=time.monotonic() + 30), [1, 2], {1, 2})
    store.close()
    again.close()


def test_what_was_not_read_is_logged_without_secrets(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    store = bench.open()
    bench.server.faults = Faults(throttle=1.0)
    with caplog.at_level(logging.WARNING):
        bench.read(store, [1, 2], 0.03)
    assert f"table {bench.table.name}: 3 rows not read in time" in caplog.text
    assert "Exception" in caplog.text and "secret" not in caplog.text and "n-1" not in caplog.text
    store.close()
