"""What a request of 500 candidates holds in memory: counts of Python's allocator, the same in every run.

    blocks-<form>      of Python's small-object allocator that are alive when the model is run: what decoding and
                       features made. Objects per number show here
    peak-bytes-<form>  the most that is held at once, arrays included
    kept-blocks-<form> that a hundred requests leave behind
    gc-runs-<form>     of the garbage collector in two hundred requests

The model answers at once (`dialects.Answered`), so that its own memory is in none of them.
"""

from __future__ import annotations

import gc
import sys
import tracemalloc
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median_low
from typing import Any

from ranklet.bench import dialects
from ranklet.bench.dialects import Answered, ranker
from ranklet.dialects import FORMS
from ranklet_runtime.function import Function

N = 500
ROUND = 100
"""Requests after which telemetry has written what it held."""

FULL = 11 * ROUND
"""After which all is full that keeps a bounded number: of each tenth request, the time of its phases."""

PLACES = 3
HERE = Path(__file__).parent


@dataclass(frozen=True)
class Held:
    """Of one form. places: where most of what is alive when the model runs was made, by lines of code."""

    blocks: int
    peak: int
    kept: int
    runs: int
    places: str


class Watched(Answered):
    """A session that looks around when it is run, and answers at once."""

    def __init__(self, session: Any) -> None:
        super().__init__(session)
        self.look: Callable[[], object] = lambda: None

    def run(self, names: Sequence[str], feeds: Mapping[str, Any], options: Any = None) -> list[Any]:
        """Without a look at what is asked."""
        self.look()
        return self.known


def held(form: str, alone: Function, watched: Watched) -> Held:
    """Count one form. alone: the handler around `watched`."""
    golden = ranker.request(N)
    watched.known = watched.session.run(None, ranker.feeds(golden))
    event, _ = dialects.event_of(FORMS[form], alone, golden)

    def requests(count: int) -> None:
        for _ in range(count):
            alone(event, None)

    requests(FULL)
    with _frozen():
        return Held(
            blocks=median_low(
                _blocks(lambda: alone(event, None), watched) for _ in range(5)
            ),  # others' threads count too
            peak=median_low(_peak(lambda: alone(event, None)) for _ in range(5)),
            kept=min(_kept(lambda: requests(ROUND)) for _ in range(3)),  # free lists fill once
            runs=_runs(lambda: requests(2 * ROUND)),
            places=_places(lambda: alone(event, None), watched),
        )


@contextmanager
def _frozen() -> Iterator[None]:
    """What lives already is kept from the collector, as in a function after INIT."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _blocks(call: Callable[[], object], watched: Watched) -> int:
    seen: list[int] = []
    watched.look = lambda: seen.append(sys.getallocatedblocks())
    gc.collect()
    gc.disable()
    try:
        before = sys.getallocatedblocks()
        call()
    finally:
        gc.enable()
        watched.look = lambda: None
    return seen[0] - before


def _peak(call: Callable[[], object]) -> int:
    tracemalloc.start()
    try:
        call()  # what the first traced call keeps is not a request's
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        call()
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


def _kept(call: Callable[[], object]) -> int:
    gc.collect()
    before = sys.getallocatedblocks()
    call()
    gc.collect()
    return max(0, sys.getallocatedblocks() - before)


def _runs(call: Callable[[], object]) -> int:
    gc.collect()
    before = _collections()
    call()
    return _collections() - before


def _collections() -> int:
    return sum(int(one["collections"]) for one in gc.get_stats())


def _places(call: Callable[[], object], watched: Watched) -> str:
    """The lines that made most blocks, of ours or of what ours call."""
    taken: list[tracemalloc.Snapshot] = []
    watched.look = lambda: taken.append(tracemalloc.take_snapshot())
    tracemalloc.start()
    try:
        call()
    finally:
        tracemalloc.stop()
        watched.look = lambda: None
    found = taken[0].filter_traces([tracemalloc.Filter(False, str(HERE / "*"))]).statistics("lineno")
    found.sort(key=lambda one: (-one.count, -one.size))
    return ", ".join(f"{_line(one.traceback[0])} ({one.count} blocks, {one.size} bytes)" for one in found[:PLACES])


def _line(frame: tracemalloc.Frame) -> str:
    path = Path(frame.filename)
    return f"{path.parent.name}/{path.name}:{frame.lineno}"
