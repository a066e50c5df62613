from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from stores_support import DictStore, assert_rows, make_table, vector

from ranklet_features.errors import StoreError, StoreUnavailable
from ranklet_features.stores.arena import EMPTY
from ranklet_features.stores.base import FOUND, UNAVAILABLE
from ranklet_features.stores.cached import CachedStore
from ranklet_features.stores.directories import RAREST, IntDirectory


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def cached(keys: list, *, entries: int = 100, ttl: float = 60.0) -> tuple[CachedStore, DictStore, Clock]:
    inner = DictStore(make_table(keys, cache_entries=entries, cache_ttl_s=ttl), {key: vector(key) for key in keys})
    clock = Clock()
    return CachedStore(inner, clock=clock), inner, clock


@pytest.mark.parametrize("keys", [[1, 2, 3], ["a", "b", "c"]])
def test_only_keys_that_are_not_cached_go_to_the_store_behind_in_one_call(keys: list) -> None:
    store, inner, _ = cached(keys)
    store.rows(keys[:1])
    rows = store.rows([keys[2], keys[0], keys[1], keys[2]])
    assert inner.asked[0] == keys[:1] and sorted(inner.asked[1]) == keys[1:] and len(inner.asked) == 2
    assert_rows(rows, [keys[2], keys[0], keys[1], keys[2]], set(keys))
    store.rows(keys)
    assert len(inner.asked) == 2


@pytest.mark.parametrize("keys", [[1, 2, 99], ["a", "b", "zz"]])
def test_absence_is_remembered_as_long_as_a_row(keys: list) -> None:
    store, inner, clock = cached(keys[:2], ttl=60)
    for _ in range(3):
        assert_rows(store.rows(keys), keys, set(keys[:2]))
    assert len(inner.asked) == 1
    clock.now += 60
    inner.data[keys[2]] = vector(keys[2])
    assert_rows(store.rows(keys), keys, set(keys))
    assert len(inner.asked) == 2


def test_a_row_expires_at_its_time_to_live_and_not_before() -> None:
    store, inner, clock = cached([1, 2], ttl=60)
    store.rows([1])
    clock.now += 59.999
    store.rows([1])
    assert len(inner.asked) == 1
    clock.now += 0.002
    store.rows([1])
    assert len(inner.asked) == 2
    clock.now += 59.999
    store.rows([1])
    assert len(inner.asked) == 2


@pytest.mark.parametrize("keys", [[1, 2], ["a", "b"]])
def test_what_could_not_be_read_is_asked_for_again(keys: list) -> None:
    store, inner, _ = cached(keys)
    inner.down = {keys[1]}
    rows = store.rows(keys)
    assert rows.status.tolist() == [FOUND, UNAVAILABLE] and not rows.values[1].any()
    inner.down = set()
    assert_rows(store.rows(keys), keys, set(keys))
    assert inner.asked == [keys, keys[1:]]


@pytest.mark.parametrize("make", [lambda n: list(range(n)), lambda n: [f"key-{i}" for i in range(n)]])
def test_a_request_with_more_keys_than_entries_is_answered_whole(make: Callable[[int], list]) -> None:
    keys = make(50)
    store, inner, _ = cached(keys, entries=7)
    assert_rows(store.rows(keys), keys, set(keys))
    # Hits are copied before the request's own misses evict them.
    kept = [key for key in keys if store._directory.find(store._directory.normal([key]))[0]]
    assert len(kept) == 7
    asked = [*kept, *[key for key in keys if key not in kept][:20]]
    assert_rows(store.rows(asked), asked, set(keys))
    assert not set(inner.asked[-1]) & set(kept)


def test_a_burst_of_keys_that_never_come_back_does_not_push_out_what_is_used() -> None:
    keys = list(range(10_000))
    store, inner, _ = cached(keys, entries=100)
    hot = keys[:40]
    store.rows(hot)
    for start in range(100, 4000, 30):
        store.rows(hot)
        store.rows(keys[start : start + 30])
    before = len(inner.asked)
    assert_rows(store.rows(hot), hot, set(keys))
    assert len(inner.asked) == before


@pytest.mark.parametrize("stride", [1, 2**20, 2**43])
def test_integer_keys_that_share_their_low_bits_are_told_apart(stride: int) -> None:
    keys = [i * stride - 3 * stride for i in range(64)]
    store, _, _ = cached(keys, entries=40)
    for _ in range(3):
        for part in (keys[:40], keys[20:60], keys[::-1], [*keys[::7], *keys[::5]]):
            assert_rows(store.rows(np.array(part)), part, set(keys))


def test_an_error_of_the_store_behind_leaves_the_cache_as_it_was() -> None:
    store, inner, _ = cached([1, 2, 3])
    store.rows([1])

    def refuse(keys: Any, *, deadline: float | None = None) -> Any:
        raise StoreUnavailable("no access")

    inner.rows = refuse  # type: ignore[method-assign]
    with pytest.raises(StoreUnavailable, match="no access"):
        store.rows([1, 2])
    assert_rows(store.rows([1, 1]), [1, 1], {1})


def test_deadline_and_key_type_reach_the_store_behind() -> None:
    store, inner, _ = cached(["a"])
    seen = []
    plain = inner.rows
    inner.rows = lambda keys, *, deadline=None: (seen.append((keys, deadline)), plain(keys))[1]  # type: ignore
    store.rows(np.array(["a", "b", "a"]), deadline=12.5)
    assert seen == [(["a", "b"], 12.5)]


def test_closing_closes_the_store_behind_and_ends_reading() -> None:
    store, inner, _ = cached([1])
    store.close()
    assert inner.closed
    with pytest.raises(StoreError, match="after close"):
        store.rows([1])


class CacheAgainstDict(RuleBasedStateMachine):
    """Whatever is read, expires, fails, changes or is evicted: a row is its key's own, no older than its life."""

    key_strategy: Any = None

    @initialize(entries=st.integers(1, 12), ttl=st.sampled_from([1.0, 5.0, 1e9]))
    def open(self, entries: int, ttl: float) -> None:
        table = make_table([self.example_key()], cache_entries=entries, cache_ttl_s=ttl, dim=4)
        self.entries, self.ttl = entries, ttl
        self.inner = DictStore(table, {})
        self.clock = Clock()
        self.store = CachedStore(self.inner, clock=self.clock)
        self.history: dict[Any, list[tuple[float, Any]]] = {}

    def example_key(self) -> Any:
        return 1

    def key(self, number: int) -> Any:
        return number

    @rule(number=st.integers(0, 20))
    def write(self, number: int) -> None:
        """A row appears or changes; tables never do that, but it shows what is stale."""
        key = self.key(number)
        value = np.full(4, self.clock.now + number, np.float32)
        self.inner.data[key] = value
        self.history.setdefault(key, []).append((self.clock.now, value))

    @rule(number=st.integers(0, 20))
    def remove(self, number: int) -> None:
        key = self.key(number)
        if self.inner.data.pop(key, None) is not None:
            self.history[key].append((self.clock.now, None))

    @rule(numbers=st.sets(st.integers(0, 20), max_size=4))
    def go_down(self, numbers: set[int]) -> None:
        self.inner.down = {self.key(number) for number in numbers}

    @rule(seconds=st.sampled_from([0.25, 1.0, 4.0, 6.0]))
    def wait(self, seconds: float) -> None:
        self.clock.now += seconds

    @rule(numbers=st.lists(st.integers(0, 25), max_size=30))
    def read(self, numbers: list[int]) -> None:
        keys = [self.key(number) for number in numbers]
        rows = self.store.rows(keys)
        assert rows.values.shape == (len(keys), 4)
        asked = set(self.inner.asked[-1]) if self.inner.asked else set()
        for key, value, status in zip(keys, rows.values, rows.status.tolist(), strict=True):
            if status == UNAVAILABLE:
                assert key in self.inner.down and key in asked and not value.any()
            else:
                allowed = self.valid_values(key)
                got = value.tolist() if status == FOUND else None
                assert got in allowed, (key, got, allowed)
                assert status == FOUND or not value.any()

    def valid_values(self, key: Any) -> list[Any]:
        """What the key has held at some time within its life in the cache: the value at its start, and later ones."""
        start = self.clock.now - self.ttl
        past = [None if value is None else value.tolist() for at, value in self.history.get(key, []) if at <= start]
        recent = [None if value is None else value.tolist() for at, value in self.history.get(key, []) if at > start]
        return [past[-1] if past else None, *recent]

    @invariant()
    def is_bounded(self) -> None:
        directory = self.store._directory if hasattr(self, "store") else None
        if directory is None:
            return
        known = [n for n in range(26) if directory.find(directory.normal([self.key(n)]))[0]]
        slots = [int(directory.find(directory.normal([self.key(n)]))[0]) for n in known]
        assert len(set(slots)) == len(slots) <= self.entries


class IntCacheAgainstDict(CacheAgainstDict):
    def key(self, number: int) -> int:
        # Half of the keys share their low bits, so both the array and the dict beside it are used.
        return number if number % 2 else number * 2**40


class TextCacheAgainstDict(CacheAgainstDict):
    def example_key(self) -> str:
        return "é"

    def key(self, number: int) -> str:
        return f"schlüssel-{number}"


_SETTINGS = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestIntCache = IntCacheAgainstDict.TestCase
TestIntCache.settings = _SETTINGS
TestTextCache = TextCacheAgainstDict.TestCase
TestTextCache.settings = _SETTINGS


@pytest.mark.parametrize("key", [0, 16, -16, 2**63 - 16, -(2**63)])
def test_key_beside_the_array_is_found_and_forgotten_when_its_bucket_is_free_again(key: int) -> None:
    known = IntDirectory(make_table([1], cache_entries=2), 2)  # 16 buckets, in whose first one all of these belong
    both = np.array([32, key], np.int64)
    known.assign(both, np.array([0]), np.array([1]))
    known.assign(both, np.array([1]), np.array([2]))
    known.forget(np.array([1]))
    if key != RAREST:
        assert known.find(both).tolist() == [EMPTY, 2]
    known.assign(both, np.array([1]), np.array([1]))
    known.forget(np.array([1, 2]))
    assert known.find(both).tolist() == [EMPTY, EMPTY]
