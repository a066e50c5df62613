"""Linear models of MovieLens-100K that FTRL trained: TF 1's as LinearClassifier exported them, Keras 2's over columns.

The ratings are fetched, never stored; what is stored is the trained model.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import tensorflow_films as films
from tensorflow_films import fc, tf, v1


def columns() -> list[Any]:
    """Wide ones alone."""
    wide, _ = films.columns()
    movie = fc.categorical_column_with_identity("movie_id", 1683, default_value=0)
    genres = fc.categorical_column_with_vocabulary_list("genres", films.GENRES, num_oov_buckets=4)
    return [*wide, movie, genres, fc.numeric_column("year", normalizer_fn=lambda year: (year - 1990) / 10)]


def classifier(folder: Path) -> Path:
    """TF 1: linear_model and FtrlOptimizer, the signatures of an Estimator's two classes."""
    target = folder / "linear_classifier"
    with tf.Graph().as_default(), v1.Session() as session:
        v1.set_random_seed(2)
        examples = v1.placeholder(tf.string, [None], name="examples")
        logit, _ = _trained(session, examples)
        info = v1.saved_model.utils.build_tensor_info
        chance = tf.sigmoid(logit)
        both = tf.concat([1 - chance, chance], 1)
        classes = tf.tile(tf.constant([["0", "1"]]), [tf.shape(both)[0], 1])
        signs = v1.saved_model.signature_def_utils
        given = {"examples": info(examples)}
        predict = signs.build_signature_def(given, {"logits": info(logit), "logistic": info(chance)})
        signatures = {
            "serving_default": signs.classification_signature_def(examples, classes, both),
            "regression": signs.regression_signature_def(examples, chance),
            "predict": predict,
        }
        builder = v1.saved_model.builder.SavedModelBuilder(str(target))
        saver = v1.train.Saver(v1.get_collection(v1.GraphKeys.TRAINABLE_VARIABLES))
        builder.add_meta_graph_and_variables(
            session, ["serve"], signatures, main_op=v1.tables_initializer(), saver=saver
        )
        builder.save()
    return target


def simple(folder: Path) -> Path:
    """TF 1: simple_save of a linear model that FTRL trained, dense tensors in."""
    target = folder / "simple_save"
    with tf.Graph().as_default(), v1.Session() as session:
        v1.set_random_seed(3)
        ages = v1.placeholder(tf.float32, [None, 1], name="age")
        jobs = v1.placeholder(tf.string, [None, 1], name="occupation")
        parsed = {"age": ages, "occupation": jobs}
        age = fc.bucketized_column(fc.numeric_column("age"), [18.0, 25.0, 35.0, 45.0, 55.0])
        wide = [age, fc.categorical_column_with_hash_bucket("occupation", 40)]
        logit = v1.feature_column.linear_model(parsed, [*wide, fc.crossed_column([age, "occupation"], 100)])
        step, wanted = _step(logit)
        session.run([v1.global_variables_initializer(), v1.tables_initializer()])
        for columns, labels in films.rows():
            session.run(step, {ages: columns["age"], jobs: columns["occupation"], wanted: labels})
        v1.saved_model.simple_save(session, str(target), parsed, {"score": tf.sigmoid(logit)})
    return target


def keras(folder: Path) -> Path:
    """Keras 2: DenseFeatures, one Dense, Ftrl."""
    layers = tf.keras.layers
    tf.keras.utils.set_random_seed(4)
    age = fc.bucketized_column(fc.numeric_column("age"), [18.0, 25.0, 35.0, 45.0, 55.0])
    gender = fc.categorical_column_with_vocabulary_list("gender", ["M", "F"])
    job = fc.categorical_column_with_hash_bucket("occupation", 40)
    found = [age, *map(fc.indicator_column, (gender, job, fc.crossed_column(["gender", "occupation"], 60)))]
    inputs = {
        "age": tf.keras.Input([1], name="age"),
        "gender": tf.keras.Input([1], dtype="string", name="gender"),
        "occupation": tf.keras.Input([1], dtype="string", name="occupation"),
    }
    model = tf.keras.Model(inputs, layers.Dense(1, "sigmoid", name="score")(layers.DenseFeatures(found)(inputs)))
    model.compile(tf.keras.optimizers.legacy.Ftrl(0.1, l1_regularization_strength=0.01), "binary_crossentropy")
    for columns, labels in films.rows():
        model.train_on_batch({key: tf.constant(columns[key]) for key in inputs}, labels)
    model.save(str(folder / "keras_ftrl"), save_format="tf")
    return folder / "keras_ftrl"


def _trained(session: Any, examples: Any) -> tuple[Any, Any]:
    found = columns()
    parsed = v1.io.parse_example(examples, v1.feature_column.make_parse_example_spec(found))
    logit = v1.feature_column.linear_model(parsed, found)
    step, wanted = _step(logit)
    session.run([v1.global_variables_initializer(), v1.tables_initializer()])
    for feeds, labels in films.batches(parsed):
        session.run(step, {**feeds, wanted: labels})
    return logit, parsed


def _step(logit: Any) -> tuple[Any, Any]:
    wanted = v1.placeholder(tf.float32, [None, 1])
    loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels=wanted, logits=logit))
    return v1.train.FtrlOptimizer(0.1, l1_regularization_strength=0.001).minimize(loss), wanted


MODELS = {"linear_classifier": classifier, "simple_save": simple, "keras_ftrl": keras}
