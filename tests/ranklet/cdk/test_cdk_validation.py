"""The schemas that API Gateway compares bodies with, held to a validator of the draft that it reads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cdk_project import manifest
from jsonschema import Draft4Validator

from ranklet.constructs.rest_validation import JSON, binary, checked, draft4
from ranklet.dialects import FORMS
from ranklet.golden import Golden
from ranklet.openapi.base import Operation
from ranklet_runtime.dialects import DIALECTS
from ranklet_runtime.manifest import Manifest

INPUTS: dict[str, Any] = {
    "age": {"side": "user", "default": 30},
    "tags": {"side": "user", "type": "string", "list": True},
    "taste": {"side": "user", "length": 3},
    "movie_id": {"side": "item", "type": "int"},
    "price": {"side": "item", "nan": "allow"},
}


@pytest.fixture
def told(tmp_path: Path) -> Manifest:
    """A model that speaks every dialect, with inputs of every shape."""
    document = {**manifest("films", engine="linear", tables={}), "inputs": INPUTS, "dialects": list(DIALECTS)}
    (tmp_path / "manifest.json").write_text(json.dumps(document))
    return Manifest.read(tmp_path / "manifest.json")


def schema(operations: list[Operation], path: str) -> dict[str, Any]:
    (one,) = [one for one in operations if one.path == path]
    found: dict[str, Any] = draft4(one.request[JSON])
    return found


GOLDEN = Golden(
    user={"age": 31, "tags": ["a", "b"], "taste": [0.5, 1.0, 2.0]},
    context={},
    items={"movie_id": [1, 2, 3], "price": [1.5, 2.5, 3.0]},
    scores=(0.1, 0.2, 0.3),
)


def test_every_schema_is_one_of_draft_4_and_takes_what_clients_of_its_dialect_send(told: Manifest) -> None:
    operations = checked(told)
    for one in operations:
        Draft4Validator.check_schema(draft4(one.request[JSON]))
    taken = set()
    for form in FORMS.values():
        if form.content_type != JSON or form.tensors or (form.fits is not None and not form.fits(GOLDEN, told)):
            continue
        message = form.encode(GOLDEN, told)
        path = form.path.replace("{model}", "films")
        if "content-encoding" not in message.headers and path in {one.path for one in operations}:
            Draft4Validator(schema(operations, path)).validate(json.loads(message.body))
            taken.add(path)
    assert {"/v1/models/films:rank", "/v1/models/films:predict", "/invocations"} <= taken


def test_what_the_function_would_refuse_is_refused_before_it(told: Manifest) -> None:
    validator = Draft4Validator(schema(checked(told), "/v1/models/films:rank"))
    user, items = {"tags": ["a"], "taste": [1, 2, 3]}, {"movie_id": [1, 2], "price": [1.5, None]}
    assert validator.is_valid({"user": user, "items": items, "top_k": 1})
    assert validator.is_valid({"user": {**user, "age": None}, "items": items})
    for wrong in (
        {"user": user},
        {"user": user, "items": {"price": [1.0]}},
        {"user": {**user, "taste": [1, 2]}, "items": items},
        {"user": {**user, "strange": 1}, "items": items},
        {"user": user, "items": {"movie_id": ["one"]}},
        {"user": user, "items": items, "top_k": 0},
        [],
    ):
        assert not validator.is_valid(wrong), wrong


def test_media_types_that_the_function_sends_as_bytes_are_named_and_json_is_not(told: Manifest) -> None:
    assert set(binary(told)) == {
        "application/jsonlines",
        "application/msgpack",
        "application/octet-stream",
        "application/x-npy",
        "application/xml",
        "text/csv",
        "text/plain",
    }
