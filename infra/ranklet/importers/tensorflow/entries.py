"""Operations on the values of sparse tensors, each by itself: as on the rectangle that holds them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ranklet.importers.tensorflow import texts
from ranklet.importers.tensorflow.features import LARGEST
from ranklet.importers.tensorflow.values import Count, Dense, Entries, Indices, Kept, Raw, RawEntries, Rows, Value
from ranklet.importers.tensorflow.walk import Handler, Node, Walk, refused

ELEMENTWISE = (
    *("Add", "AddV2", "Cast", "Equal", "FloorMod", "Greater", "GreaterEqual", "Less", "LessEqual", "LogicalAnd"),
    *("LogicalNot", "LogicalOr", "Maximum", "Minimum", "Mul", "NotEqual", "OnesLike", "RealDiv", "Select", "SelectV2"),
    *("Sub", "ZerosLike", "Sqrt", "Square", "Pow"),
)
ARITHMETIC = {"Add", "AddV2", "FloorMod", "Maximum", "Minimum", "Mul", "Pow", "RealDiv", "Sqrt", "Square", "Sub"}
"""Operations to which an integer outside must not come, which feature assembly gives another id."""


def _try_limits(walk: Walk, node: Node, entries: Entries) -> None:
    """Ids about a limit that they are compared with are worth trying."""
    found = [walk.static(value) for value in node.inputs]
    numbers = [int(one) for one in found if one is not None and one.size == 1 and one.dtype.kind == "i"]
    line = walk.features.lines.get(entries.tied, {}) if isinstance(entries.tied, str) else {}
    if node.op in ("GreaterEqual", "Less", "Greater", "LessEqual") and "size" in line:
        for limit in (number for number in numbers if number > 0):
            walk.features.worth[line["of"]] += [limit - 1, limit, limit + 1000, -7]


def elementwise(walk: Walk, node: Node) -> Value | None:
    """The same on each entry; None where there is none among the inputs."""
    inputs = [known(walk, value) for value in node.inputs]
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


def known(walk: Walk, value: Value) -> Value:
    """Raw integers as entries, ids as they are."""
    if not isinstance(value, RawEntries) or not value.raw.dtype.startswith("int"):
        return value
    ids, name = walk.features.ids(value.raw, {"size": LARGEST}, "", worth=[0, 1, 2, 3])
    return texts.placed(walk, value, walk.tf.cast(ids, value.raw.dtype), name)


def ids(walk: Walk, value: Value) -> Value:
    """Raw integers of either form as ids."""
    if isinstance(value, Raw) and value.dtype.startswith("int") and value.shape != (None,):
        ids, name = walk.features.ids(value, {"size": LARGEST}, "", worth=[0, 1, 2, 3])
        return Dense(walk.tf.cast(ids, value.dtype), name, positive=True)
    return known(walk, value)


def _flat(walk: Walk, node: Node, value: Dense, beside: Entries) -> Any:
    """A number, or a vector of as many numbers as there are entries."""
    if value.tensor.shape.rank == 0 or value.tensor.shape.num_elements() == 1:
        return walk.tf.reshape(value.tensor, [])
    if not beside.mask.full or value.tensor.shape.rank != 1:
        raise refused(node, "it joins a sparse tensor's values and others of another shape")
    return walk.tf.reshape(value.tensor, walk.tf.shape(beside.tensor))


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


def less(walk: Walk, node: Node) -> Value | None:
    """Whether ids are below 0, by which Keras counts from a table's end."""
    value, limit = node.inputs
    made = elementwise(walk, node)
    whole = (isinstance(value, Raw) and value.dtype.startswith("int")) or (isinstance(value, Dense) and value.positive)
    if made is not None or not whole or walk.static(limit) is None or walk.static(limit).any():
        return made
    return Dense(walk.tf.less(walk.tensor(value, node.name), walk.tensor(limit, node.name)), below=value)


def select(walk: Walk, node: Node) -> Value | None:
    """Of ids that are none below 0, themselves where that is what the condition asks."""
    condition, _, otherwise = node.inputs
    if isinstance(condition, Dense) and isinstance(condition.below, Dense | Raw) and condition.below is otherwise:
        return condition.below
    return elementwise(walk, node)


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


HANDLERS: Mapping[str, Handler] = {
    **dict.fromkeys(ELEMENTWISE, elementwise),
    "Cast": cast,
    "Equal": equal,
    "Fill": filled,
    "Less": less,
    "NotEqual": not_equal,
    "SelectV2": select,
    "Shape": count,
}
