"""Crosses: fingerprints of several columns in one, as TensorFlow's sparse_cross_op chains them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ranklet.importers.tensorflow.texts import HASHED
from ranklet.importers.tensorflow.values import Dense, Entries, Indices, Mask, Raw, RawEntries, Value
from ranklet.importers.tensorflow.walk import Handler, Node, Walk, refused


def cross(walk: Walk, node: Node) -> Sequence[Value]:
    """Fingerprints of several columns, chained by FingerprintCat64 from the key, modulo the buckets."""
    if not node.attr["hashed_output"].b:
        raise refused(node, "it gives text; use hashed crosses")
    if not node.attr["num_buckets"].i:
        raise refused(node, "it has no buckets; give crossed_column its hash_bucket_size")
    count = node.attr["N"].i
    parts = [*node.inputs[count : 2 * count], *node.inputs[3 * count :]]
    names, listed = [], False
    for part in parts:
        name, several = _part(walk, node, part)
        names.append(name)
        listed |= several
    key = node.attr["hash_key"].i
    line = {"kind": "cross", "buckets": node.attr["num_buckets"].i, "hash": "farmhash64", "hash_key": key}
    ids, name = walk.features.combined(names, line, (None,) if listed else ())
    tensor = ids if listed else walk.tf.reshape(ids, [-1, 1])
    mask = Mask(bits=walk.tf.greater_equal(tensor, 0)) if listed else Mask(bits=walk.tf.ones_like(tensor, "bool"))
    return [Indices(mask), Entries(mask, tensor), Dense(walk.tf.shape(tensor, out_type="int64"))]


def _part(walk: Walk, node: Node, part: Value) -> tuple[str, bool]:
    """The feature or input that is a part of a cross, and whether it is a list."""
    if isinstance(part, RawEntries | Raw):
        raw = part.raw if isinstance(part, RawEntries) else part
        if isinstance(part, RawEntries) and part.mask.fill is not None:
            raise refused(node, f"it leaves out {raw.name!r} where it is {part.mask.fill!r}; cross it as it comes")
        if raw.dtype.startswith("float"):
            raise refused(node, f"{raw.name!r} is float; cross a bucketized_column of it")
        worth = HASHED["string" if raw.dtype == "string" else "int"]
        walk.features.worth.setdefault(raw.name, []).extend(worth)
        walk.features.used.setdefault(raw.name, raw)
        return raw.name, raw.listed
    tied = getattr(part, "tied", None)
    if isinstance(tied, tuple):
        return walk.features.bucket(*tied), False
    if isinstance(tied, str):
        if isinstance(part, Entries) and part.mask.fill is not None:
            raise refused(node, f"it leaves out rows of {tied!r} without a value; cross the input as it comes")
        return tied, walk.features.lines[tied]["kind"] == "bag"
    raise refused(node, "one of its columns is computed in the graph; cross inputs, buckets, hashes and vocabularies")


HANDLERS: Mapping[str, Handler] = {"SparseCross": cross}
