"""The OpenAPI 3.1 document of a model, from its signature: written into the bundle, served at `/<model>/openapi.json`.

https://spec.openapis.org/oas/v3.1.0. Paths stand below the model's own prefix, as the server's URL is relative to where
the document lies (`../<model>`): so it holds below a stage and below a custom domain's path.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from ranklet import dialects
from ranklet.model import Model
from ranklet.openapi.base import Operation, Schema
from ranklet.settings.api import Api
from ranklet_runtime.manifest import Manifest

DOCUMENT = "openapi.json"
VERSION = "3.1.0"

REASONS = {
    200: "the answer",
    400: "a value that is not allowed, with its place",
    401: "a token that was not made here, or is no longer taken",
    403: "not allowed here",
    404: "no such model, version or path",
    405: "the path takes another method",
    409: "a token of another version of the model",
    413: "a body or a list of candidates above the model's limits",
    415: "a content type or an encoding that is not read here",
    422: "shapes that disagree",
    424: "what the model refuses, its own status inside",
    500: "a fault of the function; the log has the request's id",
    503: "a table does not answer; try again",
}

SCHEMES: Mapping[str, Mapping[str, Any]] = {
    "iam": {
        "type": "apiKey",
        "name": "Authorization",
        "in": "header",
        "description": "AWS Signature Version 4 for the service execute-api",
        "x-amazon-apigateway-authtype": "awsSigv4",
    },
    "jwt": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
    "key": {"type": "apiKey", "name": "x-api-key", "in": "header", "description": "A key of the REST API's usage plan"},
}


def schemes(api: Api) -> dict[str, dict[str, Any]]:
    """What a caller must bring, by name: all of them; empty where anybody may call."""
    if api.authorizer is not None:
        return dict(map(_asked, api.authorizer.identity))
    if api.auth not in SCHEMES:
        return {}
    scheme = dict(SCHEMES[api.auth])
    if api.kind == "url":
        scheme["description"] = "AWS Signature Version 4 for the service lambda"
    return {api.auth: scheme}


def _asked(identity: str) -> tuple[str, dict[str, Any]]:
    """One of the values that the Lambda authorizer decides by."""
    place, _, name = identity.partition(".")
    decided = {"description": "A Lambda authorizer decides by it", "x-amazon-apigateway-authtype": "custom"}
    return f"lambda-{name.lower()}", {"type": "apiKey", "name": name, "in": place, **decided}


def document(manifest: Manifest, model: Model) -> dict[str, Any]:
    """The document as a value: same model, same document."""
    said = model.description or f"Scores of the model {manifest.model}, served by ranklet."
    return of_operations(
        manifest.model, manifest.version, said, api=model.api, operations=dialects.operations(manifest)
    )


def of_operations(
    name: str, version: str, description: str, *, api: Api, operations: Iterable[Operation]
) -> dict[str, Any]:
    """The document of whatever answers below the prefix `/<name>`."""
    found: dict[str, Any] = {
        "openapi": VERSION,
        "info": {"title": name, "version": version, "description": description},
        "servers": [{"url": f"../{name}", "description": "below the model's own prefix"}],
        "paths": _paths(operations),
    }
    if asked := schemes(api):
        found["components"] = {"securitySchemes": asked}
        found["security"] = [{name: [] for name in asked}]
    return found


def text(manifest: Manifest, model: Model) -> bytes:
    """The document's bytes."""
    return orjson.dumps(document(manifest, model))


def _paths(operations: Iterable[Operation]) -> dict[str, Any]:
    """Of two dialects that share a path and a method the first one answers there, so the second one is not told."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(operation.path, {}).setdefault(operation.method.lower(), _operation(operation))
    return paths


def _operation(one: Operation) -> dict[str, Any]:
    found: dict[str, Any] = {"operationId": one.id, "summary": one.summary, "tags": [one.tag] if one.tag else []}
    parameters = [
        *({"name": name, "in": "path", "required": True, "schema": schema} for name, schema in one.places.items()),
        *({"name": name, "in": "header", "schema": schema} for name, schema in one.headers.items()),
        *({"name": name, "in": "query", "schema": schema} for name, schema in one.query.items()),
    ]
    if parameters:
        found["parameters"] = parameters
    if one.request:
        found["requestBody"] = {"required": True, "content": _content(one.request, one.example)}
    refused = {"application/json": one.fault}
    answers: dict[int, Mapping[str, Schema]] = {200: one.answer, **dict.fromkeys((*one.faults, 500), refused)}
    found["responses"] = {
        str(status): {"description": REASONS[status], "content": _content(content, {})}
        for status, content in sorted(answers.items())
    }
    return found


def _content(content: Mapping[str, Schema], example: Mapping[str, Any]) -> dict[str, Any]:
    return {
        media: {"schema": schema, "example": example[media]} if media in example else {"schema": schema}
        for media, schema in content.items()
    }
