"""Events of payload format 1.0: what a REST API sends, and an HTTP API that is asked for the old format.

https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html. The two differ: a
REST API keeps the path encoded and spells header names as they were sent; an HTTP API adds `version`, decodes the
path, and has fewer fields in its context. What is empty is null, not left out.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from ranklet.local.call import Api, Call, body_fields

IDENTITY = (
    "accessKey",
    "accountId",
    "caller",
    "cognitoAuthenticationProvider",
    "cognitoAuthenticationType",
    "cognitoIdentityId",
    "cognitoIdentityPoolId",
    "principalOrgId",
    "user",
    "userArn",
)


def build_v1(call: Call, api: Api, *, route_key: str, path: str, parameters: Mapping[str, str]) -> dict[str, Any]:
    """The event of a call that took a route.

    path: without the stage, for a REST API as it was sent, for an HTTP API decoded. parameters: the path variables.
    """
    rest = api.kind == "rest"
    resource = route_key.partition(" ")[2] or route_key
    pairs = call.query_pairs()
    body, encoded = body_fields(call, binary=api.binary if rest else None)
    return {
        **({} if rest else {"version": "1.0"}),
        "resource": resource,
        "path": path,
        "httpMethod": call.method,
        "headers": dict(call.headers),
        "multiValueHeaders": _lists(call.headers),
        "queryStringParameters": dict(pairs) or None,
        "multiValueQueryStringParameters": _lists(pairs) or None,
        "requestContext": _context(call, api, resource),
        "pathParameters": dict(parameters) or None,
        "stageVariables": None,
        "body": body,
        "isBase64Encoded": encoded,
    }


def _context(call: Call, api: Api, resource: str) -> dict[str, Any]:
    rest = api.kind == "rest"
    kind_of_its_own = {"deploymentId": "local"} if rest else {"authorizer": {"claims": None, "scopes": None}}
    return {
        "accountId": api.account,
        "apiId": api.api_id,
        **kind_of_its_own,
        "domainName": api.domain,
        "domainPrefix": api.api_id,
        "extendedRequestId": call.request_id,
        "httpMethod": call.method,
        "identity": {
            **dict.fromkeys(IDENTITY),
            "sourceIp": call.source_ip,
            "userAgent": call.header("user-agent") or "",
            **({} if rest else {"clientCert": None}),
        },
        "path": call.raw_path if rest else call.path,
        "protocol": call.protocol,
        "requestId": str(uuid.uuid4()) if rest else call.request_id,
        "requestTime": call.time_text(),
        "requestTimeEpoch": int(call.now * 1000),
        "resourceId": "local" if rest else None,
        "resourcePath": resource,
        "stage": api.stage,
    }


def _lists(pairs: Sequence[tuple[str, str]]) -> dict[str, list[str]]:
    lists: dict[str, list[str]] = {}
    for name, value in pairs:
        lists.setdefault(name, []).append(value)
    return lists
