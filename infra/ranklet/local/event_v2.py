"""Events of payload format 2.0, what an HTTP API sends.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html. `rawPath` is
decoded, its name notwithstanding, and ends at a decoded question mark; `rawQueryString` is as it was sent. What is
empty is left out, not null.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ranklet.local.call import Api, Call, body_fields


def build_v2(call: Call, api: Api, *, route_key: str, parameters: Mapping[str, str]) -> dict[str, Any]:
    """The event of a call that took a route. parameters: the route's path variables."""
    path = call.path.partition("?")[0]
    headers, cookies = _headers(call)
    body, encoded = body_fields(call, binary=None)
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": route_key,
        "rawPath": path,
        "rawQueryString": call.query,
    }
    if cookies:
        event["cookies"] = cookies
    event["headers"] = headers
    if query := _joined(call.query_pairs()):
        event["queryStringParameters"] = query
    event["requestContext"] = {
        "accountId": api.account,
        "apiId": api.api_id,
        "domainName": api.domain,
        "domainPrefix": api.api_id,
        "http": {
            "method": call.method,
            "path": path,
            "protocol": call.protocol,
            "sourceIp": call.source_ip,
            "userAgent": call.header("user-agent") or "",
        },
        "requestId": call.request_id,
        "routeKey": route_key,
        "stage": api.stage,
        "time": call.time_text(),
        "timeEpoch": int(call.now * 1000),
    }
    if parameters:
        event["pathParameters"] = dict(parameters)
    if body is not None:
        event["body"] = body
    event["isBase64Encoded"] = encoded
    return event


def event_v2(
    method: str,
    target: str,
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
    route_key: str = "$default",
) -> dict[str, Any]:
    """The event that an HTTP API's `$default` stage makes of a request, for calling a handler without a front.

    target: path and query. headers: names in any case.
    """
    given = tuple((headers or {}).items())
    length = (("content-length", str(len(body))),) if body else ()
    call = Call(method, target, (("host", Api().domain), *given, *length), body)
    return build_v2(call, Api(), route_key=route_key, parameters={})


def _headers(call: Call) -> tuple[dict[str, str], list[str]]:
    """Headers by lower-case name, duplicates joined by commas; cookies apart."""
    cookies: list[str] = []
    pairs: list[tuple[str, str]] = []
    for name, value in call.headers:
        if name.lower() == "cookie":
            cookies += [cookie.strip() for cookie in value.split(";") if cookie.strip()]
        else:
            pairs.append((name.lower(), value))
    return _joined(pairs), cookies


def _joined(pairs: list[tuple[str, str]]) -> dict[str, str]:
    joined: dict[str, str] = {}
    for name, value in pairs:
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined
