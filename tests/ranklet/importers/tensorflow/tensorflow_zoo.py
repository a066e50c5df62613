"""SavedModels of every kind that the importer serves: made here, saved, and read back by nothing but the importer."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
os.environ["TF_USE_LEGACY_KERAS"] = "1"

import tensorflow as tf

fc, v1 = tf.feature_column, tf.compat.v1
CITIES = ("Bern", "Genf", "Zürich", "Basel", "")


def columns(name: str, folder: Path) -> list[Any]:
    """The feature columns that a model is named for."""
    number = fc.numeric_column("age")
    city = fc.categorical_column_with_hash_bucket("city", 50)
    edges = fc.bucketized_column(number, [18.0, 30.0, 50.5])
    if name == "numeric":
        pair = fc.numeric_column("pair", shape=(2,), default_value=(1.0, -1.0))
        return [number, pair, fc.numeric_column("visits", dtype=tf.int64, default_value=3)]
    if name == "identity":
        plain = fc.categorical_column_with_identity("day", 7, default_value=0)
        return [fc.embedding_column(plain, 3), fc.indicator_column(plain)]
    if name == "vocabulary_list":
        words = fc.categorical_column_with_vocabulary_list("city", CITIES[:3], num_oov_buckets=2)
        numbers = fc.categorical_column_with_vocabulary_list("zip", [8001, 3000, 1200], default_value=1)
        return [fc.indicator_column(words), fc.embedding_column(numbers, 2)]
    if name == "vocabulary_file":
        file = folder / "cities.txt"
        file.write_text("\n".join([*CITIES[:4], *(f"town {at}" for at in range(40))]))
        words = fc.categorical_column_with_vocabulary_file("city", str(file), vocabulary_size=44)
        return [fc.embedding_column(words, 4)]
    if name == "hash_bucket":
        numbers = fc.categorical_column_with_hash_bucket("user", 20, dtype=tf.int64)
        return [fc.indicator_column(city), fc.embedding_column(numbers, 4, combiner="sqrtn")]
    if name == "bucketized":
        return [edges, fc.embedding_column(edges, 3)]
    if name == "crossed":
        crossed = fc.crossed_column(["city", edges], 60)
        three = fc.crossed_column(["city", "job", "day"], 40, hash_key=99)
        return [fc.indicator_column(crossed), fc.embedding_column(three, 3, combiner="sum")]
    if name == "weighted":
        words = fc.categorical_column_with_vocabulary_list("job", ["a", "b", "c"])
        return [fc.embedding_column(fc.weighted_categorical_column(words, "share"), 3)]
    if name == "weighted_hash":
        shares = fc.weighted_categorical_column(city, "share")
        return [fc.embedding_column(shares, 3, combiner="sum"), fc.indicator_column(city)]
    if name == "embedding":
        keys = zip(("city", "job", "street"), ("mean", "sum", "sqrtn"), strict=True)
        return [
            fc.embedding_column(fc.categorical_column_with_hash_bucket(key, 30), 4, combiner=way) for key, way in keys
        ]
    if name == "shared_embedding":
        seen = fc.categorical_column_with_hash_bucket("seen", 50)
        return list(v1.feature_column.shared_embedding_columns([city, seen], 4))
    raise KeyError(name)


COLUMNS = ("numeric", "identity", "vocabulary_list", "vocabulary_file", "hash_bucket", "bucketized", "crossed")
COLUMNS += ("embedding", "shared_embedding", "weighted", "weighted_hash")


def feature_columns(name: str, folder: Path, *, example: bool = True) -> Path:
    """TF 1: an Estimator's graph, of tf.Example or of dense tensors."""
    target = folder / name
    with tf.Graph().as_default(), v1.Session() as session:
        v1.set_random_seed(7)
        found = columns(name, folder)
        spec = v1.feature_column.make_parse_example_spec(found)
        if example:
            serialised = v1.placeholder(tf.string, [None], name="examples")
            inputs: dict[str, Any] = {"examples": serialised}
            parsed = v1.io.parse_example(serialised, spec)
        else:
            inputs = parsed = {
                key: v1.placeholder(one.dtype, [None, *getattr(one, "shape", (1,))], name=key)
                for key, one in spec.items()
            }
        wide = v1.feature_column.input_layer(parsed, found)
        _train_free(session, wide, inputs, target)
    return target


def _train_free(session: Any, wide: Any, inputs: Any, target: Path) -> None:
    hidden = v1.layers.dense(wide, 5, activation=tf.nn.relu)
    logits = v1.layers.dense(tf.concat([hidden, wide], 1), 1)
    score = tf.nn.sigmoid(logits)
    session.run([v1.global_variables_initializer(), v1.tables_initializer()])
    utils = v1.saved_model.utils.build_tensor_info
    sign = v1.saved_model.signature_def_utils.build_signature_def
    given = {key: utils(tensor) for key, tensor in inputs.items()}
    outputs = {"logits": utils(logits), "logistic": utils(score)}
    both = {"serving_default": sign(given, {"logistic": utils(score)}), "predict": sign(given, outputs)}
    assets = [one.outputs[0] for one in session.graph.get_operations() if one.name.endswith("/asset_path")]
    for one in assets:  # as TF 1 itself collected them
        v1.add_to_collection(v1.GraphKeys.ASSET_FILEPATHS, one)
    builder = v1.saved_model.builder.SavedModelBuilder(str(target))
    builder.add_meta_graph_and_variables(
        session,
        ["serve"],
        both,
        main_op=v1.tables_initializer(),
        assets_collection=v1.get_collection(v1.GraphKeys.ASSET_FILEPATHS),
    )
    builder.save()


class Tower(tf.Module):
    """TF 2: a table, embeddings and a Bucketize in one function."""

    def __init__(self) -> None:
        random = tf.random.Generator.from_seed(3)
        keys = tf.lookup.KeyValueTensorInitializer(tf.constant(CITIES[:3]), tf.constant([1, 2, 3], tf.int64))
        self.table = tf.lookup.StaticHashTable(keys, 0)
        self.cities = tf.Variable(random.normal([4, 3]))
        self.weights = tf.Variable(random.normal([10, 1]))

    @tf.function(
        input_signature=[
            tf.TensorSpec([None], tf.string, name="city"),
            tf.TensorSpec([None, 2], tf.float32, name="prices"),
            tf.TensorSpec([None, 1], tf.float32, name="age"),
        ]
    )
    def __call__(self, city: Any, prices: Any, age: Any) -> dict[str, Any]:
        """Scores of pairs."""
        edges = tf.one_hot(tf.raw_ops.Bucketize(input=age[:, 0], boundaries=[18.0, 30.0, 60.0]), 4)
        wide = tf.concat([tf.gather(self.cities, self.table.lookup(city)), prices, edges, age], 1)
        logit = (wide @ self.weights)[:, 0]
        return {"logit": logit, "score": tf.sigmoid(logit)}


def module(folder: Path) -> Path:
    """TF 2."""
    tower = Tower()
    tf.saved_model.save(tower, str(folder / "module"), signatures={"serving_default": tower.__call__})
    return folder / "module"


class History(tf.Module):
    """TF 2: attention of an item over a padded list of ids, and an integer that is computed with."""

    def __init__(self) -> None:
        random = tf.random.Generator.from_seed(4)
        self.items = tf.Variable(random.normal([50, 8]))
        self.last = tf.Variable(random.normal([24, 1]))

    @tf.function(
        input_signature=[
            tf.TensorSpec([None, None], tf.int64, name="history"),
            tf.TensorSpec([None], tf.int64, name="item"),
            tf.TensorSpec([None], tf.int32, name="hour"),
        ]
    )
    def __call__(self, history: Any, item: Any, hour: Any) -> dict[str, Any]:
        """Scores of pairs."""
        seen, wanted = tf.gather(self.items, history), tf.gather(self.items, item)
        there = tf.cast(history > 0, tf.float32)
        weight = tf.nn.softmax(tf.einsum("bld,bd->bl", seen, wanted) + (1 - there) * -1e9)
        user = tf.reduce_sum((weight * there)[:, :, None] * seen, 1)
        return {"score": (tf.concat([user, wanted, tf.one_hot(hour % 8, 8)], 1) @ self.last)[:, 0]}


class Sparse(tf.Module):
    """TF 2: a tf.Example with defaults, looked up without feature columns."""

    def __init__(self) -> None:
        random = tf.random.Generator.from_seed(5)
        self.table, self.last = tf.Variable(random.normal([20, 4])), tf.Variable(random.normal([4, 1]))

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
    def __call__(self, examples: Any) -> dict[str, Any]:
        """Scores of examples."""
        spec = {
            "tags": tf.io.VarLenFeature(tf.string),
            "ids": tf.io.VarLenFeature(tf.int64),
            "price": tf.io.FixedLenFeature([], tf.float32, 1.5),
            "days": tf.io.FixedLenFeature([3], tf.int64, [1, 2, 3]),
            "pair": tf.io.FixedLenFeature([2], tf.string, ["a", "b"]),
        }
        parsed = tf.io.parse_example(examples, spec)
        tags = parsed["tags"]
        hashed = tf.strings.to_hash_bucket_fast(tags.values, 20)
        found = tf.nn.safe_embedding_lookup_sparse(
            self.table, tf.SparseTensor(tags.indices, hashed, tags.dense_shape), combiner="mean"
        )
        found += tf.nn.safe_embedding_lookup_sparse(self.table, parsed["ids"], combiner="sqrtn", default_id=3)
        found += tf.reduce_mean(tf.gather(self.table, parsed["days"]), 1)
        found += tf.reduce_sum(tf.gather(self.table, tf.strings.to_hash_bucket_fast(parsed["pair"], 20)), 1)
        return {"score": (found @ self.last)[:, 0] + parsed["price"]}


def module_of(kind: type[Any], folder: Path) -> Path:
    """TF 2, of a module's own call."""
    made, target = kind(), folder / kind.__name__.lower()
    tf.saved_model.save(made, str(target), signatures=made.__call__)
    return target


def dense_features(folder: Path) -> Path:
    """Keras 2 over feature columns."""
    layers = tf.keras.layers
    tf.keras.utils.set_random_seed(6)
    words = fc.categorical_column_with_vocabulary_list("city", ["a", "b", "c"], num_oov_buckets=1)
    edges = fc.bucketized_column(fc.numeric_column("age"), [10.0, 20.0])
    found = [fc.embedding_column(words, 3), fc.indicator_column(words), edges, fc.numeric_column("prices", shape=(2,))]
    found.append(fc.indicator_column(fc.crossed_column(["city", edges], 20)))
    inputs = {
        "city": tf.keras.Input([1], dtype="string", name="city"),
        "age": tf.keras.Input([1], name="age"),
        "prices": tf.keras.Input([2], name="prices"),
    }
    model = tf.keras.Model(inputs, layers.Dense(1, name="score")(layers.DenseFeatures(found)(inputs)))
    model.save(str(folder / "dense_features"), save_format="tf")
    return folder / "dense_features"


def keras2(name: str, folder: Path) -> Path:
    """Keras 2 with a preprocessing layer, saved as a SavedModel."""
    layers = tf.keras.layers
    tf.keras.utils.set_random_seed(5)
    city = tf.keras.Input([1], dtype="string", name="city")
    age = tf.keras.Input([1], name="age")
    day = tf.keras.Input([1], dtype="int64", name="day")
    inputs, parts = _keras_parts(name, layers, city, age, day)
    out = layers.Dense(1, activation="sigmoid", name="score")(layers.Dense(4, activation="relu")(parts))
    model = tf.keras.Model(inputs, out)
    model.save(str(folder / name), save_format="tf")
    return folder / name


def _keras_parts(name: str, layers: Any, city: Any, age: Any, day: Any) -> tuple[list[Any], Any]:
    flat = layers.Flatten()
    if name == "string_lookup":
        look = layers.StringLookup(vocabulary=list(CITIES[:4]), num_oov_indices=1)
        ids = look(city)
        return [city, age], layers.concatenate([flat(layers.Embedding(look.vocabulary_size(), 3)(ids)), age])
    if name == "string_lookup_oov":
        look = layers.StringLookup(vocabulary=list(CITIES[:4]), num_oov_indices=3, mask_token="")
        return [city], flat(layers.Embedding(look.vocabulary_size(), 3)(look(city)))
    if name == "string_lookup_marks":
        tags = tf.keras.Input([3], dtype="string", name="tags")
        look = layers.StringLookup(vocabulary=list(CITIES[:4]), output_mode="multi_hot", mask_token="")
        strict = layers.StringLookup(vocabulary=list(CITIES[:3]), num_oov_indices=0)
        return [tags, city], layers.concatenate([look(tags), flat(layers.Embedding(3, 2)(strict(city)))])
    if name == "integer_lookup_mask":
        look = layers.IntegerLookup(vocabulary=[5, 6, 70], mask_token=0, num_oov_indices=1)
        return [day], flat(layers.Embedding(look.vocabulary_size(), 3)(look(day)))
    if name == "category_encoding_count":
        many = tf.keras.Input([4], dtype="int64", name="days")
        return [many, day], layers.concatenate(
            [
                layers.CategoryEncoding(7, output_mode="count")(many),
                layers.CategoryEncoding(5, output_mode="one_hot")(day),
            ]
        )
    if name == "integer_lookup":
        look = layers.IntegerLookup(vocabulary=[10, 20, 35], output_mode="one_hot")
        return [day], look(day)
    if name == "hashing":
        return [city], flat(layers.Embedding(12, 3)(layers.Hashing(12)(city)))
    if name == "hashing_salted":
        return [city], flat(layers.Embedding(12, 3)(layers.Hashing(12, salt=[1, 77])(city)))
    if name == "discretization":
        return [age], flat(layers.Embedding(4, 3)(layers.Discretization([18.0, 30.0, 50.0])(age)))
    if name == "category_encoding":
        many = tf.keras.Input([3], dtype="int64", name="days")
        return [many], layers.CategoryEncoding(7, output_mode="multi_hot")(many)
    if name == "hashed_crossing":
        return [city, day], flat(layers.Embedding(16, 3)(layers.HashedCrossing(16)((city, day))))
    if name == "normalization":
        norm = layers.Normalization(mean=[30.0], variance=[90.0])
        return [age], norm(age)
    raise KeyError(name)


KERAS = ("string_lookup", "string_lookup_oov", "integer_lookup", "hashing", "hashing_salted", "discretization")
KERAS += ("category_encoding", "hashed_crossing", "normalization", "string_lookup_marks", "integer_lookup_mask")
KERAS += ("category_encoding_count",)


def _dense(name: str, folder: Path) -> Path:
    (folder / "dense").mkdir(exist_ok=True)
    return feature_columns(name, folder / "dense", example=False)


Maker = Callable[[Path], Path]
DENSE = [name for name in COLUMNS if name not in ("bucketized", "shared_embedding", "weighted", "weighted_hash")]
MODELS: Mapping[str, Maker] = {
    **{name: partial(feature_columns, name) for name in COLUMNS},
    **{f"{name}_dense": partial(_dense, name) for name in DENSE},
    "module": module,
    "history": partial(module_of, History),
    "sparse": partial(module_of, Sparse),
    "dense_features": dense_features,
    **{name: partial(keras2, name) for name in KERAS},
}
"""Name → what saves it below a folder."""
