"""Keras itself: stored models are proposed again, stored scores are still its own, hostile files do not reach it."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_importers_keras import STORED

from ranklet import importers
from ranklet.errors import ImportRefused
from ranklet.importers import tfgraphs
from ranklet.importers.keras import proposing
from ranklet.importers.proposal import NO_WISHES, Wishes

pytestmark = pytest.mark.oracle
EXPORTED = [name for name in STORED.names() if name.startswith("exported")]


@pytest.fixture(autouse=True)
def keras() -> Any:
    tfgraphs.prepare()
    pytest.importorskip("keras")
    pytest.importorskip("tf2onnx")
    return proposing._keras()


def saved(model: Any, folder: Path) -> Path:
    with tfgraphs.silence():  # NumPy warns of how Keras copies
        model.save(folder / "ranker.keras")
    return folder / "ranker.keras"


def altered(path: Path, change: Callable[[dict[str, bytes]], None]) -> Path:
    """The same archive with other members."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    with zipfile.ZipFile(path, "w") as out:
        for name, content in members.items():
            out.writestr(name, content)
    return path


@pytest.mark.parametrize("name", STORED.names())
def test_stored_models_are_served_and_stored_scores_are_keras_own(name: str, tmp_path: Path) -> None:
    exported = name in EXPORTED
    path = STORED.unpack(name, tmp_path, "saved") if exported else STORED.file(name, "ranker.keras", tmp_path)
    assert importers.recognise(path) == ("tensorflow" if exported else "keras")
    wishes = Wishes(options=STORED.json(name, "options"))
    proposal = importers.propose(importers.recognise(path), path, wishes)
    assert proposal.oracle is not None
    assert proposal.oracle.name.startswith("TensorFlow 2." if exported else "Keras 3.")
    found = proposal.oracle.scores(STORED.json(name, "rows"))
    np.testing.assert_allclose(found, STORED.answers(name), rtol=1e-5, atol=1e-6)


def test_a_masked_list_is_filled_up_with_its_mask(keras: Any, tmp_path: Path) -> None:
    tags = keras.Input((4,), dtype="string", name="tags")
    look = keras.layers.StringLookup(vocabulary=["a", "b"], mask_token="[PAD]")
    pooled = keras.layers.GlobalAveragePooling1D()(keras.layers.Embedding(4, 3, mask_zero=True)(look(tags)))
    proposal = importers.propose("keras", saved(keras.Model(tags, keras.layers.Dense(1)(pooled)), tmp_path), NO_WISHES)
    assert proposal.features["tags_ids"]["pad"] == 0
    assert "filled up with '[PAD]'" in " ".join(proposal.notes)


def test_ids_of_an_embedding_are_one_gather(keras: Any, tmp_path: Path) -> None:
    import onnx

    item, price = keras.Input((1,), dtype="int64", name="item"), keras.Input((3,), name="price")
    rows = keras.layers.Flatten()(keras.layers.Embedding(30, 3)(item))
    model = keras.Model([item, price], keras.layers.Dot(axes=1)([rows, price]))
    proposal = importers.propose("keras", saved(model, tmp_path), NO_WISHES)
    (graph,) = proposal.files.values()
    nodes = onnx.load_model_from_string(graph).graph.node
    assert [list(node.input)[1] for node in nodes if node.op_type == "Gather"] == ["item"]
    assert (proposal.features["item"]["size"], proposal.features["item"]["oov"]) == (30, "error")


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda L: (L.TextVectorization(vocabulary=["a"], output_mode="multi_hot"), "string"), "TextVectorization"),
        (
            lambda L: (L.StringLookup(vocabulary=["a"], idf_weights=[1.0], output_mode="tf_idf"), "string"),
            r"\(StringLookup\): output_mode tf_idf",
        ),
        (lambda L: (L.IntegerLookup(vocabulary=[1], num_oov_indices=3, output_mode="one_hot"), "int64"), "remainders"),
        (lambda L: (L.Hashing(8, output_mode="one_hot"), "float32"), "it hashes the float input"),
    ],
)
def test_what_features_do_not_do_is_refused_by_the_layer(keras: Any, make: Any, told: str, tmp_path: Path) -> None:
    layer, dtype = make(keras.layers)
    given = keras.Input((1,), dtype=dtype, name="given")
    path = saved(keras.Model(given, keras.layers.Dense(1)(layer(given))), tmp_path)
    with pytest.raises(ImportRefused, match=told):
        importers.propose("keras", path, NO_WISHES)


def test_a_lookup_of_what_layers_computed_is_refused(keras: Any, tmp_path: Path) -> None:
    L = keras.layers
    given = keras.Input((1,), dtype="int64", name="given")
    ids = L.IntegerLookup(vocabulary=[2, 4])(keras.ops.add(given, 1))
    path = saved(keras.Model(given, L.Dense(1)(L.Flatten()(L.Embedding(3, 2)(ids)))), tmp_path)
    with pytest.raises(ImportRefused, match=r"IntegerLookup\): it reads what other layers have computed"):
        importers.propose("keras", path, NO_WISHES)


def test_a_column_that_is_not_there_is_refused(tmp_path: Path) -> None:
    path = STORED.file("several outputs", "ranker.keras", tmp_path)
    for options, told in (
        ({"column": "1"}, "-o output=NAME says which"),
        ({"output": "z", "column": "3"}, "column=3 is asked of 'z'"),
        ({"output": "y", "column": "0"}, "no output 'y'"),
        ({"output": "z"}, "'z' is asked for"),
    ):
        with pytest.raises(ImportRefused, match=told):
            importers.propose("keras", path, Wishes(options=options))


def test_a_model_larger_than_its_weights_is_refused_before_it_is_made(tmp_path: Path) -> None:
    def change(members: dict[str, bytes]) -> None:
        config = json.loads(members["config.json"])
        for layer in config["config"]["layers"]:
            if layer["class_name"] == "Embedding":
                layer["config"]["input_dim"] = 10**11
        members["config.json"] = json.dumps(config).encode()

    path = altered(STORED.file("numbers alone", "ranker.keras", tmp_path), change)
    with pytest.raises(ImportRefused, match=r"asks for 8\d* weights, model\.weights\.h5 holds"):
        importers.propose("keras", path, NO_WISHES)


def hdf5(kind: str) -> bytes:
    """A file of weights that points elsewhere, or declares what it does not hold."""
    import h5py

    out = io.BytesIO()
    with h5py.File(out, "w") as file:
        group = file.create_group("layers/dense/vars")
        if kind == "external link":
            group["0"] = h5py.ExternalLink("/etc/hostname", "/x")
        if kind == "soft link":
            group["0"] = h5py.SoftLink("/layers/other")
        if kind == "external data":
            group.create_dataset("0", (4,), "f4", external=[("/etc/hostname", 0, 16)])
        if kind == "virtual":
            layout = h5py.VirtualLayout((4,), "f4")
            layout[:] = h5py.VirtualSource("/etc/hostname", "x", (4,))
            group.create_virtual_dataset("0", layout)
        if kind == "bomb":
            group.create_dataset("0", (1 << 40,), "f4", chunks=(1 << 16,), compression="gzip")
        if kind == "text":
            group.create_dataset("0", data=np.array([(1, 2)], [("a", "i4"), ("b", "i4")]))
    return out.getvalue()


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("external link", "is a link"),
        ("soft link", "is a link"),
        ("external data", "has its data elsewhere"),
        ("virtual", "has its data elsewhere"),
        ("bomb", r"unpacks 0 bytes to 4398046511104"),
        ("text", "no numbers"),
        ("none", "asks for 391 weights|does not load"),
    ],
)
def test_weights_that_are_elsewhere_or_nowhere_are_refused(kind: str, told: str, tmp_path: Path) -> None:
    path = STORED.file("numbers alone", "ranker.keras", tmp_path)
    altered(path, lambda members: members.update({"model.weights.h5": hdf5(kind)}))
    with pytest.raises(ImportRefused, match=told):
        importers.propose("keras", path, NO_WISHES)


@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_damaged_members_are_refused_in_words(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    folder = tmp_path_factory.mktemp("damaged")
    path = STORED.file("numbers alone", "ranker.keras", folder)
    member = data.draw(st.sampled_from(["config.json", "model.weights.h5"]))

    def change(members: dict[str, bytes]) -> None:
        content = bytearray(members[member])
        if data.draw(st.booleans()):
            del content[data.draw(st.integers(0, len(content) - 1)) :]
        for _ in range(data.draw(st.integers(0, 6)) if content else 0):
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
        members[member] = bytes(content)

    try:
        importers.propose("keras", altered(path, change), NO_WISHES)
    except ImportRefused as error:
        assert str(folder) not in str(error)
