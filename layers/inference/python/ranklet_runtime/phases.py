"""Where a request's time goes: decode, assemble, rows, run, encode.

A stopwatch that the function starts with an event and stops at each phase's end. Read in every request it would cost
some 4 µs; so it runs in each EVERY-th scored request, and in those that leave a line in the log. `rows` is the time in
tables' stores, which lies within other phases and is taken out of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from time import perf_counter_ns
from typing import Any

from ranklet_features.spec import Table
from ranklet_features.stores.base import EmbeddingStore, Keys, Rows
from ranklet_features.stores.counts import Counts, counts_of
from ranklet_runtime.taken import Taken
from ranklet_runtime.telemetry import MOST_VALUES

NAMES = ("decode", "assemble", "rows", "run", "encode")
DECODE, ASSEMBLE, ROWS, RUN, ENCODE = range(len(NAMES))


EVERY = 10


class Phases:
    """The stopwatch of one function, and what it measured since the last `take`.

    on: whether it runs, which those who call `lap` ask first. wanted: that it runs in the next request. stores: those
    that are timed while it runs.
    """

    def __init__(self) -> None:
        self.on = self.wanted = False
        self.stores: list[Timed] = []
        self._left = EVERY
        self._at = self._away = 0
        self._now = [0] * len(NAMES)
        self._kept: list[list[int]] = []

    def begin(self) -> None:
        """A request begins."""
        self._left -= 1
        on = self.wanted or self._left <= 0
        if on is not self.on:
            self.on = on
            for store in self.stores:
                store.switch(on)
        if on:
            self._now = [0] * len(NAMES)
            self._away = 0
            self._at = perf_counter_ns()

    def lap(self, phase: int) -> None:
        """What passed since the last lap was this phase, but for the time in stores."""
        now = perf_counter_ns()
        self._now[phase] += now - self._at - self._away
        self._at, self._away = now, 0

    def read(self, nanoseconds: int) -> None:
        """So long a store was asked, within the lap that is under way."""
        self._now[ROWS] += nanoseconds
        self._away += nanoseconds

    def done(self) -> None:
        """The request was scored, and counts."""
        if self._left <= 0:
            self._left = EVERY
        if len(self._kept) < MOST_VALUES:
            self._kept.append(self._now)

    @property
    def last(self) -> dict[str, float]:
        """Microseconds of the request that was measured last, by phase."""
        return {name: value / 1000 for name, value in zip(NAMES, self._now, strict=True)}

    def take(self) -> list[Taken]:
        """Microseconds of each request that was measured, by phase, which begin anew."""
        kept, self._kept = self._kept, []
        columns = zip(NAMES, zip(*kept, strict=True), strict=True) if kept else ()
        found = {
            f"Phase:{name}": ("Microseconds", [round(value / 1000, 1) for value in values]) for name, values in columns
        }
        return [Taken(found)] if found else []


class Timed:
    """A store whose reads are timed while the stopwatch runs; otherwise `rows` is the store's own."""

    def __init__(self, store: EmbeddingStore, phases: Phases) -> None:
        self._store, self._phases = store, phases
        self.table: Table = store.table
        self.counts: Counts = counts_of(store)
        self.rows: Callable[..., Rows] = store.rows
        phases.stores.append(self)

    def switch(self, on: bool) -> None:
        """Time reads from now on, or no longer."""
        self.rows = self._timed if on else self._store.rows

    def _timed(self, keys: Keys, *, deadline: float | None = None) -> Rows:
        began = perf_counter_ns()
        rows = self._store.rows(keys, deadline=deadline)
        self._phases.read(perf_counter_ns() - began)
        return rows

    def close(self) -> None:
        """Close the store."""
        self._store.close()


def timed(stores: Mapping[str, EmbeddingStore], phases: Phases) -> dict[str, Any]:
    """The stores, each timed."""
    return {name: Timed(store, phases) for name, store in stores.items()}
