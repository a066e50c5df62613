"""How the tests of SageMaker's and MLflow's dialects ask the kit's model; the inputs in their declared order."""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np
import pytest
from runtime_kit import MODEL, REQUEST, event, expected

from ranklet_runtime.function import Function

INPUTS = ("age", "country", "hour", "id", "price", "rating")
SCORES = pytest.approx(expected(REQUEST), abs=1e-6)
ROWS: list[dict[str, Any]] = [
    {**REQUEST["user"], **REQUEST["context"], **dict(zip(REQUEST["items"], values, strict=True))}
    for values in zip(*REQUEST["items"].values(), strict=True)
]
TABLE = [[row[name] for name in INPUTS] for row in ROWS]
COLUMNS = {name: [row[name] for row in ROWS] for name in INPUTS}
CSV = "".join(",".join(map(str, row)) + "\n" for row in TABLE)
HEADER = ",".join(INPUTS) + "\n"
LINES = "\n".join(map(json.dumps, ROWS))
JSON = "application/json"
JSONLINES, NPY = "application/jsonlines", "application/x-npy"
CLIENT = f"/endpoints/{MODEL}/invocations"
NUMBERS: dict[str, Any] = {
    "inputs": {
        "age": {"side": "user", "type": "int"},
        "id": {"side": "item", "type": "int"},
        "price": {"side": "item", "type": "float"},
    },
    "features": {
        "age": {"kind": "dense", "of": ["age"]},
        "price": {"kind": "dense", "of": ["price"]},
        "vector": {"kind": "embedding", "of": ["id"], "options": {"table": "films"}},
    },
    "steps": [
        {
            "engine": "linear",
            "rows": "item",
            "inputs": {name: name for name in ("age", "price", "vector")},
            "outputs": {"score": "score"},
            "artefact": "numbers.npz",
        }
    ],
}
"""Changes of the kit's model that leave numbers alone."""


def ask(
    films: Function, body: Any, content_type: str | None = JSON, *, path: str = "/invocations", **headers: str
) -> dict[str, Any]:
    """The proxy answer to a body; anything but text and bytes is sent as JSON."""
    sent = body.encode() if isinstance(body, str) else body if isinstance(body, bytes) else json.dumps(body).encode()
    return films(event(path, sent, content_type=content_type, **headers), None)


def npy(array: Any) -> bytes:
    """An array as an .npy file."""
    file = io.BytesIO()
    np.save(file, np.asarray(array))
    return file.getvalue()
