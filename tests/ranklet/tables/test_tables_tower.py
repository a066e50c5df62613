"""Rows that an ONNX tower computes over a catalogue, against the same sums in NumPy from the raw rows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from onnx import TensorProto, helper, numpy_helper
from tables_kit import gathered

from ranklet.errors import TableError
from ranklet.tables.sources import csv, jsonl, parquet
from ranklet_features.spec import Feature, Input

RANDOM = np.random.default_rng(21)
GENRES = ["drama", "comedy", "noir"]
EMBEDDED = RANDOM.normal(size=(4, 3)).astype(np.float32)
WEIGHTS = RANDOM.normal(size=(4, 5)).astype(np.float32)

INPUTS = {
    "movie_id": Input("item", "int"),
    "genres": Input("item", "string", list=True, default=[]),
    "price": Input("item", "float", default=1.5),
    "never_sent": Input("user", "int"),
}
FEATURES = {
    "genre": Feature("bag", ("genres",), {"vocabulary": GENRES, "length": 2, "pad": 3, "mask": True}),
    "cost": Feature("dense", ("price",), {"log": True, "clip": [0.0, 1e9]}),
    "unused": Feature("category", ("never_sent",), {"size": 5}),
}
"""What the model's own requests carry besides, a tower is not asked for."""

FILMS = [
    {"movie_id": 40, "genres": ["drama", "noir"], "price": 2.0},
    {"movie_id": 10, "genres": [], "price": 0.0},
    {"movie_id": 30, "genres": ["comedy", "drama", "noir"], "price": None},
    {"movie_id": 20, "genres": ["noir"], "price": 7.25},
]
TOWER = {"tower": "tower.onnx", "key_column": "movie_id"}


def _tower(folder: Path, *, cost: str = "cost") -> None:
    nodes = [
        helper.make_node("Gather", ["embedded", "genre"], ["rows"]),
        helper.make_node("Unsqueeze", ["genre_mask", "two"], ["mask"]),
        helper.make_node("Mul", ["rows", "mask"], ["kept"]),
        helper.make_node("ReduceSum", ["kept", "one"], ["pooled"], keepdims=0),
        helper.make_node("Concat", ["pooled", cost], ["both"], axis=1),
        helper.make_node("MatMul", ["both", "weights"], ["vector"]),
    ]
    inputs = [
        helper.make_tensor_value_info("genre", TensorProto.INT64, ["n", 2]),
        helper.make_tensor_value_info("genre_mask", TensorProto.FLOAT, ["n", 2]),
        helper.make_tensor_value_info(cost, TensorProto.FLOAT, ["n", 1]),
    ]
    output = helper.make_tensor_value_info("vector", TensorProto.FLOAT, ["n", 5])
    constants = {"embedded": EMBEDDED, "weights": WEIGHTS, "one": np.array([1]), "two": np.array([2])}
    graph = helper.make_graph(
        nodes, "tower", inputs, [output], [numpy_helper.from_array(value, name) for name, value in constants.items()]
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, folder / "tower.onnx")


def _expected() -> np.ndarray:
    """The tower's sums from the raw rows, films by id."""
    found = []
    for film in sorted(FILMS, key=lambda film: film["movie_id"]):
        price = 1.5 if film["price"] is None else film["price"]
        pooled = sum((EMBEDDED[GENRES.index(genre)] for genre in film["genres"][:2]), np.zeros(3, np.float32))
        found.append(np.append(pooled, np.float32(np.log1p(price))) @ WEIGHTS)
    return np.array(found, np.float32)


def _catalogue(folder: Path, kind: str, films: list[dict[str, Any]]) -> str:
    if kind == "parquet":
        pq.write_table(pa.Table.from_pylist(films), folder / "films.parquet")
    elif kind == "csv":
        frame = pd.DataFrame(films)
        frame["genres"] = [json.dumps(film["genres"]) for film in films]
        frame.to_csv(folder / "films.csv", index=False)
    else:
        (folder / "films.jsonl").write_text("".join(json.dumps(film) + "\n" for film in films))
    return f"films.{kind}"


@pytest.mark.parametrize("kind", ["parquet", "csv", "jsonl"])
@pytest.mark.parametrize("batch", [1, 3, 1000])
def test_rows_are_the_towers_over_the_models_own_features(
    tmp_path: Path, kind: str, batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module, name in ((csv, "BATCH_CELLS"), (jsonl, "BATCH_ROWS"), (parquet, "BATCH_ROWS")):
        monkeypatch.setattr(module, name, batch)
    _tower(tmp_path)
    catalogue = _catalogue(tmp_path, kind, FILMS)
    found = gathered(tmp_path, **TOWER, catalogue=catalogue, model_inputs=INPUTS, model_features=FEATURES)
    assert np.asarray(found.keys).tolist() == [10, 20, 30, 40]
    np.testing.assert_allclose(found.values, _expected(), rtol=1e-6, atol=1e-6)


def test_what_only_the_tower_reads_is_declared_under_the_table(tmp_path: Path) -> None:
    _tower(tmp_path)
    found = gathered(
        tmp_path,
        **TOWER,
        catalogue=_catalogue(tmp_path, "jsonl", FILMS),
        model_inputs={"movie_id": INPUTS["movie_id"]},
        inputs={"genres": INPUTS["genres"], "price": INPUTS["price"]},
        features={"genre": FEATURES["genre"], "cost": FEATURES["cost"]},
    )
    np.testing.assert_allclose(found.values, _expected(), rtol=1e-6, atol=1e-6)


def test_a_graphs_own_names_are_mapped_to_features(tmp_path: Path) -> None:
    _tower(tmp_path, cost="x_17")
    found = gathered(
        tmp_path,
        **TOWER,
        catalogue=_catalogue(tmp_path, "jsonl", FILMS),
        tower_inputs={"x_17": "cost"},
        tower_output="vector",
        model_inputs=INPUTS,
        model_features=FEATURES,
    )
    np.testing.assert_allclose(found.values, _expected(), rtol=1e-6, atol=1e-6)


def test_vocabularies_lie_below_the_models_folder(tmp_path: Path) -> None:
    _tower(tmp_path)
    (tmp_path / "genres.json").write_text(json.dumps(GENRES))
    options = {**FEATURES["genre"].options, "vocabulary": "genres.json"}
    features = {**FEATURES, "genre": Feature("bag", ("genres",), options)}
    found = gathered(
        tmp_path,
        **TOWER,
        catalogue=_catalogue(tmp_path, "jsonl", FILMS),
        model_inputs=INPUTS,
        model_features=features,
    )
    np.testing.assert_allclose(found.values, _expected(), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"price": "dear"}, r"line 2 of films\.jsonl.*|column 'price' on line 2 of films\.jsonl is 'dear', no float"),
        ({"genres": "drama"}, r"column 'genres' on line 2 of films\.jsonl is 'drama', no JSON list"),
        ({"genres": [7]}, r"line 2 of films\.jsonl: \$\.items\.genres\[1\]\[0\]"),
        ({"price": True}, r"line 2 of films\.jsonl: \$\.items\.price\[1\]"),
        ({"movie_id": "x"}, r"the key on line 2 of films\.jsonl is 'x'"),
        ({"movie_id": 40}, r"key '40' stands on more than one row: line 1 of films\.jsonl and line 2"),
    ],
)
def test_a_film_that_cannot_be_computed_is_named(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    _tower(tmp_path)
    films = [FILMS[0], FILMS[1] | change, *FILMS[2:]]
    fields = {**TOWER, "catalogue": _catalogue(tmp_path, "jsonl", films)}
    with pytest.raises(TableError, match=message):
        gathered(tmp_path, **fields, model_inputs=INPUTS, model_features=FEATURES)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"tower_output": "other"}, r"tower_output is 'other'; the tower's outputs: \['vector'\]"),
        ({"tower_inputs": {"price": "cost"}}, r"tower_inputs names \['price'\]; the tower's inputs: \['genre', "),
        (
            {"tower_inputs": {"cost": "absent"}},
            r"reads 'absent', which no feature makes; declare it in \[tables\.t\.fea",
        ),
        ({"catalogue": "films.vec"}, r"catalogue films\.vec is word2vec; a catalogue is one of parquet, csv, jsonl"),
        ({"key_column": "id"}, r"films\.jsonl has no column 'id'; its columns: movie_id, genres, price"),
    ],
)
def test_a_tower_that_does_not_fit_is_refused(tmp_path: Path, fields: dict[str, Any], message: str) -> None:
    _tower(tmp_path)
    given = {**TOWER, "catalogue": _catalogue(tmp_path, "jsonl", FILMS), **fields}
    with pytest.raises(TableError, match=message):
        gathered(tmp_path, **given, model_inputs=INPUTS, model_features=FEATURES)


def test_a_tower_whose_rows_depend_on_each_other_is_refused(tmp_path: Path) -> None:
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 1]) for name in ("cost", "vector")]
    nodes = [
        helper.make_node("ReduceMean", ["cost"], ["mean"], axes=[0], keepdims=1),
        helper.make_node("Sub", ["cost", "mean"], ["vector"]),
    ]
    graph = helper.make_graph(nodes, "tower", ends[:1], ends[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, tmp_path / "tower.onnx")
    catalogue = _catalogue(tmp_path, "jsonl", FILMS)
    with pytest.raises(TableError, match=r"the tower's row for line 1 of films\.jsonl changes with the rows beside it"):
        gathered(tmp_path, **TOWER, catalogue=catalogue, model_inputs=INPUTS, model_features=FEATURES)


def test_a_file_that_is_no_graph_is_refused(tmp_path: Path) -> None:
    (tmp_path / "tower.onnx").write_bytes(b"no graph")
    catalogue = _catalogue(tmp_path, "jsonl", FILMS)
    with pytest.raises(TableError, match=r"table t: tower: onnxruntime .* cannot load the graph"):
        gathered(tmp_path, **TOWER, catalogue=catalogue, model_inputs=INPUTS, model_features=FEATURES)
