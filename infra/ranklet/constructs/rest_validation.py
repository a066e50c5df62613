"""`[api.rest] validate = "body"`: JSON that openapi.json does not allow is refused before Lambda is paid for.

API Gateway reads JSON Schema's draft 4, so what later drafts brought is left out, which lets more through and never
less; the function checks everything again. JSON must then be text, so what else clients send is listed, not `*/*`: who
wants bytes back names their type in Accept, as API Gateway goes by that.
https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-known-issues.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aws_cdk import aws_apigateway

from ranklet import dialects
from ranklet.constructs import rest_cors
from ranklet.openapi.base import Operation
from ranklet.settings.api import Cors
from ranklet_runtime.manifest import Manifest

JSON = "application/json"
LIMITS = {"maxItems", "maxLength", "maximum", "minItems", "minLength", "minimum", "pattern"}
KEPT = {"additionalProperties", "allOf", "anyOf", "enum", "items", "not", "oneOf", "properties", "required", "type"}
KEPT |= LIMITS
"""Words that mean the same in draft 4 and in OpenAPI 3.1's draft 2020-12."""

DRAFT = "http://json-schema.org/draft-04/schema#"
EXACT = 2**53
"""Numbers beyond are not exact where a template is written; a limit there is left out."""


def binary(manifest: Manifest) -> tuple[str, ...]:
    """The media types of a model's requests and answers but JSON: the function sends all of them as bytes, text too."""
    found = {media for one in dialects.operations(manifest) for media in (*one.request, *one.answer)}
    return tuple(sorted(found - {JSON}))


def check(
    api: aws_apigateway.RestApi,
    *,
    manifest: Manifest,
    integration: aws_apigateway.Integration,
    guard: Mapping[str, Any],
    cors: Cors | None,
) -> None:
    """Give each path that takes JSON its schema, at the root and below the model's own prefix.

    guard: what every method asks of a caller. Other methods of such a path go to the function as everywhere.
    """
    validator = api.add_request_validator("Body", validate_request_body=True, validate_request_parameters=False)
    for number, one in enumerate(checked(manifest)):
        model = _model(api, f"Schema{number}", one)
        for path in (one.path, f"/{manifest.model}{one.path}"):
            resource = api.root.resource_for_path(path)
            resource.add_method("ANY", integration, **guard)
            resource.add_method(
                one.method, integration, request_models={JSON: model}, request_validator=validator, **guard
            )
            if cors:
                rest_cors.preflight(resource, cors)


def checked(manifest: Manifest) -> list[Operation]:
    """The operations that take JSON at a path without variables; of two that share one, that which answers there."""
    first: dict[str, Operation] = {}
    for one in dialects.operations(manifest):
        if JSON in one.request and "{" not in one.path:
            first.setdefault(f"{one.method} {one.path}", one)
    return list(first.values())


def draft4(schema: Any) -> Any:
    """A schema with the words of draft 4 alone."""
    if isinstance(schema, list | tuple):
        return [draft4(one) for one in schema]
    if not isinstance(schema, Mapping):
        return schema
    found: dict[str, Any] = {}
    for word, value in schema.items():
        if word == "properties":
            found[word] = {name: draft4(one) for name, one in value.items()}
        elif word in ("enum", "required", "type"):
            found[word] = list(value) if isinstance(value, tuple) else value
        elif word in KEPT and not (isinstance(value, int | float) and abs(value) > EXACT):
            found[word] = draft4(value)
    return found


def _model(api: aws_apigateway.RestApi, id: str, one: Operation) -> aws_apigateway.IModel:
    """The schema as API Gateway's model, which is part of what a deployment publishes."""
    schema = {"$schema": DRAFT, "title": one.id, **draft4(one.request[JSON])}
    model = aws_apigateway.CfnModel(api, id, rest_api_id=api.rest_api_id, content_type=JSON, schema=schema)
    deployment = api.latest_deployment
    assert deployment is not None  # RestApi was told to deploy
    deployment.add_to_logical_id({"schema": schema})
    deployment.node.add_dependency(model)
    return aws_apigateway.Model.from_model_name(api, f"{id}Name", model.ref)
