"""Collapses TensorFlow's sparse lookups: `safe_embedding_lookup_sparse` becomes a Gather and a masked reduction.

tf2onnx writes it as some sixty nodes (NonZero, Unique, Compress, ScatterElements …) that look the distinct ids of the
whole batch up, so that no table can leave the graph. Requires: a Gather of a matrix by ids that come out of Unique, and
an integer matrix [batch, length] before it, in which ids below 0 are absent. The replacement is guessed (sum, mean or
sqrtn over the ids that are there, zeros where none is) and taken only if it gives the value's own contents at every
point of the grid, absent ids and empty rows included; the acceptance test comes on top.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from ranklet.graph.dead import drop
from ranklet.graph.feeds import InputKind
from ranklet.graph.records import Array
from ranklet.graph.running import RunFailed, Runner
from ranklet.graph.shrink import shrunk
from ranklet.graph.trace import exposed, grid_for, read_by

WAYS = ("sum", "mean", "sqrtn")
CLOSE = 1e-6
SEED, ABSENT = 2, 0.4
"""Of the ids drawn, the share that is absent; one row has none at all."""


@dataclass(frozen=True)
class Lookup:
    """outs: values [batch, dim] after the Gather, the last first; one of them may be the pooled rows."""

    table: ir.Value
    ids: tuple[ir.Value, ...]
    outs: tuple[ir.Value, ...]


def collapse(model: ir.Model, kinds: tuple[InputKind, ...]) -> tuple[str, ...]:
    """Replace every sparse lookup in `model`; the names of their tables."""
    if model.graph.opset_imports.get("", 0) < 13:
        return ()  # before it ReduceSum took its axes otherwise
    found = list(_lookups(model.graph))
    if not found:
        return ()
    runs = _runs(model, kinds, found)
    done = [one.table.name or "" for one in found if _replaced(model, one, runs)]
    drop(model.graph)
    return tuple(done)


def _lookups(graph: ir.Graph) -> Iterator[Lookup]:
    for node in graph:
        table, ids = (node.inputs[0], node.inputs[1]) if node.op_type == "Gather" else (None, None)
        if table is None or ids is None or not table.is_initializer() or table.shape is None or len(table.shape) != 2:
            continue
        before = ancestors(ids)
        if not any(one.op_type == "Unique" for one in before):
            continue
        matrices = tuple(dict.fromkeys(v for one in before if one.op_type == "GatherND" and (v := one.inputs[0])))
        yield Lookup(table, matrices, tuple(reversed(_after(graph, node))))


def ancestors(value: ir.Value) -> list[ir.Node]:
    """Every node that the value is made by, the nearest first."""
    found: dict[ir.Node, None] = {}
    waiting = [value.producer()]
    while waiting:
        node = waiting.pop(0)
        if node is not None and node not in found:
            found[node] = None
            waiting += [read.producer() for read in read_by(node)]
    return list(found)


def _after(graph: ir.Graph, gather: ir.Node) -> list[ir.Value]:
    """What is made of the Gather, in order."""
    made = set(gather.outputs)
    found = []
    for node in graph:
        if node is not gather and made.intersection(read_by(node)):
            made.update(node.outputs)
            found += [value for value in node.outputs if value.name]
    return found


def _runs(
    model: ir.Model, kinds: tuple[InputKind, ...], found: Sequence[Lookup]
) -> list[tuple[int, Mapping[str, Array]]]:
    """Batch and values per grid point; none where the graph does not take absent ids."""
    names = dict.fromkeys(v.name or "" for one in found for v in (*one.ids, *one.outs))
    inputs = {kind.name for kind in kinds}
    shown, kinds = shrunk(model, kinds)
    runner = Runner(exposed(shown, [name for name in names if name not in inputs]), plain=True)
    random = np.random.default_rng(SEED)
    runs: list[tuple[int, Mapping[str, Array]]] = []
    for point in grid_for(kinds).points:
        feeds = {kind.name: _thinned(kind, kind.random(point, random), random) for kind in kinds}
        try:
            runs.append((point[""], {**feeds, **runner.run(feeds)}))
        except RunFailed:
            return []
    return runs


def _thinned(kind: InputKind, value: Array, random: np.random.Generator) -> Array:
    if kind.dtype.kind == "i" and value.ndim == 2:
        value[random.random(value.shape) < ABSENT] = -1
        value[len(value) // 2] = -1
    return value


def _replaced(model: ir.Model, lookup: Lookup, runs: Sequence[tuple[int, Mapping[str, Array]]]) -> bool:
    if lookup.table.const_value is None or not runs:
        return False
    weights = lookup.table.const_value.numpy()
    for out in lookup.outs:
        for ids in lookup.ids:
            for way in WAYS:
                if all(_agrees(weights, run, batch, (ids, out), way) for batch, run in runs):
                    _write(model, lookup.table, ids, out, way)
                    return True
    return False


def _agrees(weights: Array, run: Mapping[str, Array], batch: int, ends: tuple[ir.Value, ir.Value], way: str) -> bool:
    ids, out = (run.get(value.name or "") for value in ends)
    if not isinstance(ids, np.ndarray) or not isinstance(out, np.ndarray) or out.shape != (batch, weights.shape[1]):
        return False
    if ids.ndim != 2 or ids.dtype.kind != "i" or len(ids) != batch or ids.max(initial=-1) >= len(weights):
        return False
    return bool(np.allclose(pooled(weights, ids, way), out, rtol=CLOSE, atol=CLOSE))


def pooled(weights: Array, ids: Array, way: str) -> Array:
    """Sum, mean or sum / √count of the rows of a bag [batch, length]; zeros where all ids are below 0."""
    there = (ids >= 0)[:, :, None].astype(weights.dtype)
    total: Array = (weights[np.where(ids >= 0, ids, 0)] * there).sum(1)
    count = np.maximum(there.sum(1), 1)
    if way == "sum":
        return total
    return np.asarray(total / (np.sqrt(count) if way == "sqrtn" else count))


def _write(model: ir.Model, table: ir.Value, ids: ir.Value, out: ir.Value, way: str) -> None:
    """Before the node that made `out`, what `pooled` does."""
    made: list[ir.Node] = []

    def const(array: Array) -> ir.Value:
        value = ir.Value(name=f"{out.name}.const.{len(model.graph.initializers)}", const_value=ir.tensor(array))
        model.graph.register_initializer(value)
        return value

    def op(kind: str, *inputs: ir.Value, **attributes: int) -> ir.Value:
        made.append(ir.node(kind, list(inputs), attributes=attributes or None))
        made[-1].outputs[0].name = f"{out.name}.{kind}.{len(made)}"
        return made[-1].outputs[0]

    assert table.dtype is not None and table.const_value is not None and ids.dtype is not None
    kind, zero = table.dtype.numpy(), const(np.asarray(0, ids.dtype.numpy()))
    there = op("GreaterOrEqual", ids, zero)
    rows = op("Gather", table, op("Where", there, ids, zero), axis=0)
    mask = op("Unsqueeze", op("Cast", there, to=int(table.dtype)), const(np.asarray([2])))
    axis = const(np.asarray([1]))
    total = op("ReduceSum", op("Mul", rows, mask), axis, keepdims=0)
    if way != "sum":
        count = op("Max", op("ReduceSum", mask, axis, keepdims=0), const(np.asarray(1, kind)))
        total = op("Div", total, op("Sqrt", count) if way == "sqrtn" else count)
    before = out.producer()
    assert before is not None
    model.graph.insert_before(before, made)
    ir.convenience.replace_all_uses_with(out, total, replace_graph_outputs=True)
