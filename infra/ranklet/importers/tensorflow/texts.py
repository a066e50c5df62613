"""Operations on values as callers send them: shapes, lookups and hashes.

Sources: the kernels of TensorFlow of these names (string_to_hash_bucket_op, lookup_table_op).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ranklet.importers.tensorflow.values import (
    Dense,
    Differs,
    Entries,
    Indices,
    Mask,
    Raw,
    RawEntries,
    Table,
    Text,
    Value,
)
from ranklet.importers.tensorflow.walk import Handler, Node, Walk, refused

ROUND = {"precision": -1, "scientific": False, "shortest": False, "width": -1, "fill": b""}
"""AsString's attributes, where it writes an integer as it is."""


def passed(walk: Walk, node: Node) -> Value:
    """Identity and its like."""
    return node.inputs[0]


def shaped(walk: Walk, node: Node) -> Value | None:
    """Reshape, ExpandDims and Squeeze of raw values: a row keeps its own."""
    raw = node.inputs[0]
    known = walk.static(raw)
    if isinstance(raw, Text):
        return raw
    if known is not None and node.shape is not None and None not in node.shape:
        return Dense(walk.tf.constant(known.reshape(node.shape)))
    if not isinstance(raw, Raw):
        return None
    shape = node.shape
    if shape is None or raw.shape == (None,):
        raise refused(node, f"its shape is not to be seen before the request; {raw.name!r} must keep its batch")
    made = Raw(raw.name, raw.dtype, tuple(1 if size is None else size for size in shape[1:]))
    if made.width != raw.width:
        if raw.dtype == "string":
            raise refused(node, f"it mixes rows of the text {raw.name!r}")
        return None
    return made


def shape(walk: Walk, node: Node) -> Value | None:
    """Shape of a raw tensor."""
    raw = node.inputs[0]
    if not isinstance(raw, Raw):
        return None
    return Dense(walk.tf.cast(walk.shape(raw), walk.tf.as_dtype(node.attr["out_type"].type)))


def cast(walk: Walk, node: Node) -> Value | None:
    """Raw integers that become floats are numbers, not ids."""
    raw = node.inputs[0]
    to = walk.tf.as_dtype(node.attr["DstT"].type)
    if isinstance(raw, Raw) and raw.dtype.startswith("int"):
        if to.name == "float64":  # features' own numbers have 24 bits
            return Dense(walk.tf.cast(walk.features.numbers(raw), to))
        return Dense(walk.tf.cast(walk.features.floats(raw), to)) if to.is_floating else _same_integers(raw, to.name)
    if isinstance(raw, RawEntries) and raw.raw.dtype.startswith("int"):
        same = _same_integers(raw.raw, to.name)
        return None if same is None else RawEntries(raw.mask, same)
    return None


def _same_integers(raw: Raw, to: str) -> Raw | None:
    return Raw(raw.name, to, raw.shape) if to in ("int32", "int64") else None


def differs(walk: Walk, node: Node) -> Value | None:
    """raw != constant."""
    raw, fill = node.inputs
    found = _constant(walk, fill)
    if not isinstance(raw, Raw) or found is None or raw.shape == (None,) or raw.dtype.startswith("float"):
        return None
    return Differs(raw, found)


def equals(walk: Walk, node: Node) -> Value | None:
    """raw == constant."""
    raw, fill = node.inputs
    found = _constant(walk, fill)
    if not isinstance(raw, Raw) or found is None or raw.dtype.startswith("float"):
        return None
    ids, _ = walk.features.vocabulary(raw, [found], "is")
    return Dense(walk.tf.equal(ids, 0))


def _constant(walk: Walk, value: Value) -> Any:
    if isinstance(value, Text) and value.value.size == 1:
        return value.value.reshape(-1)[0].decode()
    found = walk.static(value)
    return found.item() if found is not None and found.size == 1 else None


def where(walk: Walk, node: Node) -> Value | None:
    """Places of a raw tensor that hold a value."""
    (condition,) = node.inputs
    return Indices(Mask(condition.raw, condition.fill)) if isinstance(condition, Differs) else None


def gather_nd(walk: Walk, node: Node) -> Value | None:
    """The values at those places."""
    raw, places = node.inputs
    return RawEntries(places.mask, raw) if isinstance(raw, Raw) and isinstance(places, Indices) else None


def as_string(walk: Walk, node: Node) -> Value:
    """Integers as decimal text, which is how features hash them."""
    value = node.inputs[0]
    raw = value.raw if isinstance(value, RawEntries) else value
    if not isinstance(raw, Raw) or not raw.dtype.startswith("int"):
        raise refused(node, "only integers as callers send them become text")
    for name, plain in ROUND.items():
        found = getattr(node.attr[name], {int: "i", bool: "b", bytes: "s"}[type(plain)]) if name in node.attr else plain
        if found != plain:
            raise refused(node, f"{name} is {found!r}; only plain decimal text is served")
    return value


def hash_fast(walk: Walk, node: Node) -> Value:
    """FarmHash's Fingerprint64, modulo the buckets."""
    return _encoded(walk, node, node.inputs[0], {"buckets": node.attr["num_buckets"].i, "hash": "farmhash64"}, "hash")


def hash_strong(walk: Walk, node: Node) -> Value:
    """SipHash-2-4 with a key, modulo the buckets."""
    key = [int(part) for part in node.attr["key"].list.i]
    line = {"buckets": node.attr["num_buckets"].i, "hash": "siphash", "hash_key": tuple(key)}
    return _encoded(walk, node, node.inputs[0], line, "hash")


HASHED = {"string": ["a", "b", "Zürich", "x" * 70, "", "no such word"], "int": [0, -1, 7, 2**40, *range(100, 120)]}


def _encoded(walk: Walk, node: Node, value: Value, line: Mapping[str, Any], suffix: str) -> Value:
    raw = value.raw if isinstance(value, RawEntries) else value
    if not isinstance(raw, Raw):
        raise refused(node, "it hashes what the graph computes; hash inputs as they come")
    worth = HASHED["string" if raw.dtype == "string" else "int"]
    if isinstance(value, RawEntries) and value.mask.fill is not None:
        fill, rest = value.mask.fill, {key: one for key, one in line.items() if key != "buckets"}
        beside = {"vocabulary": (fill,), "oov": "hash", "oov_buckets": line["buckets"], **rest}
        ids, _ = walk.features.ids(raw, beside, suffix, worth=[*worth, fill])
        return _left_out(walk, value, ids, 0, walk.tf.maximum(ids - 1, 0))
    ids, name = walk.features.ids(raw, line, suffix, worth=worth)
    return placed(walk, value, ids, name)


def _left_out(walk: Walk, value: RawEntries, ids: Any, gone: int, found: Any) -> Entries:
    """Entries of which those whose feature gives the id `gone` are none. found: what they are, in the shape of ids."""
    width = value.raw.width
    bits = walk.tf.reshape(walk.tf.not_equal(ids, gone), [-1, width])
    return Entries(replace(value.mask, bits=bits), walk.tf.reshape(found, [-1, width]))


def placed(walk: Walk, value: Value, ids: Any, name: str | None, *, positive: bool = True) -> Value:
    """Ids of a value in its shape."""
    if isinstance(value, RawEntries):
        flat = value.raw.shape == (None,)
        return Entries(value.mask, ids if flat else walk.tf.reshape(ids, [-1, value.raw.width]), name)
    return Dense(ids, name, positive=positive)


def find(walk: Walk, node: Node) -> Value:
    """A table's value for each key; the default for others."""
    table, value, default = node.inputs
    raw = value.raw if isinstance(value, RawEntries) else value
    other = walk.static(default)
    if not isinstance(table, Table) or not isinstance(raw, Raw) or other is None:
        raise refused(node, "only tables of constants or files are served, over inputs as they come")
    if isinstance(table.keys[0], str) != (raw.dtype == "string"):
        raise refused(node, f"its keys are not of the type of {raw.name!r}; look the input up as it comes")
    if isinstance(value, RawEntries) and value.mask.fill is not None:
        return _found_beside(walk, node, table, value, other.item())
    strict = node.name in walk.asserted and other.item() == -1
    ids, name = walk.features.vocabulary(raw, table.keys, "ids", strict=strict)
    tf, count = walk.tf, len(table.keys)
    found = [*table.ids, *(() if strict else (other.item(),))]
    if found in (list(range(count + 1)), list(range(count))):
        return placed(walk, value, ids, name)
    known = tf.constant(found, tf.as_dtype(node.attr["Tout"].type))
    at = ids if isinstance(value, Raw) else tf.where(tf.less(ids, 0), tf.cast(len(found) - 1, "int64"), ids)
    return placed(walk, value, tf.gather(known, at), None, positive=min(found) >= 0)


def _found_beside(walk: Walk, node: Node, table: Table, value: RawEntries, other: int) -> Entries:
    """Of values one of which means none: it is a word of the vocabulary too."""
    fill, words = value.mask.fill, list(table.keys)
    known = [*table.ids, *(() if fill in words else (0,)), other]
    words += () if fill in words else (fill,)
    ids, _ = walk.features.vocabulary(value.raw, words, "ids")
    found = walk.tf.gather(walk.tf.constant(known, walk.tf.as_dtype(node.attr["Tout"].type)), ids)
    return _left_out(walk, value, ids, words.index(fill), found)


def size(walk: Walk, node: Node) -> Value:
    """How many keys a table has."""
    (table,) = node.inputs
    assert isinstance(table, Table)
    return Dense(walk.tf.constant(len(table.keys), "int64"))


HANDLERS: Mapping[str, Handler] = {
    "AsString": as_string,
    "Cast": cast,
    "Equal": equals,
    "ExpandDims": shaped,
    "GatherNd": gather_nd,
    "Identity": passed,
    "LookupTableFindV2": find,
    "LookupTableSizeV2": size,
    "NotEqual": differs,
    "PreventGradient": passed,
    "Reshape": shaped,
    "Shape": shape,
    "Squeeze": shaped,
    "StopGradient": passed,
    "StringToHashBucketFast": hash_fast,
    "StringToHashBucketStrong": hash_strong,
    "Where": where,
}
