"""A TensorFlow graph of numbers to ONNX by tf2onnx, with the ends named and one batch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ranklet.errors import ImportRefused
from ranklet.importers import tfgraphs
from ranklet.importers.tensorflow.walk import LIST_SHAPE

BATCH_SIZE = "batch_size"
"""Placeholder of the number of rows, which becomes the shape of an input."""


def reached(tf: Any, graph: Any, output: Any, fed: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
    """The part of the graph that the output depends on, and the placeholders in it."""
    used = _part(tf, graph.as_graph_def(), output)
    names = {node.name for node in used.node}
    kept = {name: tensor for name, tensor in fed.items() if tensor.op.name in names}
    if any(name.startswith(LIST_SHAPE) for name in names):
        raise ImportRefused("the score depends on how many numbers a list of floats has: give the input a fixed length")
    if not kept:
        raise ImportRefused("the output depends on no input that features make")
    if BATCH_SIZE not in names:
        return used, kept
    with graph.as_default():
        size = tf.shape(next(iter(kept.values())))[0]
    whole = graph.as_graph_def()
    for node in whole.node:
        node.input[:] = [size.op.name if name == BATCH_SIZE else name for name in node.input]
    return _part(tf, whole, output), kept


def _part(tf: Any, graph: Any, output: Any) -> Any:
    return tf.compat.v1.graph_util.extract_sub_graph(graph, [output.op.name])


def to_onnx(graph: Any, inputs: Mapping[str, str], output: tuple[str, str]) -> bytes:
    """The graph as a file. inputs: name → tensor in the GraphDef. output: (name, tensor).

    Raises ImportRefused with tf2onnx's words where it cannot; that what it gives is right, `proposing` checks.
    """
    import tf2onnx  # an extra

    try:
        made, _ = tf2onnx.convert.from_graph_def(
            graph, input_names=list(inputs.values()), output_names=[output[1]], opset=tfgraphs.OPSET
        )
    except Exception as error:
        # whatever an operation that tf2onnx does not know makes it raise: its types are not documented
        raise ImportRefused(f"tf2onnx does not convert the graph: {str(error)[:500]}") from error
    tfgraphs.settled(made.graph, {tensor: name for name, tensor in inputs.items()} | {output[1]: output[0]})
    content: bytes = made.SerializeToString()
    return content
