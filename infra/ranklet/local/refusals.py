"""The errors that API Gateway answers itself, word for word, for an HTTP API and for a REST API; a function URL's words
were not checked in AWS, its statuses are documented.

REST: https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html. A throttled
function is an internal error to a REST API, an unavailable service to an HTTP API; neither lets Lambda's 429 through.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from ranklet.local.call import Kind
from ranklet.local.http1.message import HttpFault, Response, reason

REFUSALS: Final[Mapping[Kind, Mapping[str, tuple[int, bytes]]]] = MappingProxyType(
    {
        "http": {
            "no-stage": (404, b'{"message":"Not Found"}'),
            "no-route": (404, b'{"message":"Not Found"}'),
            "forbidden": (403, b'{"message":"Forbidden"}'),
            "unauthorized": (401, b'{"message":"Unauthorized"}'),
            "head-too-large": (431, b'{"message":"Request Header Fields Too Large"}'),
            "body-too-large": (413, b'{"message":"Request Entity Too Large"}'),
            "failed": (500, b'{"message":"Internal Server Error"}'),
            "throttled": (503, b'{"message":"Service Unavailable"}'),
            "timeout": (503, b'{"message":"Service Unavailable"}'),
        },
        "url": {
            "no-stage": (404, b"null"),
            "no-route": (404, b"null"),
            "forbidden": (403, b'{"Message":"Forbidden"}'),
            "unauthorized": (403, b'{"Message":"Forbidden"}'),
            "head-too-large": (431, b'{"Message":"Request Header Fields Too Large"}'),
            "body-too-large": (413, b'{"Message":"Request Entity Too Large"}'),
            "failed": (502, b"Internal Server Error"),
            "throttled": (429, b'{"Message":"Rate Exceeded."}'),
            "timeout": (504, b'{"Message":"Gateway Timeout"}'),
        },
        "rest": {
            "no-stage": (403, b'{"message":"Forbidden"}'),
            "no-route": (403, b'{"message":"Missing Authentication Token"}'),
            "forbidden": (403, b'{"message":"Missing Authentication Token"}'),
            "no-key": (403, b'{"message":"Forbidden"}'),
            "unauthorized": (401, b'{"message":"Unauthorized"}'),
            "head-too-large": (431, b'{"message":"Request Header Fields Too Large"}'),
            "body-too-large": (413, b'{"message":"Request Too Long"}'),
            "failed": (502, b'{"message": "Internal server error"}'),
            "throttled": (500, b'{"message": "Internal server error"}'),
            "timeout": (504, b'{"message": "Endpoint request timed out"}'),
        },
    }
)

ERROR_TYPES: Final = MappingProxyType(
    {
        "no-stage": "ForbiddenException",
        "no-route": "MissingAuthenticationTokenException",
        "forbidden": "MissingAuthenticationTokenException",
        "no-key": "ForbiddenException",
        "unauthorized": "UnauthorizedException",
        "body-too-large": "RequestTooLongException",
        "failed": "InternalServerErrorException",
        "throttled": "InternalServerErrorException",
    }
)
"""REST APIs name the error in `x-amzn-ErrorType` too."""

OF_STATUS: Final = MappingProxyType({413: "body-too-large", 431: "head-too-large"})


def refusal(kind: Kind, name: str) -> Response:
    """The answer for one of the names above."""
    status, body = REFUSALS[kind][name]
    headers: tuple[tuple[str, str], ...] = (("Content-Type", "application/json"),)
    if kind == "rest" and name in ERROR_TYPES:
        headers += (("x-amzn-ErrorType", ERROR_TYPES[name]),)
    if status == 401:
        headers += (("WWW-Authenticate", "Bearer"),)
    return Response(status, headers, body)


def of_fault(kind: Kind, fault: HttpFault) -> Response:
    """The answer to a request that could not be read."""
    if name := OF_STATUS.get(fault.status):
        return refusal(kind, name)
    body = f'{{"message":"{reason(fault.status) or "Bad Request"}"}}'.encode()
    return Response(fault.status, (("Content-Type", "application/json"),), body)
