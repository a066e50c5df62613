"""Packs what is stored per item into one record, and teaches the cross graph to read it.

float16 halves a record; int8 holds round(v / s) with one scale s = max|v| / 127 per item and field, so that an element
is off by at most s / 2. What that does to the scores is measured by the acceptance test, and stated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from ranklet.graph.builder import prepend
from ranklet.graph.records import Array, Field, Piece, Port, RecordLayout, RowType
from ranklet.graph.views import laid

RECORD, SCALE = "item_record", "item_scale"
Columns = tuple[int, int]
"""Columns of a record, from and to."""

EXACT = 2**24
"""Integers below it are exact as float32."""


class Unpackable(Exception):
    """A value cannot be stored in the record's dtype."""


def layout(item: Piece, dtype: RowType) -> RecordLayout:
    """One field per output of the item graph; views share their columns, but for int8, whose fields have scales of
    their own. Raises Unpackable for other values than floats in a small dtype."""
    fields = []
    offset = 0
    for port in item.outputs:
        if port.dtype == "object" or (dtype != "float32" and np.dtype(port.dtype).kind != "f"):
            raise Unpackable(f"{port.name} holds {port.dtype}, which {dtype} does not")
        shape = tuple(size or 0 for size in port.shape[1:])
        size = int(np.prod(shape, dtype=np.int64))
        fields.append(Field(port.name, shape, offset, size))
        offset += size
    width, laid_out = (offset, tuple(fields)) if dtype == "int8" else laid(fields, item.content)
    return RecordLayout(dtype, width, laid_out)


def pack(values: Mapping[str, Array], record: RecordLayout) -> dict[str, Array]:
    """Records [n, width] (and int8's scales [n, fields]) from the item graph's outputs. Raises Unpackable."""
    count = len(next(iter(values.values())))
    columns = [values[field.name].reshape(count, field.size) for field in record.fields]
    if any(c.dtype.kind in "iu" and c.size and np.abs(c).max() >= EXACT for c in columns):
        raise Unpackable("an integer of 2^24 or more does not fit a float32 record")
    whole = np.empty((count, record.width), np.float32)
    for field, column in zip(record.fields, columns, strict=True):
        whole[:, field.offset : field.offset + field.size] = column
    if record.dtype == "float32":
        return {RECORD: whole}
    if record.dtype == "float16":
        if np.abs(whole).max(initial=0) > np.finfo(np.float16).max:
            raise Unpackable("a value above 65504 does not fit float16")
        return {RECORD: whole.astype(np.float16)}
    scales = np.stack([np.abs(c).max(1, initial=0) / 127 for c in columns], 1).astype(np.float32)
    spread = np.repeat(scales, [field.size for field in record.fields], 1)
    safe = np.where(spread > 0, spread, 1)
    return {RECORD: np.rint(whole / safe).clip(-127, 127).astype(np.int8), SCALE: scales}


def reading(cross: Piece, record: RecordLayout) -> Piece:
    """The cross graph with `item_record` (and `item_scale`) in place of the single values."""
    import onnx  # as slow to import as onnxruntime

    model = onnx.load_from_string(cross.content)
    graph = model.graph
    names = {field.name for field in record.fields}
    taken = {port.name: port for port in cross.inputs if port.name in names}
    if not taken:
        return cross
    kept = [end for end in graph.input if end.name not in names]
    ends = [Port(RECORD, record.dtype, (None, record.width))]
    if record.dtype == "int8":
        ends.append(Port(SCALE, "float32", (None, len(record.fields))))
    nodes: list[Any] = []
    helper = _Nodes(nodes, graph)
    whole = RECORD if record.dtype == "float32" else helper.node("Cast", [RECORD], to=onnx.TensorProto.FLOAT)
    read = [field for field in record.fields if field.name in taken]
    for field, value in zip(read, _apart(helper, whole, record, read, _opset(model)), strict=True):
        _read_field(helper, value, field, taken[field.name])
    prepend(graph, nodes)
    del graph.input[:]
    graph.input.extend([*kept, *(_end(port) for port in ends)])
    ports = (*(port for port in cross.inputs if port.name not in names), *ends)
    return Piece(model.SerializeToString(deterministic=True), ports, cross.outputs, cross.sources)


SPLIT_OPSET = 13
"""The opset from which Split takes its sizes as an input."""


def _opset(model: Any) -> int:
    return next((one.version for one in model.opset_import if one.domain in ("", "ai.onnx")), 0)


def _apart(helper: _Nodes, whole: str, record: RecordLayout, read: Sequence[Field], opset: int) -> list[str]:
    """The columns of each field: by one Split where they do not overlap, as every node costs a microsecond."""
    parts = sorted({(field.offset, field.offset + field.size) for field in read})
    clear = all(before[1] <= after[0] for before, after in pairwise(parts))
    if parts == [(0, record.width)]:
        columns = {parts[0]: whole}
    elif len(parts) > 1 and clear and opset >= SPLIT_OPSET:
        columns = helper.split(whole, parts, record.width)
    else:
        columns = {part: helper.slice(whole, *part) for part in parts}
    found = {field.name: columns[(field.offset, field.offset + field.size)] for field in read}
    if record.dtype == "int8":
        places = {field.name: place for place, field in enumerate(record.fields)}
        scales = {name: helper.slice(SCALE, places[name], places[name] + 1) for name in found}
        found = {name: helper.node("Mul", [value, scales[name]]) for name, value in found.items()}
    return [found[field.name] for field in read]


def _read_field(helper: _Nodes, value: str, field: Field, port: Port) -> None:
    if len(field.shape) != 1:
        value = helper.node("Reshape", [value, helper.integers([-1, *field.shape])])
    if port.dtype != "float32":
        import onnx_ir as ir  # only records that hold ids

        value = helper.node("Cast", [value], to=int(ir.DataType.from_numpy(np.dtype(port.dtype))))
    helper.node("Identity", [value], output=field.name)


class _Nodes:
    """Writes the nodes that come before a graph's own."""

    def __init__(self, nodes: list[Any], graph: Any) -> None:
        self._nodes, self._graph = nodes, graph

    def node(self, kind: str, inputs: list[str], *, output: str = "", **attributes: Any) -> str:
        import onnx  # as above

        name = output or f"record/{kind}.{len(self._nodes)}"
        self._nodes.append(onnx.helper.make_node(kind, inputs, [name], **attributes))
        return name

    def integers(self, values: list[int]) -> str:
        import onnx  # as above

        name = f"record/const.{len(self._graph.initializer)}"
        tensor = onnx.numpy_helper.from_array(np.asarray(values, np.int64), name)
        self._graph.initializer.append(tensor)
        return name

    def split(self, value: str, parts: Sequence[Columns], width: int) -> dict[Columns, str]:
        """These ranges of columns, in order, and what lies between them."""
        import onnx  # as above

        cuts = sorted({0, width, *(end for part in parts for end in part)})
        names = {part: f"record/{part[0]}.{part[1]}" for part in pairwise(cuts)}
        sizes = self.integers([stop - start for start, stop in names])
        self._nodes.append(onnx.helper.make_node("Split", [value, sizes], list(names.values()), axis=1))
        return {part: names[part] for part in parts}

    def slice(self, value: str, start: int, stop: int) -> str:
        return self.node("Slice", [value, self.integers([start]), self.integers([stop]), self.integers([1])])


def _end(port: Port) -> Any:
    import onnx  # as above

    kind = onnx.helper.np_dtype_to_tensor_dtype(np.dtype(port.dtype))
    return onnx.helper.make_tensor_value_info(port.name, kind, ["n" if d is None else d for d in port.shape])
