"""A small real model for the tests of the runtime, the events that ask it, and its scores by hand.

The model: logistic regression over a user's age and country, the hour, a candidate's price and rating, and its vector
from a resident table. `expected` computes the same in plain float64 Python, apart from the code under test.
"""

from __future__ import annotations

import base64
import json
import math
from pathlib import Path
from typing import Any

import msgpack
import numpy as np

from ranklet_runtime.dialects import DIALECTS

MODEL = "films"
COUNTRIES = ["at", "de", "fr"]
KEYS = [10, 20, 30, 40]
VECTORS = [[0.5, -1.0], [0.25, 0.125], [-0.75, 2.0], [1.5, 0.0]]
WEIGHTS = {
    "bias": [0.125],
    "w.age": [0.03125],
    "w.country": [0.5, -0.25, 0.75, 0.0625],  # the last one is that of every other country
    "w.price": [-0.125],
    "w.rating": [0.25],
    "w.hour": [0.015625],
    "w.vector": [0.5, -0.375],
}
REQUEST = {
    "user": {"age": 31, "country": "fr"},
    "context": {"hour": 20},
    "items": {"id": [10, 30, 40], "price": [2.5, 4, 0.5], "rating": [4.5, 3.0, 1.0]},
}


def document(**changes: Any) -> dict[str, Any]:
    """manifest.json of the model, with some of its fields changed."""
    return {
        "format": 1,
        "model": MODEL,
        "version": "3",
        "inputs": {
            "age": {"side": "user", "type": "int"},
            "country": {"side": "user", "type": "string", "default": "??"},
            "hour": {"side": "context", "type": "int", "default": 12},
            "id": {"side": "item", "type": "int"},
            "price": {"side": "item", "type": "float"},
            "rating": {"side": "item", "type": "float", "nan": "default", "default": 3.0},
        },
        "features": {
            "age": {"kind": "dense", "of": ["age"]},
            "country": {"kind": "category", "of": ["country"], "options": {"vocabulary": COUNTRIES}},
            "hour": {"kind": "dense", "of": ["hour"]},
            "price": {"kind": "dense", "of": ["price"]},
            "rating": {"kind": "dense", "of": ["rating"]},
            "vector": {"kind": "embedding", "of": ["id"], "options": {"table": "films"}},
        },
        "tables": {"films": table()},
        "steps": [
            {
                "engine": "linear",
                "rows": "item",
                "inputs": {name: name for name in ("age", "country", "hour", "price", "rating", "vector")},
                "outputs": {"score": "score"},
                "artefact": "weights.npz",
            }
        ],
        "score": "score",
        "item_key": "id",
        "surplus": "refuse",
        "dialects": list(DIALECTS),
        "limits": {"items": 2000},
        "threads": 1,
        **changes,
    }


def table(**changes: Any) -> dict[str, Any]:
    """The record of the model's table."""
    return {
        "name": "films",
        "physical": "ranklet-films-1",
        "version": "1",
        "key": "int",
        "dim": 2,
        "rows": len(KEYS),
        "placement": "resident",
        **changes,
    }


def write_bundle(folder: Path, manifest: dict[str, Any] | None = None) -> Path:
    """The model's bundle in `folder`."""
    (folder / "tables").mkdir(parents=True)
    (folder / "manifest.json").write_text(json.dumps(manifest or document()))
    np.savez(folder / "weights.npz", **{name: np.array(value, np.float32) for name, value in WEIGHTS.items()})
    np.save(folder / "tables" / "films.npy", np.array(VECTORS, np.float32))
    np.save(folder / "tables" / "films.keys.npy", np.array(KEYS, np.int64))
    return folder


def expected(request: dict[str, Any]) -> list[float]:
    """The model's scores by its definition."""
    user, context, items = request["user"], request.get("context", {}), request["items"]
    country = user.get("country", "??")
    once = WEIGHTS["bias"][0] + WEIGHTS["w.age"][0] * user["age"] + WEIGHTS["w.hour"][0] * context.get("hour", 12)
    once += WEIGHTS["w.country"][COUNTRIES.index(country) if country in COUNTRIES else len(COUNTRIES)]
    ratings = items.get("rating", [3.0] * len(items["id"]))
    return [
        1 / (1 + math.exp(-(once + _candidate(*values))))
        for values in zip(items["id"], items["price"], ratings, strict=True)
    ]


def _candidate(key: int, price: float, rating: float) -> float:
    vector = VECTORS[KEYS.index(key)] if key in KEYS else [0.0, 0.0]
    dot = sum(weight * value for weight, value in zip(WEIGHTS["w.vector"], vector, strict=True))
    return WEIGHTS["w.price"][0] * price + WEIGHTS["w.rating"][0] * rating + dot


class NoShortWay:
    """In the place of `ranklet_runtime.fast.FastPath`: it never answers."""

    def learn(self, *_: Any) -> None:
        """Nothing."""

    def answer(self, *_: Any) -> None:
        """Nothing."""


def without_short_way(films: Any) -> Any:
    """The function, which takes the long way with every request."""
    films._fast = NoShortWay()
    return films


def event(path: str, body: str | bytes | None = None, *, content_type: str | None = None, method: str = "POST",
          **headers: str) -> dict[str, Any]:  # fmt: skip
    """A payload 2.0 event; a body in bytes travels as base64, as API Gateway sends what it does not take for text."""
    if content_type is not None:
        headers["content-type"] = content_type
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {name.replace("_", "-"): value for name, value in headers.items()},
        "requestContext": {"http": {"method": method, "path": path}, "stage": "$default", "requestId": "gateway-id"},
        "body": base64.b64encode(body).decode() if isinstance(body, bytes) else body,
        "isBase64Encoded": isinstance(body, bytes),
    }


def rank(body: Any, **options: Any) -> dict[str, Any]:
    """An event that asks the native form in JSON; bytes and text are sent as they are."""
    sent = body if isinstance(body, str | bytes) else json.dumps(body)
    return event(f"/v1/models/{MODEL}:rank", sent, content_type="application/json", **options)


def rank_packed(body: Any, **options: Any) -> dict[str, Any]:
    """An event that asks the native form in msgpack; bytes are sent as they are."""
    sent = body if isinstance(body, bytes) else msgpack.packb(body)
    return event(f"/v1/models/{MODEL}:rank", sent, content_type="application/msgpack", **options)


def predict(body: Any, **options: Any) -> dict[str, Any]:
    """An event that asks TF Serving's predict."""
    sent = body if isinstance(body, str | bytes) else json.dumps(body)
    return event(f"/v1/models/{MODEL}:predict", sent, content_type="application/json", **options)


def buffer(values: Any, dtype: str) -> dict[str, Any]:
    """A column as the raw buffer of the native form."""
    array = np.asarray(values, dtype)
    return {"dtype": dtype, "shape": list(array.shape), "data": array.tobytes()}


def body_of(answer: dict[str, Any]) -> bytes:
    """The body of a proxy answer as the client gets it."""
    text = answer["body"]
    return base64.b64decode(text, validate=True) if answer["isBase64Encoded"] else text.encode()


def json_of(answer: dict[str, Any]) -> Any:
    """The JSON body of a proxy answer."""
    assert answer["headers"]["content-type"] == "application/json"
    return json.loads(body_of(answer))


class Context:
    """What the runtime reads of Lambda's context object."""

    def __init__(self, remaining_ms: int = 3000, request_id: str = "lambda-id") -> None:
        self.aws_request_id = request_id
        self._remaining = remaining_ms

    def get_remaining_time_in_millis(self) -> int:
        return self._remaining


def write_onnx_bundle(folder: Path) -> Path:
    """The bundle of a model in ONNX: score = sigmoid(0.25 × price)."""
    from onnx import TensorProto, helper, save

    price, score = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 1]) for name in ("price", "score"))
    weight = helper.make_tensor("weight", TensorProto.FLOAT, [1], [0.25])
    nodes = [helper.make_node("Mul", ["price", "weight"], ["logit"]), helper.make_node("Sigmoid", ["logit"], ["score"])]
    graph = helper.make_graph(nodes, "films", [price], [score], [weight])
    step = {
        "engine": "onnx",
        "rows": "item",
        "inputs": {"price": "price"},
        "outputs": {"score": "score"},
        "artefact": "films.onnx",
    }
    manifest = document(
        inputs={"price": {"side": "item", "type": "float"}},
        features={"price": {"kind": "dense", "of": ["price"]}},
        tables={},
        steps=[step],
        item_key=None,
    )
    write_bundle(folder, manifest)
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), folder / "films.onnx")
    return folder


ONNX_REQUEST = {"items": {"price": [2.0, -4.0]}}
ONNX_SCORES = [1 / (1 + math.exp(-0.5)), 1 / (1 + math.exp(1.0))]
