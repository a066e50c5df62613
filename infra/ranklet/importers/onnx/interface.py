"""A graph's inputs and outputs as `TensorSpec`s, or the reason why one cannot be served and how to export it.

Served are tensors whose first dimension is the rows, of float32, int64, int32 and double. The features are
float32 and int64: a double receives float32 widened, an int32 the ids checked and narrowed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import onnx

from ranklet.errors import ImportRefused
from ranklet.importers.base import Dims, TensorSpec
from ranklet.model import StepSource

SERVED: Mapping[int, str] = {
    onnx.TensorProto.FLOAT: "float32",
    onnx.TensorProto.DOUBLE: "float64",
    onnx.TensorProto.INT64: "int64",
    onnx.TensorProto.INT32: "int32",
}

_STRINGS = "strings belong in feature assembly: export the graph from the ids on, and declare a category or bag feature"
_HALF = "keep inputs and outputs float32 (convert_float_to_float16 with keep_io_types=True), or cast in the graph"
_ADVICE: Mapping[int, str] = {
    onnx.TensorProto.STRING: _STRINGS,
    onnx.TensorProto.FLOAT16: _HALF,
    onnx.TensorProto.BFLOAT16: _HALF,
    onnx.TensorProto.BOOL: "take it as float32 or int64 and cast in the graph",
}
_OTHERWISE = "cast it in the graph"
_NOT_TENSOR = (
    "wrap the model so that it takes and gives tensors (skl2onnx: options={'zipmap': False}; "
    "onnxmltools: zipmap=False; of CatBoost, import its .cbm or .json), or list in [steps.outputs] only the outputs "
    "that you need"
)
_UNCHANGED = {"Cast", "Flatten", "Identity", "Reshape", "Squeeze", "Unsqueeze"}
"""Operators that pass ids on."""


def inputs(model: onnx.ModelProto, source: StepSource) -> tuple[TensorSpec, ...]:
    """The graph's inputs, without those that have a value of their own.

    Raises ImportRefused for one that is no numeric tensor, has no rows, or whose number of rows is fixed.
    """
    given = {tensor.name for tensor in model.graph.initializer}
    given |= {tensor.values.name for tensor in model.graph.sparse_initializer}
    limits = _limits(model)
    values = [value for value in model.graph.input if value.name not in given]
    found = tuple(replace(_spec("input", value), limit=limits.get(value.name)) for value in values)
    if not found:
        raise ImportRefused("the graph has no input; a step scores what it reads")
    if unknown := sorted(set(source.once) - {spec.name for spec in found}):
        raise ImportRefused(f"steps.once names {unknown}; the graph's inputs are {[spec.name for spec in found]}")
    for spec in found:
        _check_rows(spec, source)
    return found


def outputs(model: onnx.ModelProto, source: StepSource) -> tuple[TensorSpec, ...]:
    """The outputs that `source.outputs` lists, all when it lists none. Raises ImportRefused as `inputs` does."""
    values = {value.name: value for value in model.graph.output}
    if unknown := sorted(set(source.outputs) - set(values)):
        raise ImportRefused(f"it has no output {unknown}; its outputs are {sorted(values)}")
    return tuple(_spec("output", values[name]) for name in source.outputs or values)


def _spec(what: str, value: onnx.ValueInfoProto) -> TensorSpec:
    kind = value.type.WhichOneof("value")
    if kind != "tensor_type":
        raise ImportRefused(f"{what} {value.name!r} is a {kind or 'nothing'}, not a tensor; {_NOT_TENSOR}")
    tensor = value.type.tensor_type
    if tensor.elem_type not in SERVED:
        given = onnx.TensorProto.DataType.Name(tensor.elem_type).lower()
        advice = _ADVICE.get(tensor.elem_type, _OTHERWISE)
        raise ImportRefused(f"{what} {value.name!r} is of {given}, served are {sorted(SERVED.values())}; {advice}")
    shape: Dims = tuple(dim.dim_value if dim.HasField("dim_value") else None for dim in tensor.shape.dim)
    if not shape:
        raise ImportRefused(f"{what} {value.name!r} has no dimension for its rows; export it as [batch, …]")
    return TensorSpec(value.name, SERVED[tensor.elem_type], shape)


def _check_rows(spec: TensorSpec, source: StepSource) -> None:
    assert spec.shape is not None
    rows = spec.shape[0]
    once = spec.name in source.once or source.rows == "user"
    if rows is None or (rows == 1 and once):
        return
    raise ImportRefused(
        f"input {spec.name!r} takes {rows} rows only, a step on {source.rows} rows needs any number; export it with "
        f"torch.onnx.export(…, dynamo=True, dynamic_shapes={{{spec.name!r}: {{0: torch.export.Dim.DYNAMIC}}}}), "
        "keras.Input without batch_size, tf.TensorSpec([None, …])"
    )


def _limits(model: onnx.ModelProto) -> dict[str, int]:
    """Inputs that index the rows of a table → its rows, the fewest of several tables.

    Only ids that reach a Gather as they came; what the graph computes ids from, it bounds itself.
    """
    rows = {tensor.name: tensor.dims[0] for tensor in model.graph.initializer if tensor.dims}
    origin = {value.name: value.name for value in model.graph.input}
    limits: dict[str, int] = {}
    for node in model.graph.node:
        if node.op_type in _UNCHANGED and node.input[0] in origin:
            origin[node.output[0]] = origin[node.input[0]]
        if node.op_type == "Gather" and _axis(node) == 0 and node.input[0] in rows and node.input[1] in origin:
            name = origin[node.input[1]]
            limits[name] = min(rows[node.input[0]], limits.get(name, rows[node.input[0]]))
    return limits


def _axis(node: onnx.NodeProto) -> int:
    return next((attribute.i for attribute in node.attribute if attribute.name == "axis"), 0)
