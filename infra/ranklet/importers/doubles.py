"""A graph of floats as the same one of doubles, so that one of its tensors can be asked without rounding to 32 bits."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

FLOAT, DOUBLE = TensorProto.FLOAT, TensorProto.DOUBLE


def widened(model: onnx.ModelProto, output: str) -> bytes:
    """The part of the graph that `output` depends on, with it as the one output, a double."""
    made = onnx.ModelProto()
    made.CopyFrom(model)
    graph = made.graph
    _keep(graph, output)
    floats = {tensor.name for tensor in graph.initializer if tensor.data_type == FLOAT}
    for tensor in graph.initializer:
        _widen(tensor)
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.TENSOR:
                _widen(attribute.t)
            if node.op_type == "Cast" and attribute.name == "to" and attribute.i == FLOAT:
                attribute.i = DOUBLE
    for value in graph.input:
        if value.type.tensor_type.elem_type == FLOAT:
            value.type.tensor_type.elem_type = DOUBLE
    _part_marks(graph, floats)
    del graph.output[:], graph.value_info[:]
    graph.output.append(helper.make_tensor_value_info(output, DOUBLE, None))
    content: bytes = made.SerializeToString()
    return content


def _widen(tensor: Any) -> None:
    if tensor.data_type == FLOAT:
        wide = numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float64), tensor.name)
        tensor.CopyFrom(wide)


def _keep(graph: Any, output: str) -> None:
    wanted, kept = {output}, []
    for node in reversed(graph.node):
        if wanted & set(node.output):
            kept.append(node)
            wanted |= set(node.input)
    del graph.node[:]
    graph.node.extend(reversed(kept))


def _part_marks(graph: Any, floats: set[str]) -> None:
    """OneHot of doubles is none of onnxruntime's: of floats, cast behind it."""
    nodes = []
    for node in graph.node:
        if node.op_type != "OneHot" or node.input[2] not in floats:
            nodes.append(node)
            continue
        made, marks, values = node.output[0], f"{node.output[0]}/marks", f"{node.output[0]}/values"
        nodes.append(helper.make_node("Cast", [node.input[2]], [values], to=FLOAT))
        node.input[2], node.output[0] = values, marks
        nodes += [node, helper.make_node("Cast", [marks], [made], to=DOUBLE)]
    del graph.node[:]
    graph.node.extend(nodes)
