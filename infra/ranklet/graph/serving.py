"""Requests as they are served, ready to be timed: the user's graph, the lookup of stored rows, the last graph."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from ranklet.graph import verify
from ranklet.graph.candidates import Candidate, Subject, runner
from ranklet.graph.packing import pack
from ranklet.graph.records import Feeds, Piece, Sides
from ranklet.graph.running import Runner
from ranklet.graph.times import BASE, CONTROL, REST, Build, Runs

CATALOGUE = 4096
"""Items in the table that records are looked up in while candidates are timed."""


def runs(subject: Subject, candidates: Mapping[str, Candidate]) -> Build:
    """Of n: the uncut graph twice, and every candidate: user, record lookup, cross; and the rest graph of one that has
    it. Sessions are opened once."""
    whole = Runner(subject.whole.content)
    ready = {name: _request(one, _parts(name, one)) for name, one in candidates.items()}
    for one in candidates.values():
        if one.rest is not None:
            ready[REST] = _request(one, (None, one.rest))

    def at(n: int) -> Runs:
        feeds = typical(subject, n, subject.options.seed)
        made: dict[str, Callable[[], object]] = dict.fromkeys((BASE, CONTROL), lambda: whole.run(dict(feeds)))
        return made | {name: prepare(feeds, subject.sides, n) for name, prepare in ready.items()}

    return at


def _parts(name: str, candidate: Candidate) -> tuple[Piece | None, Piece]:
    """The graphs that run in a request: the user's, if it is one of its own, and the last."""
    if name.endswith("+") and candidate.fused is not None:
        return None, candidate.fused
    return candidate.three.user, candidate.cross


def _request(
    candidate: Candidate, parts: tuple[Piece | None, Piece]
) -> Callable[[Feeds, Sides, int], Callable[[], object]]:
    """From the original inputs to a request as it is served: rows of n stored items are looked up."""
    (user, last), record = parts, candidate.record
    first, end = runner(user), Runner(last.content)
    item = None if record is None else runner(candidate.item)

    def prepare(feeds: Feeds, sides: Sides, n: int) -> Callable[[], object]:
        inputs = verify.arranged(feeds, (user, last), sides)
        given = verify.arranged(feeds, (candidate.item,), sides)
        rows = pack(item.run(given), record) if item is not None and record is not None else {}
        stored = {name: np.resize(value, (CATALOGUE, *value.shape[1:])) for name, value in rows.items()}
        ids = np.random.default_rng(0).integers(0, CATALOGUE, n)

        def request() -> object:
            values = dict(inputs)
            for name, table in stored.items():
                values[name] = table.take(ids, 0)
            if first is not None:
                values |= first.run(inputs)
            return end.run(values)

        return request

    return prepare


def typical(subject: Subject, n: int, seed: int) -> Feeds:
    """A typical request of n candidates, user inputs tiled."""
    random = np.random.default_rng(seed)
    sizes = {"": n, **dict.fromkeys(subject.trace.grid.extents, 50)}
    feeds = {kind.name: kind.random(sizes, random) for kind in subject.kinds}
    return subject.prepare(verify.tiled(feeds, subject.sides))
