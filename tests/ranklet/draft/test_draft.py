"""From an exported file to a folder that builds: what is read, what is guessed and said to be, what is refused."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import orjson
import pytest
from draft_kit import LENGTH, Save, ranker
from onnx import TensorProto as T
from onnx import helper

from ranklet import draft, model, pipeline
from ranklet.draft.sides import guess
from ranklet.errors import ImportRefused, ModelError


def test_what_it_writes_builds_and_gives_the_graphs_own_scores(save: Save, tmp_path: Path) -> None:
    folder = tmp_path / "functions" / "ranker"
    made = draft.draft(save(ranker()), folder)
    built = pipeline.build(folder, out=tmp_path / "build", progress=lambda text: None)
    assert built.certificate.rows == made.golden == 6
    assert max(built.certificate.paths.values()) <= 1e-5


def test_nothing_is_split_by_a_guess(save: Save, tmp_path: Path) -> None:
    folder = tmp_path / "functions" / "ranker"
    draft.draft(save(ranker()), folder)
    path = folder / "model.toml"
    path.write_text(path.read_text() + "\n[split]\nvariant = 'B'\n")
    built = pipeline.build(folder, out=tmp_path / "build", progress=lambda text: None)
    assert built.split is not None
    assert built.split["shipped"] == "uncut"
    assert "guessed" in built.split["reason"]
    path.write_text(path.read_text().replace(", guessed = true", ""))
    built = pipeline.build(folder, out=tmp_path / "build", progress=lambda text: None)
    assert built.split is not None
    assert built.split["shipped"] == "B"


def test_golden_scores_are_onnxruntimes_on_the_file_as_it_was(save: Save, tmp_path: Path) -> None:
    path = save(ranker())
    draft.draft(path, tmp_path / "ranker")
    session = onnxruntime.InferenceSession(path)
    for line in (tmp_path / "ranker" / "golden.jsonl").read_bytes().splitlines():
        row = orjson.loads(line)
        user, items, n = row["request"]["user"], row["request"]["items"], len(row["scores"])
        ids, mask = np.zeros((n, LENGTH), np.int64), np.zeros((n, LENGTH), np.float32)
        ids[:, : len(user["hist_ids"])], mask[:, : len(user["hist_ids"])] = user["hist_ids"], 1
        feeds = {
            "user_id": np.full(n, user["user_id"]),
            "profile": np.tile(np.float32(user["profile"]), (n, 1)),
            "hist_ids": ids,
            "hist_mask": mask,
            "item_id": np.array(items["item_id"]),
            "price": np.float32(items["price"])[:, None],
        }
        np.testing.assert_allclose(row["scores"], session.run(["score"], feeds)[0].reshape(-1), rtol=1e-6, atol=1e-6)


def test_sides_types_and_sizes_are_in_the_file_and_every_guess_is_marked(save: Save, tmp_path: Path) -> None:
    draft.draft(save(ranker()), tmp_path / "ranker")
    read = model.load(tmp_path / "ranker")
    assert {name: (value.side, value.type, value.length) for name, value in read.inputs.items()} == {
        "user_id": ("user", "int", None),
        "profile": ("user", "float", 3),
        "hist_ids": ("user", "int", None),
        "item_id": ("item", "int", None),
        "price": ("item", "float", None),
    }
    assert read.features["user_id"].options["size"] == 40
    assert read.features["hist_ids"].options["mask"] is True
    assert read.steps[0].inputs == {"hist_mask": "hist_ids_mask"}
    assert (read.output.score, read.output.item_key) == ("score", "item_id")
    assert read.split.guessed == set(read.inputs)


def test_taking_the_mark_away_confirms_a_side(save: Save, tmp_path: Path) -> None:
    draft.draft(save(ranker()), tmp_path / "ranker")
    path = tmp_path / "ranker" / "model.toml"
    path.write_text(path.read_text().replace(", guessed = true", "", 1))
    assert "user_id" not in model.load(tmp_path / "ranker").split.guessed


@pytest.mark.parametrize(
    ("name", "several", "side"),
    [
        ("user_id", False, "user"),
        ("userCountry", False, "user"),
        ("hist_item_id", True, "user"),
        ("serving_default_movie_id:0", False, "item"),
        ("adgroup", False, "item"),
        ("hour", False, "context"),
        ("device_type", False, "context"),
        ("x17", True, "user"),
        ("x17", False, "item"),
        ("homepage", False, "item"),
    ],
)
def test_names_tell_whose_value_it_is(name: str, several: bool, side: str) -> None:
    assert guess(name, several=several).side == side


def test_names_that_toml_must_quote_survive(save: Save, tmp_path: Path) -> None:
    given = ranker()
    for value in given.graph.input:
        if value.name == "price":
            value.name = 'the "price": €'
    for node in given.graph.node:
        node.input[:] = ['the "price": €' if name == "price" else name for name in node.input]
    folder = tmp_path / "functions" / "ranker"
    draft.draft(save(given), folder)
    assert 'the "price": €' in model.load(folder).inputs
    pipeline.build(folder, out=tmp_path / "build", progress=lambda text: None)


def test_a_folder_that_is_there_is_left_alone(save: Save, tmp_path: Path) -> None:
    (tmp_path / "ranker").mkdir()
    with pytest.raises(ModelError, match="functions/ranker exists already"):
        draft.draft(save(ranker()), tmp_path / "ranker")


def test_files_that_are_no_model_are_refused_with_what_to_do(save: Save, tmp_path: Path) -> None:
    folder = tmp_path / "ranker"
    for content, name, what in (
        (b"\x80\x05garbage", "model.pkl", "a pickle, which is never loaded unasked.*--trust-pickle"),
        (b"hello", "model.bin", r"of no known format; read are: .*\bonnx\b.*\. Export to ONNX"),
        (b"", "model.onnx", "model.onnx: "),
    ):
        with pytest.raises(ImportRefused, match=what):
            draft.draft(save(content, name), folder)
    with zipfile.ZipFile(tmp_path / "w.npz", "w"):
        pass
    with pytest.raises(ImportRefused, match=r"a zip archive.*NumPy engine"):
        draft.draft(tmp_path / "w.npz", folder)
    with pytest.raises(ImportRefused, match="no file"):
        draft.draft(tmp_path / "none.onnx", folder)
    with pytest.raises(ImportRefused, match=r"--format tea is not known; known are: .*\bonnx\b"):
        draft.draft(save(ranker()), folder, format="tea")
    assert not folder.exists()


def _graph(inputs: list[onnx.ValueInfoProto], width: int = 1) -> onnx.ModelProto:
    axes = onnx.numpy_helper.from_array(np.int64([1]), "axes")
    nodes = [
        helper.make_node("Cast", [inputs[0].name], ["x"], to=T.FLOAT),
        helper.make_node("Flatten", ["x"], ["flat"]),
        helper.make_node("ReduceSum", ["flat", "axes"], ["sum"]),
        helper.make_node("Concat", ["sum"] * width, ["score"], axis=1),
    ]
    score = helper.make_tensor_value_info("score", T.FLOAT, ["n", width])
    return helper.make_model(
        helper.make_graph(nodes, "g", inputs, [score], [axes]),
        opset_imports=[helper.make_opsetid("", 18)],
        ir_version=9,
    )


def test_tensors_that_no_feature_makes_are_refused_by_name(save: Save, tmp_path: Path) -> None:
    folder = tmp_path / "ranker"
    cube = helper.make_tensor_value_info("cube", T.FLOAT, ["n", 2, 3])
    with pytest.raises(ImportRefused, match="input 'cube' has 3 dimensions"):
        draft.draft(save(_graph([cube])), folder)
    ragged = helper.make_tensor_value_info("weights", T.FLOAT, ["n", "any"])
    with pytest.raises(ImportRefused, match=r"input 'weights' is \[batch, any\] of floats"):
        draft.draft(save(_graph([ragged])), folder)
    numbers = helper.make_tensor_value_info("numbers", T.FLOAT, ["n", 2])
    with pytest.raises(ImportRefused, match="'score' is several numbers a candidate; -o column=1"):
        draft.draft(save(_graph([numbers], width=2)), folder)
    assert not folder.exists()


def test_ids_without_a_table_to_be_seen_are_said_to_have_an_unknown_size(save: Save, tmp_path: Path) -> None:
    ids = helper.make_tensor_value_info("item_id", T.INT32, ["n", 1])
    made = draft.draft(save(_graph([ids])), tmp_path / "ranker")
    assert any("item_id: how many ids it has is not to be seen" in note for note in made.notes)
    pipeline.build(tmp_path / "ranker", out=tmp_path / "build", progress=lambda text: None)
