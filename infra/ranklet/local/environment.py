"""One execution environment: a child running the stock runtime client, its Runtime API, and Lambda's limits.

The child is `python -S -s -P -B -m awslambdaric HANDLER` of the interpreter below our virtual environment, with code,
layers and the runtime client on its path and nothing else (-S: no site-packages; -P: not the current folder; -B: no
bytecode is written into an asset, as Lambda's disk is read-only). Its life: start → (invoke)* → stop. An environment
that timed out, crashed, outgrew its memory or answered too much is broken: it is ended, and the pool makes another.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from ranklet.local import memory, verdicts
from ranklet.local.child import Child
from ranklet.local.function import Function, InitType, Invoked
from ranklet.local.logs import LogPipe, LogSink, to_stderr
from ranklet.local.runtime_api import Answer, Invocation, RuntimeApi
from ranklet.local.runtime_client import base_python
from ranklet.local.variables import lambda_variables

WATCH_S: Final = 0.05
"""Seconds between two looks at the child's memory."""


@dataclass(frozen=True)
class Launch:
    """What every environment of one function has in common.

    runtime: folder of the runtime client. extra: environment variables that only the local cloud adds.
    """

    function: Function
    runtime: Path
    region: str = "us-east-1"
    extra: Mapping[str, str] = field(default_factory=dict)
    log: LogSink = to_stderr
    python: str = field(default_factory=base_python)


class InitFailed(Exception):
    """The environment did not reach its first poll.

    reason: `timeout`, `error` (the runtime said why) or `exit`. payload: what Invoke answers for it, None after a
    timeout, whose text depends on who waited.
    """

    def __init__(self, reason: Literal["timeout", "error", "exit"], payload: bytes | None = None) -> None:
        super().__init__(reason)
        self.reason, self.payload = reason, payload


class Environment:
    """One environment; `await start` before anything else. Used by one invocation at a time, which the pool sees to."""

    def __init__(self, launch: Launch, init: InitType = "on-demand") -> None:
        self._launch, self.init = launch, init
        self.function = launch.function
        self._api = RuntimeApi(restores=init == "snap-start")
        self._log = LogPipe(launch.function.name, launch.log)
        self._child: Child | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._broken = False
        self._over_memory = False
        self.init_ms = 0.0
        self.max_memory_mb = 0.0

    @property
    def pid(self) -> int | None:
        """The child's process id, None before `start`."""
        return self._child.pid if self._child else None

    @property
    def usable(self) -> bool:
        """Whether another invocation may be given to it."""
        return self._child is not None and not self._broken and self._child.alive

    async def start(self, limit_s: float, *, request_id: str = "") -> float:
        """Start the child and wait for its first poll; milliseconds from exec to that poll.

        Raises InitFailed, after the child has been ended; LocalError or OSError when it cannot be started at all.
        """
        try:
            begun = time.perf_counter()
            child = await self._spawn()
            await self._first_poll(child, limit_s, request_id)
        except BaseException:
            await self.stop()
            raise
        self.init_ms = (time.perf_counter() - begun) * 1000
        return self.init_ms

    async def invoke(self, invocation: Invocation, timeout_s: float) -> Invoked:
        """Run one event. Never raises for what the function does; an `error` says what happened."""
        assert self._child is not None, "start first"
        self._log.mark()
        begun = time.perf_counter()
        # The clock starts here: what initialisation took before is not the function's time.
        answer = self._api.send(invocation, int((time.time() + timeout_s) * 1000))
        await _first(answer, self._child.exited, timeout_s)
        took_ms = (time.perf_counter() - begun) * 1000
        if answer.done():
            payload, failed = self._posted(answer.result())
        else:
            self._broken = failed = True
            payload = await self._silent(self._child, invocation.request_id, timeout_s)
        self._report(self._child, invocation.request_id, took_ms)
        return Invoked(
            status=200,
            payload=payload,
            request_id=invocation.request_id,
            error="Unhandled" if failed else None,
            version=self.function.version,
            duration_ms=took_ms,
            log=self._log.tail(),
        )

    async def stop(self) -> None:
        """End child, server and log. Safe to call twice, and in any state."""
        self._broken = True
        if self._watcher is not None:
            self._watcher.cancel()
        # The child first: one that lost its Runtime API would write of it into the log.
        try:
            if self._child is not None:
                await self._child.stop()
        finally:
            await self._api.close()
            self._log.drain()
            self._log.close()

    async def _spawn(self) -> Child:
        environ = lambda_variables(
            self.function,
            api=await self._api.start(),
            runtime=self._launch.runtime,
            region=self._launch.region,
            init=self.init,
            extra=self._launch.extra,
        )
        command = (self._launch.python, "-S", "-s", "-P", "-B", "-m", "awslambdaric", self.function.handler)
        child = self._child = await Child.start(
            command, folder=self.function.code, environ=environ, output=self._log.write_end
        )
        self._log.child_started()
        self._watcher = asyncio.ensure_future(self._watch_memory(child))
        return child

    async def _first_poll(self, child: Child, limit_s: float, request_id: str) -> None:
        started = self._api.started
        await _first(started, child.exited, limit_s)
        if started.done() and (error := started.result()) is not None:
            raise InitFailed("error", error)
        if child.exited.done():
            payload = verdicts.exited(request_id, child.exited.result())
            self._log.drain()
            self._log.platform(f"RequestId: {request_id} Error: {verdicts.exit_text(child.exited.result())}")
            raise InitFailed("exit", payload)
        if not started.done():
            raise InitFailed("timeout")

    def _posted(self, answer: Answer) -> tuple[bytes, bool]:
        """Payload, and whether it is an error."""
        if answer.kind == "oversized":
            # The runtime client takes the refusal for a fault of the platform and ends; do not wait for that.
            self._broken = True
            return verdicts.response_too_large(), True
        return answer.body, answer.kind == "error"

    async def _silent(self, child: Child, request_id: str, timeout_s: float) -> bytes:
        """The payload for a child that ended, or ran into its deadline, without an answer."""
        if not child.exited.done():
            child.kill()
            await child.exited
            self._log.platform(f"{request_id} Task timed out after {timeout_s:.2f} seconds")
            return verdicts.timed_out(request_id, timeout_s)
        text = verdicts.exit_text(child.exited.result())
        if self._over_memory:
            self._log.platform(
                f"{request_id} memory: {self.max_memory_mb:.0f} MB held, {self.function.memory_mb} MB allowed"
            )
        self._log.drain()
        self._log.platform(f"RequestId: {request_id} Error: {text}")
        return verdicts.exited(request_id, child.exited.result())

    async def _watch_memory(self, child: Child) -> None:
        """Kill the child when it holds more than the function's memory; best effort, a short spike is not seen."""
        while not child.exited.done() and memory.enforceable():
            self._measure(child)
            if self.max_memory_mb > self.function.memory_mb:
                self._over_memory = True
                child.kill()
                return
            await asyncio.sleep(WATCH_S)

    def _measure(self, child: Child) -> None:
        self.max_memory_mb = max(self.max_memory_mb, memory.held_mb(child.pid))

    def _report(self, child: Child, request_id: str, took_ms: float) -> None:
        self._log.drain()
        self._measure(child)
        held = f"{self.max_memory_mb:.0f} MB" if memory.enforceable() else f"not measured on {sys.platform}"
        self._log.platform(
            f"REPORT RequestId: {request_id} Duration: {took_ms:.2f} ms Memory Size: {self.function.memory_mb} MB "
            f"Max Memory Used: {held}"
        )


async def _first(one: asyncio.Future[Any], other: asyncio.Future[Any], limit_s: float) -> None:
    """Wait until one of two is done, or the time is over; which it was, they tell themselves."""
    await asyncio.wait([one, other], timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
