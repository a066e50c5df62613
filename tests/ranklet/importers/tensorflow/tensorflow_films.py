"""A wide and deep ranker of MovieLens-100K, trained and exported as TF 1's Estimators did: feature columns, tf.Example.

The ratings are fetched, never stored; what is stored is the trained model.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

os.environ["TF_USE_LEGACY_KERAS"] = "1"  # for v1.layers

import numpy as np
import tensorflow as tf

from ranklet.demo import movielens

fc, v1 = tf.feature_column, tf.compat.v1
STEPS, BATCH = 400, 512
GENRES = ("Action", "Adventure", "Children's", "Comedy", "Crime", "Drama", "Horror", "Romance", "Sci-Fi", "Thriller")


def columns() -> tuple[list[Any], list[Any]]:
    """Wide and deep ones."""
    age = fc.bucketized_column(fc.numeric_column("age"), [18.0, 25.0, 35.0, 45.0, 55.0])
    gender = fc.categorical_column_with_vocabulary_list("gender", ["M", "F"])
    job = fc.categorical_column_with_hash_bucket("occupation", 40)
    movie = fc.categorical_column_with_identity("movie_id", 1683, default_value=0)
    genres = fc.categorical_column_with_vocabulary_list("genres", GENRES, num_oov_buckets=4)
    wide = [gender, job, fc.crossed_column(["gender", "occupation"], 60), fc.crossed_column([age, "occupation"], 100)]
    deep = [age, fc.indicator_column(gender), fc.numeric_column("year", normalizer_fn=lambda year: (year - 1990) / 10)]
    deep += [fc.embedding_column(job, 4), fc.embedding_column(movie, 6), fc.embedding_column(genres, 4)]
    return wide, deep


def train(folder: Path) -> Path:
    """Saves folder/wide_and_deep."""
    target = folder / "wide_and_deep"
    with tf.Graph().as_default(), v1.Session() as session:
        v1.set_random_seed(1)
        wide, deep = columns()
        examples = v1.placeholder(tf.string, [None], name="examples")
        parsed = v1.io.parse_example(examples, v1.feature_column.make_parse_example_spec([*wide, *deep]))
        linear = v1.feature_column.linear_model(parsed, wide)
        hidden = v1.feature_column.input_layer(parsed, deep)
        for width in (32, 16):
            hidden = v1.layers.dense(hidden, width, activation=tf.nn.relu)
        logit = linear + v1.layers.dense(hidden, 1)
        wanted = v1.placeholder(tf.float32, [None, 1])
        loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels=wanted, logits=logit))
        step = v1.train.AdamOptimizer(0.01).minimize(loss)
        session.run([v1.global_variables_initializer(), v1.tables_initializer()])
        for feeds, labels in batches(parsed):
            session.run(step, {**feeds, wanted: labels})
        info = v1.saved_model.utils.build_tensor_info
        outputs = {"logistic": info(tf.sigmoid(logit)), "logits": info(logit)}
        sign = v1.saved_model.signature_def_utils.build_signature_def({"examples": info(examples)}, outputs)
        builder = v1.saved_model.builder.SavedModelBuilder(str(target))
        frozen = v1.train.Saver(v1.get_collection(v1.GraphKeys.TRAINABLE_VARIABLES))
        builder.add_meta_graph_and_variables(
            session, ["serve"], {"serving_default": sign}, main_op=v1.tables_initializer(), saver=frozen
        )
        builder.save()
    return target


def batches(parsed: Any) -> Any:
    """Feeds of the parsed features, and whether the rating was 4 or more."""
    for columns, labels in rows():
        feeds = {}
        for key, tensor in parsed.items():
            dense = key in ("age", "year")
            feeds[tensor] = columns[key] if dense else sparse([list(row) for row in columns[key]])
        yield feeds, labels


def rows() -> Any:
    """Columns of raw values, one list a row, and labels."""
    data, random = movielens.load(), np.random.default_rng(1)
    ratings = data.ratings
    for _ in range(STEPS):
        rows = random.integers(0, len(ratings["rating"]), BATCH)
        users = [data.users[int(one)] for one in ratings["user_id"][rows]]
        films = [data.items[int(one)] for one in ratings["movie_id"][rows]]
        columns = {
            "gender": [[one.gender] for one in users],
            "occupation": [[one.occupation] for one in users],
            "movie_id": [[int(one)] for one in ratings["movie_id"][rows]],
            "genres": [list(one.genres) for one in films],
            "age": np.array([[one.age] for one in users], np.float32),
            "year": np.array([[one.year or 1990] for one in films], np.float32),
        }
        yield columns, (ratings["rating"][rows] >= 4).astype(np.float32)[:, None]


def sparse(rows: list[list[Any]]) -> Any:
    """Lists as VarLenFeature parses them."""
    indices = [[at, place] for at, row in enumerate(rows) for place in range(len(row))]
    values = [value for row in rows for value in row]
    dtype = np.int64 if isinstance(values[0], int) else object
    return v1.SparseTensorValue(indices, np.array(values, dtype), [len(rows), max(map(len, rows))])
