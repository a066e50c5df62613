"""The model of this bench: a click-through ranker with its first layer factored, so that the user runs once.

Rows of three tables and 14 numbers go through dense layers of 256, 128 and 64. The user's part of the first layer is
added to every candidate's: what is left per candidate is 49 thousand multiplications, and 1.7 MB are weights.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ranklet.bench.split.net import Net
from ranklet.golden import Golden

NAME = "ranker"
USERS, ITEMS, CATEGORIES = 5_000, 18_000, 300
DIM = 16
PROFILE = ("age", "days", "sessions", "clicks", "spent", "hour", "weekday", "temperature")
OFFER = ("price", "rating", "reviews", "stock", "discount", "freshness")
HIDDEN = (256, 128, 64, 1)
LARGE = {"age": 30, "days": 400, "sessions": 60, "clicks": 1000, "spent": 100, "hour": 12, "weekday": 3,
         "temperature": 20, "price": 200, "rating": 3, "reviews": 5000, "stock": 250}  # fmt: skip
"""How large the numbers are that are not about 1; the graph itself divides by it, as one that was trained on them."""

TOML = f"""
name = "{NAME}"

[inputs]
user_id = {{{{ side = "user", type = "int" }}}}
item_id = {{{{ side = "item", type = "int" }}}}
category = {{{{ side = "item", type = "int" }}}}
{{inputs}}

[features]
user = {{{{ kind = "category", of = "user_id", size = {USERS} }}}}
item = {{{{ kind = "category", of = "item_id", size = {ITEMS} }}}}
group = {{{{ kind = "category", of = "category", size = {CATEGORIES} }}}}
profile = {{{{ kind = "dense", of = {json.dumps(PROFILE)} }}}}
offer = {{{{ kind = "dense", of = {json.dumps(OFFER)} }}}}

[[steps]]
format = "onnx"
source = "{NAME}.onnx"
once = ["user", "profile"]

[output]
item_key = "item_id"

[split]
mode = "off"

[golden]
max_abs_diff = 1e-6
"""


def graph() -> bytes:
    """The ONNX file; the last row of each table is for ids that it does not have."""
    net = Net(seed=7)

    def scaled(name: str, columns: Sequence[str]) -> str:
        sizes = np.array([LARGE.get(column, 1) for column in columns], np.float32)
        return net.op("Div", net.dense(name, len(columns)), net.const(sizes))

    user = net.concat(net.embed(net.ids("user"), USERS + 1, DIM), scaled("profile", PROFILE))
    item = net.concat(
        net.embed(net.ids("item"), ITEMS + 1, DIM),
        net.embed(net.ids("group"), CATEGORIES + 1, DIM // 2),
        scaled("offer", OFFER),
    )
    first = net.op(
        "Add",
        net.linear(user, DIM + len(PROFILE), HIDDEN[0]),
        net.linear(item, DIM + DIM // 2 + len(OFFER), HIDDEN[0]),
    )
    return net.bytes(net.op("Sigmoid", net.mlp(net.op("Relu", first), *HIDDEN)), 1)


def write(folder: Path, golden: Golden) -> Path:
    """A model's folder: model.toml, the graph, and one request with the graph's own scores."""
    folder.mkdir(parents=True)
    sides = {**dict.fromkeys(PROFILE[:5], "user"), **dict.fromkeys(PROFILE[5:], "context")}
    lines = [f'{name} = {{ side = "{sides.get(name, "item")}" }}' for name in (*PROFILE, *OFFER)]
    (folder / "model.toml").write_text(TOML.format(inputs="\n".join(lines)), encoding="utf-8")
    (folder / f"{NAME}.onnx").write_bytes(graph())
    row = {
        "request": {"user": golden.user, "context": golden.context, "items": golden.items},
        "scores": golden.scores,
    }
    (folder / "golden.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    return folder


def request(count: int) -> Golden:
    """A request of `count` candidates without its scores: prices with cents, ratings with a tenth, counts."""
    random = np.random.default_rng(count)

    def several(low: float, high: float, digits: int) -> list[float]:
        return [round(float(value), digits) for value in random.uniform(low, high, count)]

    user = {"user_id": int(random.integers(USERS)), **dict(zip(PROFILE[:5], (34, 412.0, 57, 1203, 99.5), strict=True))}
    items: dict[str, list[Any]] = {
        "item_id": random.integers(0, ITEMS, count).tolist(),
        "category": random.integers(0, CATEGORIES, count).tolist(),
        "price": several(0.5, 400, 2),
        "rating": several(1, 5, 1),
        "reviews": several(0, 9_000, 0),
        "stock": several(0, 500, 0),
        "discount": several(0, 0.7, 2),
        "freshness": several(0, 1, 4),
    }
    return Golden(user, dict(zip(PROFILE[5:], (20, 5, 17.5), strict=True)), items, (0.0,) * count)


def feeds(golden: Golden) -> Mapping[str, Any]:
    """What the graph reads of a request, put together here and not by the features under test."""
    once = {**golden.user, **golden.context}
    return {
        "user": np.array([golden.user["user_id"]]),
        "profile": np.array([[once[name] for name in PROFILE]], np.float32),
        "item": np.array(golden.items["item_id"]),
        "group": np.array(golden.items["category"]),
        "offer": np.array([golden.items[name] for name in OFFER], np.float32).T.copy(),
    }
