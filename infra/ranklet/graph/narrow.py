"""A layer of few outputs is made of what it needs, and no more: the last cross layer of a DCN-v2.

x₀ ∘ (W·x + b), x₀ = [user, item], is read by a layer w of one output. Of the user's columns u that is
Σ w_u · u · (W_u·x + b_u) = x · (W_uᵀ·(u ∘ w_u)) + b_u·(u ∘ w_u): a vector that the user makes once, and one product
with it per candidate instead of the rows W_u of the square matrix. Only the item's columns are computed. Sums and
concatenations in between are taken apart: the layer's weights go to what they are made of.

Requires: the layer's weights known, at most FEW outputs; nothing else reading what is taken apart.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ranklet.graph.nodes import Nodes
from ranklet.graph.records import Array

FEW = 4


@dataclass(frozen=True)
class Dense:
    """x · weights + bias. nodes: those that compute it."""

    x: str
    weights: Array
    bias: Array | None
    nodes: tuple[Any, ...]


@dataclass
class Sums:
    """The layer as a sum: value → weights that are known, value → matrices that the user makes; rows: [1, out]."""

    fixed: dict[str, Array] = field(default_factory=dict)
    made: dict[str, list[str]] = field(default_factory=dict)
    rows: list[str] = field(default_factory=list)
    nodes: list[Any] = field(default_factory=list)

    def add(self, value: str, weights: Array) -> None:
        self.fixed[value] = self.fixed[value] + weights if value in self.fixed else weights


def narrow(graph: Nodes) -> None:
    """Take apart what only layers of few outputs read."""
    if graph.bodies:
        return
    for node in list(graph.nodes):
        layer = dense(graph, node.output[0])
        if layer is None or layer.weights.shape[1] > FEW:
            continue
        sums = Sums()
        _weigh(graph, sums, layer.x, layer.weights)
        if sums.made:
            _write(graph, sums, layer, node.output[0])


def dense(graph: Nodes, value: str) -> Dense | None:
    """The dense layer over a matrix that makes the value, None where another node does."""
    node = graph.maker(value)
    if node is None or node.op_type not in ("Gemm", "MatMul", "Add"):
        return None
    if node.op_type == "Add":
        for place in (0, 1):
            bias, inner = graph.array(node.input[1 - place]), graph.maker(node.input[place])
            if bias is not None and inner is not None and inner.op_type == "MatMul":
                found = dense(graph, node.input[place]) if graph.only(node.input[place], "Add") is not None else None
                if found is not None and bias.size == found.weights.shape[1]:
                    return Dense(found.x, found.weights, bias.reshape(-1), (inner, node))
        return None
    weights, options = graph.array(node.input[1]), {a.name: a for a in node.attribute}
    plain = all(options[n].f == 1 for n in ("alpha", "beta") if n in options) and not getattr(
        options.get("transA"), "i", 0
    )
    if weights is None or weights.ndim != 2 or not plain or len(graph.shapes.get(node.input[0], ())) != 2:
        return None
    if node.op_type == "Gemm" and "transB" in options and options["transB"].i:
        weights = weights.T
    bias = graph.array(node.input[2]) if len(node.input) > 2 and node.input[2] else None
    if len(node.input) > 2 and (bias is None or bias.size != weights.shape[1]):
        return None
    return Dense(node.input[0], weights, None if bias is None else bias.reshape(-1), (node,))


def _weigh(graph: Nodes, sums: Sums, value: str, weights: Array) -> None:
    """value · weights, taken apart as far as it pays."""
    node = graph.maker(value)
    user = _row(graph, value)
    if user is not None:
        sums.nodes.append(graph.node("MatMul", [user, graph.constant(weights)], (1, weights.shape[1])))
        sums.rows.append(sums.nodes[-1].output[0])
        return
    if node is not None and len(graph.readers(value)) == 1 and not graph.is_end(value):
        if node.op_type == "Concat" and (parts := _parts(graph, node)) is not None:
            for name, columns in parts:
                _weigh(graph, sums, name, weights[columns])
            return
        if node.op_type == "Add" and all(_wide(graph, name, len(weights)) for name in node.input):
            for name in node.input:
                _weigh(graph, sums, name, weights)
            return
        if node.op_type == "Mul" and _product(graph, sums, node, weights):
            return
    sums.add(value, weights)


def _row(graph: Nodes, value: str) -> str | None:
    """The user's one row [1, k] that the value repeats."""
    node = graph.maker(value)
    name = node.input[0] if node is not None and node.op_type == "Expand" else value
    shape, wide = graph.shapes.get(name, ()), graph.shapes.get(value, ())
    return name if len(shape) == 2 and shape[0] == 1 and shape[1] is not None and wide[1:] == shape[1:] else None


def _parts(graph: Nodes, concat: Any) -> list[tuple[str, slice]] | None:
    """What is joined along the second of two axes, and at which columns."""
    axis = next(a.i for a in concat.attribute if a.name == "axis")
    found, start = [], 0
    for name in concat.input:
        row = _row(graph, name)
        shape = graph.shapes.get(row or name, ())
        if len(shape) != 2 or axis not in (1, -1) or shape[1] is None:
            return None
        found.append((name, slice(start, start + shape[1])))
        start += shape[1]
    return found


def _wide(graph: Nodes, name: str, width: int) -> bool:
    """A matrix of many rows, as wide as its sum with another one is."""
    shape = graph.shapes.get(name, ())
    return len(shape) == 2 and shape[1] == width and graph.array(name) is None


def _product(graph: Nodes, sums: Sums, node: Any, weights: Array) -> bool:
    """[user, item] ∘ (x·W + b), both ways round; False where it is not that."""
    for x0, square in (tuple(node.input), tuple(reversed(node.input))):
        concat, layer = graph.maker(x0), dense(graph, square)
        if concat is None or concat.op_type != "Concat" or layer is None or len(graph.readers(square)) != 1:
            continue
        parts = _parts(graph, concat)
        if parts is None or not any(_row(graph, name) for name, _ in parts):
            continue
        for name, columns in parts:
            _columns(graph, sums, name, columns, layer, weights[columns])
        return True
    return False


def _columns(graph: Nodes, sums: Sums, name: str, columns: slice, layer: Dense, weights: Array) -> None:
    """One part's columns of the product, weighed."""
    inner, few = layer.weights[:, columns], weights.shape[1]
    user = _row(graph, name)
    if user is None:
        bias = [] if layer.bias is None else [graph.constant(layer.bias[columns])]
        made = graph.node("Gemm", [layer.x, graph.constant(inner), *bias], (None, inner.shape[1]))
        product = graph.node("Mul", [name, made.output[0]], (None, inner.shape[1]))
        sums.nodes += [made, product]
        sums.add(product.output[0], weights)
        return
    turned = graph.node("Reshape", [user, graph.constant(np.asarray([-1, 1]))], (len(weights), 1))
    weighed = graph.node("Mul", [turned.output[0], graph.constant(weights)], weights.shape)
    matrix = graph.node("MatMul", [graph.constant(inner), weighed.output[0]], (len(inner), few))
    sums.nodes += [turned, weighed, matrix]
    sums.made.setdefault(layer.x, []).append(matrix.output[0])
    if layer.bias is not None:
        row = graph.constant(layer.bias[columns].reshape(1, -1))
        sums.nodes.append(graph.node("MatMul", [row, weighed.output[0]], (1, few)))
        sums.rows.append(sums.nodes[-1].output[0])


def _write(graph: Nodes, sums: Sums, layer: Dense, output: str) -> None:
    """One product per value, each adding to the one before."""
    few = layer.weights.shape[1]
    before = "" if layer.bias is None else graph.constant(layer.bias)
    for row in sums.rows:
        if before:
            sums.nodes.append(graph.node("Add", [before, row], (1, few)))
        before = sums.nodes[-1].output[0] if before else row
    values = list(_matrices(graph, sums, few))
    for place, (value, matrix) in enumerate(values):
        given = [value, matrix, *([before] if before else [])]
        last = output if place == len(values) - 1 else ""
        sums.nodes.append(graph.node("Gemm", given, (None, few), output=last))
        before = sums.nodes[-1].output[0]
    graph.put(sums.nodes, list(layer.nodes))


def _matrices(graph: Nodes, sums: Sums, few: int) -> Iterator[tuple[str, str]]:
    for value in dict.fromkeys((*sums.fixed, *sums.made)):
        matrix = graph.constant(sums.fixed[value]) if value in sums.fixed else ""
        for made in sums.made.get(value, ()):
            if matrix:
                sums.nodes.append(graph.node("Add", [matrix, made], (None, few)))
            matrix = sums.nodes[-1].output[0] if matrix else made
        yield value, matrix
