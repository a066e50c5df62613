"""Golden requests in every form that clients send, and the scores out of every form of answer.

The proof replays each golden request through each of these. A further dialect is one function pair and one
line of `FORMS`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
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
    """One form: which dialect it belongs to, its verb, and how a golden row goes in and scores come out.

    outputs: how what is told beside the scores comes out, None where the form does not tell it.
    """

    dialect: str
    verb: str
    content_type: str
    encode: Callable[[Golden, Manifest], bytes]
    decode: Callable[[bytes], list[float]]
    outputs: Callable[[bytes], Mapping[str, list[Any]]] | None = None

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


def _plain_scores(body: bytes, name: str) -> list[float]:
    return [math.nan if score is None else score for score in orjson.loads(body)[name]]


def _packed_scores(body: bytes) -> list[float]:
    return [float(score) for score in _unpacked(msgpack.unpackb(body)["scores"])]


def _plain_outputs(body: bytes) -> Mapping[str, list[Any]]:
    found: Mapping[str, list[Any]] = orjson.loads(body).get("outputs", {})
    return found


def _packed_outputs(body: bytes) -> Mapping[str, list[Any]]:
    return {name: _unpacked(column) for name, column in msgpack.unpackb(body).get("outputs", {}).items()}


def _unpacked(column: Any) -> list[Any]:
    if isinstance(column, list):
        return column
    found: list[Any] = np.frombuffer(column["data"], dtype=column["dtype"]).tolist()
    return found


def _rows(golden: Golden, manifest: Manifest) -> bytes:
    once = {**golden.user, **golden.context}
    count = len(golden.scores)
    instances = [{**once, **{name: column[i] for name, column in golden.items.items()}} for i in range(count)]
    return orjson.dumps({"instances": instances})


def _columns(golden: Golden, manifest: Manifest) -> bytes:
    once = {name: [value] for name, value in {**golden.user, **golden.context}.items()}
    return orjson.dumps({"inputs": {**once, **golden.items}})


FORMS: Mapping[str, Form] = {
    "native-json": Form("native", "rank", JSON, _native_json, partial(_plain_scores, name="scores"), _plain_outputs),
    "native-msgpack": Form("native", "rank", MSGPACK, _native_msgpack, _packed_scores, _packed_outputs),
    "tfs-rows": Form("tfserving", "predict", JSON, _rows, partial(_plain_scores, name="predictions")),
    "tfs-columns": Form("tfserving", "predict", JSON, _columns, partial(_plain_scores, name="outputs")),
}


def difference(scores: list[float], golden: Golden) -> float:
    """The largest absolute difference from the trainer's scores.

    Infinity where counts differ, one is infinite, or one of both is null.
    """
    if len(scores) != len(golden.scores):
        return math.inf
    return max(map(_gap, scores, golden.scores), default=0.0)


def apart(outputs: Mapping[str, list[Any]], golden: Golden) -> tuple[str, int, float]:
    """Of the golden outputs, the one that is furthest from what was told: (name, row, difference), as `difference`.

    Numbers above 1 differ by their share; words differ by infinity.
    """
    found = [
        (name, row, _distance(told, wanted))
        for name, column in golden.outputs.items()
        for row, (told, wanted) in enumerate(zip(_padded(outputs.get(name, []), column), column, strict=True))
    ]
    return max(found, key=lambda one: one[2], default=("", 0, 0.0))


def _padded(told: list[Any], wanted: Sequence[Any]) -> list[Any]:
    """What is not told at all equals nothing."""
    return told if len(told) == len(wanted) else [_NOTHING] * len(wanted)


_NOTHING = object()


def _distance(told: Any, wanted: Any) -> float:
    if all(isinstance(one, int | float) and not isinstance(one, bool) for one in (told, wanted)):
        return _gap(float(told), float(wanted)) / max(1.0, abs(float(wanted)))
    if wanted is None and isinstance(told, float) and math.isnan(told):
        return 0.0
    return 0.0 if type(told) is type(wanted) and told == wanted else math.inf


def _gap(ours: float, theirs: float) -> float:
    if math.isnan(ours) and math.isnan(theirs):
        return 0.0
    gap = abs(ours - theirs)
    return gap if math.isfinite(gap) else math.inf
