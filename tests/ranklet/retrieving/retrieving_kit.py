"""A small catalogue with attributes, models over it, and what exact search finds, in plain NumPy of 64 bits."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

DIM = 6
GENRES = ("Comedy", "Drama", "War")

MODEL = """
name = "{name}"
kind = "retrieve"
{head}
[tables.films]
vectors = "export/vectors.npy"
keys = "export/keys{ending}"
key = "{key}"

[retrieve]
table = "films"
{retrieve}

[retrieve.attributes]
source = "export/items.jsonl"
key_column = "id"
columns = {{ genres = "string", year = "int", available = "bool" }}
"""

TOWER = """
[inputs]
age = { side = "user", type = "float" }
hour = { side = "context", type = "float", default = 12.0 }

[features]
once = { kind = "dense", of = ["age", "hour"] }

[[steps]]
format = "onnx"
source = "export/tower.onnx"
rows = "user"
inputs = { once = "once" }
outputs = { vector = "vector" }
"""

HISTORY = """
[inputs]
liked = { side = "user", type = "KEY", list = true, default = [] }
"""


class Catalogue:
    """Vectors, ids and attributes of some items, drawn by a seed."""

    def __init__(self, rows: int, *, key: str = "int", seed: int = 0, vectors: NDArray[Any] | None = None) -> None:
        draw = np.random.default_rng(seed)
        self.key = key
        self.vectors = draw.standard_normal((rows, DIM)).astype(np.float32) if vectors is None else vectors
        numbers = np.sort(draw.choice(10 * rows, rows, replace=False)).tolist()
        self.ids: list[Any] = numbers if key == "int" else sorted(f"film {number:06}" for number in numbers)
        self.genres = [sorted(draw.choice(GENRES, draw.integers(0, 3), replace=False).tolist()) for _ in range(rows)]
        self.years = [int(year) if year > 1950 else None for year in draw.integers(1945, 1960, rows)]
        self.available = [bool(flag) for flag in draw.integers(0, 2, rows)]

    def write(self, folder: Path, *, model: str) -> Path:
        """A model's folder without its golden rows."""
        export = folder / "export"
        export.mkdir(parents=True)
        (folder / "model.toml").write_text(model)
        np.save(export / "vectors.npy", self.vectors)
        if self.key == "int":
            np.save(export / "keys.npy", np.array(self.ids, np.int64))
        else:
            (export / "keys.txt").write_text("".join(f"{one}\n" for one in self.ids))
        rows = zip(self.ids, self.genres, self.years, self.available, strict=True)
        lines = [
            json.dumps({"id": one, "genres": genres, "year": year, "available": flag})
            for one, genres, year, flag in rows
        ]
        (export / "items.jsonl").write_text("".join(f"{line}\n" for line in lines))
        (export / "tower.onnx").write_bytes(tower(self.vectors.shape[1]))
        return folder

    def best(
        self,
        query: NDArray[Any],
        k: int,
        *,
        cosine: bool = False,
        allow: Sequence[Any] | None = None,
        deny: Sequence[Any] = (),
        where: Mapping[str, Sequence[Any]] | None = None,
    ) -> tuple[list[Any], list[float]]:
        """Brute force: every item's score in 64 bits, rounded to 32; best first, equal ones by their id."""
        rows = unit(self.vectors) if cosine else self.vectors
        asked = unit(query[None])[0] if cosine else query.astype(np.float32)
        scores = (rows.astype(np.float64) * asked.astype(np.float64)).sum(axis=1).astype(np.float32)
        left = [
            at
            for at, one in enumerate(self.ids)
            if (allow is None or one in allow) and one not in deny and self.has(at, where or {})
        ]
        left.sort(key=lambda at: (-scores[at], at))
        return [self.ids[at] for at in left[:k]], [float(scores[at]) for at in left[:k]]

    def has(self, at: int, where: Mapping[str, Sequence[Any]]) -> bool:
        """Whether an item has, of each attribute, one of the values."""
        own = {"genres": self.genres[at], "year": [self.years[at]], "available": [self.available[at]]}
        return all(any(value in own[name] for value in values) for name, values in where.items())


def unit(rows: NDArray[Any]) -> NDArray[np.float32]:
    """Rows of length 1."""
    wide = rows.astype(np.float64)
    lengths = np.sqrt((wide * wide).sum(axis=1))
    found: NDArray[np.float32] = (wide / np.where(lengths > 0, lengths, 1.0)[:, None]).astype(np.float32)
    return found


def weights(dim: int = DIM) -> NDArray[np.float32]:
    """Of the user tower, [2, dim]."""
    found: NDArray[np.float32] = np.random.default_rng(7).standard_normal((2, dim)).astype(np.float32)
    return found


def tower(dim: int = DIM) -> bytes:
    """vector = once @ weights, an ONNX graph."""
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["once", "weights"], ["vector"])],
        "tower",
        [helper.make_tensor_value_info("once", TensorProto.FLOAT, ["rows", 2])],
        [helper.make_tensor_value_info("vector", TensorProto.FLOAT, ["rows", dim])],
        [numpy_helper.from_array(weights(dim), "weights")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def toml(name: str, *, head: str = TOWER, retrieve: str = 'query = "vector"', key: str = "int") -> str:
    """A model.toml."""
    ending = ".npy" if key == "int" else ".txt"
    head = head.replace("KEY", key)
    return MODEL.format(name=name, head=head, retrieve=retrieve, key=key, ending=ending)


def user_vector(age: float, hour: float = 12.0, dim: int = DIM) -> NDArray[np.float32]:
    """What the tower makes of a user."""
    found: NDArray[np.float32] = np.array([age, hour], np.float32) @ weights(dim)
    return found


def golden_row(request: Mapping[str, Any], answer: tuple[list[Any], list[float]]) -> str:
    """A line of golden.jsonl."""
    return json.dumps({"request": request, "items": answer[0], "scores": answer[1]}) + "\n"
