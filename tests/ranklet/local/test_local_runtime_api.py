"""The Runtime API as a runtime of any language would use it: polls, answers, and what it may not do."""

from __future__ import annotations

import asyncio
import http.client
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from local_helpers import invocation

from ranklet.local.function import RESPONSE_LIMIT
from ranklet.local.runtime_api import RuntimeApi

VERSION = "/2018-06-01/runtime"
DEADLINE = 1_542_409_706_888


class Runtime:
    """A runtime's side, over one connection; calls run in threads so that the server's loop stays free."""

    def __init__(self, address: str) -> None:
        self._connection = http.client.HTTPConnection(address, timeout=5)

    def _call(self, method: str, path: str, body: bytes | None) -> tuple[int, dict[str, str], bytes]:
        self._connection.request(method, VERSION + path, body=body)
        answer = self._connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()

    async def get(self, path: str) -> tuple[int, dict[str, str], bytes]:
        return await asyncio.to_thread(self._call, "GET", path, None)

    async def post(self, path: str, body: bytes = b"{}") -> tuple[int, dict[str, str], bytes]:
        return await asyncio.to_thread(self._call, "POST", path, body)

    def close(self) -> None:
        self._connection.close()


def with_runtime(scenario: Callable[[RuntimeApi, Runtime], Awaitable[Any]]) -> None:
    async def run() -> None:
        api = RuntimeApi()
        runtime = Runtime(await api.start())
        try:
            async with asyncio.timeout(20):
                await scenario(api, runtime)
        finally:
            runtime.close()
            await api.close()

    asyncio.run(run())


def error_type(body: bytes) -> str:
    return str(json.loads(body)["errorType"])


def test_event_is_delivered_with_its_headers_and_its_answer_taken() -> None:
    async def scenario(api: RuntimeApi, runtime: Runtime) -> None:
        event = invocation({"a": "é"})
        answer = api.send(event, DEADLINE)
        status, headers, body = await runtime.get("/invocation/next")
        assert (status, body) == (200, event.payload)
        assert headers["content-type"] == "application/json"
        assert headers["lambda-runtime-aws-request-id"] == event.request_id
        assert headers["lambda-runtime-deadline-ms"] == str(DEADLINE)
        assert headers["lambda-runtime-invoked-function-arn"] == event.arn
        assert headers["lambda-runtime-trace-id"] == event.trace_id
        assert "lambda-runtime-client-context" not in headers
        status, _, body = await runtime.post(f"/invocation/{event.request_id}/response", b'"done"')
        assert (status, json.loads(body)) == (202, {"status": "OK"})
        assert (await answer).body == b'"done"'
        assert (await answer).kind == "response"

    with_runtime(scenario)


def test_poll_waits_for_an_event_and_tells_that_initialisation_is_over() -> None:
    async def scenario(api: RuntimeApi, runtime: Runtime) -> None:
        poll = asyncio.ensure_future(runtime.get("/invocation/next"))
        assert await api.started is None
        await asyncio.sleep(0.1)
        assert not poll.done()
        event = invocation(1)
        answer = api.send(event, DEADLINE)
        assert (await poll)[2] == b"1"
        await runtime.post(f"/invocation/{event.request_id}/error", b'{"errorType":"ValueError"}')
        assert (await answer).kind == "error"
        assert (await answer).body == b'{"errorType":"ValueError"}'

    with_runtime(scenario)


def test_answer_to_another_request_is_refused() -> None:
    async def scenario(api: RuntimeApi, runtime: Runtime) -> None:
        answer = api.send(invocation(), DEADLINE)
        await runtime.get("/invocation/next")
        for path in ("/invocation/other/response", "/invocation/other/error"):
            status, _, body = await runtime.post(path)
            assert (status, error_type(body)) == (400, "InvalidRequestID")
        assert not answer.done()

    with_runtime(scenario)


def test_second_answer_is_refused() -> None:
    async def scenario(api: RuntimeApi, runtime: Runtime) -> None:
        event = invocation()
        api.send(event, DEADLINE)
        await runtime.get("/invocation/next")
        assert (await runtime.post(f"/invocation/{event.request_id}/response"))[0] == 202
        assert (await runtime.post(f"/invocation/{event.request_id}/response"))[0] == 400

    with_runtime(scenario)


def test_poll_before_the_answer_is_refused() -> None:
    async def scenario(api: RuntimeApi, runtime: Runtime) -> None:
        api.send(invocation(), DEADLINE)
        await runtime.get("/invocation/next")
        status, _, body = await runtime.get("/invocation/next")
        assert (status, error_type(body)) == (403, "InvalidStateTransition")

    with_runtime(scenario)


@pytest.mark.parametrize(
    ("size", "kind", "status"), [(RESPONSE_LIMIT, "response", 202), (RESPONSE_LIMIT + 1, "oversized", 413)]
)
def test_answer_may_have_6_291_556_bytes(size: int, kind: str, status: int) -> None:
    async def scenario(api: RuntimeApi, runtime: Runtime) -> None:
        event = invocation()
        answer = api.send(event, DEADLINE)
        await runtime.get("/invocation/next")
        answered, _, body = await runtime.post(f"/invocation/{event.request_id}/response", b"x" * size)
        assert answered == status
        assert (await answer).kind == kind
        if kind == "oversized":
            assert error_type(body) == "RequestEntityTooLarge"

    with_runtime(scenario)


def test_initialisation_error_is_kept_and_comes_once() -> None:
    async def scenario(api: RuntimeApi, runtime: Runtime) -> None:
        assert (await runtime.post("/init/error", b'{"errorType":"Runtime.ImportModuleError"}'))[0] == 202
        assert await api.started == b'{"errorType":"Runtime.ImportModuleError"}'
        assert (await runtime.post("/init/error"))[0] == 403

    with_runtime(scenario)


@pytest.mark.parametrize("path", ["/", "/invocation", "/invocation/next/", "/invocation/a/b/response", "/restore/next"])
def test_other_paths_are_unknown(path: str) -> None:
    async def scenario(api: RuntimeApi, runtime: Runtime) -> None:
        assert (await runtime.get(path))[0] == 404
        assert (await runtime.post(path))[0] == 404

    with_runtime(scenario)
