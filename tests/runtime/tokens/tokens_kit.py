"""A small model whose user is computed by a step of its own, with its tokens.

One feature crosses the user's country with the item, so that a token carries the country as it was sent, too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from runtime_kit import MODEL, WEIGHTS, document, event, json_of, write_bundle

from ranklet_runtime.function import Function

KEY, OTHER, THIRD = "k" * 40, "o" * 40, "t" * 40
USER, CONTEXT = {"age": 31, "country": "fr"}, {"hour": 20}
ITEMS = {"id": [10, 30, 40, 77], "price": [2.5, 4.0, 0.5, 1.0]}
TASTE = ("bias", "w.age", "w.country", "w.hour")
BUCKETS = 16


def towers(**changes: Any) -> dict[str, Any]:
    """manifest.json."""
    whole = document()
    cross = {"kind": "cross", "of": ["country", "id"], "options": {"buckets": BUCKETS}}
    taste = {"engine": "linear", "rows": "user", "artefact": "taste.npz"}
    items = {"engine": "linear", "rows": "item", "artefact": "items.npz"}
    token = {
        "seconds": 60,
        "bytes": 4096,
        "held": {"taste": {"dtype": "float32", "shape": None}},
        "inputs": ["country"],
    }
    return document(
        **{
            "features": {**whole["features"], "met": cross},
            "steps": [
                {**taste, "inputs": {name: name for name in ("age", "country", "hour")}, "outputs": {"logit": "taste"}},
                {
                    **items,
                    "inputs": {name: name for name in ("taste", "price", "rating", "vector", "met")},
                    "outputs": {"score": "score"},
                },
            ],
            "token": token,
            "dialects": [*whole["dialects"], "prepare"],
            **changes,
        }
    )


def opened(folder: Path, environ: Mapping[str, str] | None = None, **changes: Any) -> Function:
    """The model, signing with KEY unless the environment says otherwise."""
    bundle = write_bundle(folder / "bundle", towers(**changes))
    numbers = {name: np.array(one, np.float32) for name, one in WEIGHTS.items()}
    np.savez(bundle / "taste.npz", **{name: numbers[name] for name in TASTE})
    met = np.linspace(-1, 1, BUCKETS, dtype=np.float32)
    rest = {name: one for name, one in numbers.items() if name not in TASTE}
    rest |= {"bias": np.zeros(1, np.float32), "w.taste": np.ones(1, np.float32), "w.met": met}
    np.savez(bundle / "items.npz", **rest)
    return Function.open(bundle, {"RANKLET_SIGNING_KEYS": KEY} if environ is None else environ)


def ask(subject: Function, verb: str, body: Any, model: str = MODEL) -> tuple[int, Any]:
    """Status and JSON of a request."""
    sent = event(f"/v1/models/{model}:{verb}", json.dumps(body), content_type="application/json")
    answer = subject(sent, None)
    return answer["statusCode"], json_of(answer)


def token_of(subject: Function) -> str:
    """A token of the user."""
    status, answer = ask(subject, "prepare", {"user": USER, "context": CONTEXT})
    assert status == 200, answer
    return str(answer["token"])
