"""TensorFlow itself: stored models are proposed again, stored scores are still its own, hostile models do not run."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_importers_tensorflow import STORED

from ranklet.errors import ImportRefused
from ranklet.importers import tfgraphs
from ranklet.importers.proposal import NO_WISHES, Wishes
from ranklet.importers.tensorflow import archive, loading, propose

pytestmark = pytest.mark.oracle


@pytest.fixture(autouse=True)
def tf() -> Any:
    """TensorFlow, which warns of what it will leave behind."""
    tfgraphs.prepare()
    pytest.importorskip("tensorflow")
    pytest.importorskip("tf2onnx")
    return loading.library()


def saved(tf: Any, folder: Path, function: Any, *specs: Any) -> Path:
    """A SavedModel of one function."""
    module = tf.Module()
    module.score = tf.function(function, input_signature=specs)
    tf.saved_model.save(module, str(folder / "model"), signatures=module.score)
    return folder / "model"


@pytest.mark.parametrize("name", STORED.names())
def test_stored_models_are_served_and_stored_scores_are_tensorflows(name: str, tmp_path: Path) -> None:
    proposal = propose(STORED.unpack(name, tmp_path, "saved"), NO_WISHES)
    assert proposal.oracle is not None
    assert proposal.oracle.name.startswith("TensorFlow 2.")
    found = proposal.oracle.scores(STORED.json(name, "rows"))
    np.testing.assert_allclose(found, STORED.answers(name), rtol=1e-5, atol=1e-6)


def test_another_signature_and_output_are_taken(tmp_path: Path) -> None:
    path = STORED.unpack("numeric", tmp_path, "saved")
    assert propose(path, NO_WISHES).score == "logistic"
    assert "there are also ['predict']" in propose(path, NO_WISHES).notes[-1]
    asked = propose(path, Wishes(options={"signature": "predict", "output": "logits"}))
    assert asked.score == "logits"
    with pytest.raises(ImportRefused, match="no signature 'train'"):
        propose(path, Wishes(options={"signature": "train"}))


def test_an_id_outside_a_table_is_refused_with_the_request(tf: Any, tmp_path: Path) -> None:
    table = tf.constant(np.arange(20, dtype=np.float32).reshape(5, 4))
    path = saved(
        tf,
        tmp_path,
        lambda item: {"score": tf.reduce_sum(tf.gather(table, item), 1)},
        tf.TensorSpec([None], tf.int64, name="item"),
    )
    assert propose(path, NO_WISHES).features["item"] | {"of": ""} == {
        "kind": "category",
        "of": "",
        "size": 5,
        "oov": "error",
    }


@pytest.mark.parametrize("way", ["ReadFile", "PyFunc", "WriteFile"])
def test_what_reaches_outside_is_refused_by_name(tf: Any, tmp_path: Path, way: str) -> None:
    target = str(tmp_path / "written")

    def score(x: Any) -> Any:
        if way == "ReadFile":
            return {"score": x + tf.cast(tf.strings.length(tf.io.read_file(target)), tf.float32)}
        if way == "WriteFile":
            with tf.control_dependencies([tf.raw_ops.WriteFile(filename=target, contents="x")]):
                return {"score": tf.identity(x)}
        return {"score": tf.reshape(tf.numpy_function(lambda y: y, [x], tf.float32), [-1])}

    path = saved(tf, tmp_path, score, tf.TensorSpec([None], tf.float32, name="x"))
    with pytest.raises(ImportRefused, match=rf"{way} '.*reaches outside"):
        propose(path, NO_WISHES)
    assert not Path(target).exists()


def test_a_saver_that_the_signature_reaches_is_refused(tf: Any, tmp_path: Path) -> None:
    target = str(tmp_path / "written")

    def score(x: Any) -> Any:
        with tf.control_dependencies(
            [tf.raw_ops.SaveV2(prefix=target, tensor_names=["x"], shape_and_slices=[""], tensors=[x])]
        ):
            return {"score": tf.identity(x)}

    path = saved(tf, tmp_path, score, tf.TensorSpec([None], tf.float32, name="x"))
    with pytest.raises(ImportRefused, match=r"SaveV2 .* would write a file"):
        propose(path, NO_WISHES)


def test_a_custom_operation_is_refused_by_name(tf: Any, tmp_path: Path) -> None:
    path = STORED.unpack("module", tmp_path, "saved")
    pb = path / "saved_model.pb"
    pb.write_bytes(pb.read_bytes().replace(b"Bucketize", b"Bucketiye"))
    with pytest.raises(ImportRefused, match=r"Bucketiye .* no operation of TensorFlow itself"):
        propose(path, NO_WISHES)


def test_an_asset_outside_is_refused(tmp_path: Path) -> None:
    path = STORED.unpack("vocabulary_file", tmp_path, "saved")
    (asset,) = (path / "assets").iterdir()
    outside = tmp_path / "outside.txt"
    shutil.move(asset, outside)
    asset.symlink_to(outside)
    with pytest.raises(ImportRefused, match="leads outside"):
        propose(path, NO_WISHES)
    asset.unlink()
    with pytest.raises(ImportRefused, match=r"no assets/cities\.txt"):
        propose(path, NO_WISHES)


def test_text_that_reaches_no_lookup_is_refused_by_the_node(tf: Any, tmp_path: Path) -> None:
    path = saved(
        tf,
        tmp_path,
        lambda word: {"score": tf.cast(tf.strings.length(word), tf.float32)},
        tf.TensorSpec([None], tf.string, name="word"),
    )
    with pytest.raises(ImportRefused, match=r"StringLength '.*' reads the text of 'word'"):
        propose(path, NO_WISHES)


def test_numbers_of_a_list_are_refused(tf: Any, tmp_path: Path) -> None:
    def score(examples: Any) -> Any:
        parsed = tf.io.parse_example(examples, {"prices": tf.io.VarLenFeature(tf.float32)})
        return {"score": tf.reshape(tf.sparse.reduce_sum(parsed["prices"], 1), [-1])}

    path = saved(tf, tmp_path, score, tf.TensorSpec([None], tf.string, name="examples"))
    with pytest.raises(ImportRefused, match=r"'prices'|SparseReduceSum"):
        propose(path, NO_WISHES)


def test_a_sequence_is_refused_by_the_node(tf: Any, tmp_path: Path) -> None:
    table = tf.constant(np.ones((10, 3), np.float32))

    def score(examples: Any) -> Any:
        words = tf.io.parse_example(examples, {"words": tf.io.VarLenFeature(tf.string)})["words"]
        hashed = tf.SparseTensor(words.indices, tf.strings.to_hash_bucket_fast(words.values, 10), words.dense_shape)
        deep = tf.sparse.reshape(hashed, tf.concat([tf.shape(hashed, tf.int64), [1]], 0))
        return {"score": tf.reduce_sum(tf.nn.safe_embedding_lookup_sparse(table, deep), [1, 2])}

    path = saved(tf, tmp_path, score, tf.TensorSpec([None], tf.string, name="examples"))
    with pytest.raises(ImportRefused, match=r"SparseReshape '.*other dimensions than rows and values"):
        propose(path, NO_WISHES)


@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_a_damaged_graph_is_refused_or_read(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    path = STORED.unpack("module", tmp_path_factory.mktemp("damaged"), "saved")
    content = bytearray((path / "saved_model.pb").read_bytes())
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(0, len(content) - 1)) :]
    else:
        for _ in range(data.draw(st.integers(1, 8))):
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    (path / "saved_model.pb").write_bytes(bytes(content))
    try:
        archive.read(path)
    except ImportRefused as error:
        assert str(tmp_path_factory.getbasetemp()) not in str(error)


def test_a_truncated_model_is_refused(tmp_path: Path) -> None:
    path = STORED.unpack("module", tmp_path, "saved")
    pb = path / "saved_model.pb"
    pb.write_bytes(pb.read_bytes()[:-100])
    with pytest.raises(ImportRefused, match=r"damaged|does not load|no graph"):
        propose(path, NO_WISHES)


@pytest.mark.parametrize("name", ["module", "bucketized"])
def test_a_model_without_its_variables_is_refused(name: str, tmp_path: Path) -> None:
    path = STORED.unpack(name, tmp_path, "saved")
    shutil.rmtree(path / "variables")
    with pytest.raises(ImportRefused, match="TensorFlow does not load it") as refused:
        propose(path, NO_WISHES)
    assert str(tmp_path) not in str(refused.value)


def test_an_estimators_second_class_ranks(tmp_path: Path) -> None:
    path = STORED.unpack("linear_classifier", tmp_path, "saved")
    proposal = propose(path, NO_WISHES)
    assert proposal.score == "scores"
    assert "column 1 of 'scores' was taken to rank; -o column=N takes another" in proposal.notes
    first = propose(path, Wishes(options={"column": "0"}))
    logistic = propose(path, Wishes(options={"signature": "predict", "output": "logistic"}))
    columns = STORED.json("linear_classifier", "rows")
    by_signature = [one.oracle.scores(columns) for one in (proposal, logistic, first) if one.oracle is not None]
    np.testing.assert_allclose(by_signature[0], by_signature[1], rtol=1e-6)
    np.testing.assert_allclose(by_signature[0], 1 - by_signature[2], rtol=1e-5)


def test_a_column_that_is_not_there_is_refused(tmp_path: Path) -> None:
    path = STORED.unpack("linear_classifier", tmp_path, "saved")
    with pytest.raises(ImportRefused, match="column=2 is asked of 'scores'"):
        propose(path, Wishes(options={"column": "2"}))
    with pytest.raises(ImportRefused, match="-o output=NAME says which"):
        propose(path, Wishes(options={"column": "0", "signature": "predict"}))


def keras2(tf: Any, folder: Path, layer: Any, dtype: str) -> Path:
    """A SavedModel of Keras 2 with one layer."""
    given = tf.keras.Input([1], dtype=dtype, name="given")
    with tfgraphs.silence():
        tf.keras.Model(given, tf.keras.layers.Dense(1)(layer(given))).save(str(folder / "model"), save_format="tf")
    return folder / "model"


def test_text_vectorization_is_refused_by_the_node(tf: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TF_USE_LEGACY_KERAS", "1")
    words = tf.keras.layers.TextVectorization(vocabulary=["a", "b"], output_mode="multi_hot")
    with pytest.raises(ImportRefused, match=r"StringLower .* reads the text of 'given'"):
        propose(keras2(tf, tmp_path, words, "string"), NO_WISHES)


def test_a_sequence_column_is_refused_by_the_node(tf: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TF_USE_LEGACY_KERAS", "1")
    fc, v1 = tf.feature_column, tf.compat.v1
    words = fc.embedding_column(fc.sequence_categorical_column_with_hash_bucket("words", 10), 3)
    with tf.Graph().as_default(), v1.Session() as session, tfgraphs.silence():
        examples = v1.placeholder(tf.string, [None], name="examples")
        parsed = v1.io.parse_example(examples, {"words": tf.io.VarLenFeature(tf.string)})
        deep, _ = tf.keras.experimental.SequenceFeatures([words])(parsed)
        session.run([v1.global_variables_initializer(), v1.tables_initializer()])
        outputs = {"score": tf.reduce_sum(deep, [1, 2])}
        v1.saved_model.simple_save(session, str(tmp_path / "model"), {"examples": examples}, outputs)
    with pytest.raises(ImportRefused, match=r"SparseReshape .*sequence"):
        propose(tmp_path / "model", NO_WISHES)


def test_ids_that_a_layer_asserts_are_refused_with_the_request_where_it_has_no_place(tmp_path: Path) -> None:
    proposal = propose(STORED.unpack("category_encoding", tmp_path, "saved"), NO_WISHES)
    assert (proposal.features["days"]["size"], proposal.features["days"]["oov"]) == (7, "error")
