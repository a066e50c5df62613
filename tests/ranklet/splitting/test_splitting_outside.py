"""Models that are too large for one file: their tables stay where they are until they are pinned."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from splitting_kit import CLOSE, Net, Request, deep_fm, scores, shuffled

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


WIDE = """
[inputs]
user_id  = { side = "user", type = "int" }
movie_id = { side = "item", type = "int" }
[features]
user = { kind = "category", of = "user_id", size = 550000, oov_index = 0 }
film = { kind = "category", of = "movie_id", size = 80, oov_index = 0 }
"""
ROWS, DIM = 550_000, 1024


def wide(folder: Path) -> onnx.ModelProto:
    """A graph over a table of 2.25 GB, whose file is sparse but for the row of user 7."""
    net = Net(21)
    user = net.op("Gather", "people", net.ids("user"))
    film = net.op("Gather", net.table("films", 80, 8), net.ids("film"))
    model = onnx.load_from_string(net.score(net.deep(net.op("Concat", user, film, axis=1), DIM + 8, 16, 1)))
    people = model.graph.initializer.add(name="people", data_type=onnx.TensorProto.FLOAT, dims=[ROWS, DIM])
    people.data_location = onnx.TensorProto.EXTERNAL
    for key, value in (("location", "people.bin"), ("offset", "0"), ("length", str(ROWS * DIM * 4))):
        people.external_data.add(key=key, value=value)
    with (folder / "people.bin").open("wb") as file:
        file.truncate(ROWS * DIM * 4)
        file.seek(7 * DIM * 4)
        file.write(np.random.default_rng(22).standard_normal(DIM).astype("<f4").tobytes())
    return model


@pytest.mark.slow
def test_a_graph_above_two_gigabytes_ships_as_less_than_one_megabyte(tmp_path: Path) -> None:
    """onnxruntime scores the golden requests on the whole graph, its table in its file."""
    folder = tmp_path / "functions" / "m"
    (folder / "export").mkdir(parents=True)
    path = folder / "export" / "model.onnx"
    path.write_bytes(wide(folder / "export").SerializeToString())
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])

    def feeds(request: Request, n: int) -> dict[str, np.ndarray]:
        films = np.array(request["items"]["movie_id"], np.int64)
        return {"user": np.full(n, request["user"]["user_id"], np.int64), "film": films}

    lines = []
    for user in (7, 8):
        request: Request = {"user": {"user_id": user}, "context": {}, "items": {"movie_id": [1, 2, 3]}}
        found = session.run(None, feeds(request, 3))[0].ravel().tolist()
        lines.append(json.dumps({"request": request, "scores": found}))
    (folder / "golden.jsonl").write_text("\n".join(lines))
    step = '[[steps]]\nformat = "onnx"\nsource = "export/model.onnx"\n[output]\nitem_key = "movie_id"\n'
    (folder / "model.toml").write_text(f'name = "m"\n{WIDE}{step}[split]\nvariant = "B"\n')
    built = pipeline.build(folder, out=tmp_path / ".build")
    assert built.split is not None and built.split["shipped"] == "B", built.notes
    assert sum(file.stat().st_size for file in (built.folder / "steps").iterdir()) < 1_000_000
    table = built.manifest.spec.tables["cut-people"]
    assert (table.rows, table.dim, table.placement) == (ROWS, DIM, "dynamodb")
