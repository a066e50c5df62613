"""The execution environments of one function: who gets the next event, who is started, who is let go.

As Lambda does it: an idle environment takes the event, the one used last first; without one, another is started while
the event waits, up to the cap; above the cap the answer is 429. Provisioned environments are started beforehand and
replaced when they break; the others are ended after a time without work. One event at a time each.
With SnapStart no memory is copied here: each environment initialises, and is restored from itself. One file, as whoever
changes when an environment is started, kept or ended sees the whole of it.
"""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

from ranklet.errors import LocalError
from ranklet.local import verdicts
from ranklet.local.environment import Environment, InitFailed, Launch
from ranklet.local.function import Function, InitType, Invoked
from ranklet.local.logs import LogLine
from ranklet.local.runtime_api import Invocation
from ranklet.local.stats import Stats, Tally

T = TypeVar("T")

INIT_S: Final = 10.0
"""Seconds of initialisation on demand; what takes longer starts over within the function's own time."""
PATIENT_INIT_S: Final = 130.0
"""Where no request waits: a function's timeout, if that is longer, which none is behind an API."""
MAX_REPLACEMENTS: Final = 3
"""Attempts to bring a provisioned environment back before it is given up."""
REAP_S: Final = 1.0


class Pool:
    """All environments of one function. cap: the most environments at once. idle_s: how long one may rest."""

    def __init__(
        self,
        launch: Launch,
        *,
        cap: int = 10,
        idle_s: float = 300.0,
        init_s: float = INIT_S,
        make: Callable[[Launch, InitType], Environment] = Environment,
    ) -> None:
        function = launch.function
        allowed = cap if function.reserved is None else min(cap, function.reserved)
        self._launch, self._make, self._idle_s, self._init_s = launch, make, idle_s, init_s
        self._cap = max(allowed, function.provisioned)
        self._idle: list[tuple[Environment, float]] = []
        self._live: set[Environment] = set()
        self._launches: set[asyncio.Task[float]] = set()
        self._endings: set[asyncio.Task[None]] = set()
        self._background: set[asyncio.Task[None]] = set()
        self._closed = False
        self._provisioned = False
        self._tally = Tally()

    @property
    def function(self) -> Function:
        """What runs here."""
        return self._launch.function

    @property
    def arn(self) -> str:
        """By which it is invoked."""
        return self._launch.function.arn(self._launch.region)

    async def start(self) -> None:
        """Let environments rest no longer than they may, and `provision`."""
        _keep(self._background, self._reap())
        await self.provision()

    async def provision(self) -> None:
        """Start the provisioned environments that are not there and wait for them.

        Raises LocalError when one cannot be initialised, with what the function said.
        """
        self._provisioned = True
        wanted = self.function.provisioned - sum(_is_provisioned(environment) for environment in self._live)
        for result in await asyncio.gather(*(self._provision() for _ in range(wanted)), return_exceptions=True):
            if isinstance(result, InitFailed):
                said = (result.payload or b"it ran into the limit of 130 s").decode("utf-8", "replace")
                raise LocalError(f"{self.function.name} cannot be initialised: {said}") from result
            if isinstance(result, BaseException):
                raise result

    def release(self) -> None:
        """Give the provisioned environments up: idle ones now, busy ones after their event."""
        self._provisioned = False
        for entry in [entry for entry in self._idle if _is_provisioned(entry[0])]:
            self._idle.remove(entry)
            self._discard(entry[0])

    async def invoke(self, invocation: Invocation) -> Invoked:
        """Run one event; 429 when every environment that may exist is busy."""
        timeout_s = self.function.timeout_s
        environment = self._take()
        init_ms: float | None = None
        if environment is None:
            if self._closed or len(self._live) >= self._cap:
                return self._throttled(invocation)
            begun = time.perf_counter()
            try:
                environment, repeated = await self._start_on_demand(invocation)
            except InitFailed as failure:
                return self._init_failed(invocation, failure)
            init_ms = environment.init_ms
            # Initialisation is not the event's time, unless it had to be repeated within it.
            timeout_s = timeout_s - (time.perf_counter() - begun - self._init_s) if repeated else timeout_s
        invoked = await self._run(environment, invocation, max(timeout_s, 0.001), init_ms)
        self._tally.count(invoked)
        return invoked

    def stats(self) -> Stats:
        """What happened so far."""
        busy = len(self._live) - len(self._idle)
        return self._tally.stats(environments=len(self._live), busy=busy, cap=self._cap)

    @property
    def pids(self) -> tuple[int, ...]:
        """The process ids of all children."""
        return tuple(environment.pid for environment in self._live if environment.pid is not None)

    async def close(self) -> None:
        """End every environment. An invocation that still runs is answered as an exit of its function.

        Raises LocalError when a child could not be ended.
        """
        self._closed = True
        unwanted = [*self._background, *self._launches]
        for task in unwanted:
            task.cancel()
        await asyncio.gather(*unwanted, return_exceptions=True)
        self._idle.clear()
        endings = [*self._endings, *(environment.stop() for environment in self._live)]
        if failed := [end for end in await asyncio.gather(*endings, return_exceptions=True) if end is not None]:
            raise LocalError(f"a child of {self.function.name} could not be ended: {failed[0]!r}")

    def _take(self) -> Environment | None:
        while self._idle:
            environment, _ = self._idle.pop()
            if environment.usable:
                return environment
            self._discard(environment)
        return None

    async def _start_on_demand(self, invocation: Invocation) -> tuple[Environment, bool]:
        """A new environment, and whether its initialisation had to be repeated."""
        init: InitType = "snap-start" if self.function.snapstart else "on-demand"
        limit_s = PATIENT_INIT_S if self.function.snapstart else self._init_s
        try:
            return await self._start(init, limit_s, invocation.request_id), False
        except InitFailed as failure:
            if failure.reason != "timeout":
                raise
        self._say(
            f"INIT_REPORT Phase: init Status: timeout, above {self._init_s:.0f} s; repeated within the invocation"
        )
        return await self._start(init, self.function.timeout_s, invocation.request_id), True

    async def _start(self, init: InitType, limit_s: float, request_id: str = "") -> Environment:
        environment = self._make(self._launch, init)
        self._live.add(environment)
        launch = _keep(self._launches, environment.start(limit_s, request_id=request_id))
        try:
            await launch
        except asyncio.CancelledError as error:
            self._live.discard(environment)
            if self._closed:
                raise InitFailed("exit", verdicts.exited(request_id, 0)) from error
            raise
        except BaseException:
            self._live.discard(environment)
            raise
        self._tally.initialised(environment.init_ms)
        self._say(f"INIT_REPORT Init Duration: {environment.init_ms:.2f} ms Type: {init}")
        return environment

    async def _run(
        self, environment: Environment, invocation: Invocation, timeout_s: float, init_ms: float | None
    ) -> Invoked:
        try:
            invoked = await environment.invoke(invocation, timeout_s)
        except BaseException:
            self._discard(environment)
            raise
        given_up = _is_provisioned(environment) and not self._provisioned
        if environment.usable and not self._closed and not given_up:
            self._idle.append((environment, time.monotonic()))
        else:
            self._discard(environment)
        return invoked if init_ms is None else dataclasses.replace(invoked, init_ms=init_ms)

    async def _provision(self) -> None:
        environment = await self._start("provisioned-concurrency", PATIENT_INIT_S)
        if self._provisioned:
            self._idle.append((environment, time.monotonic()))
        else:
            self._discard(environment)

    def _discard(self, environment: Environment) -> None:
        """End an environment in the background; a provisioned one is replaced."""
        self._live.discard(environment)
        _keep(self._endings, environment.stop())
        if _is_provisioned(environment) and self._provisioned and not self._closed:
            _keep(self._background, self._replace())

    async def _replace(self) -> None:
        for _ in range(MAX_REPLACEMENTS):
            try:
                return await self._provision()
            except InitFailed as failure:
                self._say(f"a provisioned environment could not be replaced: {failure.reason}")

    async def _reap(self) -> None:
        while not self._closed:
            await asyncio.sleep(min(REAP_S, self._idle_s))
            oldest = time.monotonic() - self._idle_s
            for entry in list(self._idle):
                environment, since = entry
                rested = since < oldest and not _is_provisioned(environment)
                if rested or not environment.usable:
                    self._idle.remove(entry)
                    self._discard(environment)

    def _throttled(self, invocation: Invocation) -> Invoked:
        self._tally.throttled += 1
        self._say(f"429 TooManyRequestsException: {self._cap} environments are busy, and {self._cap} is the cap")
        reserved = self.function.reserved is not None
        return Invoked(429, verdicts.throttled(reserved=reserved), invocation.request_id)

    def _init_failed(self, invocation: Invocation, failure: InitFailed) -> Invoked:
        function = self.function
        payload = failure.payload or verdicts.timed_out(invocation.request_id, function.timeout_s)
        invoked = Invoked(200, payload, invocation.request_id, error="Unhandled", version=function.version)
        self._tally.count(invoked)
        return invoked

    def _say(self, text: str) -> None:
        self._launch.log(LogLine(self.function.name, text, platform=True))


def _is_provisioned(environment: Environment) -> bool:
    return environment.init == "provisioned-concurrency"


def _keep(tasks: set[asyncio.Task[T]], work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    """Start a task and hold it until it is done; the loop itself holds tasks weakly."""
    task = asyncio.ensure_future(work)
    tasks.add(task)
    task.add_done_callback(tasks.discard)
    return task
