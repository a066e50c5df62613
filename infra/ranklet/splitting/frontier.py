"""Makes the values between user and cross graph such that a request can carry them.

A tensor of a request has one row per user, in its first dimension, and is float32, float64, int64, int32 or bool. What
a user graph gives need not: a recurrent layer has its batch second, a half-precision model float16. Requires: two
graphs of one split. Ensures: every value that passes begins with a dimension of 1 and has one of these types; the
graphs compute the same.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ranklet.graph.builder import prepend
from ranklet.graph.records import Piece, Port

SERVED = {"float32", "float64", "int64", "int32", "bool"}
OUTER = "/row"
"""Ends the name that a value has outside, where that is not its own."""

AXES_ARE_INPUTS = 13
"""The opset from which Squeeze and Unsqueeze take their axes so."""


def level(user: Piece, cross: Piece) -> tuple[Piece, Piece]:
    """Both graphs, the user's outputs brought to one row and a type that passes."""
    for port in user.outputs:
        shape = port.shape if port.shape[:1] == (1,) else (1, *port.shape)
        outer = Port(port.name + OUTER, _served(port), shape)
        if (outer.shape, outer.dtype) != (port.shape, port.dtype):
            user, cross = _leaving(user, port, outer), _entering(cross, port, outer)
    return user, cross


def widened(piece: Piece) -> Piece:
    """The graph, its inputs of float16 taken as float32: what tables hold is read so."""
    for port in piece.inputs:
        if (wide := _served(port)) != port.dtype:
            piece = _entering(piece, port, Port(port.name + OUTER, wide, port.shape))
    return piece


def shaped(piece: Piece) -> Piece:
    """The graph, its inputs declared with the shapes that they have: those of cut rows have none yet."""
    import onnx  # as slow to import as onnxruntime

    model = onnx.load_from_string(piece.content)
    ports = {port.name: port for port in piece.inputs}
    for end in model.graph.input:
        if not end.type.tensor_type.HasField("shape"):
            end.CopyFrom(_end(ports[end.name]))
    return replace(piece, content=model.SerializeToString(deterministic=True))


def inner(name: str) -> str:
    """The name that an input or output had before."""
    return name.removesuffix(OUTER)


def _served(port: Port) -> str:
    if port.dtype in SERVED:
        return port.dtype
    return "float32" if port.dtype == "float16" else "int64"


def _leaving(piece: Piece, port: Port, outer: Port) -> Piece:
    """`outer` in the place of an output."""
    import onnx  # as above

    model = onnx.load_from_string(piece.content)
    model.graph.node.extend(_converted(model, port, outer, kind="Unsqueeze"))
    end = next(one for one in model.graph.output if one.name == port.name)
    end.CopyFrom(_end(outer))
    outputs = tuple(outer if one == port else one for one in piece.outputs)
    return replace(piece, content=model.SerializeToString(deterministic=True), outputs=outputs)


def _entering(piece: Piece, port: Port, outer: Port) -> Piece:
    """`outer` in the place of an input, if the graph has it."""
    import onnx  # as above

    model = onnx.load_from_string(piece.content)
    end = next((one for one in model.graph.input if one.name == port.name), None)
    if end is None:
        return piece
    prepend(model.graph, _converted(model, outer, port, kind="Squeeze"))
    end.CopyFrom(_end(outer))
    inputs = tuple(outer if one.name == port.name else one for one in piece.inputs)
    sources = {outer.name if name == port.name else name: source for name, source in piece.sources.items()}
    return Piece(model.SerializeToString(deterministic=True), inputs, piece.outputs, sources)


def _converted(model: Any, given: Port, wanted: Port, *, kind: str) -> list[Any]:
    """The nodes that make a value of one port into another's; at least one of them."""
    import onnx  # as above

    nodes: list[Any] = []
    value, into = given.name, wanted.name
    if len(given.shape) != len(wanted.shape):
        opset = next(one.version for one in model.opset_import if one.domain in ("", "ai.onnx"))
        node = onnx.helper.make_node(kind, [value], [f"{into}/shaped"])
        if opset >= AXES_ARE_INPUTS:
            model.graph.initializer.append(onnx.helper.make_tensor(f"{into}/axes", onnx.TensorProto.INT64, [1], [0]))
            node.input.append(f"{into}/axes")
        else:
            node.attribute.append(onnx.helper.make_attribute("axes", [0]))
        nodes.append(node)
        value = f"{into}/shaped"
    if given.dtype != wanted.dtype:
        nodes.append(onnx.helper.make_node("Cast", [value], [f"{into}/cast"], to=_code(wanted)))
        value = f"{into}/cast"
    nodes.append(onnx.helper.make_node("Identity", [value], [into]))
    return nodes


def _end(port: Port) -> Any:
    import onnx  # as above

    shape = [f"{port.name}.{axis}" if size is None else size for axis, size in enumerate(port.shape)]
    return onnx.helper.make_tensor_value_info(port.name, _code(port), shape)


def _code(port: Port) -> int:
    import numpy as np
    import onnx  # as above

    return int(onnx.helper.np_dtype_to_tensor_dtype(np.dtype(port.dtype)))
