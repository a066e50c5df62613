"""Two small models for real clients to ask, their bundles, and golden requests with scores by the models' definition.

`films` scores: logistic regression over a user's age and country, the hour, and a candidate's price, rating and vector
from a resident table. `shelves` tells more: beside the score its logit, a number, and a word.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ranklet.model import Model
from ranklet.openapi import document as openapi
from ranklet_runtime.dialects import DIALECTS
from ranklet_runtime.manifest import Manifest

COUNTRIES = ("at", "de", "fr")
SHELVES = ("comedy", "drama", "western")
VECTORS = {10: (0.5, -1.0), 20: (0.25, 0.125), 30: (-0.75, 2.0), 40: (1.5, 0.0)}
WEIGHTS: Mapping[str, tuple[float, ...]] = {
    "bias": (0.125,),
    "w.age": (0.03125,),
    "w.country": (0.5, -0.25, 0.75, 0.0625),  # the last one is that of every other country
    "w.hour": (0.015625,),
    "w.price": (-0.125,),
    "w.rating": (0.25,),
    "w.vector": (0.5, -0.375),
}


@dataclass(frozen=True)
class Row:
    """A golden request: the model that is asked, what is sent, and what is to come back."""

    model: str
    user: Mapping[str, Any]
    context: Mapping[str, Any]
    items: Mapping[str, list[Any]]
    scores: Sequence[float]
    outputs: Mapping[str, Sequence[Any]] = field(default_factory=dict)

    @property
    def once(self) -> dict[str, Any]:
        """What comes once, by name."""
        return {**self.user, **self.context}

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The candidates as rows, each with the user's values."""
        names = self.items.keys()
        return [
            {**self.once, **dict(zip(names, values, strict=True))} for values in zip(*self.items.values(), strict=True)
        ]

    @property
    def columns(self) -> dict[str, list[Any]]:
        """All values as columns, the user's of one row."""
        return {**{name: [value] for name, value in self.once.items()}, **self.items}


def write_films(folder: Path) -> Path:
    """The bundle of `films`."""
    names = ("age", "country", "hour", "price", "rating", "vector")
    manifest = {
        "inputs": {
            "age": {"side": "user", "type": "int"},
            "country": {"side": "user", "type": "string", "default": "??"},
            "hour": {"side": "context", "type": "int", "default": 12},
            "id": {"side": "item", "type": "int"},
            "price": {"side": "item", "type": "float"},
            "rating": {"side": "item", "type": "float", "nan": "default", "default": 3.0},
        },
        "features": {
            **{name: {"kind": "dense", "of": [name]} for name in ("age", "hour", "price", "rating")},
            "country": {"kind": "category", "of": ["country"], "options": {"vocabulary": list(COUNTRIES)}},
            "vector": {"kind": "embedding", "of": ["id"], "options": {"table": "films"}},
        },
        "tables": {
            "films": {
                "name": "films",
                "physical": "ranklet-films-1",
                "version": "1",
                "key": "int",
                "dim": 2,
                "rows": len(VECTORS),
            }
        },
        "item_key": "id",
    }
    (folder / "tables").mkdir(parents=True)
    np.save(folder / "tables" / "films.npy", np.array(list(VECTORS.values()), np.float32))
    np.save(folder / "tables" / "films.keys.npy", np.array(list(VECTORS), np.int64))
    np.savez(folder / "weights.npz", **{name: np.array(value, np.float32) for name, value in WEIGHTS.items()})
    return _write(folder, "films", manifest, inputs=names, outputs=("score",))


def write_shelves(folder: Path) -> Path:
    """The bundle of `shelves`; the word is the shelf itself, null where it is none of the model's."""
    manifest = {
        "inputs": {
            "age": {"side": "user", "type": "float"},
            "shelf": {"side": "item", "type": "string"},
            "size": {"side": "item", "type": "float", "length": 2},
        },
        "features": {
            "age": {"kind": "dense", "of": ["age"]},
            "shelf": {"kind": "category", "of": ["shelf"], "options": {"vocabulary": ["", *SHELVES], "oov_index": 0}},
            "size": {"kind": "dense", "of": ["size"]},
        },
        "tables": {},
        "told": {"margin": {"tensor": "logit"}, "genre": {"tensor": "shelf", "labels": list(SHELVES)}},
    }
    folder.mkdir(parents=True)
    weights = {"bias": [0.25], "w.age": [0.0625], "w.shelf": [0.0, 0.5, -0.5, 1.0], "w.size": [0.125, -0.25]}
    np.savez(folder / "weights.npz", **{name: np.array(value, np.float32) for name, value in weights.items()})
    return _write(folder, "shelves", manifest, inputs=("age", "shelf", "size"), outputs=("score", "logit"))


def _write(
    folder: Path, model: str, manifest: Mapping[str, Any], *, inputs: Sequence[str], outputs: Sequence[str]
) -> Path:
    step = {
        "engine": "linear",
        "rows": "item",
        "inputs": {name: name for name in inputs},
        "outputs": {name: name for name in outputs},
        "artefact": "weights.npz",
    }
    document = {
        "format": 1,
        "model": model,
        "version": "3",
        "steps": [step],
        "score": "score",
        "surplus": "refuse",
        "dialects": list(DIALECTS),
        "limits": {"items": 2000},
        "threads": 1,
        **manifest,
    }
    (folder / "manifest.json").write_text(json.dumps(document))
    described = openapi.text(
        Manifest.read(folder / "manifest.json"), Model(name=model, inputs={}, features={}, steps=())
    )
    (folder / "openapi.json").write_bytes(described)
    return folder


def film_rows() -> list[Row]:
    """Golden requests of `films`: several candidates, one, many, a film without a vector, an unknown country."""
    asked: list[tuple[dict[str, Any], dict[str, Any], dict[str, list[Any]]]] = [
        (
            {"age": 31, "country": "fr"},
            {"hour": 20},
            {"id": [10, 30, 40], "price": [2.5, 4.0, 0.5], "rating": [4.5, 3.0, 1.0]},
        ),
        ({"age": 64, "country": "xx"}, {"hour": 0}, {"id": [20], "price": [1.0], "rating": [2.5]}),
        ({"age": 18, "country": "de"}, {"hour": 7}, {"id": [99, 10], "price": [0.25, 8.0], "rating": [5.0, 0.0]}),
        (
            {"age": 40, "country": "at"},
            {"hour": 12},
            {
                "id": [10, 20, 30, 40] * 50,
                "price": [0.5 * at for at in range(200)],
                "rating": [at % 5 + 0.25 for at in range(200)],
            },
        ),
    ]
    return [Row("films", user, context, items, _film_scores(user, context, items)) for user, context, items in asked]


def _film_scores(user: Mapping[str, Any], context: Mapping[str, Any], items: Mapping[str, list[Any]]) -> list[float]:
    country = COUNTRIES.index(user["country"]) if user["country"] in COUNTRIES else len(COUNTRIES)
    once = WEIGHTS["bias"][0] + WEIGHTS["w.age"][0] * user["age"] + WEIGHTS["w.hour"][0] * context["hour"]
    once += WEIGHTS["w.country"][country]
    scores = []
    for key, price, rating in zip(items["id"], items["price"], items["rating"], strict=True):
        vector = VECTORS.get(key, (0.0, 0.0))
        own = WEIGHTS["w.price"][0] * price + WEIGHTS["w.rating"][0] * rating
        own += sum(weight * value for weight, value in zip(WEIGHTS["w.vector"], vector, strict=True))
        scores.append(_sigmoid(once + own))
    return scores


def shelf_rows() -> list[Row]:
    """Golden requests of `shelves`, one of them with a word that the model does not have."""
    asked: list[tuple[dict[str, Any], dict[str, list[Any]]]] = [
        ({"age": 3.0}, {"shelf": ["drama", "comedy"], "size": [[1.0, 2.0], [0.5, -4.0]]}),
        ({"age": -8.5}, {"shelf": ["western", "", "drama"], "size": [[0.0, 0.0], [8.0, 1.0], [2.0, 2.0]]}),
    ]
    return [Row("shelves", user, {}, items, *_shelf_answer(user, items)) for user, items in asked]


def _shelf_answer(user: Mapping[str, Any], items: Mapping[str, list[Any]]) -> tuple[list[float], dict[str, list[Any]]]:
    by_shelf = {"comedy": 0.5, "drama": -0.5, "western": 1.0}
    margins = [
        0.25 + 0.0625 * user["age"] + by_shelf.get(shelf, 0.0) + 0.125 * width - 0.25 * height
        for shelf, (width, height) in zip(items["shelf"], items["size"], strict=True)
    ]
    return [_sigmoid(margin) for margin in margins], {
        "margin": margins,
        "genre": [shelf or None for shelf in items["shelf"]],
    }


def _sigmoid(logit: float) -> float:
    return 1 / (1 + math.exp(-logit))
