"""Which operators are served: those of the pinned onnxruntime that give the same answer twice."""

from __future__ import annotations

import onnx
from onnx import numpy_helper

from ranklet.errors import ImportRefused
from ranklet.importers.onnx.walk import every

DOMAINS = {"", "ai.onnx", "ai.onnx.ml", "com.microsoft"}
"""Operator sets that the onnxruntime wheel registers."""

RANDOM = {
    "Bernoulli",
    "Multinomial",
    "RandomNormal",
    "RandomNormalLike",
    "RandomUniform",
    "RandomUniformLike",
}

_EVAL = "call model.eval() before the export (Keras: export for inference)"


def check(model: onnx.ModelProto) -> None:
    """Raises ImportRefused for a node of an unknown domain, a random one, and one in training mode."""
    own = {(function.domain, function.name) for function in model.functions}
    off = _false_constants(model)
    for node in every(onnx.NodeProto, model):
        kind = f"{node.domain}.{node.op_type}" if node.domain else node.op_type
        place = f"node {node.name or next(iter(node.output), '')!r} ({kind})"
        if node.domain not in DOMAINS and (node.domain, node.op_type) not in own:
            raise ImportRefused(
                f"{place} is a custom operator, which onnxruntime does not have; export it as standard operators, "
                "or compute it in feature assembly"
            )
        if node.op_type in RANDOM:
            raise ImportRefused(f"{place} is random, a score would not repeat; {_EVAL}, or remove it")
        if _trains(node, off):
            raise ImportRefused(f"{place} is in training mode; {_EVAL}")


def _trains(node: onnx.NodeProto, off: set[str]) -> bool:
    """Dropout whose third input is not a constant false (opset 12), BatchNormalization that updates its statistics."""
    if node.op_type == "Dropout":
        return len(node.input) > 2 and bool(node.input[2]) and node.input[2] not in off
    if node.op_type == "BatchNormalization":
        asked = any(attribute.name == "training_mode" and attribute.i for attribute in node.attribute)
        return asked or len(list(filter(None, node.output))) > 1
    return False


def _false_constants(model: onnx.ModelProto) -> set[str]:
    """Names of scalar constants that are false."""
    found = {tensor.name: tensor for graph in every(onnx.GraphProto, model) for tensor in graph.initializer}
    for node in every(onnx.NodeProto, model):
        if node.op_type == "Constant" and node.attribute and node.attribute[0].name == "value":
            found[node.output[0]] = node.attribute[0].t
    scalars = {name: tensor for name, tensor in found.items() if tensor.data_type == onnx.TensorProto.BOOL}
    return {name for name, tensor in scalars.items() if not numpy_helper.to_array(tensor).any()}
