"""The rest graph: the uncut graph, its items' part read from the stored row.

What a user's part prepares for the candidates pays off with their number: for one or two of them, and for rows that
belong to different users, the graph as it was exported is often quicker. It reads the same inputs and the same row as
the split, so that both give the same scores of every item, of unknown ones too, and nobody can tell which one ran.

Requires: a pass over the model that is done (`split.forward`), and inputs whose rows lie in axis 0. Ensures: node by
node the uncut graph, but for values that are made of items alone, which are inputs; N rows of everything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from ranklet.graph.expr import Cat, Expr, Leaf, Lit, Opaque, Sum, Sym, sides_of
from ranklet.graph.forms import Form
from ranklet.graph.placing import bring, dense, joined, leaf_of
from ranklet.graph.records import Piece, Port, Source
from ranklet.graph.sizes import Unavailable
from ranklet.graph.trace import read_by

if TYPE_CHECKING:
    from ranklet.graph.split import Work

Values = dict[ir.Value, ir.Value]


def rest(work: Work, ports: Mapping[str, Port], sources: Mapping[str, Source]) -> Piece:
    """The graph; what it reads of items joins `work.frontier`. ports: of the inputs and outputs that there are.

    Raises Unavailable where an input has its rows elsewhere, or an item's value cannot be stored.
    """
    builder = work.builders["rest"]
    needed = _needed(work)
    own = dict(ports)
    made: Values = {}
    for value in work.model.graph.inputs:
        if value in needed and not value.is_initializer():
            made[value] = _entering(work, value, own)
    for node in work.model.graph:
        if not needed.intersection(node.outputs):
            continue
        if node.op_type == "Concat" and (form := work.form(node.outputs[0])) is not None:
            made[node.outputs[0]] = _joined(work, node, form, made)
            continue
        values = {read: _value(work, read, made) for read in read_by(node)}
        made.update(zip(node.outputs, builder.clone(node, values), strict=True))
    outputs = {value.name or "": _value(work, value, made) for value in work.model.graph.outputs}
    for name in (name for name in work.stored.values() if name in builder.inputs):
        own[name] = frontier_port(work, name, work.frontier[name])
        builder.row_inputs.append(builder.inputs[name])
    return builder.finish(outputs, own, sources)


def _needed(work: Work) -> set[ir.Value]:
    """The values that are computed here: the outputs, and what they are made of up to what is known."""
    found = {value for value in work.model.graph.outputs if not _known(work, value)}
    for node in reversed(list(work.model.graph)):
        if found.intersection(node.outputs):
            found.update(value for value in read_by(node) if not _known(work, value))
    return found


def _known(work: Work, value: ir.Value) -> bool:
    """Whether a value is the items' alone, or depends on shapes and weights only."""
    return value.is_initializer() or isinstance(_expr(work, value), Lit | Sym) or _items(_expr(work, value))


def _expr(work: Work, value: ir.Value) -> Expr:
    return work.exprs[value]


def _items(expr: Expr) -> bool:
    return not isinstance(expr, Opaque) and sides_of(expr) == {"item"}


def _value(work: Work, value: ir.Value, made: Values) -> ir.Value:
    """An original value in this graph."""
    if value in made:
        return made[value]
    if value.is_initializer():
        return work.builders["rest"].weight(value)
    return dense(work, _expr(work, value), "rest")


def _joined(work: Work, node: ir.Node, form: Form, made: Values) -> ir.Value:
    """A Concat, in which neighbours that are the items' are stored end to end: one value to read instead of many."""
    axis = node.attributes.get_int("axis", 0) % form.rank
    values: list[ir.Value] = []
    for leaves, group in groupby(node.inputs, key=lambda value: value is not None and _joinable(work, value, axis)):
        run = [value for value in group if value is not None]
        if leaves and len(run) > 1:
            values.append(bring(work, joined(work, [_leaf(work, value) for value in run], axis), "rest"))
        else:
            values += [_value(work, value, made) for value in run]
    return values[0] if len(values) == 1 else work.builders["rest"].op("Concat", values, {"axis": axis}, name="joined")


def _leaf(work: Work, value: ir.Value) -> Leaf:
    expr = _expr(work, value)
    assert isinstance(expr, Leaf | Cat | Sum), "an item's value"
    return leaf_of(work, expr)


def _joinable(work: Work, value: ir.Value, axis: int) -> bool:
    """Whether it is an item's, whole, and the axis is one of its row."""
    if value.is_initializer() or not _items(_expr(work, value)):
        return False
    leaf = _leaf(work, value)
    return not leaf.lazy and leaf.form.batch is not None and leaf.form.batch.axis != axis


def _entering(work: Work, value: ir.Value, ports: dict[str, Port]) -> ir.Value:
    """An input with N rows; a matrix of several sides' columns is put together again."""
    expr = _expr(work, value)
    if isinstance(expr, Leaf):
        return _input(work, expr, ports)
    if not isinstance(expr, Cat):
        raise Unavailable(f"{value.name!r} enters in no known form")
    builder = work.builders["rest"]
    parts = [part for part in expr.parts if isinstance(part, Leaf)]
    values = [bring(work, one, "rest") if one.side == "item" else _input(work, one, ports) for one in parts]
    joined = builder.op("Concat", values, {"axis": expr.axis})
    if np.array_equal(expr.index, np.arange(len(expr.index))):
        return joined
    return builder.op("Gather", [joined, builder.literal(expr.index)], {"axis": expr.axis})


def _input(work: Work, leaf: Leaf, ports: dict[str, Port]) -> ir.Value:
    name, batch = leaf.value.name or "", leaf.form.batch
    if batch is None or batch.axis != 0 or not batch.plain:
        raise Unavailable(f"input {name!r} has no rows in its first dimension")
    builder = work.builders["rest"]
    value = builder.input(name, work.dtypes[leaf.value], leaf.form.rank)
    builder.row_inputs.append(value)
    ports[name] = replace(ports[name], shape=(None, *ports[name].shape[1:]))
    return value


def frontier_port(work: Work, name: str, leaf: Leaf) -> Port:
    """The end of a value that crosses from one graph to another; a user's has one row."""
    shape = [1 if a in leaf.lazy else leaf.form.fixed(a) for a in range(leaf.form.rank)]
    batch = leaf.form.batch
    if batch is not None:
        rows = batch.outer[0] * batch.inner[0] if len({*batch.outer}) == len({*batch.inner}) == 1 else None
        shape[batch.axis] = rows if leaf.side == "user" else None
    return Port(name, work.dtypes[leaf.value].name, tuple(shape))
