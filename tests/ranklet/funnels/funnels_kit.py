"""A project of three small models, one that finds and two that rank, with answers computed by hand, and a funnel."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from ranklet.project import Project

ROOT = Path(__file__).resolve().parents[3]
COUNT, DIM = 40, 4
IDS = np.arange(101, 101 + COUNT)
VECTORS = np.random.default_rng(5).normal(size=(COUNT, DIM)).astype(np.float32)
PRICES = np.random.default_rng(6).integers(1, 40, COUNT).astype(np.float64) / 4
W_VECTOR = np.array([0.5, -0.25, 1.0, 0.125])
W_AGE, W_PRICE, W_HOUR, BIAS = 0.03125, -0.0625, 0.015625, 0.25

FIND = """
name = "find"
kind = "retrieve"
version = 4

[inputs]
history = { side = "user", type = "int", list = true, default = [] }

[tables.films]
vectors = "export/vectors.npy"
keys = "export/keys.npy"

[retrieve]
table = "films"
history = "history"

[retrieve.attributes]
source = "export/items.csv"
key_column = "film"
columns = { genre = "string" }
"""

WARM = """
name = "warm"

[inputs]
age = { side = "user", type = "float", default = 0.0 }
film = { side = "item", type = "int" }

[features]
age = { kind = "dense", of = "age" }
vector = { kind = "embedding", of = "film", table = "films" }

[tables.films]
vectors = "export/vectors.npy"
keys = "export/keys.npy"
placement = "dynamodb"

[[steps]]
format = "numpy"
engine = "linear"
source = "export/weights.npz"
inputs = { age = "age", vector = "vector" }

[output]
item_key = "film"
"""

HOT = """
name = "hot"
version = 7

[inputs]
age = { side = "user", type = "float", default = 0.0 }
hour = { side = "context", type = "float", default = 12.0 }
film_id = { side = "item", type = "int" }
price = { side = "item", type = "float" }

[features]
age = { kind = "dense", of = "age" }
hour = { kind = "dense", of = "hour" }
price = { kind = "dense", of = "price" }
vector = { kind = "embedding", of = "film_id", table = "films" }

[tables.films]
vectors = "export/vectors.npy"
keys = "export/keys.npy"
placement = "resident"

[[steps]]
format = "numpy"
engine = "linear"
source = "export/weights.npz"
inputs = { age = "age", hour = "hour", price = "price", vector = "vector" }

[output]
item_key = "film_id"
"""

FUNNEL = """
name = "films"
kind = "funnel"
version = 2
description = "The best films"

[[stages]]
model = "find"
k = 20
deadline_ms = 10_000

[[stages]]
model = "warm"
k = 10
deadline_ms = 10_000

[[stages]]
model = "hot"
k = 5
deadline_ms = 10_000

[items]
source = "export/items.csv"
key_column = "film"

[limits]
items = 40
deadline_ms = 20_000

[function]
timeout = 25
"""

GENRES = ("Drama", "War")
HISTORIES = [[101], [102, 140], [110, 111, 112], [130, 999], [120, 121, 122, 123]]


def sigmoid(values: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-values))


def rows(ids: list[int]) -> np.ndarray:
    return np.array([one - IDS[0] for one in ids])


def found(history: list[int], seen: list[int] = []) -> tuple[list[int], np.ndarray]:  # noqa: B006
    """Everything, best first, by the mean of the history."""
    known = VECTORS.astype(np.float64)[rows([one for one in history if one in IDS])].mean(axis=0).astype(np.float32)
    scores = VECTORS.astype(np.float64) @ known.astype(np.float64)
    order = [at for at in np.argsort(-scores, kind="stable") if IDS[at] not in seen]
    return IDS[order].tolist(), scores[order]


def warm(age: float, ids: list[int]) -> np.ndarray:
    return sigmoid(BIAS + W_AGE * age + VECTORS[rows(ids)].astype(np.float64) @ W_VECTOR)


def hot(age: float, hour: float, ids: list[int]) -> np.ndarray:
    at = rows(ids)
    return sigmoid(
        BIAS + W_AGE * age + W_HOUR * hour + W_PRICE * PRICES[at] - VECTORS[at].astype(np.float64) @ W_VECTOR
    )


def expected(history: list[int], age: float, hour: float, *, seen: list[int] = []) -> list[tuple[int, list[float]]]:  # noqa: B006
    """What the funnel gives: ids, best first, with the scores of the stages."""
    ids, first = found(history, seen)
    page = {one: [float(score)] for one, score in zip(ids[:20], first[:20], strict=True)}
    for scores, count in ((lambda some: warm(age, some), 10), (lambda some: hot(age, hour, some), 5)):
        told = scores(list(page))
        page = {one: [*page[one], float(score)] for one, score in zip(page, told, strict=True)}
        order = np.argsort(-told, kind="stable")[:count]
        page = {one: page[one] for one in [list(page)[at] for at in order]}
    return list(page.items())


def new_project(root: Path) -> Project:
    """The whole project, nothing built."""
    project = Project(root)
    root.mkdir(parents=True)
    shutil.copyfile(ROOT / "cdk.json", root / "cdk.json")
    ages = (0.0, 7.5, 31.0, 64.0)
    _model(
        project,
        "find",
        FIND,
        [{"request": {"user": {"history": history}, "k": 30}, **_told(*found(history), 30)} for history in HISTORIES],
    )
    every = IDS.tolist()
    _model(
        project,
        "warm",
        WARM,
        [
            {"request": {"user": {"age": age}, "items": {"film": every}}, "scores": warm(age, every).tolist()}
            for age in ages
        ],
    )
    _model(
        project,
        "hot",
        HOT,
        [
            {
                "request": {
                    "user": {"age": age},
                    "context": {"hour": 20.0},
                    "items": {"film_id": every, "price": PRICES.tolist()},
                },
                "scores": hot(age, 20.0, every).tolist(),
            }
            for age in ages
        ],
    )
    _weights(project, "warm", {"w.age": [W_AGE], "w.vector": W_VECTOR})
    _weights(project, "hot", {"w.age": [W_AGE], "w.vector": -W_VECTOR, "w.price": [W_PRICE], "w.hour": [W_HOUR]})
    requests: list[dict[str, Any]] = [
        {"user": {"history": history, "age": 3.0 * at}, "context": {"hour": 2.0 * at}, "k": 3 + at}
        for at, history in enumerate(HISTORIES)
    ]
    requests += [
        {"user": {"history": [101]}, "k": 40},
        {"user": {}, "seen": every[:38]},
        {"user": {"history": [105]}, "filter": {"where": {"genre": ["War"]}}, "seen": [140]},
        {"user": {"history": [105]}, "filter": {"allow": [103], "deny": [103]}},
    ]
    folder = project.functions / "films"
    (folder / "export").mkdir(parents=True)
    (folder / "funnel.toml").write_text(FUNNEL)
    (folder / "export" / "items.csv").write_text(_items())
    (folder / "golden.jsonl").write_text("".join(json.dumps({"request": one}) + "\n" for one in requests))
    return project


def _model(project: Project, name: str, text: str, golden: list[dict[str, Any]]) -> None:
    folder = project.functions / name
    (folder / "export").mkdir(parents=True)
    (folder / "model.toml").write_text(text)
    (folder / "golden.jsonl").write_text("".join(json.dumps(one) + "\n" for one in golden))
    np.save(folder / "export" / "vectors.npy", VECTORS)
    np.save(folder / "export" / "keys.npy", IDS)
    if name == "find":
        (folder / "export" / "items.csv").write_text(_items())


def _weights(project: Project, name: str, arrays: dict[str, Any]) -> None:
    every = {"bias": [BIAS], **arrays}
    path = project.functions / name / "export" / "weights.npz"
    np.savez(path, **{key: np.array(one, np.float64) for key, one in every.items()})


def _items() -> str:
    lines = [f"{one},{GENRES[at % 2]},{PRICES[at]}" for at, one in enumerate(IDS)]
    return "\n".join(["film,genre,price", *lines, ""])


def _told(ids: list[int], scores: np.ndarray, count: int) -> dict[str, Any]:
    return {"items": ids[:count], "scores": scores[:count].tolist()}
