"""Operations on sparse tensors of a batch, as rectangles with a mask: embedding lookups and indicators.

`safe_embedding_lookup_sparse` drops ids below 0, fills empty rows, takes each id once, gathers, combines by segments
and blanks the empty rows: here one Gather [n, L, d], one product with the mask and one sum.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ranklet.errors import ImportRefused
from ranklet.importers.tensorflow import entries as each
from ranklet.importers.tensorflow import texts
from ranklet.importers.tensorflow.values import (
    Count,
    Dense,
    Entries,
    Indices,
    Kept,
    Mask,
    RawEntries,
    Rows,
    Undo,
    Unique,
    UniqueRows,
    Value,
)
from ranklet.importers.tensorflow.walk import Handler, Node, Walk, refused


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
    table, at = node.inputs[0], each.ids(walk, node.inputs[1])
    if isinstance(at, Kept):
        table = _weights(walk, each.known(walk, table), at)
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
    if at.positive:
        return Dense(tf.gather(table.tensor, at.tensor))
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
    entries = each.known(walk, node.inputs[1])
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
    entries = each.known(walk, node.inputs[0])
    return [Unique(entries), Undo(entries)] if isinstance(entries, Entries) else None


def segments(walk: Walk, node: Node) -> Value | None:
    """Sum, mean or sum over the square root of the count, of each row's entries."""
    data, rows = node.inputs[0], node.inputs[-1]
    if not isinstance(rows, Rows):
        return None
    if node.op.startswith("Sparse"):
        at = each.known(walk, node.inputs[1])
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
    entries = each.known(walk, node.inputs[2])
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


HANDLERS: Mapping[str, Handler] = {
    **dict.fromkeys(("SegmentMean", "SegmentSum"), segments),
    **dict.fromkeys(("SparseSegmentMean", "SparseSegmentSqrtN", "SparseSegmentSum"), segments),
    "ConcatV2": concat,
    "GatherV2": gather,
    "Reshape": reshape,
    "SparseFillEmptyRows": fill,
    "SparseReshape": same_places,
    "SparseToDense": to_dense,
    "StridedSlice": column,
    "Unique": unique,
    "Where": where,
}
