"""schemathesis asks whatever a model's OpenAPI document allows, and what it does not: no 5xx, no undocumented answer.

Good and bad requests are drawn from the document as served, for every path of every dialect, and every answer's status,
content type and body are held to it.
"""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

CHECKS = (not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance)
"""Not among them: that what the schema allows is accepted. Columns of one length each cannot be said in JSON Schema."""

DRAWN = settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["good", "bad"])
@pytest.mark.parametrize("model", ["films", "shelves"])
@pytest.mark.parametrize("served", ["http-prod"], indirect=True)
def test_answers_are_those_of_the_document(served: str, model: str, mode: GenerationMode) -> None:
    schema = schemathesis.openapi.from_url(f"{served}/{model}/openapi.json")
    # The document's own server is `../<model>`, which schemathesis does not resolve against where it was read.
    base = f"{served}/{model}"
    asked = [_asked(result.ok(), mode, base) for result in schema.get_all_operations()]
    assert len(asked) > 20
    assert sum(asked) > 5 * len(asked) if mode is GenerationMode.NEGATIVE else sum(asked) >= 10 * len(asked)


def _asked(operation: Any, mode: GenerationMode, base: str) -> int:
    """How many requests were made of one operation; what is not drawn for it, is not asked."""
    count = 0

    @DRAWN
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: Any) -> None:
        nonlocal count
        count += 1
        case.call_and_validate(checks=CHECKS, base_url=base)

    ask()
    return count


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["good", "bad"])
@pytest.mark.parametrize("served", ["http-prod"], indirect=True)
def test_the_open_inference_protocol_is_answered_in_its_own_shapes(served: str, mode: GenerationMode) -> None:
    """What any client of the protocol may send, whichever model it thinks of: no 5xx, and V2's bodies."""
    schema = schemathesis.openapi.from_dict(_protocol("films", version="3"))
    for operation in (result.ok() for result in schema.get_all_operations()):
        if operation.method == "post" or mode is GenerationMode.POSITIVE:  # without a body nothing can be wrong
            assert _asked(operation, mode, served) >= 1


def _protocol(model: str, version: str) -> dict[str, Any]:
    """The REST part of the protocol, with a model's name and version in its paths.

    Source: kserve/open-inference-protocol, specification/protocol/inference_rest.md and open_inference_rest.yaml. Its
    document names 400 alone for what is refused; the text leaves other codes open.
    """
    text = {"type": "string"}
    parameters = {"type": "object"}
    sizes = {"type": "array", "items": {"type": "integer"}}
    data = {
        "type": "array",
        "items": {"anyOf": [{"$ref": "#/components/schemas/data"}, {"type": ["number", "string", "boolean", "null"]}]},
    }
    refused = _shape({"error": text}, "error")
    tensor = {"name": text, "shape": sizes, "datatype": text}
    described = _shape(tensor, *tensor)
    full = {**tensor, "parameters": parameters, "data": {"$ref": "#/components/schemas/data"}}
    request = {
        "id": text,
        "parameters": parameters,
        "inputs": _list(_shape(full, *tensor, "data")),
        "outputs": _list(_shape({"name": text, "parameters": parameters}, "name")),
    }
    answer = {"model_name": text, "model_version": text, "id": text, "parameters": parameters}
    answer["outputs"] = _list(_shape(full, *tensor, "data"))
    told = {"name": text, "versions": _list(text), "platform": text}
    told |= {"inputs": _list(described), "outputs": _list(described)}
    server = _shape({"name": text, "version": text, "extensions": _list(text)}, "name", "version", "extensions")
    at = f"/v2/models/{model}/versions/{version}"
    return {
        "openapi": "3.1.0",
        "info": {"title": "Open Inference Protocol", "version": "2"},
        "paths": {
            "/films/v2/health/live": {"get": _operation({}, refused)},
            "/films/v2/health/ready": {"get": _operation({}, refused)},
            "/films/v2": {"get": _operation(server, refused)},
            f"{at}/ready": {"get": _operation({}, refused)},
            at: {"get": _operation(_shape(told, "name", "platform"), refused)},
            f"{at}/infer": {
                "post": {
                    **_operation(_shape(answer, "model_name", "outputs"), refused),
                    "requestBody": {"content": _json(_shape(request, "inputs")), "required": True},
                }
            },
        },
        "components": {"schemas": {"data": data}},
    }


def _operation(answer: dict[str, Any], refused: dict[str, Any]) -> dict[str, Any]:
    codes = {str(code): refused for code in (400, 404, 405, 413, 415)}
    found = {"200": answer, **codes}
    return {"responses": {code: {"description": code, "content": _json(shape)} for code, shape in found.items()}}


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _list(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


def _shape(properties: dict[str, Any], *required: str) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required)}
