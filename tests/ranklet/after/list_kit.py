"""A small model with two heads, a table of vectors and a genre, whose author can want anything of [after]."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ranklet import pipeline
from ranklet.pipeline import Built

MODEL = """
name = "shop"

[inputs]
age = {{ side = "user" }}
id = {{ side = "item", type = "int" }}
price = {{ side = "item" }}
genre = {{ side = "item", type = "string", list = true, default = [] }}

[features]
age = {{ kind = "dense", of = "age" }}
price = {{ kind = "dense", of = "price" }}
vector = {{ kind = "embedding", of = "id", table = "films" }}

[tables.films]
vectors = "export/film.npy"
keys = "export/film.keys.npy"
placement = "resident"

[[steps]]
format = "numpy"
engine = "linear"
source = "export/ctr.npz"
inputs = {{ age = "age", vector = "vector" }}
outputs = {{ score = "ctr" }}

[[steps]]
format = "numpy"
engine = "linear"
source = "export/cvr.npz"
inputs = {{ price = "price", vector = "vector" }}
outputs = {{ score = "cvr" }}

[output]
score = "{score}"
item_key = "id"

{more}
"""
ROWS = 12
VECTORS = np.random.default_rng(3).normal(size=(ROWS, 4)).astype(np.float32)
WEIGHTS = {
    "ctr": {"bias": [0.25], "w.age": [0.0625], "w.vector": [1.0, -1.0, 0.5, 0.25]},
    "cvr": {"bias": [-0.5], "w.price": [-0.125], "w.vector": [0.5, 0.25, -1.0, 0.75]},
}
REQUEST = {
    "user": {"age": 4.0},
    "items": {
        "id": list(range(ROWS)),
        "price": [0.5 * at for at in range(ROWS)],
        "genre": [[["Drama"], ["War", "Drama"], [], ["Comedy"]][at % 4] for at in range(ROWS)],
    },
}


def head(name: str, values: Mapping[str, float], vector: Any) -> float:
    """By hand, in doubles."""
    weights = WEIGHTS[name]
    logit = weights["bias"][0] + sum(weights[f"w.{key}"][0] * value for key, value in values.items())
    return 1 / (1 + math.exp(-(logit + float(np.dot(weights["w.vector"], vector.astype(np.float64))))))


def heads(request: Mapping[str, Any] = REQUEST) -> tuple[list[float], list[float]]:
    items = request["items"]
    pairs = [
        (head("ctr", {"age": request["user"]["age"]}, VECTORS[key]), head("cvr", {"price": price}, VECTORS[key]))
        for key, price in zip(items["id"], items["price"], strict=True)
    ]
    return [one for one, _ in pairs], [one for _, one in pairs]


def write(root: Path, more: str, *, scores: Any = None, order: Any = None, score: str = "ctr") -> Path:
    """The model's folder. scores: the trainer's, by default the CTR's."""
    folder = root / "functions" / "shop"
    (folder / "export").mkdir(parents=True)
    np.save(folder / "export" / "film.npy", VECTORS)
    np.save(folder / "export" / "film.keys.npy", np.arange(ROWS))
    for name, weights in WEIGHTS.items():
        arrays = {key: np.array(one, np.float32) for key, one in weights.items()}
        np.savez(folder / "export" / f"{name}.npz", **arrays)
    golden = {"request": REQUEST, "scores": list(heads()[0] if scores is None else scores)}
    rows = [golden if order is None else {**golden, "order": order}]
    (folder / "golden.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "model.toml").write_text(MODEL.format(score=score, more=more))
    return folder


def build(root: Path, more: str, **golden: Any) -> Built:
    return pipeline.build(write(root, more, **golden), out=root / ".build")
