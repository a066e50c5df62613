"""How the functions of a stack are reached, as its template says: routes of the shared API, REST APIs, URLs.

A REST API and a URL are one model's own, each with a host of its own in AWS; so each is a `Door`, which the local cloud
opens on a port of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ranklet.local import cors
from ranklet.local.assembly import Json, Stack
from ranklet.local.call import Api
from ranklet.local.function import Function
from ranklet.local.intrinsics import references
from ranklet.local.routes import Route

KEY = ("header.x-api-key",)
Functions = Mapping[str, Function]
"""Those of a stack that can be played, by logical id."""


@dataclass(frozen=True)
class Door:
    """An API that leads to one function alone."""

    function: str
    api: Api
    routes: tuple[Route, ...]


def shared_routes(stack: Stack, functions: Functions) -> Iterator[tuple[str, Route | None]]:
    """Each route of the HTTP API with its logical id; None for one that leads to no function that is played."""
    integrations = dict(stack.of_type("AWS::ApiGatewayV2::Integration"))
    authorizers = dict(stack.of_type("AWS::ApiGatewayV2::Authorizer"))
    for logical, properties in stack.of_type("AWS::ApiGatewayV2::Route"):
        found = integrations.get(_first(properties.get("Target"), integrations), {})
        function = _target(stack, found.get("IntegrationUri"), functions)
        if function is None:
            yield logical, None
            continue
        payload: Literal["1.0", "2.0"] = "2.0" if found.get("PayloadFormatVersion") == "2.0" else "1.0"
        authorizer = authorizers.get(_first(properties.get("AuthorizerId"), authorizers), {})
        yield (
            logical,
            Route(
                key=str(properties["RouteKey"]),
                function=function.name,
                auth=str(properties.get("AuthorizationType", "NONE")),
                payload=payload,
                timeout_s=int(found.get("TimeoutInMillis", 30_000)) / 1000,
                identity=_identity(authorizer.get("IdentitySource")),
            ),
        )


def doors(stack: Stack, functions: Functions, *, region: str) -> Iterator[Door]:
    """The REST APIs and URLs of a stack that lead to a function that is played."""
    for logical, properties in stack.of_type("AWS::ApiGateway::RestApi"):
        routes = tuple(_rest_routes(stack, logical, functions))
        if routes:
            binary = tuple(properties.get("BinaryMediaTypes", ()))
            mocks = [cors.of_mock(one) for one in _methods(stack, logical)]
            answered = next((one for one in mocks if one), None)
            api = Api(kind="rest", stage=_stage(stack, logical), region=region, binary=binary, cors=answered)
            yield Door(routes[0].function, api, routes)
    for _, properties in stack.of_type("AWS::Lambda::Url"):
        function = _target(stack, properties.get("TargetFunctionArn"), functions)
        if function is not None:
            auth = str(properties.get("AuthType", "NONE"))
            route = Route("$default", function.name, auth=auth, timeout_s=function.timeout_s + 1)
            api = Api(kind="url", region=region, cors=cors.of_settings(properties.get("Cors")))
            yield Door(function.name, api, (route,))


def _rest_routes(stack: Stack, api: str, functions: Functions) -> Iterator[Route]:
    authorizers = dict(stack.of_type("AWS::ApiGateway::Authorizer"))
    for properties in _methods(stack, api):
        integration = properties.get("Integration", {})
        function = _target(stack, integration.get("Uri"), functions)
        if function is None:
            continue
        auth = "API_KEY" if properties.get("ApiKeyRequired") else str(properties.get("AuthorizationType", "NONE"))
        authorizer = authorizers.get(_first(properties.get("AuthorizerId"), authorizers), {})
        yield Route(
            key=f"{properties['HttpMethod']} {_path(stack, properties['ResourceId']) or '/'}",
            function=function.name,
            auth=auth,
            payload="1.0",
            timeout_s=int(integration.get("TimeoutInMillis", 29_000)) / 1000,
            identity=KEY if auth == "API_KEY" else _identity(authorizer.get("IdentitySource")),
        )


def _methods(stack: Stack, api: str) -> list[Json]:
    return [one for _, one in stack.of_type("AWS::ApiGateway::Method") if api in references(one.get("RestApiId"))]


def _path(stack: Stack, reference: Any) -> str:
    """The path of a resource, put together from its parents'; that of the root is empty."""
    properties = dict(stack.of_type("AWS::ApiGateway::Resource")).get(next(references(reference), ""))
    if properties is None:
        return ""
    return f"{_path(stack, properties['ParentId'])}/{properties['PathPart']}"


def _stage(stack: Stack, api: str) -> str:
    stages = [one for _, one in stack.of_type("AWS::ApiGateway::Stage") if api in references(one.get("RestApiId"))]
    return str(stages[0].get("StageName")) if stages else "$default"


def _target(stack: Stack, uri: Any, functions: Functions) -> Function | None:
    """The function behind an integration's URI: named itself, or through an alias or a version of it."""
    for logical in references(uri):
        if logical in functions:
            return functions[logical]
        resource = stack.resources.get(logical, {})
        if resource.get("Type") in ("AWS::Lambda::Alias", "AWS::Lambda::Version"):
            named = references(resource.get("Properties", {}).get("FunctionName"))
            return next((functions[name] for name in named if name in functions), None)
    return None


def _identity(source: Any) -> tuple[str, ...]:
    """What a caller must send: `$request.header.X` and `method.request.querystring.x` as `header.x` and `query.x`."""
    given = source.split(",") if isinstance(source, str) else source or ["$request.header.Authorization"]
    found = []
    for one in given:
        where, _, name = one.partition("request.")[2].partition(".")
        found.append(f"header.{name.lower()}" if where == "header" else f"query.{name}")
    return tuple(found)


def _first(value: Any, among: Mapping[str, Json]) -> str:
    return next((name for name in references(value) if name in among), "")
