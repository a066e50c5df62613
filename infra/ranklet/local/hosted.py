"""A cloud in a thread of its own, for callers that have no event loop: the command line, tests, notebooks."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import threading
from collections.abc import Coroutine
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

from ranklet.errors import LocalError
from ranklet.local.function import Invoked
from ranklet.local.lambdas import InvocationType
from ranklet.local.stats import Stats

if TYPE_CHECKING:
    from ranklet.local.cloud import LocalCloud
    from ranklet.local.template import Deployment

T = TypeVar("T")

START_S: Final = 1800.0
"""Provisioned environments may take fifteen minutes each, and a layer may have to be fetched."""
STOP_S: Final = 60.0
INVOKE_S: Final = 960.0
"""The longest function runs fifteen minutes."""


class Hosted:
    """`with LocalCloud(…).running() as cloud:`; everything is stopped at the end of the block."""

    def __init__(self, cloud: LocalCloud) -> None:
        self._cloud = cloud
        self._started: concurrent.futures.Future[None] = concurrent.futures.Future()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._life: asyncio.Task[None] | None = None
        self._thread = threading.Thread(target=self._run, name="local-cloud", daemon=True)
        self._failure: BaseException | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        try:
            self._started.result(START_S)
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()
        if self._failure is not None and error is None:
            raise self._failure

    @property
    def url(self) -> str:
        """Where HTTP clients call."""
        return self._cloud.url

    def url_of(self, name: str) -> str:
        """Where HTTP clients call a function; see `LocalCloud.url_of`."""
        return self._cloud.url_of(name)

    @property
    def lambda_url(self) -> str:
        """The endpoint of Lambda's Invoke, for an AWS SDK."""
        return self._cloud.lambda_url

    @property
    def pids(self) -> tuple[int, ...]:
        """The process ids of all children."""
        return self._cloud.pids

    def stats(self) -> dict[str, Stats]:
        """Function name → counts and times so far."""
        return self._cloud.stats()

    def invoke(self, name: str, event: Any, *, kind: InvocationType = "RequestResponse") -> Invoked:
        """Invoke a function by name and wait; see `LocalCloud.invoke`."""
        return self._wait(self._cloud.invoke(name, event, kind=kind), INVOKE_S)

    def deploy(self, assembly: Path | Deployment, *, tables: Path | None = None) -> dict[str, str]:
        """Deploy another assembly while requests run; see `LocalCloud.deploy`."""
        return self._wait(self._cloud.deploy(assembly, tables=tables), START_S)

    def move(self, name: str, version: str) -> None:
        """Move a function's alias to one of its versions and wait; see `LocalCloud.move`."""
        self._wait(self._cloud.move(name, version), START_S)

    def _wait(self, work: Coroutine[Any, Any, T], limit_s: float) -> T:
        if self._loop is None or not self._thread.is_alive():
            work.close()
            raise LocalError("the local cloud is not running; use it within its `with` block")
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(limit_s)

    def _run(self) -> None:
        try:
            asyncio.run(self._live())
        except asyncio.CancelledError:
            if not self._started.done():
                self._started.set_exception(LocalError("the local cloud was stopped while it started"))
        except BaseException as failure:
            # The thread's outermost frame: what failed is raised in the thread that entered the block.
            if self._started.done():
                self._failure = failure
            else:
                self._started.set_exception(failure)

    async def _live(self) -> None:
        self._loop, self._life = asyncio.get_running_loop(), asyncio.current_task()
        async with self._cloud:
            self._started.set_result(None)
            await asyncio.Event().wait()

    def _end(self) -> None:
        """Stop by cancelling: the same way whether the cloud runs or is still starting."""
        if self._loop is not None and self._life is not None and self._thread.is_alive():
            with contextlib.suppress(RuntimeError):  # the loop was quicker and is closed
                self._loop.call_soon_threadsafe(self._life.cancel)
        self._thread.join(STOP_S)
        if self._thread.is_alive():
            raise LocalError(f"the local cloud did not stop within {STOP_S:.0f} s; its children are {self.pids}")
