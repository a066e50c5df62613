"""ONNX models as a test writes them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from ranklet.importers.base import Exported

Load = Callable[..., Exported]

W = np.random.default_rng(0).normal(size=(3, 2)).astype(np.float32)


def graph(
    nodes: Sequence[onnx.NodeProto],
    inputs: dict[str, Any] | None = None,
    outputs: dict[str, Any] | None = None,
    *,
    opsets: dict[str, int] | None = None,
    functions: Sequence[onnx.FunctionProto] = (),
    **constants: Any,
) -> onnx.ModelProto:
    """A model of x [n, 3] → y [n, 3] unless told otherwise. inputs, outputs: name → (type, shape)."""
    ends = [
        [helper.make_tensor_value_info(name, *end) for name, end in given.items()]
        for given in (
            {"x": (TensorProto.FLOAT, ["n", 3])} if inputs is None else inputs,
            {"y": (TensorProto.FLOAT, ["n", 3])} if outputs is None else outputs,
        )
    ]
    weights = [onnx.numpy_helper.from_array(np.asarray(array), name) for name, array in constants.items()]
    made = helper.make_graph(list(nodes), "g", *ends, weights)
    versions = [helper.make_opsetid(domain, version) for domain, version in ({"": 17} | (opsets or {})).items()]
    return helper.make_model(made, opset_imports=versions, functions=list(functions), ir_version=9)


def node(kind: str, inputs: Sequence[str], outputs: Sequence[str], **attributes: Any) -> onnx.NodeProto:
    """A node, named if `name` is given."""
    return helper.make_node(kind, inputs, outputs, **attributes)


RELU = node("Relu", ["x"], ["y"])


def linear() -> onnx.ModelProto:
    """score = x @ W, [n, 2]."""
    return graph(
        [helper.make_node("MatMul", ["x", "W"], ["score"])], outputs={"score": (TensorProto.FLOAT, ["n", 2])}, W=W
    )
