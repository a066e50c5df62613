"""The walk through a frozen graph, from its inputs on: each node gives values, and the new graph grows beside it.

Nodes of numbers are copied. Others are `texts`', `sparse`'s or `parsing`'s: a table from the operation's name to the
function that knows it. What none knows and what would have to be copied with text or sparse values is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ranklet.errors import ImportRefused
from ranklet.importers.tensorflow.features import Features
from ranklet.importers.tensorflow.values import Dense, Entries, Raw, RawEntries, RawShape, Table, Text, Value

Handler = Callable[["Walk", "Node"], "Value | Sequence[Value] | None"]
"""The values of a node's outputs; None for a node that is copied after all."""

LIST_SHAPE = "list_shape"
"""Stands for the shape of a list of numbers: lists that go with ids have theirs, and need none of their own."""


@dataclass(frozen=True)
class Node:
    """A node with its inputs' values. shape: of its first output, as TensorFlow infers it (None where it does not)."""

    name: str
    op: str
    attr: Mapping[str, Any]
    inputs: tuple[Value, ...]
    shape: tuple[int | None, ...] | None


@dataclass
class Walk:
    """tf: the library. graph: the new one, default while walking. shapes: of the frozen graph's nodes.

    tables: contents by the name of the node that gives the handle. given: values of the signature's placeholders.
    asserted: nodes that an assertion depends on.
    """

    tf: Any
    graph: Any
    features: Features
    handlers: Mapping[str, Handler]
    shapes: Mapping[str, tuple[int | None, ...] | None]
    given: dict[str, Value]
    tables: Mapping[str, Table]
    asserted: frozenset[str] = frozenset()
    values: dict[str, tuple[Value, ...]] = field(default_factory=dict)

    def run(self, nodes: Mapping[str, Any], first: frozenset[str], output: str) -> Any:
        """The tensor of the new graph that `output` is.

        first: operations that are walked before others, so that features are there when shapes are asked for.
        """
        ends = [node.name for node in ordered(nodes, [output.split(":")[0]]) if node.op in first]
        for name in [*ends, output.split(":")[0]]:
            for node in ordered(nodes, [name]):
                if node.name not in self.values:
                    self.values[node.name] = self._node(node)
        return self.tensor(self._value(output), f"output {output}")

    def _node(self, node: Any) -> tuple[Value, ...]:
        if node.name in self.given:
            return (self.given[node.name],)
        if node.name in self.tables:
            return (self.tables[node.name],)
        if node.op == "Const":
            return (self._constant(node),)
        inputs = tuple(self._value(name) for name in node.input if not name.startswith("^"))
        one = Node(node.name, node.op, node.attr, inputs, self.shapes.get(node.name))
        made = self.handlers[node.op](self, one) if node.op in self.handlers else None
        if made is None:
            made = self._copied(one)
        return tuple(made) if isinstance(made, Sequence) else (made,)

    def _value(self, name: str) -> Value:
        node, _, port = name.partition(":")
        return self.values[node][int(port or 0)]

    def _constant(self, node: Any) -> Value:
        value = self.tf.make_ndarray(node.attr["value"].tensor)
        return Text(value) if value.dtype == object else Dense(self.tf.constant(value))

    def _copied(self, node: Node) -> tuple[Value, ...]:
        if node.op in ("Placeholder", "PlaceholderWithDefault", "VarHandleOp", "HashTableV2"):
            raise refused(node, "nothing feeds it")
        tensors = [self.tensor(value, f"{node.op} {node.name!r}") for value in node.inputs]
        attrs = {name: value for name, value in node.attr.items() if not name.startswith("_")}
        try:
            made = self.graph.create_op(node.op, tensors, attrs=attrs, name="copied")
        except (ValueError, TypeError, RuntimeError) as error:
            raise refused(node, f"it does not fit what stands before it: {str(error)[:300]}") from error
        return tuple(Dense(tensor) for tensor in made.outputs)

    def tensor(self, value: Value, where: str) -> Any:
        """The value as a tensor of the new graph. Raises ImportRefused for one that only features can make."""
        if isinstance(value, Dense):
            return value.tensor
        if isinstance(value, Entries) and value.mask.full:
            further = [size or -1 for size in value.tensor.shape[2:]]
            return self.tf.reshape(value.tensor, [-1, *further])
        if isinstance(value, RawShape):
            return self.shape(value.raw)
        if isinstance(value, Raw) and value.dtype != "string":
            return self.features.numbers(value)
        if isinstance(value, Raw):
            raise ImportRefused(
                f"{where} reads the text of {value.name!r}: text is served through lookup tables, StringToHashBucket "
                "and crosses; compute the rest before the request"
            )
        if isinstance(value, RawEntries):
            raise ImportRefused(
                f"{where} reads the list {value.raw.name!r} as numbers: weights and sequences are not served; "
                "give the input a fixed length, or pad and mask it in the graph"
            )
        raise ImportRefused(
            f"{where} takes {type(value).__name__.lower()} of a sparse tensor, which is not served there; use feature "
            "columns' embeddings and indicators, or pad and mask in the graph"
        )

    def shape(self, raw: Raw) -> Any:
        """int64: the batch, and the longest row of a list."""
        if raw.shape == (None,) and raw.dtype.startswith("float"):
            return self.tf.compat.v1.placeholder("int64", [2], name=LIST_SHAPE)
        if raw.shape == (None,):
            return self.tf.shape(self.features.places(raw), out_type="int64")
        batch = self.tf.cast(self.features.batch(), "int64")
        return self.tf.stack([batch, *(self.tf.constant(size, "int64") for size in raw.shape)])

    def static(self, value: Value) -> Any:
        """A constant's array; None for what depends on inputs."""
        return self.tf.get_static_value(value.tensor) if isinstance(value, Dense) else None


def refused(node: Node, why: str) -> ImportRefused:
    """For a node that is not served."""
    return ImportRefused(f"{node.op} {node.name!r}: {why}")


def ordered(nodes: Mapping[str, Any], ends: Sequence[str]) -> Iterator[Any]:
    """Nodes that the ends depend on by data, each after its inputs."""
    done: set[str] = set()
    stack = [(name, False) for name in ends]
    while stack:
        name, ready = stack.pop()
        if name in done:
            continue
        if ready:
            done.add(name)
            yield nodes[name]
            continue
        stack.append((name, True))
        for given in nodes[name].input:
            if not given.startswith("^") and given.split(":")[0] not in done:
                stack.append((given.split(":")[0], False))


def under_assertions(nodes: Mapping[str, Any]) -> frozenset[str]:
    """Names of the nodes that assertions depend on."""
    ends = [node.name for node in nodes.values() if node.op == "Assert"]
    return frozenset(node.name for node in ordered(nodes, ends))
