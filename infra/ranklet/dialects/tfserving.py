"""TensorFlow Serving's predict, in rows, columns and the model's own tensors, and its classify and regress."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Mapping
from functools import partial
from typing import Any

import orjson

from ranklet.dialects.base import JSON, Form, Message, numbers, once, rows
from ranklet.golden import Golden
from ranklet_runtime.manifest import Manifest

MODEL = "/v1/models/{model}"


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
    return Form(f"{MODEL}:predict", JSON, encode, partial(_scores, key=key), outputs, tensors=tensors)


FORMS: Mapping[str, Form] = {
    "tfs-rows": _predict(_rows, "predictions"),
    "tfs-columns": _predict(_columns, "outputs"),
    "tfs-tensors": _predict(_tensors, "outputs", tensors=True),
    "tfs-classify": Form(f"{MODEL}:classify", JSON, _examples, _classes),
    "tfs-regress": Form(f"{MODEL}:regress", JSON, _examples, partial(_scores, key="results")),
}
