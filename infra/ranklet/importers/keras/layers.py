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
from ranklet.importers.tfgraphs import next_below

if TYPE_CHECKING:
    from ranklet.importers.keras.walk import Raw

CROSS_KEY = 0xDECAFCAFFE
"""Of tf.sparse.cross_hashed where none is given, as HashedCrossing gives none."""


@dataclass(frozen=True)
class Made:
    """of: the raw inputs, in order. type: of their values. line: the feature's options, vocabulary apart.

    vocabulary: values in the order of their ids. worth: values worth trying. mask: the value that means none, which
    stands in for a missing one and fills up lists; None where the layer has none.
    finish: (keras, tensor of ids) → what the layer gives.
    """

    of: tuple[str, ...]
    type: str
    line: Mapping[str, Any]
    finish: Callable[[Any, Any], Any]
    worth: Sequence[Any]
    vocabulary: Sequence[Any] | None = None
    mask: Any = None


def string_lookup(layer: Any, raws: Sequence[Raw]) -> Made:
    """StringLookup."""
    return _lookup(layer, raws[0], "string", ["", "no such word", "ünknown"])


def integer_lookup(layer: Any, raws: Sequence[Raw]) -> Made:
    """IntegerLookup."""
    if layer.num_oov_indices > 1 and getattr(layer, "oov_method", "floormod") == "floormod":
        raise _refused(layer, f"num_oov_indices = {layer.num_oov_indices} of integers takes remainders", "use 0 or 1")
    return _lookup(layer, raws[0], "int", [-1, 0, 2**40 + 1])


def _lookup(layer: Any, raw: Raw, kind: str, strangers: Sequence[Any]) -> Made:
    _check_lookup(layer)
    words = [str(word) if kind == "string" else int(word) for word in layer.get_vocabulary()]
    mask, counted, several = layer.mask_token, layer.output_mode != "int", layer.num_oov_indices
    if mask is not None:
        mask = int(mask) if kind == "int" else str(mask)
    first = int(mask is not None and not counted)
    depth = layer.max_tokens if counted and layer.pad_to_max_tokens else len(words)
    dropped = [mask] if mask is not None and counted else []
    line: dict[str, Any] = {"oov_index": first}
    tokens, order = [*words, *dropped], [*range(len(words)), *(depth for _ in dropped)]
    if several != 1:
        tokens = [*dropped, *words[:first], *words[first + several :]]
        order = [*(depth for _ in dropped), *range(first), *range(first + several, len(words))]
        order += range(first, first + several)
        line = {"oov": "error"} if several == 0 else {"oov": "hash", "oov_buckets": several, **_hash(layer.salt)}
    worth = [*tokens[:200], *(strangers if several else ())]
    return Made(
        (raw.name,),
        kind,
        _shape(line, raw),
        lambda keras, ids: _encoded(keras, layer, _moved(keras, layer, ids, order), depth, masked=bool(dropped)),
        worth,
        tokens,
        mask,
    )


def _check_lookup(layer: Any) -> None:
    if layer.invert:
        raise _refused(layer, "invert = True gives words for ids", "rank by numbers alone")
    if layer.output_mode == "tf_idf":
        raise _refused(layer, "output_mode tf_idf weighs words", "use multi_hot or count")


def hashing(layer: Any, raws: Sequence[Raw]) -> Made:
    """Hashing: a mask is a word of its own, before the buckets."""
    (raw,) = raws
    if raw.dtype.startswith("float"):
        raise _refused(layer, f"it hashes the float input {raw.name!r}", "make it an integer or text")
    text, mask = raw.dtype == "string", layer.mask_value if layer.num_bins > 1 else None
    line: dict[str, Any] = {"buckets": layer.num_bins, **_hash(layer.salt)}
    if mask is not None:
        mask = str(mask) if text else int(mask)
        line = {"oov": "hash", "oov_buckets": layer.num_bins - 1, **_hash(layer.salt)}
    worth = ["a", "Zürich", "x" * 70, "", *map(str, range(20))] if text else [0, -1, 7, 2**40, *range(100, 120)]
    return Made(
        (raw.name,),
        "string" if text else "int",
        _shape(line, raw),
        lambda keras, ids: _encoded(keras, layer, ids, layer.num_bins),
        worth if mask is None else [*worth, mask],
        None if mask is None else [mask],
        mask,
    )


def crossing(layer: Any, raws: Sequence[Raw]) -> Made:
    """HashedCrossing."""
    if not all(raw.scalar for raw in raws):
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
        [*edges, *map(next_below, edges), -1e30, 1e30],
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
        below = keras.ops.less(keras.ops.expand_dims(keras.ops.cast(given, "float32"), -1), edges)
        return keras.ops.sum(keras.ops.cast(keras.ops.logical_not(below), "int64"), axis=-1)  # NaN is above all

    ids = _within(keras, f"{layer.name}_bins", bins)(numbers)
    return _encoded(keras, layer, ids, len(edges) + 1)


def rows_of(keras: Any, embedding: Any) -> Any:
    """An Embedding of ids that are none below 0: one Gather, where Keras counts negative ones from the end."""

    class Rows(keras.layers.Layer):  # type: ignore[misc]
        supports_masking = embedding.supports_masking

        def call(self, ids: Any) -> Any:
            import tensorflow

            return tensorflow.cast(tensorflow.gather(embedding.embeddings, ids), embedding.compute_dtype)

        def compute_mask(self, ids: Any, mask: Any = None) -> Any:
            return embedding.compute_mask(ids, mask)

        def compute_output_spec(self, ids: Any) -> Any:
            return embedding.compute_output_spec(ids)

    return Rows(name=f"{embedding.name}_rows")


def _hash(salt: Any) -> dict[str, Any]:
    if salt is None:
        return {"hash": "farmhash64"}
    key = [int(part) for part in (salt if isinstance(salt, list | tuple) else (salt, salt))]
    return {"hash": "siphash", "hash_key": key}


def _shape(line: Mapping[str, Any], raw: Raw) -> dict[str, Any]:
    if raw.scalar:
        return {"kind": "category", **line}
    if len(raw.shape) > 1:
        raise ImportRefused(f"input {raw.name!r} has shape {raw.shape}; features make [batch] and [batch, n]")
    (length,) = raw.shape
    return {"kind": "bag", **line, **({} if length is None else {"length": length})}


def _moved(keras: Any, layer: Any, ids: Any, order: Sequence[int]) -> Any:
    """Ids of feature assembly (mask, words, strangers) → Keras's (mask, strangers, words)."""
    if list(order) == list(range(len(order))):
        return ids
    moves = np.array(order, np.int64)
    return _within(keras, f"{layer.name}_order", lambda given: keras.ops.take(moves, given))(ids)


def _within(keras: Any, name: str, function: Callable[[Any], Any]) -> Any:
    """A layer of ids of the same shape as what it reads."""

    class Ids(keras.layers.Layer):  # type: ignore[misc]
        def call(self, given: Any) -> Any:
            return function(given)

        def compute_output_spec(self, given: Any) -> Any:
            return keras.KerasTensor(given.shape, "int64")

    return Ids(name=name)


def _encoded(keras: Any, layer: Any, ids: Any, size: int, *, masked: bool = False) -> Any:
    """masked: the id behind the last is the mask's, which is counted nowhere."""
    if layer.output_mode == "int":
        return ids
    if layer.sparse:
        raise _refused(layer, "it gives a sparse tensor", "leave sparse = False")
    if layer.output_mode != "one_hot" and len(ids.shape) == 2:
        return marks(keras, layer, size)(ids)
    encoding = keras.layers.CategoryEncoding(
        size + masked, output_mode=layer.output_mode, name=f"{layer.name}_encoding"
    )
    return encoding(ids)[..., :size] if masked else encoding(ids)


def marks(keras: Any, layer: Any, size: int) -> Any:
    """Counts of the ids in each row, or whether they are there: what Keras does by a bincount, which ONNX lacks."""
    places, counts = np.arange(size), layer.output_mode == "count"

    class Marks(keras.layers.Layer):  # type: ignore[misc]
        def call(self, ids: Any) -> Any:
            here = keras.ops.equal(keras.ops.expand_dims(keras.ops.cast(ids, "int64"), -1), places)
            hot = keras.ops.cast(here, "float32")
            return keras.ops.sum(hot, axis=1) if counts else keras.ops.max(hot, axis=1)

        def compute_output_spec(self, ids: Any) -> Any:
            return keras.KerasTensor((ids.shape[0], size), "float32")

    return Marks(name=f"{layer.name}_encoding")


def _refused(layer: Any, what: str, remedy: str) -> ImportRefused:
    return ImportRefused(f"layer {layer.name!r} ({type(layer).__name__}): {what}; {remedy}")
