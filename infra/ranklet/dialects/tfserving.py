"""TensorFlow Serving: predict in rows, columns and own tensors, classify and regress; its paths for OpenAPI."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Mapping
from functools import partial
from typing import Any

import orjson

from ranklet.dialects.base import JSON, Form, Message, exact, numbers, once, rows
from ranklet.golden import Golden
from ranklet.openapi import schemas
from ranklet.openapi.base import SCORING, TELLING, Operation, Schema, of_label, of_version
from ranklet_runtime.dialects.tfserving_answers import BYTES
from ranklet_runtime.manifest import Manifest, Told
from ranklet_runtime.served import Served

MODEL, TAG = "/v1/models/{model}", "tfserving"


def _rows(golden: Golden, manifest: Manifest) -> Message:
    return Message(orjson.dumps({"instances": rows(golden)}))


def _columns(golden: Golden, manifest: Manifest) -> Message:
    return Message(orjson.dumps({"inputs": _shared(golden)}))


def _tensors(golden: Golden, manifest: Manifest) -> Message:
    document = {"signature_name": "serving_tensors", "inputs": _shared(golden)}
    # The standard library writes NaN bare, as TensorFlow Serving's clients do.
    return Message(json.dumps(document).encode())


def _shared(golden: Golden) -> dict[str, Any]:
    return {**{name: [value] for name, value in once(golden).items()}, **golden.items}


def _examples(golden: Golden, manifest: Manifest) -> Message:
    own = [{name: column[at] for name, column in golden.items.items()} for at in range(len(golden.scores))]
    return Message(orjson.dumps({"context": once(golden), "examples": own}))


def _read(answer: Message, key: str) -> dict[str, list[Any]]:
    """What is told by name, the scores first; a single output has the name ""."""
    # The standard library's parser takes the bare NaN that TensorFlow Serving writes.
    told = json.loads(answer.body)[key]
    if isinstance(told, list) and told and isinstance(told[0], dict):
        told = {name: [row[name] for row in told] for name in told[0]}
    return told if isinstance(told, dict) else {"": told}


def _scores(answer: Message, key: str) -> list[float]:
    return numbers(next(iter(_read(answer, key).values())))


def _outputs(answer: Message, key: str) -> Mapping[str, list[Any]]:
    _, *others = _read(answer, key).items()
    return {name: [_word(value) for value in column] for name, column in others}


def _word(value: Any) -> Any:
    return b64decode(value["b64"]).decode() if isinstance(value, dict) else value


def _classes(answer: Message) -> list[float]:
    return numbers([pairs[0][1] for pairs in json.loads(answer.body)["results"]])


def _predict(encode: Any, key: str, *, tensors: bool = False) -> Form:
    outputs = partial(_outputs, key=key)
    return Form(f"{MODEL}:predict", JSON, encode, partial(_scores, key=key), outputs, exact, tensors=tensors)


FORMS: Mapping[str, Form] = {
    "tfs-rows": _predict(_rows, "predictions"),
    "tfs-columns": _predict(_columns, "outputs"),
    "tfs-tensors": _predict(_tensors, "outputs", tensors=True),
    "tfs-classify": Form(f"{MODEL}:classify", JSON, _examples, _classes),
    "tfs-regress": Form(f"{MODEL}:regress", JSON, _examples, partial(_scores, key="results")),
}

FAULT = schemas.object_of({"error": {"type": "string"}}, ["error"])
FAULTS = tuple(status for status in SCORING if status != 422)
"""Shapes that disagree are an invalid argument in this protocol, 400."""

TEXT: Schema = {"type": "string"}
SIGNATURE: Schema = {"type": ["string", "null"], "description": "serving_default, or serving_tensors for own tensors"}


def operations(manifest: Manifest) -> tuple[Operation, ...]:
    """Predict, classify, regress, status, metadata, and the sign of life that KServe's V1 clients ask for."""
    model, examples = MODEL.format(model=manifest.model), _shown(manifest)
    scores = schemas.object_of({"results": schemas.array(schemas.score(manifest))}, ["results"])

    def post(verb: str, summary: str, request: Schema, answer: Schema) -> Operation:
        told = {JSON: answer}
        return Operation(verb, "POST", f"{model}:{verb}", summary, told, FAULT, {JSON: request}, {}, FAULTS, tag=TAG)

    def tell(id: str, path: str, summary: str, answer: Schema) -> Operation:
        return Operation(id, "GET", path, summary, {JSON: answer}, FAULT, faults=TELLING, tag=TAG)

    scoring = (
        post("predict", "Scores of candidates, in rows or in columns", _asked(manifest), _predicted(manifest)),
        post("classify", "Scores of examples that share a context, with labels", examples, _classified(manifest)),
        post("regress", "Scores of examples that share a context", examples, scores),
    )
    return (
        *scoring,
        *(of_version(one, f"{model}/versions/{{version}}:{one.id}", manifest.version) for one in scoring),
        *(of_label(one, f"{model}/labels/{{label}}:{one.id}") for one in scoring),
        tell("modelStatus", model, "The version that is served", _status()),
        tell("modelSignatures", f"{model}/metadata", "What the model takes and tells", _metadata()),
        tell("alive", "/", "A sign of life", schemas.object_of({"status": TEXT}, ["status"])),
    )


def _asked(manifest: Manifest) -> Schema:
    """Bare values and the model's own tensors are taken as well; the schema is of the raw features by name."""
    row, most = schemas.row(manifest), manifest.limits.items
    inputs = {name: one for name, one in manifest.spec.inputs.items() if not one.unread}
    columns = {name: schemas.column(one, most) for name, one in inputs.items()}
    needed = [name for name, one in inputs.items() if not schemas.optional(one)]
    named = {
        "signature_name": SIGNATURE,
        "instances": {**schemas.array(row), "maxItems": most},
        "inputs": schemas.object_of(columns, needed, closed=schemas.closed(manifest)),
    }
    either = [{"required": ["instances"]}, {"required": ["inputs"]}]
    return {**schemas.object_of(named, [], closed=False), "oneOf": either}


def _shown(manifest: Manifest) -> Schema:
    """Each input stands in the context or in the examples."""
    some = {key: part for key, part in schemas.row(manifest).items() if key != "required"}
    examples = {**schemas.array(some), "maxItems": manifest.limits.items}
    named = {"signature_name": SIGNATURE, "context": some, "examples": examples}
    return schemas.object_of(named, ["examples"], closed=False)


def _predicted(manifest: Manifest) -> Schema:
    score = schemas.score(manifest)
    parts = {Served(manifest).score: score, **{name: _told(name, one) for name, one in manifest.told.items()}}
    row = schemas.object_of(parts, list(parts)) if manifest.told else score
    columns = {name: schemas.array(part) for name, part in parts.items()}
    column = schemas.object_of(columns, list(columns)) if manifest.told else schemas.array(score)
    return {
        "oneOf": [
            schemas.object_of({"predictions": schemas.array(row)}, ["predictions"]),
            schemas.object_of({"outputs": column}, ["outputs"]),
        ]
    }


def _told(name: str, one: Told) -> Schema:
    boxed = schemas.object_of({"b64": TEXT}, ["b64"])
    return {"anyOf": [boxed, schemas.told(one)]} if name.endswith(BYTES) else schemas.told(one)


def _classified(manifest: Manifest) -> Schema:
    # A label and its score. Not as prefixItems, which tools take for a mistake.
    pair = {"type": "array", "items": {"anyOf": [TEXT, schemas.score(manifest)]}, "minItems": 2, "maxItems": 2}
    return schemas.object_of({"results": schemas.array(schemas.array(pair))}, ["results"])


def _status() -> Schema:
    status = schemas.object_of({"error_code": TEXT, "error_message": TEXT}, ["error_code", "error_message"])
    version = schemas.object_of({"version": TEXT, "state": TEXT, "status": status}, ["version", "state", "status"])
    named = {"model_version_status": schemas.array(version), "ready": {"type": "boolean"}}
    return schemas.object_of(named, list(named))


def _metadata() -> Schema:
    spec = schemas.object_of({"name": TEXT, "signature_name": TEXT, "version": TEXT}, ["name", "version"])
    named = {"model_spec": spec, "metadata": {"type": "object", "required": ["signature_def"]}}
    return schemas.object_of(named, list(named))
