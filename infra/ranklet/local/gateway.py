"""API Gateway on 127.0.0.1: an HTTP request becomes an event, a function's answer becomes an HTTP response.

The stages are API Gateway's: the limits of a request → the stage → the route → the authorizer → the event → Lambda
within the integration's time → the answer. Whatever cannot go on gets the words that the real one uses (`refusals`).

Authorizers are not played: a signature or a token cannot be checked here. `auth="required"` at least refuses a caller
who sends none, so that a client that forgets to sign is found before AWS finds it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, Literal

import orjson

from ranklet.errors import LocalError
from ranklet.local.call import Api, Call, forwarded, matches, new_request_id, new_trace_id
from ranklet.local.event_v1 import build_v1
from ranklet.local.event_v2 import build_v2, event_v2
from ranklet.local.function import REQUEST_LIMIT, Invoked
from ranklet.local.http1.message import Request, Response
from ranklet.local.http1.server import HOST, Limits, Server
from ranklet.local.logs import LogLine, LogSink, to_stderr
from ranklet.local.pages import Page
from ranklet.local.refusals import of_fault, refusal
from ranklet.local.reply import Malformed, http_answer
from ranklet.local.routes import Match, Route, RouteTable

__all__ = ["Gateway", "event_v2"]

HEAD_LIMIT: Final = 10_240
"""Bytes of request line and header values together."""
BODY_LIMIT: Final = 10 * 1024 * 1024
LIMITS: Final = Limits(head_bytes=65_536, body_bytes=BODY_LIMIT)
NAME: Final = "front"

Auth = Literal["open", "required"]
Invoke = Callable[[str, bytes, str], Awaitable[Invoked]]
"""Function name, event, trace id → Lambda's answer."""
LOG = logging.getLogger(__name__)


class Gateway:
    """The front. invoke: how functions are called. page: what it shows itself, None for nothing.

    Raises LocalError for route keys that API Gateway would refuse.
    """

    def __init__(
        self,
        routes: Sequence[Route],
        invoke: Invoke,
        *,
        api: Api | None = None,
        auth: Auth = "open",
        limits: Limits = LIMITS,
        log: LogSink = to_stderr,
        page: Page | None = None,
    ) -> None:
        self._table, self._invoke, self._api, self._auth, self._log = (
            RouteTable(routes),
            invoke,
            api or Api(),
            auth,
            log,
        )
        self._page = page
        self._server = Server(self._answer, limits=limits, fault=lambda fault: of_fault(self._api.kind, fault))
        self._invocations: set[asyncio.Future[Invoked]] = set()

    @property
    def url(self) -> str:
        """Where clients call, the stage's path part included."""
        stage = "" if self._api.stage == "$default" else f"/{self._api.stage}"
        return f"http://{HOST}:{self._server.port}{stage}"

    async def start(self, port: int = 0) -> str:
        """Listen and tell the URL. Raises LocalError when the port is taken."""
        try:
            await self._server.start(port)
        except OSError as error:
            raise LocalError(f"cannot listen on {HOST}:{port}: {error.strerror}; choose another port") from error
        return self.url

    async def close(self) -> None:
        """Let running requests end, then stop; what Lambda still runs for callers that were given up is cut."""
        await self._server.close()
        for invocation in self._invocations:
            invocation.cancel()
        await asyncio.gather(*self._invocations, return_exceptions=True)

    async def _answer(self, request: Request) -> Response:
        begun = time.perf_counter()
        request_id = new_request_id()
        function, response = await self._handle(request, request_id)
        if self._api.cors is not None and request.method != "OPTIONS":
            response = self._api.cors.shown(response, request.header("origin"))
        took = (time.perf_counter() - begun) * 1000
        text = f"{request.method} {request.target.partition('?')[0]} {response.status} {took:.1f} ms → {function}"
        self._log(LogLine(NAME, text, platform=True))
        return Response(response.status, (*response.headers, *self._own_headers(request_id)), response.body)

    async def _handle(self, request: Request, request_id: str) -> tuple[str, Response]:
        """The function's name (`-` when none was reached) and the answer."""
        if _head_size(request) > HEAD_LIMIT:
            return "-", self._refuse("head-too-large")
        if self._page is not None and (shown := self._page.answer(request)) is not None:
            return "page", shown
        call = self._call(request, request_id)
        path = self._below_stage(call)
        if path is None:
            return "-", self._refuse("no-stage")
        match = self._table.match(call.method, path)
        if call.method == "OPTIONS" and self._api.cors is not None and (match is None or self._api.kind != "http"):
            # A route of an HTTP API that takes OPTIONS goes before its own answer.
            return "-", self._api.cors.preflight(call.header("origin"))
        if match is None:
            return "-", self._refuse("no-route")
        if (refused := self._unauthorized(match.route, call)) is not None:
            return "-", refused
        payload = orjson.dumps(self._event(call, path, match))
        if len(payload) > REQUEST_LIMIT:
            return "-", self._refuse("body-too-large")
        return match.route.function, await self._integrate(match.route, payload, call)

    def _call(self, request: Request, request_id: str) -> Call:
        headers = forwarded(request.headers, source_ip=request.peer, port=self._server.port, length=len(request.body))
        return Call(request.method, request.target, headers, request.body, request.peer, request.version, request_id)

    def _below_stage(self, call: Call) -> str | None:
        """The path as routes are written: encoded for a REST API, decoded for an HTTP API; None outside the stage."""
        path = call.raw_path if self._api.kind == "rest" else call.path.partition("?")[0]
        if self._api.stage == "$default":
            return path
        prefix = f"/{self._api.stage}"
        if path != prefix and not path.startswith(prefix + "/"):
            return None
        return path[len(prefix) :] or "/"

    def _unauthorized(self, route: Route, call: Call) -> Response | None:
        if self._auth == "open" or route.auth == "NONE" or _identified(call, route.identity):
            return None
        return self._refuse({"AWS_IAM": "forbidden", "API_KEY": "no-key"}.get(route.auth, "unauthorized"))

    def _event(self, call: Call, path: str, match: Match) -> dict[str, Any]:
        key = match.route.key
        if self._api.kind != "rest" and match.route.payload == "2.0":
            return build_v2(call, self._api, route_key=key, parameters=match.parameters)
        shown = path if self._api.kind == "rest" else call.path
        return build_v1(call, self._api, route_key=key, path=shown, parameters=match.parameters)

    async def _integrate(self, route: Route, payload: bytes, call: Call) -> Response:
        """Invoke within the integration's time. A caller is given up at its end, the invocation is not."""
        trace = call.header("x-amzn-trace-id") or new_trace_id()
        invocation = asyncio.ensure_future(self._invoke(route.function, payload, trace))
        self._invocations.add(invocation)
        invocation.add_done_callback(self._invocations.discard)
        done, _ = await asyncio.wait([invocation], timeout=route.timeout_s)
        if not done:
            return self._refuse("timeout")
        invoked = invocation.result()
        if invoked.status == 429:
            return self._refuse("throttled")
        if invoked.status == 413:
            return self._refuse("body-too-large")
        if invoked.error is not None:
            return self._refuse("failed")
        return self._reply(route, invoked, call)

    def _reply(self, route: Route, invoked: Invoked, call: Call) -> Response:
        rest = self._api.kind == "rest"
        default_type = "text/plain; charset=utf-8" if self._api.kind == "http" else "application/json"
        # A REST API goes by what the client accepts: who names no binary type gets base64 as it is.
        decode = not rest or matches(call.header("accept"), self._api.binary)
        version: Literal["1.0", "2.0"] = "1.0" if rest else route.payload
        try:
            return http_answer(invoked.payload, version=version, default_type=default_type, decode=decode)
        except Malformed as malformed:
            self._log(LogLine(route.function, f"{invoked.request_id} malformed answer: {malformed}", platform=True))
            return self._refuse("failed")

    def _refuse(self, name: str) -> Response:
        return refusal(self._api.kind, name)

    def _own_headers(self, request_id: str) -> tuple[tuple[str, str], ...]:
        if self._api.kind == "rest":
            return (("x-amzn-RequestId", request_id), ("x-amz-apigw-id", request_id))
        if self._api.kind == "url":
            return (("x-amzn-RequestId", request_id),)
        return (("Apigw-Requestid", request_id),)


def _head_size(request: Request) -> int:
    """Bytes of the request line and of the header values, which is what API Gateway counts."""
    line = len(request.method) + len(request.target) + len(request.version) + 2
    return line + sum(len(value) for _, value in request.headers)


def _identified(call: Call, identity: Sequence[str]) -> bool:
    """Whether a caller sent what an authorizer wants to see; nothing of it can be checked here."""
    query = dict(call.query_pairs())
    named = [one.partition(".") for one in identity]
    return all(call.header(name) if kind == "header" else query.get(name) for kind, _, name in named)
