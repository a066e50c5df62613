"""Keras models as tf2onnx writes them. Imported only where both are; TensorFlow wants an environment of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
import tf2onnx
from tensorflow.keras import layers

USERS, ITEMS, ROWS, LENGTH, DIM = 5, 3, 60, 8, 8
OPSET = 17

Export = tuple[bytes, dict[str, Any]]


def exported(model: Any, signature: dict[str, tuple[tuple[int, ...], Any]]) -> bytes:
    """A Keras model or function of a dict, its batch dynamic."""
    specs = {name: tf.TensorSpec((None, *shape), kind, name) for name, (shape, kind) in signature.items()}

    @tf.function(input_signature=list(specs.values()))  # type: ignore[untyped-decorator]
    def run(*values: Any) -> Any:
        return tf.identity(model(dict(zip(specs, values, strict=True))), name="score")

    proto, _ = tf2onnx.convert.from_function(run, input_signature=list(specs.values()), opset=OPSET)
    return bytes(proto.SerializeToString())


def _fields(model: Callable[[Any, Any, Any], Any]) -> Export:
    user = layers.Input((USERS,), dtype="int32", name="user")
    item = layers.Input((ITEMS,), dtype="int32", name="item")
    x = layers.Concatenate(1)([layers.Embedding(ROWS, DIM)(user), layers.Embedding(ROWS, DIM)(item)])
    out = layers.Activation("sigmoid")(model(x, user, item))
    keras = tf.keras.Model({"user": user, "item": item}, out)
    signature = {"user": ((USERS,), tf.int32), "item": ((ITEMS,), tf.int32)}
    return exported(keras, signature), {"user": "user", "item": "item"}


def _mlp(x: Any, *sizes: int) -> Any:
    for size in sizes[:-1]:
        x = layers.Dense(size, activation="relu")(x)
    return layers.Dense(sizes[-1])(x)


def wide_deep() -> Export:
    def model(x: Any, user: Any, item: Any) -> Any:
        wide = [layers.Flatten()(layers.Embedding(ROWS, 1)(ids)) for ids in (user, item)]
        return layers.Add()([layers.Dense(1)(layers.Concatenate()(wide)), _mlp(layers.Flatten()(x), 64, 32, 1)])

    return _fields(model)


def deepfm() -> Export:
    def model(x: Any, user: Any, item: Any) -> Any:
        total = layers.Lambda(lambda t: tf.square(tf.reduce_sum(t, 1)) - tf.reduce_sum(tf.square(t), 1))(x)
        second = layers.Lambda(lambda t: 0.5 * tf.reduce_sum(t, 1, keepdims=True))(total)
        return layers.Add()([second, _mlp(layers.Flatten()(x), 64, 32, 1)])

    return _fields(model)


def dcn() -> Export:
    def model(x: Any, user: Any, item: Any) -> Any:
        start = flat = layers.Flatten()(x)
        for _ in range(2):
            flat = layers.Add()([layers.Multiply()([start, layers.Dense((USERS + ITEMS) * DIM)(flat)]), flat])
        return layers.Dense(1)(layers.BatchNormalization()(flat))

    return _fields(model)


def neural_cf() -> Export:
    def model(x: Any, user: Any, item: Any) -> Any:
        first, other = (layers.Flatten()(layers.Embedding(ROWS, DIM)(ids[:, :1])) for ids in (user, item))
        return layers.Dense(1)(layers.Concatenate()([first * other, _mlp(layers.Flatten()(x), 64, 32)]))

    return _fields(model)


def _history(model: Callable[[Any, Any], Any]) -> Export:
    history = layers.Input((LENGTH,), dtype="int32", name="history")
    item = layers.Input((), dtype="int32", name="item")
    table = layers.Embedding(ROWS, DIM)
    out = layers.Activation("sigmoid")(model(table(history), table(item)))
    keras = tf.keras.Model({"history": history, "item": item}, out)
    signature = {"history": ((LENGTH,), tf.int32), "item": ((), tf.int32)}
    return exported(keras, signature), {"history": "user", "item": "item"}


def gru_tower() -> Export:
    return _history(lambda k, q: layers.Dot(1)([layers.GRU(DIM)(k), _mlp(q, 16, DIM)]))


def din() -> Export:
    def model(k: Any, q: Any) -> Any:
        wide = layers.RepeatVector(LENGTH)(q)
        both = layers.Concatenate()([wide, k, wide - k, wide * k])
        weights = layers.Softmax(axis=1)(_mlp(both, 16, 1))
        pooled = layers.Lambda(lambda pair: tf.reduce_sum(pair[0] * pair[1], 1))([weights, k])
        return _mlp(layers.Concatenate()([pooled, q]), 32, 1)

    return _history(model)


def sparse_lookup() -> Export:
    """What feature columns make of bags: `safe_embedding_lookup_sparse`, absent ids being −1."""
    table = tf.Variable(np.random.default_rng(0).normal(size=(ROWS, DIM)).astype(np.float32))
    deep = tf.keras.Sequential([layers.Dense(32, activation="relu"), layers.Dense(1, activation="sigmoid")])
    deep.build((None, 2 * DIM))

    def model(given: dict[str, Any]) -> Any:
        history = given["history"]
        places = tf.where(history >= 0)
        sparse = tf.SparseTensor(places, tf.gather_nd(history, places), tf.shape(history, out_type=tf.int64))
        pooled = tf.nn.safe_embedding_lookup_sparse(table, sparse, combiner="mean")
        return deep(tf.concat([tf.reshape(pooled, [-1, DIM]), tf.gather(table, given["item"])], 1))

    content = exported(model, {"history": ((LENGTH,), tf.int64), "item": ((), tf.int64)})
    return content, {"history": "user", "item": "item"}


KERAS: dict[str, Callable[[], Export]] = {
    "wide-deep": wide_deep,
    "deepfm": deepfm,
    "dcn": dcn,
    "neural-cf": neural_cf,
    "gru-tower": gru_tower,
    "din": din,
    "sparse-lookup": sparse_lookup,
}
