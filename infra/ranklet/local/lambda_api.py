"""Invoke and ListVersionsByFunction over HTTP, so that any AWS SDK can call the local functions by its `endpoint_url`.

Signatures are not checked. https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html and, beside it,
API_ListVersionsByFunction.html
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import replace
from types import MappingProxyType
from typing import Final, cast, get_args
from urllib.parse import parse_qs, unquote

import orjson

from ranklet.errors import LocalError
from ranklet.local.function import REQUEST_LIMIT, Invoked
from ranklet.local.http1.message import Headers, HttpFault, Request, Response
from ranklet.local.http1.server import HOST, Limits, Server
from ranklet.local.lambdas import InvocationType, Lambdas

PATH: Final = re.compile(r"/2015-03-31/functions/([^/?]+)/invocations(?:\?(.*))?")
VERSIONS: Final = re.compile(r"/2015-03-31/functions/([^/?]+)/versions(?:\?(.*))?")
ARN: Final = re.compile(r"arn:aws[^:]*:lambda:[^:]*:[^:]*:function:(.+)")
ERRORS: Final = MappingProxyType(
    {
        400: "InvalidRequestContentException",
        404: "ResourceNotFoundException",
        413: "RequestTooLargeException",
        429: "TooManyRequestsException",
    }
)


class LambdaApi:
    """The server; `url` is what an SDK takes as its endpoint."""

    def __init__(self, lambdas: Lambdas) -> None:
        # A little above the limit, so that Lambda's own words come before HTTP's.
        self._server = Server(self._answer, limits=Limits(body_bytes=4 * REQUEST_LIMIT), fault=_fault)
        self._lambdas = lambdas

    @property
    def url(self) -> str:
        """The endpoint."""
        return f"http://{HOST}:{self._server.port}"

    async def start(self, port: int = 0) -> str:
        """Listen and tell the URL. Raises OSError when the port is taken."""
        await self._server.start(port)
        return self.url

    async def close(self) -> None:
        """Let running requests end, then stop."""
        await self._server.close()

    async def _answer(self, request: Request) -> Response:
        if request.method == "GET" and (asked := VERSIONS.fullmatch(request.target)) is not None:
            return self._listed(unquote(asked[1]), parse_qs(asked[2] or ""))
        match = PATH.fullmatch(request.target)
        if request.method != "POST" or match is None:
            return _error(404, "only POST …/functions/{name}/invocations and GET …/versions are played here")
        kind = request.header("x-amz-invocation-type") or "RequestResponse"
        if kind not in get_args(InvocationType):
            return _error(400, f"unknown invocation type {kind!r}")
        name, qualifier = _named(unquote(match[1]), match[2])
        try:
            invoked = await self._lambdas.invoke(
                name,
                request.body or b"{}",
                kind=cast(InvocationType, kind),
                qualifier=qualifier,
                trace_id=request.header("x-amzn-trace-id"),
                client_context=_client_context(request.header("x-amz-client-context")),
            )
        except LocalError as error:
            return _error(404, f"Function not found: {error}")
        return _response(invoked, tail=request.header("x-amz-log-type") == "Tail")

    def _listed(self, given: str, query: dict[str, list[str]]) -> Response:
        """Versions in ascending order after `Marker`, `$LATEST` first; at most `MaxItems`, 50 where it is not said."""
        name, _ = _named(given, None)
        try:
            pools = list(self._lambdas.versions(name))
            first, most = int(query.get("Marker", ["0"])[0]), min(int(query.get("MaxItems", ["50"])[0]), 50)
        except LocalError as error:
            return _error(404, f"Function not found: {error}")
        except ValueError:
            return _error(400, "Marker and MaxItems are numbers")
        functions = [pool.function for pool in pools]
        every = [replace(functions[-1], version="$LATEST"), *functions]
        page = [
            {"FunctionName": name, "Version": one.version, "Description": one.description}
            for one in every[first : first + most]
        ]
        more = {"NextMarker": str(first + most)} if first + most < len(every) else {}
        return Response(200, (("Content-Type", "application/json"),), orjson.dumps({"Versions": page, **more}))


def _named(given: str, query: str | None) -> tuple[str, str | None]:
    """Name and qualifier of `name`, `name:qualifier`, `account:function:name` or an ARN, or of `?Qualifier=`."""
    name = match[1] if (match := ARN.fullmatch(given)) else given
    name, _, qualifier = name.rpartition("function:")[2].partition(":")
    return name, qualifier or next(iter(parse_qs(query or "").get("Qualifier", ())), None)


def _client_context(encoded: str | None) -> str | None:
    if encoded is None:
        return None
    try:
        return base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise HttpFault(400, "the client context is not base64") from error


def _response(invoked: Invoked, *, tail: bool) -> Response:
    headers: Headers = (("Content-Type", "application/json"), ("x-amzn-RequestId", invoked.request_id))
    if invoked.status == 200:
        headers += (("X-Amz-Executed-Version", invoked.version),)
    if invoked.error is not None:
        headers += (("X-Amz-Function-Error", invoked.error),)
    if tail and invoked.log:
        headers += (("X-Amz-Log-Result", base64.b64encode(invoked.log).decode()),)
    if invoked.status in ERRORS:
        headers += (("x-amzn-ErrorType", ERRORS[invoked.status]),)
    return Response(invoked.status, headers, invoked.payload)


def _error(status: int, message: str) -> Response:
    body = orjson.dumps({"Type": "User", "Message": message})
    headers = (("Content-Type", "application/json"), ("x-amzn-ErrorType", ERRORS.get(status, "ServiceException")))
    return Response(status, headers, body)


def _fault(fault: HttpFault) -> Response:
    return _error(fault.status, fault.message)
