"""A finished graph as its nodes: who makes a value, who reads it, its shape; and new nodes in place of old ones."""

from __future__ import annotations

from typing import Any

import numpy as np

from ranklet.graph.records import Array

BODIES = (5, 10)
"""AttributeProto's types GRAPH and GRAPHS: a Loop's or an If's body may read any value of the graph."""

Shape = tuple[int | None, ...]


class Nodes:
    """Nodes by what they make and who reads it; shapes as far as they are known."""

    def __init__(self, model: Any) -> None:
        import onnx  # as slow to import as onnxruntime

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
        self.bodies = any(attribute.type in BODIES for node in self.nodes for attribute in node.attribute)

    def is_end(self, name: str) -> bool:
        return name in self._ends

    def maker(self, name: str) -> Any | None:
        return next((node for node in self.nodes if name in node.output), None)

    def readers(self, name: str) -> list[Any]:
        return [node for node in self.nodes if name in node.input]

    def only(self, name: str, kind: str) -> Any | None:
        """The one node of this kind that reads the value, where nothing else does."""
        found = self.readers(name)
        mine = len(found) == 1 and found[0].op_type == kind and list(found[0].input).count(name) == 1
        return found[0] if mine and name not in self._ends and not self.bodies else None

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
        """Back into the model, without nodes and weights that nothing reads."""
        wanted = set(self._ends)
        for node in reversed(self.nodes if not self.bodies else []):
            if wanted.intersection(node.output):
                wanted.update(node.input)
        self.nodes = [node for node in self.nodes if self.bodies or wanted.intersection(node.output)]
        read = {name for node in self.nodes for name in node.input} | (set(self.weights) if self.bodies else set())
        graph = self._model.graph
        del graph.node[:], graph.initializer[:]
        graph.node.extend(self.nodes)
        graph.initializer.extend(tensor for name, tensor in self.weights.items() if name in read)
