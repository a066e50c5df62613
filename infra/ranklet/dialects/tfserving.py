"""TensorFlow Serving's predict, in rows and in columns."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import orjson

from ranklet.dialects.base import JSON, Form, Message, numbers, once, rows
from ranklet.golden import Golden
from ranklet_runtime.manifest import Manifest

PREDICT = "/v1/models/{model}:predict"


def _rows(golden: Golden, manifest: Manifest) -> Message:
    return Message(orjson.dumps({"instances": rows(golden)}))


def _columns(golden: Golden, manifest: Manifest) -> Message:
    shared = {name: [value] for name, value in once(golden).items()}
    return Message(orjson.dumps({"inputs": {**shared, **golden.items}}))


def _scores(answer: Message, key: str) -> list[float]:
    return numbers(orjson.loads(answer.body)[key])


FORMS: Mapping[str, Form] = {
    "tfs-rows": Form(PREDICT, JSON, _rows, partial(_scores, key="predictions")),
    "tfs-columns": Form(PREDICT, JSON, _columns, partial(_scores, key="outputs")),
}
