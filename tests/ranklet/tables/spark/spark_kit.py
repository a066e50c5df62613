"""A small model with an item tower, datasets for it, and what the tower makes of them, computed in NumPy."""

from __future__ import annotations

import gzip
import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pyarrow as pa
import pyarrow.parquet as pq
from onnx import TensorProto, helper, numpy_helper

from ranklet import model
from ranklet.tables.spark.recipe import Recipe

OLDEST_JAVA = 17

GENRES = ["drama", "comedy", "noir", "western", "musical"]
WIDTH, HIDDEN = 8, 16

TOWER = f"""
[tables.films.inputs]
genre = {{ side = "item", type = "string" }}
price = {{ side = "item", type = "float" }}
year = {{ side = "item", type = "int", default = 1990 }}
content = {{ side = "item", type = "float", length = {WIDTH} }}

[tables.films.features]
genre_id = {{ kind = "category", of = "genre", vocabulary = "export/genres.json" }}
numbers = {{ kind = "dense", of = ["price", "year", "content"], mean = 3.0, std = 2.0 }}
"""
"""What the tower reads."""

MODEL = """
name = "films"

[inputs]
movie_id = {{ side = "item", type = "int" }}
never_sent = {{ side = "user", type = "int" }}

[features]
unused = {{ kind = "category", of = "never_sent", size = 5 }}
film = {{ kind = "embedding", of = "movie_id", table = "films" }}

[tables.films]
tower = "tower.onnx"
catalogue = "catalogue.parquet"
key = "{key}"
key_column = "{key_column}"
dtype = "{dtype}"
page = {page}
placement = "dynamodb"
missing = "mean"

{tower}

[[steps]]
format = "onnx"
source = "tower.onnx"
"""


@cache
def lacking() -> str:
    """What Spark lacks here and the line that brings it; empty where it can run."""
    if importlib.util.find_spec("pyspark") is None:
        return 'pyspark is absent: pip install -e ".[spark]" (and Java 17 or newer)'
    home = os.environ.get("JAVA_HOME")  # goes before the PATH, as in Spark's own scripts
    java = f"{home}/bin/java" if home else shutil.which("java")
    if java is None or not Path(java).exists():
        return "Java is absent: install Java 17 or newer, and set JAVA_HOME or have java on the PATH"
    said = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    version = re.search(r'version "(\d+)', said)
    if version is None or int(version[1]) < OLDEST_JAVA:
        return f"{java} is no Java {OLDEST_JAVA} or newer: {said.splitlines()[:1]}"
    return ""


def write_model(
    folder: Path,
    *,
    dim: int = 6,
    key: str = "int",
    key_column: str = "movie_id",
    dtype: str = "f32",
    page: int = 1,
    mixing: bool = False,
    scale: float = 1,
) -> Path:
    """A model's folder with a tower of two layers.

    mixing: the tower subtracts its batch's mean row. scale: of its rows.
    """
    folder = folder / "films"
    (folder / "export").mkdir(parents=True, exist_ok=True)
    text = MODEL.format(key=key, key_column=key_column, dtype=dtype, page=page, tower=TOWER)
    (folder / "model.toml").write_text(text)
    write_tower(folder, dim=dim, mixing=mixing, scale=scale)
    return folder


def write_tower(folder: Path, *, dim: int, mixing: bool = False, scale: float = 1) -> None:
    """The tower and its vocabulary, as MODEL names them."""
    (folder / "export" / "genres.json").write_text(str(GENRES).replace("'", '"'))
    onnx.save(_tower(dim, mixing, scale), folder / "tower.onnx")


def recipe(folder: Path, **options: Any) -> Recipe:
    """The recipe of the model's table, made new."""
    written = write_model(folder, **options)
    return Recipe.of(model.load(written), written, "films")


def weights(dim: int) -> dict[str, np.ndarray]:
    """The tower's numbers."""
    random = np.random.default_rng(5)
    return {
        "first": random.normal(size=(2 + WIDTH, HIDDEN)).astype(np.float32) / 8,
        "bias": random.normal(size=HIDDEN).astype(np.float32),
        "second": random.normal(size=(HIDDEN, dim)).astype(np.float32) / 4,
        "genres": random.normal(size=(len(GENRES) + 1, HIDDEN)).astype(np.float32),
    }


def expected(data: pa.Table, dim: int) -> np.ndarray:
    """float64 [rows, dim]: the tower's sums from the raw columns."""
    given = {name: value.astype(np.float64) for name, value in weights(dim).items()}
    content = np.array(data["content"].to_pylist(), np.float64)
    numbers = np.column_stack([data["price"].to_numpy(), data["year"].to_numpy(), content])
    ids = [GENRES.index(genre) if genre in GENRES else len(GENRES) for genre in data["genre"].to_pylist()]
    hidden = np.maximum((numbers - 3) / 2 @ given["first"] + given["bias"] + given["genres"][ids], 0)
    return hidden @ given["second"]


def rows(count: int, *, seed: int = 1) -> pa.Table:
    """A dataset of `count` films with keys in no order, half of them negative."""
    random = np.random.default_rng(seed)
    keys = random.permutation(np.arange(count, dtype=np.int64) * 3 - count)
    return pa.table(
        {
            "movie_id": keys,
            "name": [f"film {key} – é" for key in keys.tolist()],
            "genre": random.choice([*GENRES, "opera"], count).tolist(),
            "price": random.uniform(0, 9, count),
            "year": random.integers(1930, 2030, count),
            "content": pa.FixedSizeListArray.from_arrays(random.normal(size=count * WIDTH), WIDTH),
            "label": random.integers(0, 2, count),
        }
    )


def write_rows(data: pa.Table, folder: Path, *, files: int = 3) -> str:
    """The dataset as a folder of Parquet files."""
    folder.mkdir()
    each = -(-len(data) // files)
    for number in range(files):
        pq.write_table(data.slice(number * each, each), folder / f"part-{number}.parquet", row_group_size=700)
    return str(folder)


def read_lines(out: Path) -> Iterator[bytes]:
    """The lines of all import files of a build."""
    for path in sorted((out / "items").glob("part-*.gz")):
        with gzip.open(path, "rb") as file:
            yield from file


def _tower(dim: int, mixing: bool, scale: float) -> onnx.ModelProto:
    nodes = [
        helper.make_node("Gemm", ["numbers", "first", "bias"], ["a"]),
        helper.make_node("Gather", ["genres", "genre_id"], ["g"]),
        helper.make_node("Add", ["a", "g"], ["sum"]),
        helper.make_node("Relu", ["sum"], ["hidden"]),
        helper.make_node("MatMul", ["hidden", "second"], ["plain" if mixing else "vector"]),
    ]
    if mixing:
        nodes += [
            helper.make_node("ReduceMean", ["plain", "zero"], ["mean"], keepdims=1),
            helper.make_node("Sub", ["plain", "mean"], ["vector"]),
        ]
    constants = {
        **weights(dim),
        "second": weights(dim)["second"] * np.float32(scale),
        **({"zero": np.array([0])} if mixing else {}),
    }
    graph = helper.make_graph(
        nodes,
        "tower",
        [
            helper.make_tensor_value_info("numbers", TensorProto.FLOAT, ["n", 2 + WIDTH]),
            helper.make_tensor_value_info("genre_id", TensorProto.INT64, ["n"]),
        ],
        [helper.make_tensor_value_info("vector", TensorProto.FLOAT, ["n", dim])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


def replaced(data: pa.Table, column: str, values: Sequence[Any], type_: Any = None) -> pa.Table:
    """The dataset with another column."""
    return data.set_column(data.schema.get_field_index(column), column, pa.array(values, type_))
