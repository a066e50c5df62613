"""The embedding cut: large tables behind a Gather leave the graph.

Requires: a Gather along axis 0 of a 2-D float initializer, directly. Tables that are transposed, quantised,
multiplied as one-hots, gathered by GatherElements, or by ids that mix rows (Unique over the batch) stay, and the cut
says so. Ensures: the Gather's output is an
input `<table>.rows.<k>`; what computes its ids is a `keys` graph (nothing, where the ids are inputs themselves).
External data is neither read nor copied: tables stay memory-mapped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from ranklet.graph.dead import drop
from ranklet.graph.records import Array, Feeds, Table
from ranklet.graph.sparse import ancestors

MIXING = {"Unique", "NonZero", "Compress", "CumSum", "Loop", "Scan"}
"""Ops after which ids are no longer of one row each."""


@dataclass(frozen=True)
class Use:
    """One Gather that was cut: its output was `rows`, its ids the value `ids` of the original graph."""

    table: str
    ids: str
    rows: str
    direct: bool


@dataclass(frozen=True)
class Cut:
    """model: without the tables. keys: the graph from inputs to ids, None where all ids are inputs.
    kept: large weights that stay, with the reason."""

    model: ir.Model
    keys: ir.Model | None
    uses: tuple[Use, ...]
    tables: tuple[Table, ...]
    kept: Mapping[str, str]


def cut(model: ir.Model, rows: int) -> Cut:
    """Take tables of at least `rows` rows out of `model`, which is changed."""
    graph = model.graph
    kept = {}
    chosen: list[ir.Value] = []
    for value in list(graph.initializers.values()):
        if value.shape is None or not value.shape or not _large(value, rows):
            continue
        reason = _reason(value)
        if reason is None:
            chosen.append(value)
        else:
            kept[value.name or ""] = reason
    for value in chosen:
        _spread(graph, value)
    names = [value.name or "" for value in chosen]
    tables = tuple(_table(value) for value in chosen)
    uses = [use for value in chosen for use in _detach(graph, value)]
    keys = _keys(model, uses)
    for name in names:
        del graph.initializers[name]
    drop(graph)
    return Cut(model, keys, tuple(uses), tables, kept)


def _large(value: ir.Value, rows: int) -> bool:
    first = value.shape[0] if value.shape is not None else 0
    return isinstance(first, int) and first >= rows


def _reason(value: ir.Value) -> str | None:
    """Why a large weight stays in the graph."""
    if value.shape is None or len(value.shape) != 2:
        return "it is not a matrix"
    if value.dtype not in (ir.DataType.FLOAT, ir.DataType.FLOAT16):
        return f"it holds {value.dtype}, not float32 or float16"
    for node, place in value.uses():
        if node.op_type != "Gather" or place != 0 or node.attributes.get_int("axis", 0) != 0:
            return f"{node.op_type} reads it, not a Gather along its rows alone"
        if node.graph is not value.graph:
            return "a Gather inside a Loop or If reads it"
        ids = node.inputs[1]
        made = ancestors(ids) if ids is not None else []
        mixing = next((one.op_type for one in made if one.op_type in MIXING), None)
        if mixing is not None:
            return f"its ids come out of {mixing}, which mixes the rows of a batch"
    return None if value.uses() else "nothing reads it"


def _spread(graph: ir.Graph, table: ir.Value) -> None:
    """Ids joined from several inputs are looked up apart, so that each keeps its side."""
    for node, _ in list(table.uses()):
        ids, out = node.inputs[1], node.outputs[0]
        join = ids.producer() if ids is not None else None
        if join is None or join.op_type != "Concat" or join.attributes["axis"].as_int() < 0:
            continue
        parts = [ir.node("Gather", [table, part], attributes={"axis": 0}) for part in join.inputs]
        for place, part in enumerate(parts):
            part.outputs[0].name = f"{out.name}.part.{place}"
        whole = ir.node(
            "Concat", [part.outputs[0] for part in parts], attributes={"axis": join.attributes["axis"].as_int()}
        )
        whole.outputs[0].name = f"{out.name}.joined"
        graph.insert_before(node, [*parts, whole])
        ir.convenience.replace_all_uses_with(out, whole.outputs[0], replace_graph_outputs=True)
        graph.remove(node, safe=True)


def _table(value: ir.Value) -> Table:
    tensor = value.const_value
    assert tensor is not None
    rows, dim = tensor.shape.numpy()
    return Table(value.name or "", (int(rows), int(dim)), tensor.dtype.numpy().name, mapped(tensor))


def mapped(tensor: ir.TensorProtocol) -> Array:
    """The tensor's values; of external data a map, not a copy."""
    if isinstance(tensor, ir.ExternalTensor):
        shape = tuple(int(n) for n in tensor.shape.numpy())
        return np.memmap(tensor.path, tensor.dtype.numpy(), "r", offset=tensor.offset or 0, shape=shape)
    return np.asarray(tensor.numpy())


def _detach(graph: ir.Graph, table: ir.Value) -> list[Use]:
    """Replace every Gather of the table by a new value that nothing computes."""
    found = []
    for place, (node, _) in enumerate(list(table.uses())):
        ids, out = node.inputs[1], node.outputs[0]
        assert ids is not None and table.shape is not None and table.dtype is not None
        name = f"{table.name}.rows.{place}"
        rows = ir.Value(name=name, type=ir.TensorType(table.dtype))  # its shape is the trace's to find
        ir.convenience.replace_all_uses_with(out, rows, replace_graph_outputs=True)
        direct = any(value is ids for value in graph.inputs)
        graph.inputs.append(rows)
        found.append(Use(table.name or "", ids.name or "", name, direct))
    return found


def _keys(model: ir.Model, uses: Sequence[Use]) -> ir.Model | None:
    """The graph from the model's inputs to the ids that are computed."""
    names = list(dict.fromkeys(use.ids for use in uses if not use.direct))
    if not names:
        return None
    rows = {use.rows for use in uses}
    inputs = [value for value in model.graph.inputs if value.name not in rows]
    graph = ir.convenience.extract(model.graph, inputs, names)
    return ir.Model(graph, ir_version=model.ir_version)


def look_up(
    ids: Mapping[str, Array], uses: Sequence[Use], read: Callable[[str, Array], Array], sizes: Mapping[str, int]
) -> Feeds:
    """What the cut graph takes in place of its tables: per table the ids of all uses together, each row read once.

    read: (table, ids int64 [m], ascending and different) → rows [m, dim]. An id below 0 counts from the end, as in the
    graph. Raises IndexError for one outside its table.
    """
    found: dict[str, Array] = {}
    for table in dict.fromkeys(use.table for use in uses):
        mine = [use for use in uses if use.table == table]
        flat = np.concatenate([ids[use.ids].ravel().astype(np.int64) for use in mine])
        flat = np.where(flat < 0, flat + sizes[table], flat)
        if flat.size and not 0 <= flat.min() <= flat.max() < sizes[table]:
            raise IndexError(f"an id lies outside table {table!r} of {sizes[table]} rows")
        unique, inverse = np.unique(flat, return_inverse=True)
        rows = read(table, unique)[inverse]
        start = 0
        for use in mine:
            shape = ids[use.ids].shape
            stop = start + int(np.prod(shape, dtype=np.int64))
            found[use.rows] = rows[start:stop].reshape(*shape, -1)
            start = stop
    return found
