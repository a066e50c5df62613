"""A model of plain features, opened with the short way and without it."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from runtime_kit import MODEL, buffer, document, event, without_short_way, write_bundle

from ranklet_runtime.function import Function

NUMBERS = ("price", "rating", "stock")
INPUTS: dict[str, Any] = {
    "user": {"side": "user", "type": "int"},
    "age": {"side": "user", "type": "float"},
    "days": {"side": "context", "type": "float", "default": 7.0},
    "country": {"side": "user", "type": "string", "default": "??"},
    "id": {"side": "item", "type": "int"},
    "shop": {"side": "item", "type": "int"},
    "brand": {"side": "item", "type": "string", "default": ""},
    **{name: {"side": "item", "type": "float"} for name in NUMBERS},
}
FEATURES: dict[str, Any] = {
    "user": {"kind": "category", "of": ["user"], "options": {"size": 5}},
    "profile": {"kind": "dense", "of": ["age", "days"]},
    "scaled": {"kind": "dense", "of": ["age"], "options": {"mean": 30.0, "std": 4.0}},
    "country": {"kind": "category", "of": ["country"], "options": {"vocabulary": ["at", "de"]}},
    "id": {"kind": "category", "of": ["id"], "options": {"size": 50}},
    "shop": {"kind": "category", "of": ["shop"], "options": {"vocabulary": [3, 5, 900_000]}},
    "brand": {"kind": "category", "of": ["brand"], "options": {"vocabulary": ["a", "b"]}},
    "offer": {"kind": "dense", "of": list(NUMBERS)},
    "logs": {"kind": "dense", "of": ["stock"], "options": {"clip": [0.0, 1e6], "log": True}},
}
SIZES = {"user": 6, "profile": 2, "scaled": 1, "country": 3, "id": 51, "shop": 4, "brand": 3, "offer": 3, "logs": 1}
REQUEST: dict[str, Any] = {
    "user": {"user": 3, "age": 31, "country": "de"},
    "context": {"days": 2.5},
    "items": {
        "id": [7, 49, 77],
        "shop": [3, 900_000, 4],
        "brand": ["b", "c", "a"],
        "price": [0.1, 2, 3.75],
        "rating": [1.0, 2.5, 4.25],
        "stock": [0, 17, 1e5],
    },
}


def bundle(folder: Path, *, texts: bool = True) -> Path:
    inputs = {name: one for name, one in INPUTS.items() if texts or one["type"] != "string"}
    features = {name: one for name, one in FEATURES.items() if inputs.keys() >= set(one["of"])}
    step = {
        "engine": "linear",
        "rows": "item",
        "inputs": {name: name for name in features},
        "outputs": {"score": "score"},
        "artefact": "weights.npz",
    }
    made = write_bundle(folder / "bundle", document(inputs=inputs, features=features, steps=[step], tables={}))
    weights = {f"w.{name}": np.linspace(-1, 1.5, SIZES[name], dtype=np.float32) for name in features}
    np.savez(made / "weights.npz", bias=np.zeros(1, np.float32), **weights)
    return made


class Pair:
    """The same model with the short way, which it knows already, and without it."""

    def __init__(self, made: Path, *known: dict[str, Any]) -> None:
        self.short, self.long = Function.open(made, {}), without_short_way(Function.open(made, {}))
        for asked in known:
            assert self.short(asked, None)["statusCode"] == 200

    def both(self, asked: dict[str, Any]) -> bool:
        """Ask both; whether the short way answered."""
        found = self.short._fast.answer(asked, time.monotonic(), None)
        expected = self.long(asked, None)
        assert self.short(asked, None) == expected
        assert found is None or found[0] == expected
        return found is not None


def packed(request: dict[str, Any], number: str = "<f8", whole: str = "<i8") -> dict[str, Any]:
    kinds = {"int": whole, "float": number}
    items = {
        name: column if (kind := INPUTS[name]["type"]) == "string" else buffer(column, kinds[kind])
        for name, column in request["items"].items()
    }
    return {**request, "items": items}


def infer(request: dict[str, Any], number: str = "FP64", **changes: Any) -> dict[str, Any]:
    """V2 with its tensors as bytes; texts, which have no fixed width, are left out."""
    once = {name: [value] for name, value in {**request["user"], **request["context"]}.items()}
    inputs, parts = [], []
    for name, values in {**once, **request["items"]}.items():
        if INPUTS[name]["type"] == "string":
            continue
        kind = "INT64" if INPUTS[name]["type"] == "int" else number
        part = np.array(values, {"INT64": "<i8", "FP64": "<f8", "FP32": "<f4"}[kind]).tobytes()
        shape = [len(values)]
        inputs.append({"name": name, "datatype": kind, "shape": shape, "parameters": {"binary_data_size": len(part)}})
        parts.append(part)
    head = json.dumps({"inputs": inputs, **changes}).encode()
    sent = event(f"/v2/models/{MODEL}/infer", head + b"".join(parts), content_type="application/octet-stream")
    sent["headers"]["inference-header-content-length"] = str(len(head))
    return sent


def with_items(**columns: Any) -> dict[str, Any]:
    return {**REQUEST, "items": {**REQUEST["items"], **columns}}


def without(request: dict[str, Any], side: str, name: str) -> dict[str, Any]:
    return {**request, side: {key: value for key, value in request[side].items() if key != name}}
