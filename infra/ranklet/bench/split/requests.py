"""Both ways of a request of one model: the uncut graph with the user in every row, and what the compiler ships.

Neither reads JSON nor a store. What is timed is the user graph, looking up n rows of an item table of CATALOGUE in
memory, and the cross graph, against one run of the uncut graph; one thread each. Before anything is timed both give
the same scores, at every number of candidates, to TOLERANCE (relative above 1).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from ranklet.bench.base import Sample, Way
from ranklet.bench.split.models import Model
from ranklet.errors import BenchError
from ranklet.graph import verify
from ranklet.graph.compiler import compile
from ranklet.graph.timing import CATALOGUE
from ranklet.graph.feeds import InputKind, input_kinds
from ranklet.graph.packing import pack
from ranklet.graph.records import Array, Compiled, Feeds, Options, Piece, Sides
from ranklet.graph.running import Runner

UNCUT, CONTROL, SHIPPED = "uncut", "control", "shipped"
TOLERANCE = 1e-5
STEADY, CALLS = 0.002, 64
"""Seconds that a timing should last, and the calls that it has at most for it: short ones are much disturbed."""

Scored = Callable[[object], Mapping[str, Array]]


@dataclass(frozen=True)
class Ways:
    """shipped: `uncut`, or the compiler's name for the split. record: bytes stored per item.

    at: of a number of candidates, the ways to be timed and the seconds of one call of the uncut graph.
    """

    shipped: str
    reason: str
    record: int
    at: Callable[[int], tuple[Mapping[str, Sample], float]]


def compiled(model: Model, numbers: Sequence[int]) -> Ways:
    """Compile as `ranklet build` does, and check. Raises BenchError where scores differ."""
    import onnx  # as slow to import as onnxruntime

    graph = ir.from_proto(onnx.load_from_string(model.build()))
    kinds = input_kinds(graph, {}, {})
    done = compile(graph, model.sides, Options(candidates=tuple(numbers)))
    runs = {n: _both(done, _feeds(kinds, model.sides, n), model.sides, n) for n in numbers}
    for n, (uncut, shipped) in runs.items():
        gap = verify.difference(shipped(None), uncut(None))
        if not gap <= TOLERANCE:
            raise BenchError(f"{model.about}, N = {n}: scores differ by {gap:.2g}; nothing was timed")

    def at(n: int) -> tuple[Mapping[str, Sample], float]:
        return _samples(*runs[n])

    record = 0 if done.record is None else done.record.nbytes
    return Ways(done.report.shipped, done.report.reason, record, at)


def _samples(uncut: Scored, shipped: Scored) -> tuple[Mapping[str, Sample], float]:
    seconds = min(_once(uncut) for _ in range(3))
    calls = max(1, min(CALLS, int(STEADY / max(seconds, 1e-6))))
    runs = {UNCUT: uncut, SHIPPED: shipped, CONTROL: uncut}
    return {name: Way(run, lambda _: None, calls).sample for name, run in runs.items()}, seconds


def _once(run: Scored) -> float:
    start = time.process_time()
    run(None)
    return time.process_time() - start


def _feeds(kinds: tuple[InputKind, ...], sides: Sides, n: int) -> Feeds:
    random = np.random.default_rng(n)
    return verify.tiled({kind.name: kind.random({"": n}, random) for kind in kinds}, sides)


def _both(done: Compiled, feeds: Feeds, sides: Sides, n: int) -> tuple[Scored, Scored]:
    whole = _runner(done.whole)
    if done.cross is None:
        return whole(feeds), whole(feeds)
    inputs = verify.arranged(feeds, (done.user, done.item, done.cross), sides)
    user = None if done.user is None or done.fused is not None else _runner(done.user)(inputs)
    cross = Runner((done.fused or done.cross).content)
    stored, keys = _stored(done, inputs, n)

    def request(_: object) -> dict[str, Array]:
        values = {**inputs, **{name: table.take(keys, 0) for name, table in stored.items()}}
        if user is not None:
            values |= user(None)
        return cross.run(values)

    return whole(feeds), request


def _runner(piece: Piece) -> Callable[[Feeds], Scored]:
    runner = Runner(piece.content)
    return lambda feeds: lambda _: runner.run(feeds)


def _stored(done: Compiled, inputs: Feeds, n: int) -> tuple[dict[str, Array], Array]:
    """The item table, the request's n items spread over it, and where they are."""
    if done.item is None or done.record is None:
        return {}, np.arange(n)
    rows = pack(Runner(done.item.content).run(inputs), done.record)
    keys = np.random.default_rng(0).permutation(CATALOGUE)[:n]
    stored = {name: np.zeros((CATALOGUE, *value.shape[1:]), value.dtype) for name, value in rows.items()}
    for name, value in rows.items():
        stored[name][keys] = value
    return stored, keys
