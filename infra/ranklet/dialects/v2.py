"""The Open Inference Protocol V2, with tensors in JSON and as bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import orjson

from ranklet.dialects.base import JSON, Form, Message, infinite, numbers, once
from ranklet.golden import Golden
from ranklet.openapi import schemas
from ranklet.openapi.base import SCORING, TELLING, Operation, of_version
from ranklet_features.spec import Input
from ranklet_runtime.dialects.tensors import DATATYPES, Datatype, kind_of, read_bytes, write_bytes
from ranklet_runtime.dialects.v2 import BINARY, HEADER
from ranklet_runtime.dialects.v2_inputs import TYPES
from ranklet_runtime.manifest import Manifest
from ranklet_runtime.served import Served

INFER = "/v2/models/{model}/infer"


def _json(golden: Golden, manifest: Manifest) -> Message:
    return Message(orjson.dumps({"inputs": _inputs(golden, manifest)}))


def _bytes(golden: Golden, manifest: Manifest) -> Message:
    inputs, parts = _inputs(golden, manifest), []
    for one in inputs:
        if None not in one["data"]:
            kind, data = DATATYPES[one["datatype"]], one.pop("data")
            parts.append(write_bytes(kind, data if kind.sort == "string" else np.array(data)))
            one["parameters"] = {"binary_data_size": len(parts[-1])}
    head = orjson.dumps({"inputs": inputs, "parameters": {"binary_data_output": True}})
    return Message(b"".join([head, *parts]), {HEADER: str(len(head))})


def _inputs(golden: Golden, manifest: Manifest) -> list[dict[str, Any]]:
    """Tensors in JSON, the user's of one row."""
    columns = {**{name: [value] for name, value in once(golden).items()}, **golden.items}
    known = manifest.spec.inputs
    return [{"name": name, **_tensor(known[name], column)} for name, column in columns.items() if name in known]


def _tensor(declared: Input, column: Sequence[Any]) -> dict[str, Any]:
    datatype, shape, data = TYPES[declared.type], [len(column)], list(column)
    if declared.list or declared.length is not None:
        widths = {len(row) if isinstance(row, list) else -1 for row in column}
        if len(widths) == 1 and -1 not in widths:
            shape.append(widths.pop())
            data = [value for row in column for value in row]
        else:  # lists of different lengths
            datatype, data = "BYTES", [orjson.dumps(row).decode() for row in column]
    return {"datatype": datatype, "shape": shape, "data": data}


def _columns(answer: Message) -> dict[str, list[Any]]:
    """The outputs by name, the scores first; a text that has no bytes is one that was not told."""
    length = answer.headers.get(HEADER)
    at = len(answer.body) if length is None else int(length)
    found: dict[str, list[Any]] = {}
    for one in orjson.loads(answer.body[:at])["outputs"]:
        if "data" in one:
            found[one["name"]] = one["data"]
            continue
        size, kind = one["parameters"]["binary_data_size"], DATATYPES[one["datatype"]]
        column = read_bytes(kind, answer.body, one["shape"][0], start=at, size=size, path=one["name"])
        found[one["name"]] = (
            [word or None for word in column] if kind.sort == "string" else list(np.asarray(column).tolist())
        )
        at += size
    return found


def _scores(answer: Message) -> list[float]:
    return numbers(next(iter(_columns(answer).values())))


def _outputs(answer: Message) -> Mapping[str, list[Any]]:
    return dict(list(_columns(answer).items())[1:])


def _told(golden: Golden, manifest: Manifest, *, binary: bool) -> Mapping[str, Sequence[Any]]:
    """Each column as its datatype holds it."""
    found = {}
    for name, column in golden.outputs.items():
        labels = manifest.told[name].labels if name in manifest.told else None
        kind = None if labels is None else kind_of(labels)
        found[name] = [_held(value, kind, gaps=None in column, binary=binary) for value in column]
    return found


def _held(value: Any, kind: Datatype | None, *, gaps: bool, binary: bool) -> Any:
    """Numbers among words are words, truth with gaps is numbers; a text without bytes is none there."""
    if value is None:
        return None
    if kind is None:
        return None if infinite(value) and not binary else value
    if kind.sort == "string":
        return (str(value) or None) if binary else str(value)
    return float(value) if gaps else value


FORMS: Mapping[str, Form] = {
    "v2-json": Form(INFER, JSON, _json, _scores, _outputs, partial(_told, binary=False)),
    "v2-binary": Form(INFER, BINARY, _bytes, _scores, _outputs, partial(_told, binary=True)),
}

FAULT = schemas.object_of({"error": {"type": "string"}}, ["error"])
NAMED: Mapping[str, Any] = {"type": "string"}
SIZES = schemas.array({"type": "integer", "minimum": 0})
PACKED = {"type": "string", "format": "binary", "description": "JSON, and after it the bytes of tensors"}
FAULTS = tuple(status for status in SCORING if status != 422)
"""Shapes that disagree are 400 in this protocol."""


def operations(manifest: Manifest) -> tuple[Operation, ...]:
    """Inference, metadata and health."""
    path = INFER.format(model=manifest.model)
    model = path.removesuffix("/infer")
    ready = schemas.object_of({"name": NAMED, "ready": {"type": "boolean"}}, ["name", "ready"])
    health = schemas.object_of({"live": {"type": "boolean"}, "ready": {"type": "boolean"}}, ["live"])
    server = {"name": NAMED, "version": NAMED, "extensions": schemas.array(NAMED)}

    def tell(id: str, where: str, summary: str, answer: Mapping[str, Any]) -> Operation:
        return Operation(id, "GET", where, summary, {JSON: answer}, FAULT, faults=TELLING, tag="v2")

    infer = Operation(
        "infer",
        "POST",
        path,
        "Scores of candidates, as tensors",
        {JSON: _answer(manifest), BINARY: PACKED},
        FAULT,
        {JSON: _request(manifest), BINARY: PACKED},
        faults=FAULTS,
        headers={"Inference-Header-Content-Length": {"type": "integer", "minimum": 0}},
        tag="v2",
    )
    return (
        infer,
        of_version(infer, f"{model}/versions/{{version}}/infer", manifest.version),
        tell("modelMetadata", model, "What the model takes and tells", _metadata()),
        tell("modelReady", f"{model}/ready", "Whether the model is ready", ready),
        tell("serverMetadata", "/v2", "The server and its extensions", schemas.object_of(server, list(server))),
        tell("serverLive", "/v2/health/live", "Health", health),
        tell("serverReady", "/v2/health/ready", "Health", health),
    )


def _request(manifest: Manifest) -> dict[str, Any]:
    wish = schemas.object_of({"name": {"enum": _outputs_of(manifest)}, "parameters": {"type": "object"}}, ["name"])
    return schemas.object_of(
        {
            "id": NAMED,
            "parameters": {"type": "object"},
            "inputs": schemas.array(_described(NAMED, ["name", "datatype", "shape"])),
            "outputs": schemas.array(wish),
        },
        ["inputs"],
        closed=False,
    )


def _answer(manifest: Manifest) -> dict[str, Any]:
    told = _described({"enum": _outputs_of(manifest)}, ["name", "datatype", "shape"])
    return schemas.object_of(
        {
            "model_name": NAMED,
            "model_version": NAMED,
            "id": NAMED,
            "parameters": {"type": "object"},
            "outputs": schemas.array(told),
        },
        ["model_name", "outputs"],
    )


def _outputs_of(manifest: Manifest) -> list[str]:
    return [Served(manifest).score, *manifest.told]


def _described(name: Mapping[str, Any], required: list[str]) -> dict[str, Any]:
    """A tensor."""
    fields = {
        "name": name,
        "datatype": {"enum": list(DATATYPES)},
        "shape": SIZES,
        "parameters": {"type": "object"},
        "data": {"type": "array"},
    }
    return schemas.object_of(fields, required, closed=False)


def _metadata() -> dict[str, Any]:
    tensors = schemas.array(
        schemas.object_of(
            {"name": NAMED, "datatype": {"enum": list(DATATYPES)}, "shape": schemas.array({"type": "integer"})},
            ["name", "datatype", "shape"],
            closed=False,
        )
    )
    fields = {
        "name": NAMED,
        "versions": schemas.array(NAMED),
        "platform": NAMED,
        "inputs": tensors,
        "outputs": tensors,
        "parameters": {"type": "object"},
    }
    return schemas.object_of(fields, ["name", "platform", "inputs", "outputs"])
