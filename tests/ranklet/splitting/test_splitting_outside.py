"""Models that are too large for one file: their tables stay where they are until they are pinned."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from splitting_kit import CLOSE, deep_fm, scores, shuffled

from ranklet import pipeline
from ranklet.errors import ImportRefused, ModelError
from ranklet_runtime.function import Function

CATALOGUE = 'catalogue = "export/items.csv"\n'
LARGE = 5_000
"""Bytes of a table that goes into a file of its own: the users' and the films'."""


def outside(folder: Path, graph: bytes, large: int = LARGE) -> onnx.ModelProto:
    """Write the graph as exporters do above 2 GB: weights beside it, in a file of their own."""
    model = onnx.load_from_string(graph)
    path = folder / "export" / "model.onnx"
    onnx.save_model(
        model, path, save_as_external_data=True, location="model.data", size_threshold=large, convert_attribute=False
    )
    return onnx.load(path, load_external_data=False)


@pytest.fixture
def small_protobufs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ranklet.importers.onnx.reading.OUTSIDE", LARGE)
    monkeypatch.setattr("ranklet.importers.files.MAX_BYTES", 30_000)


@pytest.mark.parametrize("variant", ["A", "B", "uncut"])
def test_tables_in_files_of_their_own_are_cut_and_served(tmp_path: Path, small_protobufs: None, variant: str) -> None:
    model = deep_fm()
    folder = model.write(tmp_path / "functions", "m", split=f'{CATALOGUE}variant = "{variant}"\ncut_rows = 100')
    left = outside(folder, model.graph)
    away = [one.name for one in left.graph.initializer if one.data_location == onnx.TensorProto.EXTERNAL]
    assert {"users", "films"} <= set(away)
    built = pipeline.build(folder, out=tmp_path / ".build")
    assert built.split is not None and built.split["shipped"] == variant, built.notes
    assert built.certificate.split is not None and built.certificate.split.uncut is None
    assert "cut-users" in built.manifest.spec.tables
    assert "stay in their files" in built.notes[0]
    function = Function.open(built.folder, {})
    for request in shuffled(model):
        np.testing.assert_allclose(scores(function, request), model.scores(request), rtol=CLOSE, atol=CLOSE)


@pytest.mark.parametrize("split", ['mode = "off"', 'variant = "uncut"\ncut_rows = 100000'])
def test_a_table_that_is_not_cut_is_too_large_to_ship(tmp_path: Path, small_protobufs: None, split: str) -> None:
    model = deep_fm()
    folder = model.write(tmp_path / "functions", "m", split=split)
    outside(folder, model.graph)
    with pytest.raises(ModelError, match=r"export/model.onnx has tables in files of their own"):
        pipeline.build(folder, out=tmp_path / ".build")


def test_a_file_outside_the_models_folder_is_not_mapped(tmp_path: Path, small_protobufs: None) -> None:
    model = deep_fm()
    folder = model.write(tmp_path / "functions", "m", split="cut_rows = 100")
    outside(folder, model.graph)
    data = folder / "export" / "model.data"
    data.rename(tmp_path / "model.data")
    data.symlink_to(tmp_path / "model.data")
    with pytest.raises(ImportRefused, match="leads outside export/"):
        pipeline.build(folder, out=tmp_path / ".build")


@pytest.mark.slow
def test_a_graph_above_two_gigabytes_ships_as_less_than_one_megabyte(tmp_path: Path) -> None:
    """The table's file is sparse, 2.56 GB of zeros; onnxruntime scores the golden requests on the whole graph."""
    model = deep_fm()
    folder = model.write(tmp_path / "functions", "m", split='cut_rows = 10000\nvariant = "uncut"')
    graph = onnx.load_from_string(model.graph)
    users = next(one for one in graph.graph.initializer if one.name == "users")
    rows = 80_000_000
    users.CopyFrom(onnx.TensorProto(name="users", data_type=onnx.TensorProto.FLOAT, dims=[rows, 8]))
    users.data_location = onnx.TensorProto.EXTERNAL
    for key, value in (("location", "users.bin"), ("offset", "0"), ("length", str(rows * 32))):
        users.external_data.add(key=key, value=value)
    with (folder / "export" / "users.bin").open("wb") as file:
        file.truncate(rows * 32)
    path = folder / "export" / "model.onnx"
    path.write_bytes(graph.SerializeToString())
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])

    def score(request: dict) -> list[float]:
        n = len(request["items"]["movie_id"])
        return session.run(None, model.feeds(request, n))[0].ravel().tolist()

    (folder / "golden.jsonl").write_text(
        "\n".join(json.dumps({"request": one, "scores": score(one)}) for one in model.requests)
    )
    toml = folder / "model.toml"
    toml.write_text(toml.read_text().replace("size = 300", f"size = {rows}"))
    built = pipeline.build(folder, out=tmp_path / ".build")
    steps = sum(path.stat().st_size for path in (built.folder / "steps").iterdir())
    assert steps < 1_000_000
    assert built.manifest.spec.tables["cut-users"].rows == rows
