"""Writes ranking graphs node by node, with random weights of a fixed seed: no trainer's library is needed."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

OPSET = 18
IR_VERSION = 10
BATCH = "batch"


class Net:
    """One graph. Values are known by their names; every input has the batch in its first dimension."""

    def __init__(self, seed: int = 0) -> None:
        self._random = np.random.default_rng(seed)
        self._nodes: list[Any] = []
        self._inputs: list[Any] = []
        self._weights: list[Any] = []
        self._lists: dict[tuple[int, ...], str] = {}

    def ids(self, name: str, *shape: int) -> str:
        """An input of int64 ids [batch, *shape]."""
        return self._input(name, np.int64, shape)

    def dense(self, name: str, *shape: int) -> str:
        """An input of float32 [batch, *shape]."""
        return self._input(name, np.float32, shape)

    def _input(self, name: str, kind: type[np.generic], shape: Sequence[int]) -> str:
        import onnx  # as slow to import as onnxruntime

        code = onnx.helper.np_dtype_to_tensor_dtype(np.dtype(kind))
        self._inputs.append(onnx.helper.make_tensor_value_info(name, code, [BATCH, *shape]))
        return name

    def const(self, array: Any) -> str:
        """A weight with these contents."""
        import onnx  # as above

        name = f"w{len(self._weights)}"
        self._weights.append(onnx.numpy_helper.from_array(np.asarray(array), name))
        return name

    def list(self, *numbers: int) -> str:
        """An int64 vector: axes, a shape."""
        if numbers not in self._lists:
            self._lists[numbers] = self.const(np.asarray(numbers, np.int64))
        return self._lists[numbers]

    def weight(self, *shape: int, scale: float | None = None) -> str:
        """Normal, of standard deviation `scale` (1/√fan-in where not given)."""
        deviation = 1 / np.sqrt(shape[0]) if scale is None else scale
        return self.const((self._random.standard_normal(shape) * deviation).astype(np.float32))

    def op(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """A node; the name of its first output."""
        import onnx  # as above

        name = f"v{len(self._nodes)}"
        self._nodes.append(onnx.helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def embed(self, ids: str, rows: int, dim: int) -> str:
        """Rows of a table of its own, of the size that trained ones have."""
        return self.op("Gather", self.weight(rows, dim, scale=0.1), ids, axis=0)

    def column(self, value: str, place: int) -> str:
        """[batch] out of [batch, k]."""
        return self.op("Gather", value, self.const(np.asarray(place, np.int64)), axis=1)

    def concat(self, *values: str, axis: int = 1) -> str:
        return self.op("Concat", *values, axis=axis)

    def total(self, value: str, axis: int, *, keep: bool = False) -> str:
        return self.op("ReduceSum", value, self.list(axis), keepdims=int(keep))

    def reshape(self, value: str, *shape: int) -> str:
        return self.op("Reshape", value, self.list(*shape))

    def linear(self, value: str, width: int, out: int) -> str:
        """A dense layer over [batch, width]."""
        return self.op("Gemm", value, self.weight(width, out), self.weight(out, scale=0.1))

    def project(self, value: str, width: int, out: int) -> str:
        """A dense layer over the last of several axes."""
        return self.op("Add", self.op("MatMul", value, self.weight(width, out)), self.weight(out, scale=0.1))

    def mlp(self, value: str, *sizes: int, last: bool = False, many: bool = False) -> str:
        """Dense layers with ReLU between them, and after the last where `last`. many: over the last of several axes."""
        for place, (width, out) in enumerate(pairwise(sizes)):
            value = (self.project if many else self.linear)(value, width, out)
            if last or place < len(sizes) - 2:
                value = self.op("Relu", value)
        return value

    def bytes(self, output: str, *shape: int) -> bytes:
        """The graph with one output, `score` [batch, *shape]."""
        import onnx  # as above

        self._nodes.append(onnx.helper.make_node("Identity", [output], ["score"]))
        end = onnx.helper.make_tensor_value_info("score", onnx.TensorProto.FLOAT, [BATCH, *shape])
        graph = onnx.helper.make_graph(self._nodes, "ranker", self._inputs, [end], self._weights)
        opset = [onnx.helper.make_opsetid("", OPSET)]
        model = onnx.helper.make_model(graph, opset_imports=opset, ir_version=IR_VERSION)
        content: bytes = model.SerializeToString(deterministic=True)
        return content
