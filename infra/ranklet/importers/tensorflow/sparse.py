"""Operations on sparse tensors of a batch, as rectangles with a mask: embedding lookups and indicators.

`safe_embedding_lookup_sparse` drops ids below 0, fills empty rows, takes each id once, gathers, combines by segments
and blanks the empty rows: here one Gather [n, L, d], one product with the mask and one sum.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ranklet.errors import ImportRefused
from ranklet.importers.tensorflow import texts
from ranklet.importers.tensorflow.features import LARGEST
from ranklet.importers.tensorflow.values import (
    Count,
    Dense,
    Entries,
    Indices,
    Kept,
    Mask,
    Raw,
    RawEntries,
    Rows,
    Undo,
    Unique,
    UniqueRows,
    Value,
)
from ranklet.importers.tensorflow.walk import Handler, Node, Walk, refused

ELEMENTWISE = (
    *("Add", "AddV2", "Cast", "Equal", "FloorMod", "Greater", "GreaterEqual", "Less", "LessEqual", "LogicalAnd"),
    *("LogicalNot", "LogicalOr", "Maximum", "Minimum", "Mul", "NotEqual", "OnesLike", "RealDiv", "Select", "SelectV2"),
    *("Sub", "ZerosLike", "Sqrt", "Square", "Pow"),
)
ARITHMETIC = {"Add", "AddV2", "FloorMod", "Maximum", "Minimum", "Mul", "Pow", "RealDiv", "Sqrt", "Square", "Sub"}
"""Operations to which an integer outside must not come, which feature assembly gives another id."""


def elementwise(walk: Walk, node: Node) -> Value | None:
    """The same on each entry; None where there is none among the inputs."""
    inputs = [_entries(walk, value) for value in node.inputs]
    if node.op == "OnesLike" and isinstance(inputs[0], RawEntries):
        return Dense(walk.tf.ones([], walk.tf.as_dtype(node.attr["T"].type)))
    found = [value for value in inputs if isinstance(value, Entries)]
    if not found:
        return None
    mask = found[0].mask
    tensors = []
    for value in inputs:
        if isinstance(value, Entries):
            if node.op in ARITHMETIC:
                walk.features.strict(value.tied)
            _try_limits(walk, node, value)
            tensors.append(value.tensor)
        elif isinstance(value, Dense):
            tensors.append(_flat(walk, node, value, found[0]))
        else:
            tensors.append(walk.tensor(value, f"{node.op} {node.name!r}"))
    if node.op in ("Select", "SelectV2"):
        made = walk.tf.where(*tensors)
    else:
        attrs = {name: value for name, value in node.attr.items() if not name.startswith("_")}
        made = walk.graph.create_op(node.op, tensors, attrs=attrs, name="copied").outputs[0]
    tied = found[0].tied if node.op in ("Cast", "AddV2") and len(found) == 1 and mask.full else None
    return Entries(mask, made, tied if tied is not None else (found[0].tied if node.op == "Cast" else None))


def _try_limits(walk: Walk, node: Node, entries: Entries) -> None:
    """Ids about a limit that they are compared with are worth trying."""
    found = [walk.static(value) for value in node.inputs]
    numbers = [int(one) for one in found if one is not None and one.size == 1 and one.dtype.kind == "i"]
    line = walk.features.lines.get(entries.tied, {}) if isinstance(entries.tied, str) else {}
    if node.op in ("GreaterEqual", "Less", "Greater", "LessEqual") and "size" in line:
        for limit in (number for number in numbers if number > 0):
            walk.features.worth[line["of"]] += [limit - 1, limit, limit + 1000, -7]


def _entries(walk: Walk, value: Value) -> Value:
    """Raw integers as entries, ids as they are."""
    if not isinstance(value, RawEntries) or not value.raw.dtype.startswith("int"):
        return value
    ids, name = walk.features.ids(value.raw, {"size": LARGEST}, "", worth=[0, 1, 2, 3])
    return texts.placed(walk, value, walk.tf.cast(ids, value.raw.dtype), name)


def _ids(walk: Walk, value: Value) -> Value:
    """Raw integers of either form as ids."""
    if isinstance(value, Raw) and value.dtype.startswith("int") and value.shape != (None,):
        ids, name = walk.features.ids(value, {"size": LARGEST}, "", worth=[0, 1, 2, 3])
        return Dense(walk.tf.cast(ids, value.dtype), name)
    return _entries(walk, value)


def _flat(walk: Walk, node: Node, value: Dense, beside: Entries) -> Any:
    """A number, or a vector of as many numbers as there are entries."""
    if value.tensor.shape.rank == 0 or value.tensor.shape.num_elements() == 1:
        return walk.tf.reshape(value.tensor, [])
    if not beside.mask.full or value.tensor.shape.rank != 1:
        raise refused(node, "it joins a sparse tensor's values and others of another shape")
    return walk.tf.reshape(value.tensor, walk.tf.shape(beside.tensor))


def where(walk: Walk, node: Node) -> Value | None:
    """Positions of the entries for which the condition holds."""
    (condition,) = node.inputs
    if not isinstance(condition, Entries):
        return texts.where(walk, node)
    bits = walk.features.bits(condition.mask)
    return Kept(replace(condition.mask, bits=walk.tf.logical_and(bits, condition.tensor), full=False))


def reshape(walk: Walk, node: Node) -> Value | None:
    """Of positions; of buckets that become a sparse tensor's values."""
    value, shape = node.inputs[0], node.inputs[1]
    if isinstance(value, Entries) and isinstance(shape, Count):
        return replace(value, tensor=_wider(walk, value.tensor, shape.further))
    if isinstance(value, Kept | RawEntries | Unique):
        return value
    if isinstance(value, Dense) and isinstance(value.tied, tuple) and node.shape is not None and len(node.shape) == 1:
        tensor = walk.tf.reshape(value.tensor, [-1, 1])
        return Entries(Mask(bits=walk.tf.ones_like(tensor, "bool"), full=True), tensor, value.tied)
    return texts.shaped(walk, node)


def gather(walk: Walk, node: Node) -> Value | None:
    """Of entries, places and tables of embeddings."""
    table, at = node.inputs[0], _ids(walk, node.inputs[1])
    if isinstance(at, Kept):
        table = _weights(walk, _entries(walk, table), at)
        if isinstance(table, Entries):
            return Entries(at.mask, table.tensor, table.tied)
        return Indices(at.mask)
    if isinstance(table, UniqueRows) and isinstance(at, Undo):
        return Entries(table.mask, table.gathered)
    if isinstance(at, Unique | Entries):
        entries = at.entries if isinstance(at, Unique) else at
        gathered = _rows(walk, node, table, entries)
        return UniqueRows(entries.mask, gathered) if isinstance(at, Unique) else Entries(entries.mask, gathered)
    return _dense_rows(walk, node, table, at)


def _weights(walk: Walk, value: Value, kept: Kept) -> Value:
    """A list of numbers that goes with a list of ids."""
    if not isinstance(value, RawEntries) or value.raw.dtype != "float32":
        return value
    if kept.mask.raw is None or kept.mask.raw.shape != (None,):
        raise ImportRefused(f"{value.raw.name!r} weighs values that are not a list of the request's own")
    return Entries(kept.mask, walk.features.weights(value.raw, kept.mask.raw))


def _dense_rows(walk: Walk, node: Node, table: Value, at: Value) -> Value | None:
    """Rows of a table at ids of which TensorFlow refuses negative ones, which ONNX would take from the end."""
    tf = walk.tf
    if not isinstance(at, Dense) or not isinstance(table, Dense) or tf.get_static_value(at.tensor) is not None:
        return None
    axis = walk.static(node.inputs[2]) if len(node.inputs) > 2 else 0
    if axis != 0 or tf.get_static_value(table.tensor) is None or node.attr["batch_dims"].i:
        return None
    walk.features.limit(at.tied, table.tensor.shape[0])
    beyond = tf.cast(table.tensor.shape[0], at.tensor.dtype)
    return Dense(tf.gather(table.tensor, tf.where(tf.less(at.tensor, 0), beyond, at.tensor)))


def _rows(walk: Walk, node: Node, table: Value, entries: Entries) -> Any:
    """[n, L, d]: what stands at the ids; of empty places row 0, which the mask takes away."""
    tf = walk.tf
    if node.op == "GatherV2" and walk.static(node.inputs[2]) != 0:
        raise refused(node, "it gathers ids along another dimension than a table's rows")
    rows = walk.tensor(table, f"{node.op} {node.name!r}")
    if entries.mask.fill is None and rows.shape.rank:
        walk.features.limit(entries.tied, rows.shape[0])
    ids = tf.where(walk.features.bits(entries.mask), entries.tensor, tf.zeros_like(entries.tensor))
    return tf.gather(rows, ids)


def fill(walk: Walk, node: Node) -> Sequence[Value]:
    """SparseFillEmptyRows: an empty row gets one entry, the default, at its first place."""
    tf = walk.tf
    entries = _entries(walk, node.inputs[1])
    if not isinstance(entries, Entries):
        raise refused(node, "it fills values that no lookup or hash has made ids of")
    bits = walk.features.bits(entries.mask)
    empty = tf.logical_not(tf.reduce_any(bits, axis=1))
    first = tf.equal(tf.range(tf.shape(bits)[1]), 0)
    here = tf.logical_and(tf.expand_dims(empty, 1), tf.expand_dims(first, 0))
    default = tf.cast(walk.tensor(node.inputs[3], node.name), entries.tensor.dtype)
    mask = replace(entries.mask, bits=tf.logical_or(bits, here), full=False)
    filled = Entries(mask, tf.where(here, default, entries.tensor), entries.tied)
    return [Indices(mask), filled, Dense(empty), Undo(entries)]


def column(walk: Walk, node: Node) -> Value | None:
    """The rows that entries belong to."""
    places = node.inputs[0]
    if not isinstance(places, Indices):
        return None
    begin = walk.static(node.inputs[1])
    if node.attr["shrink_axis_mask"].i != 2 or begin is None or begin[-1] != 0:
        raise refused(node, "of a sparse tensor's places only the rows are read")
    return Rows(places.mask)


def unique(walk: Walk, node: Node) -> Sequence[Value] | None:
    """Each id once."""
    entries = _entries(walk, node.inputs[0])
    return [Unique(entries), Undo(entries)] if isinstance(entries, Entries) else None


def segments(walk: Walk, node: Node) -> Value | None:
    """Sum, mean or sum over the square root of the count, of each row's entries."""
    data, rows = node.inputs[0], node.inputs[-1]
    if not isinstance(rows, Rows):
        return None
    if node.op.startswith("Sparse"):
        at = _entries(walk, node.inputs[1])
        if isinstance(data, UniqueRows):
            gathered, mask = data.gathered, data.mask
        elif isinstance(at, Entries):
            gathered, mask = _rows(walk, node, data, at), at.mask
        else:
            raise refused(node, "it combines something else than rows of a table")
    elif isinstance(data, Entries):
        gathered, mask = data.tensor, data.mask
    else:
        raise refused(node, "it combines something else than a sparse tensor's values")
    return Dense(_combined(walk, gathered, walk.features.bits(mask), node.op))


def _combined(walk: Walk, gathered: Any, bits: Any, op: str) -> Any:
    tf = walk.tf
    weight = tf.cast(bits, gathered.dtype)
    spread = _wider(walk, weight, gathered.shape.rank - 2)
    total = tf.reduce_sum(gathered * spread, axis=1)
    if op.endswith("Sum"):
        return total
    count = tf.maximum(tf.reduce_sum(spread, axis=1), tf.cast(1, gathered.dtype))
    return total / (count if op.endswith("Mean") else tf.sqrt(count))


def _wider(walk: Walk, tensor: Any, further: int) -> Any:
    for _ in range(further):
        tensor = walk.tf.expand_dims(tensor, -1)
    return tensor


def concat(walk: Walk, node: Node) -> Value | None:
    """The shape of values, with further dimensions."""
    first = node.inputs[0]
    if not isinstance(first, Count):
        return None
    (ones,) = node.inputs[1:-1]
    size = walk.tensor(ones, node.name).shape[0]
    if size is None:
        raise refused(node, "how many dimensions it adds is not to be seen before the request")
    return Count(first.mask, int(size))


def to_dense(walk: Walk, node: Node) -> Value:
    """A rectangle with a default in its empty places."""
    entries = _entries(walk, node.inputs[2])
    if not isinstance(entries, Entries):
        raise refused(node, "its values are text or numbers of a list, which only lookups and hashes make ids of")
    default = walk.tf.cast(walk.tensor(node.inputs[3], node.name), entries.tensor.dtype)
    return Dense(walk.tf.where(walk.features.bits(entries.mask), entries.tensor, default))


def same_places(walk: Walk, node: Node) -> Sequence[Value]:
    """SparseReshape of [n, L] to [n, L], which is all that feature columns ask of it."""
    places = node.inputs[0]
    if node.shape is not None and len(node.shape) == 2 and node.shape[1] not in (2, None):
        raise refused(node, "it gives a sparse tensor other dimensions than rows and values")
    return [places, node.inputs[2]]


def count(walk: Walk, node: Node) -> Value | None:
    """Shape of values."""
    value = node.inputs[0]
    if isinstance(value, Entries | RawEntries):
        return Count(value.mask)
    return texts.shape(walk, node)


def filled(walk: Walk, node: Node) -> Value | None:
    """Fill of as many values as there are."""
    size, value = node.inputs
    if not isinstance(size, Count):
        return None
    one = walk.tensor(value, node.name)
    if size.mask.raw is not None and size.mask.raw.dtype.startswith("float"):
        return Dense(one)  # beside the ids that the numbers go with, one for all
    return Entries(size.mask, walk.tf.fill(walk.tf.shape(walk.features.bits(size.mask)), one))


def cast(walk: Walk, node: Node) -> Value | None:
    """Of rows, nothing changes."""
    if isinstance(node.inputs[0], Rows | Kept | Indices):
        return node.inputs[0]
    if isinstance(node.inputs[0], Entries):
        return elementwise(walk, node)
    found = texts.cast(walk, node)
    if found is None and isinstance(node.inputs[0], Dense) and isinstance(node.inputs[0].tied, tuple):
        to = walk.tf.as_dtype(node.attr["DstT"].type)
        return Dense(walk.tf.cast(node.inputs[0].tensor, to), node.inputs[0].tied)
    return found


def not_equal(walk: Walk, node: Node) -> Value | None:
    return elementwise(walk, node) or texts.differs(walk, node)


def equal(walk: Walk, node: Node) -> Value | None:
    return elementwise(walk, node) or texts.equals(walk, node)


HANDLERS: Mapping[str, Handler] = {
    **dict.fromkeys(ELEMENTWISE, elementwise),
    **dict.fromkeys(("SegmentMean", "SegmentSum"), segments),
    **dict.fromkeys(("SparseSegmentMean", "SparseSegmentSqrtN", "SparseSegmentSum"), segments),
    "Cast": cast,
    "ConcatV2": concat,
    "Equal": equal,
    "Fill": filled,
    "GatherV2": gather,
    "NotEqual": not_equal,
    "Reshape": reshape,
    "Shape": count,
    "SparseFillEmptyRows": fill,
    "SparseReshape": same_places,
    "SparseToDense": to_dense,
    "StridedSlice": column,
    "Unique": unique,
    "Where": where,
}
