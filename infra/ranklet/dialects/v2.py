"""The Open Inference Protocol V2, with tensors in JSON and as bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import orjson

from ranklet.dialects.base import JSON, Form, Message, numbers, once
from ranklet.golden import Golden
from ranklet_features.spec import Input
from ranklet_runtime.dialects.tensors import DATATYPES, read_bytes, write_bytes
from ranklet_runtime.dialects.v2 import BINARY, HEADER
from ranklet_runtime.dialects.v2_inputs import TYPES
from ranklet_runtime.manifest import Manifest

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


FORMS: Mapping[str, Form] = {
    "v2-json": Form(INFER, JSON, _json, _scores, _outputs),
    "v2-binary": Form(INFER, BINARY, _bytes, _scores, _outputs),
}
