"""Writes a finished graph the way onnxruntime runs it fastest. Requires nothing, changes no output beyond rounding.

onnxruntime's own optimiser needs static shapes for some of this, and the cross graph's rows are dynamic:
- a dense layer over the last of several axes becomes a Gemm over a matrix, its bias inside;
- an element-wise op after a Reshape goes before it, where it joins the Gemm;
- the sum of a product with the user's one row becomes a matrix product;
- a constant of one element becomes a scalar: added to [n, l, 1], one of shape [1] is taken element by element.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ranklet.graph.records import Array, Piece

UNARY = {"Relu", "Sigmoid", "Tanh", "LeakyRelu", "Elu", "Gelu", "Softplus", "HardSigmoid"}
BINARY = {"Add", "Sub", "Mul", "Div"}
BODIES = (5, 10)
"""AttributeProto's types GRAPH and GRAPHS: a Loop's or an If's body may read any value of the graph."""

Shape = tuple[int | None, ...]


def tidy(piece: Piece) -> Piece:
    """The same graph, quicker. A shape that onnx cannot infer leaves the nodes around it as they were."""
    import onnx  # as slow to import as onnxruntime

    model = onnx.load_from_string(piece.content)
    graph = _Graph(model)
    for rule in (scalars, dots, layers, early):
        rule(graph)
    graph.write()
    content: bytes = model.SerializeToString(deterministic=True)
    return replace(piece, content=content)


class _Graph:
    """Nodes by what they make and who reads it; shapes as far as they are known."""

    def __init__(self, model: Any) -> None:
        import onnx  # as above

        self._model = model
        inferred = onnx.shape_inference.infer_shapes(model, data_prop=True).graph
        self.shapes: dict[str, Shape] = {
            value.name: tuple(d.dim_value or None for d in value.type.tensor_type.shape.dim)
            for value in (*inferred.input, *inferred.value_info, *inferred.output)
            if value.type.tensor_type.HasField("shape")
        }
        self.weights: dict[str, Any] = {tensor.name: tensor for tensor in model.graph.initializer}
        self.shapes |= {name: tuple(tensor.dims) for name, tensor in self.weights.items()}
        self.nodes: list[Any] = list(model.graph.node)
        self._ends = {end.name for end in model.graph.output}
        self._made = 0
        self._bodies = any(attribute.type in BODIES for node in self.nodes for attribute in node.attribute)

    def maker(self, name: str) -> Any | None:
        return next((node for node in self.nodes if name in node.output), None)

    def readers(self, name: str) -> list[Any]:
        return [node for node in self.nodes if name in node.input]

    def only(self, name: str, kind: str) -> Any | None:
        """The one node of this kind that reads the value, where nothing else does."""
        found = self.readers(name)
        mine = len(found) == 1 and found[0].op_type == kind and list(found[0].input).count(name) == 1
        return found[0] if mine and name not in self._ends and not self._bodies else None

    def array(self, name: str) -> Array | None:
        """A weight's contents."""
        import onnx  # as above

        tensor = self.weights.get(name)
        return None if tensor is None else onnx.numpy_helper.to_array(tensor)

    def constant(self, array: Array) -> str:
        import onnx  # as above

        name = self._name("const")
        self.weights[name] = onnx.numpy_helper.from_array(np.asarray(array), name)
        self.shapes[name] = np.shape(array)
        return name

    def node(self, kind: str, inputs: list[str], shape: Shape, *, output: str = "", **attributes: Any) -> Any:
        """A new node with one output of this shape, to be put in its place by `put`."""
        import onnx  # as above

        name = output or self._name(kind)
        self.shapes[name] = shape
        return onnx.helper.make_node(kind, inputs, [name], **attributes)

    def put(self, new: list[Any], old: list[Any]) -> None:
        """The new nodes where the last of the old ones stood."""
        place = max(index for index, node in enumerate(self.nodes) if any(node is o for o in old))
        before = [node for node in self.nodes[:place] if not any(node is o for o in old)]
        self.nodes = [*before, *new, *self.nodes[place + 1 :]]

    def _name(self, stem: str) -> str:
        self._made += 1
        return f"tidy/{self._model.graph.name}/{stem}.{self._made}"

    def write(self) -> None:
        """Back into the model, weights that nothing reads left out."""
        read = {name for node in self.nodes for name in node.input} | (set(self.weights) if self._bodies else set())
        graph = self._model.graph
        del graph.node[:], graph.initializer[:]
        graph.node.extend(self.nodes)
        graph.initializer.extend(tensor for name, tensor in self.weights.items() if name in read)


def scalars(graph: _Graph) -> None:
    """A constant of one element, of no more axes than what it meets, is a scalar."""
    for node in graph.nodes:
        if node.op_type not in BINARY:
            continue
        for place, other in ((0, 1), (1, 0)):
            array, met = graph.array(node.input[place]), graph.shapes.get(node.input[other])
            if array is not None and array.size == 1 and array.ndim and met is not None and len(met) >= array.ndim:
                node.input[place] = graph.constant(array.reshape(()))


def dots(graph: _Graph) -> None:
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


def layers(graph: _Graph) -> None:
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


def _flattened(graph: _Graph, old: tuple[Any, Any], bias: str, out: Shape, weights: tuple[int, ...]) -> None:
    product, add = old
    flat = graph.node("Reshape", [product.input[0], graph.constant(np.asarray([-1, weights[0]]))], (None, weights[0]))
    made = graph.node("Gemm", [flat.output[0], product.input[1], bias], (None, weights[1]))
    target = graph.constant(np.asarray([-1, *out[1:]]))
    back = graph.node("Reshape", [made.output[0], target], out, output=add.output[0])
    graph.put([flat, made, back], [product, add])


def early(graph: _Graph) -> None:
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
