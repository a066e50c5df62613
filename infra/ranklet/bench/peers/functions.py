"""A Lambda function as a server: an execution environment of its own under the stock runtime client, ours or a peer's.

Events reach it through our Runtime API, whose event loop runs in a thread of the bench. The front that makes events
of HTTP requests is AWS's: it is in nobody's figure.
"""

from __future__ import annotations

import asyncio
import base64
import threading
import time
import uuid
from collections import deque
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, TypeVar

import orjson

from ranklet.bench.peers.bodies import JSON, Asked
from ranklet.bench.peers.servers import NotStarted, Started
from ranklet.errors import BenchError
from ranklet.local.call import new_trace_id
from ranklet.local.environment import Environment, InitFailed, Launch
from ranklet.local.event_v2 import event_v2
from ranklet.local.logs import LogLine
from ranklet.local.runtime_api import Invocation

START_S, ANSWER_S = 60.0, 60.0
LINES = 30
"""Of a log, told where a function does not start."""

Result = TypeVar("Result")


class Loop:
    """An event loop in a thread: what a function talks to lives there, between two requests too."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="runtime-api")

    def __enter__(self) -> Loop:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """A coroutine's result."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()


class Hosted:
    """A function's environment that has started. path: where its requests go."""

    def __init__(self, name: str, path: str, *, environment: Environment, loop: Loop) -> None:
        self.name, self.pid = name, environment.pid or 0
        self._path, self._environment, self._loop = path, environment, loop

    def payload(self, asked: Asked) -> bytes:
        """The event that API Gateway makes of the request."""
        return orjson.dumps(event_v2("POST", asked.path or self._path, headers=JSON, body=asked.body))

    def ask(self, payload: bytes) -> tuple[float, bytes]:
        """Seconds from handing over the event to the answer, and the answer's body. Raises BenchError."""
        done = self._loop.run(self._environment.invoke(self._invocation(payload), ANSWER_S))
        answer = orjson.loads(done.payload) if done.payload else {}
        if done.error or answer.get("statusCode") != 200:
            raise BenchError(f"{self.name} answers {done.payload[:300]!r}")
        text: str = answer["body"]
        return done.duration_ms / 1000, base64.b64decode(text) if answer.get("isBase64Encoded") else text.encode()

    def _invocation(self, payload: bytes) -> Invocation:
        arn = self._environment.function.arn("us-east-1")
        return Invocation(str(uuid.uuid4()), payload, arn=arn, trace_id=new_trace_id())


@contextmanager
def started(name: str, path: str, *, launch: Launch, asked: Asked, loop: Loop) -> Iterator[Started]:
    """A function's environment, up to its first answer; it ends with the block."""
    said: deque[LogLine] = deque(maxlen=LINES)
    environment = loop.run(_made(replace(launch, log=said.append)))
    try:
        begun = time.perf_counter()
        try:
            loop.run(environment.start(START_S))
        except InitFailed as failed:
            lines = "\n".join(line.text for line in said)
            raise NotStarted(f"{name} did not start: {failed.reason} {failed.payload or b''!r}\n{lines}") from failed
        server = Hosted(name, path, environment=environment, loop=loop)
        _, answer = server.ask(server.payload(asked))
        cold = time.perf_counter() - begun
        asked.check(name, answer)
        yield Started(server, cold)
    finally:
        loop.run(environment.stop())


async def _made(launch: Launch) -> Environment:
    """In the loop, to which its Runtime API belongs."""
    return Environment(launch)
