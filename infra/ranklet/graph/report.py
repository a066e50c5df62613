"""Counts what each graph does, and writes a compiled model's report as text."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from math import prod
from typing import Any

import numpy as np
import onnx_ir as ir

from ranklet.graph.records import Array, Compiled, Feeds, Piece, SideAccount
from ranklet.graph.running import Runner

DOT = {"MatMul", "Gemm"}
OPENED = 5
"""Times that a graph is opened to tell how long it takes."""


def account(piece: Piece, feeds: Feeds) -> SideAccount:
    """feeds: inputs of the piece with one row. Matrix products count 2·m·k·n, other nodes one per output element, and
    nodes that are made of weights alone nothing: onnxruntime computes them when a session opens."""
    import onnx  # as slow to import as onnxruntime

    model = onnx.load_from_string(piece.content)
    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    shapes = _shapes(piece, feeds)
    shapes.update({name: tuple(tensor.dims) for name, tensor in weights.items()})
    flops = sum(_flops(node, shapes) for node in _varying(model.graph.node, set(weights)))
    size = sum(prod(t.dims) * ir.DataType(t.data_type).itemsize for t in weights.values() if t.data_type != 8)
    return SideAccount(len(model.graph.node), int(flops), int(size), _opening(piece))


def _opening(piece: Piece) -> float:
    """Milliseconds, the median of some times."""
    taken = []
    for _ in range(OPENED):
        start = time.thread_time()
        Runner(piece.content)
        taken.append(time.thread_time() - start)
    return round(float(np.median(taken)) * 1000, 2)


def _varying(nodes: Iterable[Any], known: set[str]) -> Iterator[Any]:
    for node in nodes:
        if node.input and all(name in known for name in node.input if name):
            known.update(node.output)
        else:
            yield node


def _shapes(piece: Piece, feeds: Feeds) -> dict[str, tuple[int, ...]]:
    import onnx  # as above

    model = onnx.load_from_string(piece.content)
    names = list(dict.fromkeys(name for node in model.graph.node for name in node.output if name))
    del model.graph.output[:]
    for name in names:
        model.graph.output.add().name = name
    found: dict[str, Array] = {**Runner(model.SerializeToString(), plain=True).run(feeds), **feeds}
    return {name: np.shape(value) for name, value in found.items()}


def _flops(node: object, shapes: dict[str, tuple[int, ...]]) -> int:
    op, inputs, outputs = node.op_type, list(node.input), list(node.output)  # type: ignore[attr-defined]
    size = prod(shapes.get(outputs[0], (0,)))
    if op in DOT:
        left = shapes.get(inputs[0], (0,))
        turned = any(a.name == "transA" and a.i for a in node.attribute)  # type: ignore[attr-defined]
        return 2 * size * (left[0] if turned else left[-1])
    return size


SECTIONS = ("proven", "pushed", "dynamic", "refused", "declined", "kept")
"""The report's sentences by what they are about, in the order in which they are told."""


def document(compiled: Compiled) -> dict[str, Any]:
    """The account as JSON: what ships and why, what each graph does, what is stored, what was measured and found."""
    report, record = compiled.report, compiled.record
    return {
        "shipped": report.shipped,
        "reason": report.reason,
        "uncut_below": report.below,
        "grown": report.grown,
        "acceptance": {"trials": report.trials, "worst": report.worst, "skipped": list(report.skipped)},
        "sides": {name: asdict(side) for name, side in report.accounts.items()},
        "frontier": [asdict(port) | {"side": port.name.split(".")[0]} for port in report.frontier],
        "record": None if record is None else asdict(record) | {"bytes": record.nbytes},
        "tables": [{"name": t.name, "shape": list(t.shape), "dtype": t.dtype} for t in compiled.tables],
        "lookups": [asdict(lookup) for lookup in compiled.lookups],
        "timings": [asdict(timing) for timing in report.timings],
        "control": report.control,
        **{section: dict(getattr(report, section)) for section in SECTIONS},
    }


def lines(compiled: Compiled) -> Iterator[str]:
    """The report, one statement a line."""
    report = compiled.report
    yield f"shipped: {report.shipped} ({report.reason})"
    if report.trials:
        worst = f"largest difference {report.worst:.2g}; control {report.control:.2f}×"
        yield f"acceptance: {report.trials} inputs, {worst}"
    for name, side in report.accounts.items():
        work = f"{side.nodes} nodes, {side.flops:,} flops a row, {side.weights:,} bytes of weights"
        yield f"{name}: {work}, opens in {side.opens_ms:.1f} ms"
    if report.below:
        yield f"rest: serves below {report.below} candidates; {report.grown} more numbers per item"
    for port in report.frontier:
        yield f"frontier: {port.name} {list(port.shape)} {port.dtype}"
    if compiled.record is not None:
        yield f"record per item: {compiled.record.width} × {compiled.record.dtype}, {compiled.record.nbytes} bytes"
    for timing in report.timings:
        yield f"N = {timing.n}: {timing.candidate} {timing.micros:.0f} µs, {timing.speedup:.2f}×"
    for title, notes in (
        ("proven", report.proven),
        ("pushed down", report.pushed),
        ("trusted after a trial only", report.dynamic),
        ("stays per candidate", report.refused),
        ("not taken", report.declined),
        ("table kept in the graph", report.kept),
    ):
        for name, why in notes.items():
            yield f"{title}: {name}: {why}"


def gathered(notes: Mapping[str, str]) -> Iterator[str]:
    """Sentences about nodes ("MatMul v7" → why), those with the same reason together: "MatMul × 3, Gemm: why"."""
    found: dict[str, Counter[str]] = {}
    for node, why in notes.items():
        found.setdefault(why, Counter())[node.split(" ")[0]] += 1
    for why, ops in found.items():
        yield ", ".join(op if count == 1 else f"{op} × {count}" for op, count in ops.items()) + f": {why}"
