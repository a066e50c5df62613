"""Each preprocessing layer as the feature that gives its ids, and what the graph still does with them.

Keras: keras/src/layers/preprocessing. Ids are those of the layer with output_mode "int"; other modes count or mark them
afterwards, in the graph, by Keras's own CategoryEncoding.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ranklet.errors import ImportRefused

if TYPE_CHECKING:
    from ranklet.importers.keras.walk import Raw

CROSS_KEY = 0xDECAFCAFFE
"""Of tf.sparse.cross_hashed where none is given, as HashedCrossing gives none."""


@dataclass(frozen=True)
class Made:
    """of: the raw inputs, in order. type: of their values. line: the feature's options, vocabulary apart.

    vocabulary: values in the order of their ids. worth: values worth trying. default: stands in for a missing value.
    finish: (keras, tensor of ids) → what the layer gives.
    """

    of: tuple[str, ...]
    type: str
    line: Mapping[str, Any]
    finish: Callable[[Any, Any], Any]
    worth: Sequence[Any]
    vocabulary: Sequence[Any] | None = None
    default: Any = None


def string_lookup(layer: Any, raws: Sequence[Raw]) -> Made:
    """StringLookup."""
    return _lookup(layer, raws[0], "string", ["", "no such word", "ünknown"])


def integer_lookup(layer: Any, raws: Sequence[Raw]) -> Made:
    """IntegerLookup."""
    if layer.num_oov_indices > 1 and getattr(layer, "oov_method", "floormod") == "floormod":
        raise _refused(layer, f"num_oov_indices = {layer.num_oov_indices} of integers takes remainders", "use 0 or 1")
    return _lookup(layer, raws[0], "int", [-1, 0, 2**40 + 1])


def _lookup(layer: Any, raw: Raw, kind: str, strangers: Sequence[Any]) -> Made:
    if layer.invert:
        raise _refused(layer, "invert = True gives words for ids", "rank by numbers alone")
    if layer.output_mode == "tf_idf":
        raise _refused(layer, "output_mode tf_idf weighs words", "use multi_hot or count")
    words = [str(word) if kind == "string" else int(word) for word in layer.get_vocabulary()]
    first = layer._oov_start_index()
    several = layer.num_oov_indices > 1
    tokens = words[:first] + words[first + layer.num_oov_indices :]
    line: dict[str, Any] = {"oov": "error"}
    if layer.num_oov_indices == 1:
        line, tokens = {"oov_index": first}, words
    elif several:
        line = {"oov": "hash", "oov_buckets": layer.num_oov_indices, **_hash(getattr(layer, "salt", None))}
    order = _order(first, len(tokens), layer.num_oov_indices) if several else None
    worth = [*tokens[:200], *(strangers if layer.num_oov_indices else ())]
    mask = layer.mask_token if layer.output_mode == "int" else None
    mask = int(mask) if kind == "int" and mask is not None else mask
    return Made(
        (raw.name,),
        kind,
        _shape(line, raw, _padding(layer, mask)),
        lambda keras, ids: _encoded(keras, layer, _moved(keras, layer, ids, order), layer.vocabulary_size()),
        worth if mask is None else [*worth, mask],
        tokens,
        mask,
    )


def _order(first: int, tokens: int, strangers: int) -> np.ndarray[Any, Any]:
    """Ids of feature assembly (words, then strangers' buckets) → Keras's (mask, buckets, words)."""
    known = [*range(first), *range(first + strangers, tokens + strangers)]
    return np.array([*known, *range(first, first + strangers)], np.int64)


def hashing(layer: Any, raws: Sequence[Raw]) -> Made:
    """Hashing."""
    (raw,) = raws
    if raw.dtype.startswith("float"):
        raise _refused(layer, f"it hashes the float input {raw.name!r}", "make it an integer or text")
    masked = layer.mask_value is not None and layer.num_bins > 1
    line: dict[str, Any] = {"buckets": layer.num_bins - masked, **_hash(layer.salt)}
    if masked:
        if layer.mask_value != "":
            raise _refused(layer, f"mask_value is {layer.mask_value!r}", 'mask "", which stands for a missing text')
        line |= {"first_id": 1, "missing_index": 0}
    text = raw.dtype == "string"
    return Made(
        (raw.name,),
        "string" if text else "int",
        _shape(line, raw, 0),
        lambda keras, ids: _encoded(keras, layer, ids, layer.num_bins),
        ["a", "Zürich", "x" * 70, "", *map(str, range(20))] if text else [0, -1, 7, 2**40, *range(100, 120)],
        default="" if masked else None,
    )


def crossing(layer: Any, raws: Sequence[Raw]) -> Made:
    """HashedCrossing."""
    if any(raw.shape not in ((), (1,)) for raw in raws):
        raise _refused(layer, "it crosses lists", "cross one value a row")
    return Made(
        tuple(raw.name for raw in raws),
        "mixed",
        {"kind": "cross", "buckets": layer.num_bins, "hash": "farmhash64", "hash_key": CROSS_KEY},
        lambda keras, ids: _encoded(keras, layer, ids, layer.num_bins),
        (),
    )


def discretization(layer: Any, raws: Sequence[Raw]) -> Made:
    """Discretization of one number a row."""
    (raw,) = raws
    edges = np.array(layer.bin_boundaries, np.float32).tolist()
    return Made(
        (raw.name,),
        "float",
        {"kind": "bucket", "boundaries": edges, "dtype": "float32"},
        lambda keras, ids: _encoded(keras, layer, ids, len(edges) + 1),
        [*edges, *(float(np.nextafter(np.float32(edge), np.float32(-np.inf))) for edge in edges), -1e30, 1e30],
    )


FEATURES: Mapping[str, Callable[[Any, Sequence[Raw]], Made]] = {
    "Discretization": discretization,
    "HashedCrossing": crossing,
    "Hashing": hashing,
    "IntegerLookup": integer_lookup,
    "StringLookup": string_lookup,
}
"""Layer → the feature that it becomes when it reads raw inputs."""


def within(keras: Any, layer: Any, kind: str, args: Any) -> Any:
    """What the layer is in the graph, of numbers that other layers have computed; ImportRefused where nothing."""
    if kind != "Discretization":
        raise _refused(layer, "it reads what other layers have computed", "let it read an input itself")
    (numbers,) = keras.tree.flatten(args)
    edges = np.array(layer.bin_boundaries, np.float32)

    def bins(given: Any) -> Any:
        above = keras.ops.greater_equal(keras.ops.expand_dims(keras.ops.cast(given, "float32"), -1), edges)
        return keras.ops.sum(keras.ops.cast(above, "int64"), axis=-1)

    ids = _within(keras, f"{layer.name}_bins", bins)(numbers)
    return _encoded(keras, layer, ids, len(edges) + 1)


def _hash(salt: Any) -> dict[str, Any]:
    if salt is None:
        return {"hash": "farmhash64"}
    key = [int(part) for part in (salt if isinstance(salt, list | tuple) else (salt, salt))]
    return {"hash": "siphash", "hash_key": key}


def _padding(layer: Any, mask: Any) -> int:
    """What fills a list up to the input's width: the mask's id where there is one."""
    return 0 if mask is not None else int(layer._oov_start_index())


def _shape(line: Mapping[str, Any], raw: Raw, pad: int) -> dict[str, Any]:
    if raw.shape in ((), (1,)):
        return {"kind": "category", **line}
    if len(raw.shape) > 1:
        raise ImportRefused(f"input {raw.name!r} has shape {raw.shape}; features make [batch] and [batch, n]")
    (length,) = raw.shape
    return {"kind": "bag", **line, "pad": pad, **({} if length is None else {"length": length})}


def _moved(keras: Any, layer: Any, ids: Any, order: Any) -> Any:
    if order is None:
        return ids
    return _within(keras, f"{layer.name}_order", lambda given: keras.ops.take(order, given))(ids)


def _within(keras: Any, name: str, function: Callable[[Any], Any]) -> Any:
    """A layer of ids of the same shape as what it reads."""

    class Ids(keras.layers.Layer):  # type: ignore[misc]
        def call(self, given: Any) -> Any:
            return function(given)

        def compute_output_spec(self, given: Any) -> Any:
            return keras.KerasTensor(given.shape, "int64")

    return Ids(name=name)


def _encoded(keras: Any, layer: Any, ids: Any, size: int) -> Any:
    if layer.output_mode == "int":
        return ids
    encoding = keras.layers.CategoryEncoding(size, output_mode=layer.output_mode, name=f"{layer.name}_encoding")
    return encoding(ids)


def _refused(layer: Any, what: str, remedy: str) -> ImportRefused:
    return ImportRefused(f"layer {layer.name!r} ({type(layer).__name__}): {what}; {remedy}")
