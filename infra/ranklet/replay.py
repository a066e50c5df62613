"""Golden requests in every form that clients send, and the scores out of every form of answer.

The proof replays each golden request through each of these. A further dialect is one function pair and one
line of `FORMS`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgpack
import numpy as np
import orjson

from ranklet.golden import Golden
from ranklet_features.spec import Input
from ranklet_runtime.manifest import Manifest

JSON, MSGPACK = "application/json", "application/msgpack"


@dataclass(frozen=True)
class Form:
    """One form: which dialect it belongs to, its verb, and how a golden row goes in and scores come out."""

    dialect: str
    verb: str
    content_type: str
    encode: Callable[[Golden, Manifest], bytes]
    decode: Callable[[bytes], list[float]]

    def path(self, manifest: Manifest) -> str:
        """The path below the model's own prefix."""
        return f"/{manifest.model}/v1/models/{manifest.model}:{self.verb}"


def _native(golden: Golden) -> dict[str, Any]:
    return {"user": golden.user, "context": golden.context, "items": golden.items}


def _native_json(golden: Golden, manifest: Manifest) -> bytes:
    return orjson.dumps(_native(golden))


def _native_msgpack(golden: Golden, manifest: Manifest) -> bytes:
    inputs = manifest.spec.inputs
    items = {name: _buffer(inputs[name], column) for name, column in golden.items.items()}
    packed: bytes = msgpack.packb({**_native(golden), "items": items})
    return packed


def _buffer(declared: Input, column: list[Any]) -> Any:
    """Numbers as a raw little-endian buffer; strings, ragged lists and columns with gaps as plain lists."""
    if declared.type == "string" or declared.list or any(value is None for value in column):
        return column
    array = np.asarray(column, dtype="<i8" if declared.type == "int" else "<f8")
    return {"dtype": array.dtype.str, "shape": list(array.shape), "data": array.tobytes()}


def _packed_scores(body: bytes) -> list[float]:
    scores = msgpack.unpackb(body)["scores"]
    return [float(score) for score in np.frombuffer(scores["data"], dtype=scores["dtype"])]


def _rows(golden: Golden, manifest: Manifest) -> bytes:
    once = {**golden.user, **golden.context}
    count = len(golden.scores)
    instances = [{**once, **{name: column[i] for name, column in golden.items.items()}} for i in range(count)]
    return orjson.dumps({"instances": instances})


def _columns(golden: Golden, manifest: Manifest) -> bytes:
    once = {name: [value] for name, value in {**golden.user, **golden.context}.items()}
    return orjson.dumps({"inputs": {**once, **golden.items}})


FORMS: Mapping[str, Form] = {
    "native-json": Form("native", "rank", JSON, _native_json, lambda body: list(orjson.loads(body)["scores"])),
    "native-msgpack": Form("native", "rank", MSGPACK, _native_msgpack, _packed_scores),
    "tfs-rows": Form("tfserving", "predict", JSON, _rows, lambda body: list(orjson.loads(body)["predictions"])),
    "tfs-columns": Form("tfserving", "predict", JSON, _columns, lambda body: list(orjson.loads(body)["outputs"])),
}


def difference(scores: list[float], golden: Golden) -> float:
    """The largest absolute difference from the trainer's scores; infinity where counts differ or one is not finite."""
    if len(scores) != len(golden.scores):
        return math.inf
    gaps = [abs(ours - theirs) for ours, theirs in zip(scores, golden.scores, strict=True)]
    return max((gap if math.isfinite(gap) else math.inf for gap in gaps), default=0.0)
