"""A graph of doubles while it is written: nodes, constants, and the ends that feature assembly feeds.

All values are matrices [n, k] of doubles unless a name says otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import GraphProto, NodeProto, TensorProto, helper, numpy_helper

from ranklet.errors import ImportRefused

IR, OPSET, TREES = 10, 21, 5
DOUBLE = int(TensorProto.DOUBLE)

Given = str | NDArray[Any] | float | Sequence[int]
"""An input of a node: a tensor's name, a constant, a number (a double), or a list of whole numbers (int64)."""


class Tape:
    """nodes and constants in order; names are `t0`, `t1`, … kinds: of outputs that are no doubles."""

    def __init__(self) -> None:
        self.nodes: list[NodeProto] = []
        self.constants: dict[str, TensorProto] = {}
        self.kinds: dict[str, int] = {}
        self._known: dict[tuple[str, tuple[int, ...], bytes], str] = {}
        self._picked: dict[tuple[str, int], str] = {}
        self._places: dict[str, tuple[str, int]] = {}
        self._count = 0

    def name(self) -> str:
        """A new tensor's name."""
        self._count += 1
        return f"t{self._count - 1}"

    def op(self, kind: str, *given: Given, domain: str = "", outputs: int = 1, **attributes: Any) -> str:
        """Add a node; returns the name of its first output, further ones have `_1`, `_2` … behind it."""
        made = self.name()
        inputs = [one if isinstance(one, str) else self.constant(one) for one in given]
        names = [made, *(f"{made}_{number}" for number in range(1, outputs))]
        self.nodes.append(helper.make_node(kind, inputs, names, domain=domain, **attributes))
        return made

    def constant(self, value: Given) -> str:
        """A tensor of the model; equal ones are one."""
        whole = isinstance(value, list | tuple)
        array = np.asarray(value, np.int64 if whole else None)
        if array.dtype.kind == "f" and array.dtype != np.float32:
            array = array.astype(np.float64)
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self._known:
            self._known[key] = self.name()
            self.constants[self._known[key]] = numpy_helper.from_array(array, self._known[key])
        return self._known[key]

    def whole(self, value: int) -> str:
        """A scalar int64."""
        return self.constant(np.array(value, np.int64))

    def later(self) -> str:
        """The name of a constant that `settle` gives once all of the model was read."""
        return self.name()

    def settle(self, name: str, value: NDArray[Any]) -> None:
        """Give such a constant."""
        self.constants[name] = numpy_helper.from_array(value, name)

    def waive(self, name: str) -> None:
        """Let the nodes that read such a constant pass on their first input: it would choose all columns as they stand,
        and onnxruntime copies them number by number."""
        for node in self.nodes:
            if name in node.input:
                node.op_type = "Identity"
                del node.input[1:]
                del node.attribute[:]

    def doubles(self, given: str) -> str:
        """A cast to doubles."""
        return self.op("Cast", given, to=DOUBLE)

    def narrowed(self, given: str) -> str:
        """Rounded to 32 bits, as doubles again."""
        return self.doubles(self.op("Cast", given, to=int(TensorProto.FLOAT)))

    def columns(self, given: str, indices: Sequence[int] | NDArray[Any]) -> str:
        """Columns of a matrix, in this order."""
        return self.op("Gather", given, np.asarray(indices, np.int64), axis=1)

    def picked(self, given: str, column: int) -> str:
        """One column of a matrix; those that are `joined` again are chosen at once."""
        key = (given, column)
        if key not in self._picked:
            self._picked[key] = self.columns(given, [column])
            self._places[self._picked[key]] = key
        return self._picked[key]

    def joined(self, parts: Sequence[str]) -> str:
        """Matrices side by side."""
        runs: list[tuple[str, list[int]]] = []
        for part in parts:
            given, column = self._places.get(part, (part, -1))
            if runs and column >= 0 and runs[-1][0] == given:
                runs[-1][1].append(column)
            else:
                runs.append((given, [column]))
        made = [
            part
            if columns == [-1]
            else self.columns(part, columns)
            if len(columns) > 1
            else self.picked(part, *columns)
            for part, columns in runs
        ]
        return made[0] if len(made) == 1 else self.op("Concat", *made, axis=1)

    def total(self, given: str, *, axis: int = 1) -> str:
        """The sums of rows, [n, 1]."""
        return self.op("ReduceSum", given, [axis], keepdims=1)

    def added(self, parts: Sequence[str]) -> str:
        """The sum of matrices of one shape, or of shapes that NumPy would stretch, in order."""
        found = parts[0]
        for part in parts[1:]:
            found = self.op("Add", found, part)
        return found

    def inline(self, graph: GraphProto, inputs: Sequence[str]) -> tuple[str, ...]:
        """Another graph's nodes, fed by tensors of this one; returns the names of its outputs."""
        names = dict(zip((value.name for value in graph.input), inputs, strict=True)) | {"": ""}
        for tensor in graph.initializer:
            names[tensor.name] = self.name()
            self.constants[names[tensor.name]] = renamed = TensorProto()
            renamed.CopyFrom(tensor)
            renamed.name = names[tensor.name]
        for node in graph.node:
            copy = NodeProto()
            copy.CopyFrom(node)
            copy.name = ""
            copy.input[:] = [names[name] for name in node.input]
            for output in node.output:
                names.setdefault(output, self.name())
            copy.output[:] = [names[name] for name in node.output]
            self.nodes.append(copy)
        return tuple(names[value.name] for value in graph.output)

    def reads(self, score: str) -> set[str]:
        """Names of all tensors that a score is made of, inputs among them."""
        wanted = {score}
        for node in reversed(self.nodes):
            if wanted & set(node.output):
                wanted |= set(node.input)
        return wanted

    def graph(self, inputs: Sequence[onnx.ValueInfoProto], outputs: Mapping[str, str], name: str) -> bytes:
        """The whole as a file. outputs: name → the tensor that it is, of which the file gets [n].

        Raises ImportRefused for what is no graph.
        """
        tail, given = list[NodeProto](), list[onnx.ValueInfoProto]()
        for output, tensor in outputs.items():
            tail.append(helper.make_node("Reshape", [tensor, self.constant([-1])], [output]))
            given.append(helper.make_tensor_value_info(output, self.kinds.get(tensor, DOUBLE), ["n"]))
        nodes, constants = _used([*self.nodes, *tail], self.constants, set(outputs))
        graph = helper.make_graph(nodes, name, list(inputs), given, constants)
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", TREES)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=IR, producer_name="ranklet")
        try:
            onnx.checker.check_model(model, full_check=True)
        except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
            said = str(error).strip().split("\n")[0][:200]
            raise ImportRefused(f"is not served: what it converts to is no graph ({said})") from error
        content: bytes = model.SerializeToString(deterministic=True)
        return content


def _used(
    nodes: list[NodeProto], constants: dict[str, TensorProto], outputs: set[str]
) -> tuple[list[NodeProto], list[TensorProto]]:
    """Only what the outputs are made of: a model may offer more than is asked."""
    wanted, kept = set(outputs), list[NodeProto]()
    for node in reversed(nodes):
        if wanted & set(node.output):
            wanted |= set(node.input)
            kept.append(node)
    return kept[::-1], [tensor for name, tensor in constants.items() if name in wanted]
