"""Grows one of the three graphs, node by node. Nodes that no output needs are dropped when the graph is finished."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import onnx_ir as ir

from ranklet.graph.records import Array, Piece, Port, Side, Source
from ranklet.graph.sizes import Unavailable

IR_VERSION = 10


class Builder:
    """Values made here have names that begin with the side, so that graphs of several sides can be joined."""

    def __init__(self, side: Side, opsets: Mapping[str, int]) -> None:
        self.side = side
        self._opsets = dict(opsets)
        self.inputs: dict[str, ir.Value] = {}
        self.nodes: list[ir.Node] = []
        self.literals: dict[tuple[str, tuple[int, ...], bytes], ir.Value] = {}
        self._tensors: dict[ir.Value, ir.Value] = {}
        self._batch_input = ir.Value(name="rows?")
        self.row_inputs: list[ir.Value] = []
        self._count = 0

    def input(self, name: str, dtype: np.dtype[np.generic] | str, rank: int) -> ir.Value:
        """A graph input, made once per name."""
        if name not in self.inputs:
            kind = ir.DataType.STRING if np.dtype(dtype).kind in "OUS" else ir.DataType.from_numpy(np.dtype(dtype))
            self.inputs[name] = ir.Value(name=name, type=ir.TensorType(kind), shape=ir.Shape([None] * rank))
        return self.inputs[name]

    def literal(self, array: Array) -> ir.Value:
        """An initializer; equal small arrays are kept once."""
        array = np.asarray(array, order="C")
        key = (array.dtype.str, array.shape, array.tobytes() if array.nbytes <= 4096 else str(id(array)).encode())
        if key not in self.literals or array.nbytes > 4096:
            self.literals[key] = self._initializer(ir.tensor(array))
        return self.literals[key]

    def weight(self, value: ir.Value) -> ir.Value:
        """An initializer of the original graph, its tensor shared and not read."""
        if value not in self._tensors:
            assert value.const_value is not None
            self._tensors[value] = self._initializer(value.const_value)
        return self._tensors[value]

    def _initializer(self, tensor: ir.TensorProtocol) -> ir.Value:
        name = self._name("const")
        value = ir.Value(name=name, type=ir.TensorType(tensor.dtype), shape=ir.Shape(tensor.shape.numpy()))
        value.const_value = tensor
        return value

    def op(
        self,
        kind: str,
        inputs: Sequence[ir.Value | None],
        attributes: Mapping[str, Any] | None = None,
        *,
        name: str = "",
    ) -> ir.Value:
        """A new node with one output."""
        node = ir.node(kind, inputs, attributes=attributes or None, num_outputs=1)
        node.outputs[0].name = self._name(name or kind)
        self.nodes.append(node)
        return node.outputs[0]

    def adopt(self, node: ir.Node, stem: str) -> ir.Value:
        """A node made elsewhere, with one output."""
        node.outputs[0].name = self._name(stem)
        self.nodes.append(node)
        return node.outputs[0]

    def rows_of_batch(self) -> ir.Value:
        """The number of rows, [1]: read from axis 0 of an input that `finish` chooses among those that carry rows."""
        shape = ir.node("Shape", [self._batch_input], num_outputs=1)
        self.adopt(shape, "shape")
        return self.op("Gather", [shape.outputs[0], self.literal(np.asarray([0]))], {"axis": 0}, name="rows")

    def clone(self, node: ir.Node, values: Mapping[ir.Value, ir.Value]) -> list[ir.Value]:
        """The node with its inputs, and what its bodies capture, replaced."""
        attributes = [self._attribute(attribute, values) for attribute in node.attributes.values()]
        inputs = [value if value is None else values[value] for value in node.inputs]
        copy = ir.Node(node.domain, node.op_type, inputs, attributes, num_outputs=len(node.outputs))
        for output, original in zip(copy.outputs, node.outputs, strict=True):
            output.name = self._name(original.name or node.op_type) if original.name else ""
        self.nodes.append(copy)
        return list(copy.outputs)

    def _attribute(self, attribute: ir.Attr, values: Mapping[ir.Value, ir.Value]) -> ir.Attr:
        if attribute.type == ir.AttributeType.GRAPH:
            return ir.AttrGraph(attribute.name, _body(attribute.as_graph(), values))
        if attribute.type == ir.AttributeType.GRAPHS:
            return ir.AttrGraphs(attribute.name, [_body(body, values) for body in attribute.as_graphs()])
        return attribute

    def _name(self, stem: str) -> str:
        self._count += 1
        return f"{self.side}/{stem}.{self._count}"

    def finish(
        self, outputs: Mapping[str, ir.Value], ports: Mapping[str, Port], sources: Mapping[str, Source]
    ) -> Piece:
        """The graph that computes `outputs` (name → value); ports gives dtype and shape of every end by name."""
        self._choose_batch_input()
        nodes = self._live(list(outputs.values()))
        nodes += self._name_outputs(outputs)
        read = {value for node in nodes for value in read_anywhere(node)}
        inputs = [ports[name] for name, value in self.inputs.items() if value in read]
        weights = [value for value in (*self.literals.values(), *self._tensors.values()) if value in read]
        ends = [ports[name] for name in outputs]
        content = _proto(nodes, weights, inputs, ends, opsets=self._opsets, name=self.side)
        return Piece(
            content, tuple(inputs), tuple(ends), {p.name: sources[p.name] for p in inputs if p.name in sources}
        )

    def _choose_batch_input(self) -> None:
        for node in self.nodes:
            for place, value in enumerate(node.inputs):
                if value is self._batch_input:
                    if not self.row_inputs:
                        raise Unavailable(f"no input of the {self.side} graph carries rows")
                    node.replace_input_with(place, self.row_inputs[0])

    def _live(self, outputs: Sequence[ir.Value]) -> list[ir.Node]:
        """The nodes that these values need, in order."""
        wanted = set(outputs)
        kept = []
        for node in reversed(self.nodes):
            if wanted.intersection(node.outputs):
                kept.append(node)
                wanted.update(read_anywhere(node))
        return kept[::-1]

    def _name_outputs(self, outputs: Mapping[str, ir.Value]) -> list[ir.Node]:
        """Give values their names as outputs; one that is an input, a weight, or an output twice is passed through."""
        extra = []
        named: set[ir.Value] = set()
        for name, value in outputs.items():
            if value.producer() is not None and value not in named:
                value.name = name
                named.add(value)
            else:
                node = ir.node("Identity", [value], num_outputs=1)
                node.outputs[0].name = name
                extra.append(node)
        return extra


def read_anywhere(node: ir.Node) -> list[ir.Value]:
    """What a node and the bodies inside it read, their own values included."""
    found = [value for value in node.inputs if value is not None]
    for attribute in node.attributes.values():
        if attribute.type == ir.AttributeType.GRAPH:
            found += _body_reads(attribute.as_graph())
        elif attribute.type == ir.AttributeType.GRAPHS:
            found += [value for body in attribute.as_graphs() for value in _body_reads(body)]
    return found


def _body_reads(body: ir.Graph) -> list[ir.Value]:
    inner = [v for node in ir.traversal.RecursiveGraphIterator(body) for v in node.inputs if v is not None]
    return [*inner, *(value for value in body.outputs if value is not None)]


def _body(body: ir.Graph, values: Mapping[ir.Value, ir.Value]) -> ir.Graph:
    """A copy of a Loop's or If's body that reads the replaced outer values."""
    copy = body.clone(allow_outer_scope_values=True)
    for node in ir.traversal.RecursiveGraphIterator(copy):
        for place, value in enumerate(node.inputs):
            if value is not None and value in values:
                node.replace_input_with(place, values[value])
    for place, value in enumerate(copy.outputs):
        if value in values:
            copy.outputs[place] = values[value]
    return copy


def _proto(
    nodes: Sequence[ir.Node],
    weights: Sequence[ir.Value],
    inputs: Sequence[Port],
    outputs: Sequence[Port],
    *,
    opsets: Mapping[str, int],
    name: str,
) -> bytes:
    import onnx  # as slow to import as onnxruntime

    tensors = []
    for value in weights:
        assert value.const_value is not None
        tensor = ir.to_proto(ir.tensor(value.const_value.numpy()))
        tensor.name = value.name or ""
        tensors.append(tensor)
    graph = onnx.helper.make_graph(
        [ir.to_proto(node) for node in nodes], name, [_end(p) for p in inputs], [_end(p) for p in outputs], tensors
    )
    imports = [onnx.helper.make_opsetid(domain, version) for domain, version in opsets.items()]
    model = onnx.helper.make_model(graph, opset_imports=imports, ir_version=IR_VERSION)
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def _end(port: Port) -> Any:
    import onnx  # as above

    kind = ir.DataType.STRING if port.dtype == "object" else ir.DataType.from_numpy(np.dtype(port.dtype))
    shape = [f"{port.name}.{axis}" if dim is None else dim for axis, dim in enumerate(port.shape)]
    return onnx.helper.make_tensor_value_info(port.name, int(kind), shape)


def joined(first: Piece, second: Piece) -> Piece:
    """Both graphs as one: the second's inputs that the first computes become inner values."""
    import onnx  # as above

    made = {port.name for port in first.outputs}
    one, two = onnx.load_from_string(first.content), onnx.load_from_string(second.content)
    have = {end.name for end in one.graph.input}
    prepend(two.graph, one.graph.node)
    two.graph.initializer.extend(one.graph.initializer)
    inputs = [*one.graph.input, *(end for end in two.graph.input if end.name not in made | have)]
    del two.graph.input[:]
    two.graph.input.extend(inputs)
    ports = {port.name: port for port in (*first.inputs, *second.inputs)}
    names = [end.name for end in inputs]
    sources = {**first.sources, **second.sources}
    content: bytes = two.SerializeToString(deterministic=True)
    return Piece(
        content, tuple(ports[n] for n in names), second.outputs, {n: sources[n] for n in names if n in sources}
    )


def prepend(graph: Any, nodes: Iterable[Any]) -> None:
    """Put nodes before a GraphProto's own."""
    own = [type(node).FromString(node.SerializeToString()) for node in graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    graph.node.extend(own)
