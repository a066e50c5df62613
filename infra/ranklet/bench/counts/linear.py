"""The numpy-only model whose imports are counted: a logistic regression over an id, numbers and a bag of words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

NAME = "linear"
ITEMS = 1000
WORDS = ("new", "sale", "red", "blue")
COUNT = 20
"""Candidates of its one golden request."""

TOML = f"""
name = "{NAME}"

[inputs]
hour = {{ side = "context", type = "int" }}
item_id = {{ side = "item", type = "int" }}
price = {{ side = "item", type = "float" }}
tags = {{ side = "item", type = "string", list = true, default = [] }}

[features]
when = {{ kind = "category", of = "hour", size = 24 }}
item = {{ kind = "category", of = "item_id", size = {ITEMS}, oov_index = -1 }}
cost = {{ kind = "dense", of = "price" }}
words = {{ kind = "bag", of = "tags", vocabulary = {json.dumps(WORDS)}, oov_index = -1 }}

[[steps]]
format = "numpy"
engine = "linear"
source = "weights.npz"
options = {{ link = "sigmoid" }}

[output]
item_key = "item_id"
"""


def write(folder: Path) -> Path:
    """A model's folder: model.toml, weights, and one request with its scores."""
    folder.mkdir(parents=True)
    random = np.random.default_rng(5)
    weights = {"bias": np.full(1, 0.1, np.float32), "w.cost": np.full(1, -0.01, np.float32)}
    for name, size in (("when", 25), ("item", ITEMS), ("words", len(WORDS))):
        weights[f"w.{name}"] = random.standard_normal(size).astype(np.float32)
    np.savez(folder / "weights.npz", **weights)  # type: ignore[arg-type]
    (folder / "model.toml").write_text(TOML, encoding="utf-8")
    sent = request()
    row = {"request": sent, "scores": _scores(sent, weights)}
    (folder / "golden.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    return folder


def request() -> dict[str, Any]:
    """What callers send."""
    items = {
        "item_id": [7 * at for at in range(COUNT)],
        "price": [1.5 * at for at in range(COUNT)],
        "tags": [list(WORDS[: at % 3]) for at in range(COUNT)],
    }
    return {"user": {}, "context": {"hour": 20}, "items": items}


def _scores(sent: dict[str, Any], weights: dict[str, Any]) -> list[float]:
    """The model in plain words; in doubles, as a trainer would."""
    places = {word: at for at, word in enumerate(WORDS)}
    scores = []
    for item, price, tags in zip(*sent["items"].values(), strict=True):
        total = float(weights["bias"][0]) + float(weights["w.when"][sent["context"]["hour"]])
        total += float(weights["w.item"][item]) + price * float(weights["w.cost"][0])
        total += sum(float(weights["w.words"][places[tag]]) for tag in tags)
        scores.append(1 / (1 + float(np.exp(-total))))
    return scores
