"""Both ways of a request of one model: the uncut graph with the user in every row, and what the compiler ships.

Neither reads JSON nor a store. What is timed is looking up n rows of an item table of CATALOGUE in memory and the
graphs that serve n candidates (user and cross graph, or the rest graph), against one run of the uncut graph; one
thread each. Before anything is timed both give the same scores, at every number of candidates, to TOLERANCE (relative
above 1).
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
from ranklet.graph.feeds import InputKind, input_kinds
from ranklet.graph.packing import pack
from ranklet.graph.records import Array, Compiled, Feeds, Options, Piece, Sides
from ranklet.graph.running import Runner
from ranklet.graph.serving import CATALOGUE
from ranklet.graph.weights import shared

UNCUT, CONTROL, SHIPPED = "uncut", "control", "shipped"
TOLERANCE = 1e-5
STEADY, CALLS = 0.002, 64
"""Seconds that a timing should last, and the calls that it has at most for it: short ones are much disturbed."""

Scored = Callable[[object], Mapping[str, Array]]


@dataclass(frozen=True)
class Ways:
    """shipped: `uncut`, or the compiler's name for the split. below: requests of fewer candidates are for the rest
    graph, which opens in so many ms and adds so many bytes to the package. record: bytes stored per item.

    at: of a number of candidates, the ways to be timed and the seconds of one call of the uncut graph.
    """

    shipped: str
    reason: str
    record: int
    below: int
    opens_ms: float
    extra: int
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
    report = done.report
    opens = report.accounts["rest"].opens_ms if done.rest is not None else 0.0
    return Ways(report.shipped, report.reason, record, report.below, opens, _extra(done), at)


def _extra(done: Compiled) -> int:
    """Bytes of the rest graph that the others do not share."""
    if done.rest is None or done.cross is None:
        return 0
    many = [one.content for one in ((done.fused,) if done.fused is not None else (done.user, done.cross)) if one]
    graphs, beside = shared([*many, done.rest.content], "weights.bin")
    return sum(map(len, graphs)) + len(beside) - sum(map(len, many))


def _samples(uncut: Scored, shipped: Scored) -> tuple[Mapping[str, Sample], float]:
    seconds = min(_once(uncut) for _ in range(3))
    calls = max(1, min(CALLS, int(STEADY / max(seconds, 1e-6))))
    runs = {UNCUT: uncut, SHIPPED: shipped, CONTROL: uncut}
    # One call is not timed: the other way's weights are in the processor's cache, which a function has for itself.
    return {name: Way(run, lambda _: None, calls, warm=1).sample for name, run in runs.items()}, seconds


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
    first, last = _serving(done, n)
    inputs = verify.arranged(feeds, (first, last), sides)
    user = None if first is None else Runner(first.content)
    end = Runner(last.content)
    stored, keys = _stored(done, verify.arranged(feeds, (done.item,), sides), n)

    def request(_: object) -> dict[str, Array]:
        values = dict(inputs)
        for name, table in stored.items():
            values[name] = table.take(keys, 0)
        if user is not None:
            values |= user.run(values)
        return end.run(values)

    return whole(feeds), request


def _serving(done: Compiled, n: int) -> tuple[Piece | None, Piece]:
    """The user graph, if it runs by itself, and the last one."""
    assert done.cross is not None
    if done.rest is not None and n < done.report.below:
        return None, done.rest
    return (None, done.fused) if done.fused is not None else (done.user, done.cross)


def _runner(piece: Piece) -> Callable[[Feeds], Scored]:
    """A request puts its tensors together, both ways."""
    runner = Runner(piece.content)
    return lambda feeds: lambda _: runner.run(dict(feeds))


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
