"""Lambda's Runtime API, version 2018-06-01, as one execution environment sees it.

A runtime polls `next`, posts `response` or `error`, and polls again; its first poll says that initialisation is over.
Each environment has a server and a port of its own, so a request can only ever be about that environment.
With SnapStart a runtime polls `restore/next` before that, and gets credentials here that are not older than its start.
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal

import orjson

from ranklet.local.function import RESPONSE_LIMIT
from ranklet.local.http1.message import Headers, HttpFault, Request, Response
from ranklet.local.http1.server import HOST, Limits, Server

PREFIX: Final = "/2018-06-01/runtime/"
CREDENTIALS: Final = "/2021-04-23/credentials"
TOKEN: Final = "local-token"
"""Which a runtime shows for its credentials."""
CREDENTIALS_S: Final = 3600
POSTED: Final = re.compile(rf"{PREFIX}invocation/([^/]+)/(response|error)")
# The x-ray cause travels in a header of up to a megabyte; a runtime waits in `next` for as long as Lambda likes.
LIMITS: Final = Limits(
    head_bytes=2 * 1024 * 1024, body_bytes=64 * 1024 * 1024, idle_s=86_400.0, head_s=60.0, body_s=60.0
)


@dataclass(frozen=True)
class Invocation:
    """One event on its way to the runtime."""

    request_id: str
    payload: bytes
    arn: str
    trace_id: str
    client_context: str | None = None

    def headers(self, deadline_ms: int) -> Headers:
        """The headers of `next`. deadline_ms: Unix time in milliseconds."""
        headers = (
            ("Content-Type", "application/json"),
            ("Lambda-Runtime-Aws-Request-Id", self.request_id),
            ("Lambda-Runtime-Deadline-Ms", str(deadline_ms)),
            ("Lambda-Runtime-Invoked-Function-Arn", self.arn),
            ("Lambda-Runtime-Trace-Id", self.trace_id),
        )
        return headers + ((("Lambda-Runtime-Client-Context", self.client_context),) if self.client_context else ())


@dataclass(frozen=True)
class Answer:
    """What the runtime posted. `oversized` carries no body."""

    kind: Literal["response", "error", "oversized"]
    body: bytes = b""


class RuntimeApi:
    """The server of one environment.

    restores: whether its runtime is one of a function with SnapStart.
    started: done at the first `next`; its result is None, or the document that the runtime posted to `init/error`.
    """

    def __init__(self, *, restores: bool = False) -> None:
        self._restores = restores
        self._server = Server(self._route, limits=LIMITS, fault=self._fault)
        self._pending: asyncio.Queue[Response] = asyncio.Queue(maxsize=1)
        self._answer: asyncio.Future[Answer] | None = None
        self._request_id = ""
        self.started: asyncio.Future[bytes | None] = asyncio.get_running_loop().create_future()

    async def start(self) -> str:
        """Listen; the result is the value of AWS_LAMBDA_RUNTIME_API."""
        return f"{HOST}:{await self._server.start()}"

    async def close(self) -> None:
        """Cut the connection: the runtime, if it still lives, finds nothing to poll."""
        await self._server.close(grace_s=0.0)

    def send(self, invocation: Invocation, deadline_ms: int) -> asyncio.Future[Answer]:
        """Hand an event to the next poll; the future is done when the runtime posts what belongs to it."""
        assert self._answer is None or self._answer.done(), "an environment runs one invocation at a time"
        self._request_id = invocation.request_id
        self._answer = asyncio.get_running_loop().create_future()
        self._pending.put_nowait(Response(200, invocation.headers(deadline_ms), invocation.payload))
        return self._answer

    async def _route(self, request: Request) -> Response:
        if request.method == "GET" and request.target == f"{PREFIX}invocation/next":
            return await self._next()
        if request.method == "POST" and request.target == f"{PREFIX}init/error":
            return self._init_error(request.body)
        if self._restores and (answer := self._restore(request)) is not None:
            return answer
        if request.method == "POST" and (match := POSTED.fullmatch(request.target)):
            return self._posted(match[1], match[2], request.body)
        return _refused(404, "ResourceNotFound", f"no {request.method} {request.target} in the Runtime API")

    def _restore(self, request: Request) -> Response | None:
        """What runtimes ask for around a snapshot; None for anything else."""
        match request.method, request.target.removeprefix(PREFIX):
            case "GET", "restore/next":
                return Response(200, (("Content-Type", "application/json"),), b"{}")
            case "POST", "restore/error":
                return self._init_error(request.body)
            case "GET", target if target == CREDENTIALS:
                return _credentials(request.header("authorization"))
        return None

    async def _next(self) -> Response:
        if not self.started.done():
            self.started.set_result(None)
        if self._running() and self._pending.empty():
            return _refused(403, "InvalidStateTransition", "the invocation that is running has no answer yet")
        return await self._pending.get()

    def _init_error(self, body: bytes) -> Response:
        if self.started.done():
            return _refused(403, "InvalidStateTransition", "initialisation is over")
        self.started.set_result(body)
        return _accepted()

    def _posted(self, request_id: str, kind: str, body: bytes) -> Response:
        if not self._running() or request_id != self._request_id:
            return _refused(400, "InvalidRequestID", "Invalid request ID")
        if len(body) > RESPONSE_LIMIT:
            return self._oversized()
        self._settle(Answer("response" if kind == "response" else "error", body))
        return _accepted()

    def _fault(self, fault: HttpFault) -> Response:
        """A request that could not be read; too long a body is the answer that Lambda has a name for."""
        return self._oversized() if fault.status == 413 else _refused(fault.status, "InvalidRequest", fault.message)

    def _oversized(self) -> Response:
        self._settle(Answer("oversized"))
        message = f"Exceeded maximum allowed payload size ({RESPONSE_LIMIT} bytes)."
        return _refused(413, "RequestEntityTooLarge", message)

    def _running(self) -> bool:
        return self._answer is not None and not self._answer.done()

    def _settle(self, answer: Answer) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(answer)


def _credentials(shown: str | None) -> Response:
    if shown != TOKEN:
        return _refused(403, "AccessDenied", "the authorization token is another one")
    expires = datetime.fromtimestamp(time.time() + CREDENTIALS_S, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    document = {"AccessKeyId": "local", "SecretAccessKey": "local", "Token": "local", "Expiration": expires}
    return Response(200, (("Content-Type", "application/json"),), orjson.dumps(document))


def _accepted() -> Response:
    return Response(202, (("Content-Type", "application/json"),), b'{"status":"OK"}\n')


def _refused(status: int, kind: str, message: str) -> Response:
    body = orjson.dumps({"errorMessage": message, "errorType": kind})
    return Response(status, (("Content-Type", "application/json"),), body)
