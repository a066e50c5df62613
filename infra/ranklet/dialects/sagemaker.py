"""SageMaker's InvokeEndpoint in JSON, JSON lines, CSV without a header and .npy, and its paths for OpenAPI."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import orjson

from ranklet.dialects.base import JSON, Form, Message, cell, cells, numbers, once, rows
from ranklet.golden import Golden
from ranklet.openapi import schemas
from ranklet.openapi.base import SCORING, TELLING, Operation, Schema
from ranklet_features.spec import Input
from ranklet_runtime.manifest import Manifest
from ranklet_runtime.served import Served

INVOKE = "/endpoints/{model}/invocations"
JSONLINES, CSV, NPY = "application/jsonlines", "text/csv", "application/x-npy"
EXACT = 2**53
"""A float64 holds every int up to it."""


def written(table: list[list[Any]]) -> bytes:
    """Rows as CSV; None is an empty field."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows(table)
    return text.getvalue().encode()


def has_words_for(golden: Golden, manifest: Manifest) -> bool:
    """Whether each value is one field of CSV, or several numbers; an empty text would be a missing one."""
    return all(
        not declared.list and all(_field(value, declared) for value in _values(golden, name))
        for name, declared in manifest.spec.inputs.items()
    )


def _field(value: Any, declared: Input) -> bool:
    return value != "" and (declared.length is None or (isinstance(value, list) and None not in value))


def _values(golden: Golden, name: str) -> list[Any]:
    """An input's values of all candidates; None where the request leaves it out."""
    shared = once(golden)
    found: list[Any] = golden.items.get(name, [shared.get(name)])
    return found


def _are_numbers(golden: Golden, manifest: Manifest) -> bool:
    inputs = manifest.spec.inputs
    return has_words_for(golden, manifest) and all(
        one.type != "string" and all(_number(value, one) for value in _values(golden, name))
        for name, one in inputs.items()
    )


def _number(value: Any, declared: Input) -> bool:
    """NaN is a missing int, and a missing float only where the input takes it for one."""
    if value is None:
        return declared.type == "int" or declared.nan != "refuse"
    return declared.type != "int" or all(abs(part) <= EXACT for part in np.ravel(value).tolist())


def _table(golden: Golden, manifest: Manifest) -> list[list[Any]]:
    """The inputs of each candidate in their declared order; a vector is as many columns as it is long."""
    inputs = manifest.spec.inputs
    return [
        [part for name, one in inputs.items() for part in (row[name] if one.length else [row.get(name)])]
        for row in rows(golden)
    ]


def _json(golden: Golden, manifest: Manifest) -> Message:
    return Message(orjson.dumps({"instances": rows(golden)}))


def _lines(golden: Golden, manifest: Manifest) -> Message:
    return Message(b"\n".join(map(orjson.dumps, rows(golden))))


def _csv(golden: Golden, manifest: Manifest) -> Message:
    return Message(written(_table(golden, manifest)))


def _npy(golden: Golden, manifest: Manifest) -> Message:
    table = [[np.nan if value is None else value for value in row] for row in _table(golden, manifest)]
    file = io.BytesIO()
    np.save(file, np.array(table, np.float64))
    return Message(file.getvalue())


def predictions(answer: Message) -> list[Any]:
    """Scores, or objects whose first value is the score."""
    found: list[Any] = orjson.loads(answer.body)["predictions"]
    return found


def scores(answer: Message) -> list[float]:
    """The scores of a JSON answer."""
    return _first(predictions(answer))


def outputs(answer: Message) -> Mapping[str, list[Any]]:
    """What a JSON answer tells beside the scores."""
    return _others(predictions(answer))


def _first(found: list[Any]) -> list[float]:
    return numbers([next(iter(one.values())) if isinstance(one, dict) else one for one in found])


def _others(found: list[Any]) -> Mapping[str, list[Any]]:
    if not found or not isinstance(found[0], dict):
        return {}
    return {name: [one[name] for one in found] for name in list(found[0])[1:]}


def _read_lines(answer: Message) -> list[Any]:
    return [orjson.loads(line) for line in answer.body.splitlines()]


def _csv_scores(answer: Message) -> list[float]:
    return numbers([row[0] or None for row in csv.reader(io.StringIO(answer.body.decode(), newline=""))])


def _csv_outputs(answer: Message) -> Mapping[str, list[Any]]:
    """By number: there is no header."""
    _, *columns = zip(*csv.reader(io.StringIO(answer.body.decode(), newline="")), strict=True)
    return {f"column {at}": list(map(cell, column)) for at, column in enumerate(columns, start=1)}


def _csv_told(golden: Golden, manifest: Manifest) -> Mapping[str, Sequence[Any]]:
    told = cells(golden, manifest)
    return {f"column {at}": told[name] for at, name in enumerate(manifest.told, start=1) if name in told}


def _npy_scores(answer: Message) -> list[float]:
    return numbers(np.load(io.BytesIO(answer.body), allow_pickle=False).tolist())


FORMS: Mapping[str, Form] = {
    "sagemaker-json": Form(INVOKE, JSON, _json, scores, outputs),
    "sagemaker-jsonlines": Form(
        INVOKE,
        JSONLINES,
        _lines,
        lambda answer: _first(_read_lines(answer)),
        lambda answer: _others(_read_lines(answer)),
    ),
    "sagemaker-csv": Form(
        INVOKE, CSV, _csv, _csv_scores, _csv_outputs, _csv_told, headers={"accept": CSV}, fits=has_words_for
    ),
    "sagemaker-npy": Form(INVOKE, NPY, _npy, _npy_scores, headers={"accept": NPY}, fits=_are_numbers),
}


def operations(manifest: Manifest) -> tuple[Operation, ...]:
    """The container's side and the client's."""
    tag, request = "sagemaker", {**invocations(manifest), **dict.fromkeys((JSONLINES, CSV, NPY), BYTES)}
    answer = {**predicted(manifest), **dict.fromkeys((JSONLINES, CSV, NPY), BYTES)}
    header: Mapping[str, Schema] = {
        "X-Amzn-SageMaker-Target-Variant": {"enum": ["AllTraffic", manifest.version]},
        "X-Amzn-SageMaker-Custom-Attributes": {"type": "string", "pattern": "^[!-~]*$", "maxLength": 1024},
    }
    path = INVOKE.format(model=manifest.model)
    return (
        Operation("invocations", "POST", "/invocations", "Predictions, as a container gives them", answer, REFUSED,
                  request, faults=SCORING, tag=tag),
        Operation("invokeEndpoint", "POST", path, "Predictions, as the runtime API gives them", answer, REFUSED,
                  request, faults=(*SCORING, MODEL_ERROR), headers=header, tag=tag),
        Operation("pingContainer", "GET", "/ping", "Health", {JSON: HEALTH}, REFUSED, faults=TELLING, tag=tag),
    )  # fmt: skip


def invocations(manifest: Manifest) -> dict[str, Schema]:
    """The documents that /invocations reads by name; what it reads by position has no names to describe."""
    row, most = schemas.row(manifest), manifest.limits.items
    rows = {**schemas.array(row), "maxItems": most}
    columns = {name: schemas.array(schema) for name, schema in row["properties"].items()}
    frame = {"columns": schemas.array({"type": "string"}), "data": schemas.array(schemas.array({})), "index": {}}
    inputs = schemas.object_of(columns, row.get("required", []), closed=schemas.closed(manifest))
    forms = {
        "instances": rows,
        "inputs": inputs,
        "dataframe_records": rows,
        "dataframe_split": schemas.object_of(frame, ["columns", "data"]),
    }
    return {JSON: {"oneOf": [schemas.object_of({name: form}, [name]) for name, form in forms.items()]}}


def predicted(manifest: Manifest) -> dict[str, Schema]:
    """Scores, or with further outputs objects by name."""
    score = schemas.score(manifest)
    told = {name: schemas.told(one) for name, one in manifest.told.items()}
    named = schemas.object_of({Served(manifest).score: score, **told}, [Served(manifest).score, *told])
    return {JSON: schemas.object_of({"predictions": schemas.array(named if told else score)}, ["predictions"])}


BYTES: Schema = {"type": "string", "format": "binary"}
MODEL_ERROR = 424
REFUSED: Schema = schemas.object_of({name: {"type": "string"} for name in ("message", "Message")}, [], closed=False)
HEALTH: Schema = schemas.object_of({name: {"type": "string"} for name in ("status", "model", "version")}, ["status"])
