"""Collapses embedding bags: what exporters make of `nn.EmbeddingBag` becomes a Gather and one reduction.

Both torch exporters write a bag of fixed length as a Loop over the batch with the table inside or before it, which
nothing can prove row-wise. Requires: such a Loop, reached from an id matrix [batch, length] by reshapes. The
replacement is guessed (sum, mean or max over the ids of a row) and taken only if it gives the Loop's own values at
every point of the grid; the acceptance test comes on top. Ensures: no Loop is left where one matched.
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

WAYS = ("ReduceSum", "ReduceMean", "ReduceMax")
RESHAPES = {"Reshape", "Flatten", "Identity", "Cast", "Squeeze", "Unsqueeze"}
AFTER = {"ConcatFromSequence", "Cast", "Identity"}
CLOSE = 1e-6
SEED = 1


@dataclass(frozen=True)
class Bag:
    """out [batch, dim] = way over axis 1 of table[ids], ids [batch, length]."""

    loop: ir.Node
    table: ir.Value
    ids: ir.Value
    out: ir.Value


def collapse(model: ir.Model, kinds: tuple[InputKind, ...]) -> tuple[str, ...]:
    """Replace every bag in `model`; the names of their tables."""
    found = [bag for node in model.graph if node.op_type == "Loop" for bag in _bags(node)]
    if not found:
        return ()
    names = dict.fromkeys(name for bag in found for name in (bag.ids.name or "", bag.out.name or ""))
    inputs = {kind.name for kind in kinds}
    shown, kinds = shrunk(model, kinds)
    runner = Runner(exposed(shown, [name for name in names if name not in inputs]), plain=True)
    runs = []
    for point in grid_for(kinds).points:
        random = np.random.default_rng(SEED)
        feeds = {kind.name: kind.random(point, random) for kind in kinds}
        try:
            runs.append({**feeds, **runner.run(feeds)})
        except RunFailed:
            return ()
    done = [bag.table.name or "" for bag in found if _replaced(model, bag, runs)]
    drop(model.graph)
    return tuple(done)


def _bags(loop: ir.Node) -> Iterator[Bag]:
    """Every (table, ids) that the loop may pool; whether it does is for the values to show."""
    for out in loop.outputs:
        end = _end(out)
        for table, flat in _gathers(loop):
            for ids in _origins(flat):
                yield Bag(loop, table, ids, end)


def _end(value: ir.Value) -> ir.Value:
    """The tensor that a sequence of rows is joined to."""
    uses = list(value.uses())
    if len(uses) == 1 and uses[0][0].op_type in AFTER:
        return _end(uses[0][0].outputs[0])
    return value


def _gathers(loop: ir.Node) -> list[tuple[ir.Value, ir.Value]]:
    """(table, flat ids): a Gather of a matrix in the loop's body or among what the body captures."""
    captured = read_by(loop)
    found = []
    tables = [value for value in captured if _matrix(value)]
    flats = [value for value in captured if not _matrix(value) and value.producer() is not None]
    found += [(table, flat) for table in tables for flat in flats]
    for value in captured:
        node = value.producer()
        while node is not None and node.op_type in ("Mul", "Identity", "Gather"):
            first = node.inputs[0]
            if node.op_type == "Gather" and first is not None and _matrix(first) and node.inputs[1] is not None:
                found.append((first, node.inputs[1]))
                break
            node = first.producer() if first is not None else None
    return found


def _matrix(value: ir.Value) -> bool:
    return value.is_initializer() and value.shape is not None and len(value.shape) == 2


def _origins(flat: ir.Value) -> Iterator[ir.Value]:
    """The ids before they were flattened, nearest first."""
    value: ir.Value | None = flat
    while value is not None:
        yield value
        node = value.producer()
        value = node.inputs[0] if node is not None and node.op_type in RESHAPES else None


def _replaced(model: ir.Model, bag: Bag, runs: Sequence[Mapping[str, Array]]) -> bool:
    table, ids, out = bag.table, bag.ids.name or "", bag.out.name or ""
    if table.const_value is None or not (bag.out.uses() or bag.out.is_graph_output()):
        return False
    weights = table.const_value.numpy()
    for way, pool in zip(WAYS, (np.sum, np.mean, np.max), strict=True):
        if all(_agrees(pool, weights, run.get(ids), run.get(out)) for run in runs):
            _write(model, bag, way)
            return True
    return False


def _agrees(pool: object, weights: Array, ids: Array | None, out: Array | None) -> bool:
    if not isinstance(ids, np.ndarray) or not isinstance(out, np.ndarray) or ids.ndim != 2 or ids.dtype.kind != "i":
        return False
    if ids.size and not (-len(weights) <= ids.min() and ids.max() < len(weights)):
        return False
    wanted = pool(weights[ids], axis=1)  # type: ignore[operator]
    return wanted.shape == out.shape and bool(np.allclose(wanted, out, rtol=CLOSE, atol=CLOSE))


def _write(model: ir.Model, bag: Bag, way: str) -> None:
    graph = model.graph
    rows = ir.node("Gather", [bag.table, bag.ids], attributes={"axis": 0})
    listed = model.opset_imports.get("", 0) >= (13 if way == "ReduceSum" else 18)
    inputs: list[ir.Value] = [rows.outputs[0]]
    attributes: dict[str, int | list[int]] = {"keepdims": 0}
    if listed:
        axes = ir.Value(name=f"{bag.out.name}.axes", const_value=ir.tensor(np.asarray([1])))
        graph.register_initializer(axes)
        inputs.append(axes)
    else:
        attributes["axes"] = [1]
    pooled = ir.node(way, inputs, attributes=attributes)
    rows.outputs[0].name, pooled.outputs[0].name = f"{bag.out.name}.rows", f"{bag.out.name}.pooled"
    made = bag.out.producer()
    assert made is not None
    graph.insert_before(made, [rows, pooled])
    ir.convenience.replace_all_uses_with(bag.out, pooled.outputs[0], replace_graph_outputs=True)
