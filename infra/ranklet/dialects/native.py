"""ranklet's own form, in JSON and in msgpack."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgpack
import numpy as np
import orjson

from ranklet.dialects import more
from ranklet.dialects.base import JSON, MSGPACK, Form, Message, exact, numbers
from ranklet.golden import Golden
from ranklet.openapi import schemas
from ranklet.openapi.base import TELLING, Operation, of_label, of_version
from ranklet_features.spec import Input
from ranklet_runtime.manifest import Manifest

MODEL = "/v1/models/{model}"
RANK = f"{MODEL}:rank"


def _document(golden: Golden) -> dict[str, Any]:
    return {"user": golden.user, "context": golden.context, "items": golden.items}


def _json(golden: Golden, manifest: Manifest) -> Message:
    return Message(orjson.dumps(_document(golden)))


def _msgpack(golden: Golden, manifest: Manifest) -> Message:
    inputs = manifest.spec.inputs
    items = {name: _buffer(inputs[name], column) for name, column in golden.items.items()}
    return Message(msgpack.packb({**_document(golden), "items": items}))


def _buffer(declared: Input, column: list[Any]) -> Any:
    """Numbers as a raw little-endian buffer; strings, ragged lists and columns with gaps as plain lists."""
    if declared.type == "string" or declared.list or any(value is None for value in column):
        return column
    array = np.asarray(column, dtype="<i8" if declared.type == "int" else "<f8")
    return {"dtype": array.dtype.str, "shape": list(array.shape), "data": array.tobytes()}


def _scores(answer: Message) -> list[float]:
    return numbers(orjson.loads(answer.body)["scores"])


def _packed_scores(answer: Message) -> list[float]:
    return numbers(_unpacked(msgpack.unpackb(answer.body)["scores"]))


def _outputs(answer: Message) -> Mapping[str, list[Any]]:
    found: Mapping[str, list[Any]] = orjson.loads(answer.body).get("outputs", {})
    return found


def _packed_outputs(answer: Message) -> Mapping[str, list[Any]]:
    return {name: _unpacked(column) for name, column in msgpack.unpackb(answer.body).get("outputs", {}).items()}


def _unpacked(column: Any) -> list[Any]:
    if isinstance(column, list):
        return column
    found: list[Any] = np.frombuffer(column["data"], dtype=column["dtype"]).tolist()
    return found


FORMS: Mapping[str, Form] = {
    "native-json": Form(RANK, JSON, _json, _scores, _outputs),
    "native-msgpack": Form(RANK, MSGPACK, _msgpack, _packed_scores, _packed_outputs, exact),
}


def operations(manifest: Manifest) -> tuple[Operation, ...]:
    """`rank`, the health of the function, and this document."""
    request = schemas.object_of(
        {
            "user": schemas.side(manifest, "user"),
            "context": schemas.side(manifest, "context"),
            "items": schemas.side(manifest, "item"),
            **({"top_k": {"type": ["integer", "null"], "minimum": 1}} if manifest.ranks else {}),
            **more.asked(manifest),
        },
        ["items"],
        closed=manifest.surplus == "refuse",
    )
    answer = schemas.object_of(
        {
            "items": {**schemas.array({}), "x-item-key": manifest.item_key or ""},
            "scores": schemas.array(schemas.score(manifest)),
            "outputs": schemas.outputs(manifest),
            **more.told(manifest),
            "degraded": schemas.counts(),
        },
        ["scores"],
    )
    fault = schemas.object_of({"error": {"type": "string"}, "path": {"type": "string"}}, ["error"])
    health = schemas.object_of({name: {"type": "string"} for name in ("status", "model", "version")}, ["status"])
    packed = {"type": "string", "format": "binary"}
    model = MODEL.format(model=manifest.model)
    rank = Operation(
        "rank",
        "POST",
        f"{model}:rank",
        "Scores of candidates for one user; with top_k the best of them, best first",
        {JSON: answer, MSGPACK: packed},
        fault,
        request={JSON: request, MSGPACK: packed},
        faults=more.faults(manifest),
        tag="native",
    )
    return (
        rank,
        of_version(rank, f"{model}/versions/{{version}}:rank", manifest.version),
        of_label(rank, f"{model}/labels/{{label}}:rank"),
        Operation("ping", "GET", "/ping", "Health", {JSON: health}, fault, faults=TELLING, tag="native"),
        Operation(
            "openapi",
            "GET",
            "/openapi.json",
            "This document",
            {JSON: {"type": "object"}},
            fault,
            faults=TELLING,
            tag="native",
        ),
    )
