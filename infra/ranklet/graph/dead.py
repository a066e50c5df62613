"""Drops what no output needs: nodes, and the weights that only they read."""

from __future__ import annotations

import onnx_ir as ir

from ranklet.graph.trace import read_by


def drop(graph: ir.Graph) -> None:
    """What a Loop's body captures counts as read only while the Loop is."""
    wanted = set(graph.outputs)
    for node in reversed(list(graph)):
        if wanted.intersection(node.outputs):
            wanted.update(read_by(node))
        else:
            graph.remove(node)
            _detach(node)
    for name, value in list(graph.initializers.items()):
        if value not in wanted:
            del graph.initializers[name]


def _detach(node: ir.Node) -> None:
    """A node that is gone, and the bodies inside it, are no uses of what they read."""
    for attribute in node.attributes.values():
        if attribute.type == ir.AttributeType.GRAPH:
            bodies = [attribute.as_graph()]
        else:
            bodies = list(attribute.as_graphs()) if attribute.type == ir.AttributeType.GRAPHS else []
        for body in bodies:
            for inner in ir.traversal.RecursiveGraphIterator(body):
                _unread(inner)
    _unread(node)


def _unread(node: ir.Node) -> None:
    for place in range(len(node.inputs)):
        node.replace_input_with(place, None)
