"""Writes a finished graph the way onnxruntime runs it fastest. Requires nothing, changes no output beyond rounding.

onnxruntime's own optimiser needs static shapes for some of this, and the cross graph's rows are dynamic:
- a dense layer over the last of several axes becomes a Gemm over a matrix, its bias inside;
- an element-wise op after a Reshape goes before it, where it joins the Gemm;
- the sum of a product with the user's one row becomes a matrix product;
- a layer of few outputs is made of what it needs (`narrow`);
- a constant of one element becomes a scalar: added to [n, l, 1], one of shape [1] is taken element by element.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ranklet.graph.narrow import narrow
from ranklet.graph.nodes import Nodes, Shape
from ranklet.graph.records import Piece

UNARY = {"Relu", "Sigmoid", "Tanh", "LeakyRelu", "Elu", "Gelu", "Softplus", "HardSigmoid"}
BINARY = {"Add", "Sub", "Mul", "Div"}


def tidy(piece: Piece) -> Piece:
    """The same graph, quicker. A shape that onnx cannot infer leaves the nodes around it as they were."""
    import onnx  # as slow to import as onnxruntime

    model = onnx.load_from_string(piece.content)
    graph = Nodes(model)
    for rule in (narrow, scalars, dots, layers, early):
        rule(graph)
    graph.write()
    content: bytes = model.SerializeToString(deterministic=True)
    return replace(piece, content=content)


def scalars(graph: Nodes) -> None:
    """A constant of one element, of no more axes than what it meets, is a scalar."""
    for node in graph.nodes:
        if node.op_type not in BINARY:
            continue
        for place, other in ((0, 1), (1, 0)):
            array, met = graph.array(node.input[place]), graph.shapes.get(node.input[other])
            if array is not None and array.size == 1 and array.ndim and met is not None and len(met) >= array.ndim:
                node.input[place] = graph.constant(array.reshape(()))


def dots(graph: Nodes) -> None:
    """Σ over features of (one row · n rows) is a matrix product."""
    for total in [node for node in graph.nodes if node.op_type == "ReduceSum" and len(node.input) == 2]:
        product = graph.maker(total.input[0])
        axes = graph.array(total.input[1])
        if product is None or product.op_type != "Mul" or axes is None or axes.ravel().tolist() not in ([1], [-1]):
            continue
        if graph.only(product.output[0], "ReduceSum") is None:
            continue
        pair = sorted(product.input, key=lambda name: graph.shapes.get(name, ())[:1] != (1,))
        one, many = (graph.shapes.get(name, ()) for name in pair)
        if len(one) != 2 or len(many) != 2 or one[0] != 1 or one[1] is None or one[1] != many[1]:
            continue
        keep = next((a.i for a in total.attribute if a.name == "keepdims"), 1)
        target = graph.constant(np.asarray([-1, 1] if keep else [-1]))
        made = graph.node("Gemm", pair, (1, many[0]), transB=1)
        out: Shape = (many[0], 1) if keep else (many[0],)
        column = graph.node("Reshape", [made.output[0], target], out, output=total.output[0])
        graph.put([made, column], [product, total])


def layers(graph: Nodes) -> None:
    """x [n, …, k] · W + b is a Gemm over a matrix of n·… rows."""
    for product in [node for node in graph.nodes if node.op_type == "MatMul"]:
        weights, shape = graph.array(product.input[1]), graph.shapes.get(product.input[0], ())
        add = graph.only(product.output[0], "Add")
        if weights is None or weights.ndim != 2 or len(shape) < 3 or add is None or any(n is None for n in shape[1:]):
            continue
        bias_name = next(name for name in add.input if name != product.output[0])
        bias = graph.array(bias_name)
        if bias is None or (bias.ndim > 1 and bias.size != bias.shape[-1]) or bias.size not in (1, weights.shape[1]):
            continue
        row = graph.constant(np.broadcast_to(bias.reshape(-1), weights.shape[1:]).copy())
        _flattened(graph, (product, add), row, (*shape[:-1], weights.shape[1]), weights.shape)


def _flattened(graph: Nodes, old: tuple[Any, Any], bias: str, out: Shape, weights: tuple[int, ...]) -> None:
    product, add = old
    flat = graph.node("Reshape", [product.input[0], graph.constant(np.asarray([-1, weights[0]]))], (None, weights[0]))
    made = graph.node("Gemm", [flat.output[0], product.input[1], bias], (None, weights[1]))
    target = graph.constant(np.asarray([-1, *out[1:]]))
    back = graph.node("Reshape", [made.output[0], target], out, output=add.output[0])
    graph.put([flat, made, back], [product, add])


def early(graph: Nodes) -> None:
    """An element-wise op goes before the Reshape that follows a Gemm."""
    for node in [n for n in graph.nodes if n.op_type in UNARY]:
        reshape = graph.maker(node.input[0])
        if reshape is None or reshape.op_type != "Reshape" or graph.only(reshape.output[0], node.op_type) is None:
            continue
        gemm = graph.maker(reshape.input[0])
        if gemm is None or gemm.op_type != "Gemm" or graph.only(gemm.output[0], "Reshape") is None:
            continue
        first = graph.node(node.op_type, [gemm.output[0]], graph.shapes.get(gemm.output[0], ()))
        first.attribute.extend(node.attribute)
        shape = graph.shapes.get(reshape.output[0], ())
        last = graph.node("Reshape", [first.output[0], reshape.input[1]], shape, output=node.output[0])
        graph.put([first, last], [reshape, node])


__all__ = ["tidy"]
