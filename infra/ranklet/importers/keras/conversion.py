"""A Keras model of numbers to ONNX by tf2onnx, with the ends named as in Keras and one batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ranklet.errors import ImportRefused
from ranklet.importers import tfgraphs


def to_onnx(keras: Any, model: Any, names: Sequence[str], *, column: tuple[int, int] | None = None) -> bytes:
    """The model's graph as a file. names: of its outputs, in order. column: (output, column) that ranks.

    Raises ImportRefused with tf2onnx's words where it cannot; that what it gives is right, `proposing` checks.
    """
    import tensorflow  # an extra
    import tf2onnx

    specs = [tensorflow.TensorSpec(one.shape, one.dtype, name=one.name) for one in model.inputs]

    def scores(*tensors: Any) -> list[Any]:
        found = keras.tree.flatten(model(list(tensors), training=False))
        if column is not None:
            found[column[0]] = found[column[0]][:, column[1]]
        return [tensorflow.identity(one) for one in found]

    try:
        function = tensorflow.function(scores)
        made, _ = tf2onnx.convert.from_function(
            function, input_signature=specs, opset=tfgraphs.OPSET, large_model=False
        )
        _settle(made.graph, function.get_concrete_function(*specs).graph.captures)
    except Exception as error:
        # whatever a layer that tf2onnx does not know makes it raise: its types are not documented
        raise ImportRefused(f"tf2onnx does not convert the model: {str(error)[:500]}") from error
    tfgraphs.settled(made.graph, _names(made.graph, [one.name for one in model.inputs], names))
    content: bytes = made.SerializeToString()
    return content


def _settle(graph: Any, captures: Any) -> None:
    """Constants that layers hold as tensors of their own, such as a mean, come out as inputs: make weights of them."""
    from onnx import numpy_helper

    held = {inside.name: outside for outside, inside in captures if outside.dtype.name != "resource"}
    for value in [one for one in graph.input if one.name in held]:
        graph.initializer.append(numpy_helper.from_array(held[value.name].numpy(), value.name))
        graph.input.remove(value)


def _names(graph: Any, inputs: Sequence[str], outputs: Sequence[str]) -> dict[str, str]:
    """The ends as tf2onnx names them → as Keras does."""
    if len(graph.input) != len(inputs) or len(graph.output) != len(outputs):
        raise ImportRefused(
            f"tf2onnx gives inputs {[one.name for one in graph.input]} for {list(inputs)} and outputs "
            f"{[one.name for one in graph.output]} for {list(outputs)}: one is constant or unused; leave it out"
        )
    given = {one.name.split(":")[0]: one for one in graph.input}
    found = {given[name].name if name in given else graph.input[at].name: name for at, name in enumerate(inputs)}
    return found | {value.name: name for value, name in zip(graph.output, outputs, strict=True)}
