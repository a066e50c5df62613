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
    for name, value in list(graph.initializers.items()):
        if value not in wanted:
            del graph.initializers[name]
