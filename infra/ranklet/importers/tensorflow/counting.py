"""Numbers and ids as marks: buckets, one-hot and counts, written so that ONNX does what TensorFlow does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ranklet.importers.tensorflow import entries as each
from ranklet.importers.tensorflow.values import Dense, Raw, Value
from ranklet.importers.tensorflow.walk import Handler, Node, Walk, refused


def bucketize(walk: Walk, node: Node) -> Value:
    """How many boundaries are not above the number; all of them for NaN, as std::upper_bound has it."""
    tf, value = walk.tf, node.inputs[0]
    edges = [float(edge) for edge in node.attr["boundaries"].list.f]
    if isinstance(value, Raw) and not value.listed and value.dtype == "float32":
        ids = walk.features.fed[walk.features.bucket(value, edges)]
        return Dense(tf.cast(tf.reshape(ids, [-1, *value.shape]), "int32"), (value, tuple(edges)), positive=True)
    numbers = walk.tensor(value, f"Bucketize {node.name!r}")
    if isinstance(value, Raw):
        walk.features.worth.setdefault(value.name, []).extend(edges)
    below = tf.less(tf.expand_dims(tf.cast(numbers, "float32"), -1), tf.constant(edges, "float32"))
    return Dense(tf.reduce_sum(tf.cast(tf.logical_not(below), "int32"), axis=-1))


def one_hot(walk: Walk, node: Node) -> Value:
    """An id outside is in no place; ONNX's own OneHot takes negative ones from the end."""
    tf = walk.tf
    ids, depth, on, off = (walk.tensor(value, f"{node.op} {node.name!r}") for value in node.inputs)
    axis, size = node.attr["axis"].i, walk.static(node.inputs[1])
    _bound(walk, node.inputs[0], None if size is None else int(size))
    if ids.shape.rank is None:
        raise refused(node, "its input has no known rank")
    places = [1] * (ids.shape.rank + 1)
    places[axis] = -1
    marks = tf.equal(tf.expand_dims(ids, axis), tf.reshape(tf.range(tf.cast(depth, ids.dtype)), places))
    return Dense(tf.where(marks, on, off))


def bincount(walk: Walk, node: Node) -> Value:
    """Counts of ids in each row, or whether they are there."""
    tf = walk.tf
    ids, size_, weights = (walk.tensor(value, f"{node.op} {node.name!r}") for value in node.inputs[:3])
    if ids.shape.rank != 2 or weights.shape.num_elements() != 0:
        raise refused(node, "only counts in each row, without weights, are served")
    depth = _depth(tf, size_)
    if depth is None:
        raise refused(node, "how many tokens there are depends on the request; give CategoryEncoding num_tokens")
    _bound(walk, node.inputs[0], int(depth))
    hot = tf.cast(tf.equal(tf.expand_dims(ids, -1), tf.range(int(depth), dtype=ids.dtype)), weights.dtype)
    return Dense(tf.reduce_max(hot, axis=1) if node.attr["binary_output"].b else tf.reduce_sum(hot, axis=1))


def _bound(walk: Walk, value: Value, depth: int | None) -> None:
    """Ids that the graph asserts something of, and of which so many have a place, are no others."""
    ids = each.ids(walk, value)
    name = ids.tied if isinstance(ids, Dense) else None
    line = walk.features.lines.get(name) if isinstance(name, str) else None
    if line is not None:
        sources = {node for node, raw in walk.given.items() if isinstance(raw, Raw) and raw.name == line["of"]}
        if sources & walk.asserted:
            walk.features.limit(name, depth)


def _depth(tf: Any, size: Any) -> Any:
    """min(n, max(n, largest)) is n, which is how tf.math.bincount says a fixed length."""
    limits: list[int] = []
    while tf.get_static_value(size) is None:
        known = [one for one in size.op.inputs if tf.get_static_value(one) is not None]
        rest = [one for one in size.op.inputs if tf.get_static_value(one) is None]
        if size.op.type not in ("Minimum", "Maximum") or len(known) != 1:
            return limits[0] if len(limits) == 2 and limits[0] == limits[1] else None
        limits.append(int(tf.get_static_value(known[0])))
        (size,) = rest
    return tf.get_static_value(size)


HANDLERS: Mapping[str, Handler] = {"Bucketize": bucketize, "DenseBincount": bincount, "OneHot": one_hot}
