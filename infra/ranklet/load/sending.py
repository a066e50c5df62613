"""The loop that sends: each request at its time, whatever became of those before it. Ctrl-C ends it early."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import selectors
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ranklet.dialects.base import Message
from ranklet.load.plan import Plan
from ranklet.load.requests import Checker, Prepared, Verdict
from ranklet.load.tally import Tally
from ranklet.load.wire import Answer, Garbled, Target, Wire, written

if TYPE_CHECKING:
    import httpx

LEAD_S = 0.05
"""Until the first request, so that it leaves at its time."""
GRACE_S = 2.0
"""That running requests get after Ctrl-C."""
WATCH_S = 0.5


@dataclass
class Sent:
    """What a run gave. seconds: how long it sent. cpu: the share of a processor it took. waited: for a connection."""

    warmup: Tally = field(default_factory=Tally)
    run: Tally = field(default_factory=Tally)
    seconds: float = 0.0
    cpu: float = 0.0
    connections: int = 0
    waited: int = 0
    interrupted: bool = False


Watch = Callable[[float, Sent], None]
"""Called twice a second with the seconds since the start and what there is so far."""


@dataclass(frozen=True)
class Sender:
    """What sends. auth: signs each request. most: connections. timeout_s: until a request is given up.

    warmed: called, in a thread, when the warm-up ends.
    """

    target: Target
    requests: Sequence[Prepared]
    checker: Checker
    auth: httpx.Auth | None = None
    most: int = 256
    timeout_s: float = 30.0
    warmed: Callable[[], None] = lambda: None

    def run(self, plan: Plan, watch: Watch) -> Sent:
        """Send all that is planned, and wait for the answers."""
        # select() takes microseconds where epoll takes milliseconds: requests leave on time. It knows 1024 files.
        loop = asyncio.SelectorEventLoop(selectors.SelectSelector())
        with asyncio.Runner(loop_factory=lambda: loop) as runner, _collected():
            return runner.run(self._run(plan, watch))

    async def _run(self, plan: Plan, watch: Watch) -> Sent:
        sent, wire = Sent(), Wire(self.target, most=self.most)
        written_once = [self._bytes(request) if self.auth is None else b"" for request in self.requests]
        running: set[asyncio.Task[None]] = set()
        loop, began = asyncio.get_running_loop(), time.process_time()
        start = loop.time() + LEAD_S
        sending = loop.create_task(self._send(plan, wire, written_once, sent, running, start))
        watching = loop.create_task(_watched(watch, sent, start))
        with _interruptible(loop, sending, sent):
            with contextlib.suppress(asyncio.CancelledError):
                await sending
            sent.seconds = min(loop.time() - start, plan.end_s)
            if running:
                await asyncio.wait(running, timeout=GRACE_S if sent.interrupted else self.timeout_s + GRACE_S)
        watching.cancel()
        for task in running:
            task.cancel()
        await asyncio.gather(watching, *running, return_exceptions=True)
        wire.close()
        sent.cpu = (time.process_time() - began) / max(loop.time() - start, 1e-9)
        sent.connections, sent.waited = wire.opened, wire.waited
        return sent

    async def _send(
        self,
        plan: Plan,
        wire: Wire,
        known: Sequence[bytes],
        sent: Sent,
        running: set[asyncio.Task[None]],
        start: float,
    ) -> None:
        loop = asyncio.get_running_loop()
        for number, (due, which) in enumerate(zip(plan.due, plan.which, strict=True)):
            request = self.requests[which]
            # Signed before it is due: signing takes time, and is not the server's.
            body = known[which] or self._bytes(request)
            await _until(start + due)
            if number == plan.warm:
                loop.run_in_executor(None, self.warmed)
            tally = sent.warmup if number < plan.warm else sent.run
            task = loop.create_task(self._one(wire, body, request, tally, due, start))
            running.add(task)
            task.add_done_callback(running.discard)
        # The last second ends when it ends, not with its last request.
        await _until(start + plan.end_s)

    async def _one(self, wire: Wire, body: bytes, request: Prepared, tally: Tally, due: float, start: float) -> None:
        loop = asyncio.get_running_loop()
        left = loop.time()
        tally.leaves(due, left - start - due)

        def since() -> dict[str, float]:
            now = loop.time()
            return {"took": now - start - due, "since_left": now - left}

        try:
            async with asyncio.timeout(self.timeout_s):
                answer = await wire.exchange(body)
        except TimeoutError:
            tally.failed(due, f"no answer in {self.timeout_s:g} s", **since(), timed=True)
        except (OSError, EOFError, Garbled) as error:
            tally.failed(due, _reason(error), **since(), timed=False)
        except asyncio.CancelledError:
            tally.failed(due, "given up at the end", **since(), timed=False)
            raise
        else:
            spans = since()
            tally.answered(due, answer.status, self._verdict(request, answer), **spans)

    def _verdict(self, request: Prepared, answer: Answer) -> Verdict | None:
        if answer.status != 200:
            return None
        return self.checker.look(request, Message(answer.body, answer.headers))

    def _bytes(self, request: Prepared) -> bytes:
        return written(self.target, request.path, self._signed(request), request.sent.body)

    def _signed(self, request: Prepared) -> Mapping[str, str]:
        """The request's headers, and those by which the caller is known."""
        if self.auth is None:
            return request.sent.headers
        import httpx  # not needed where nobody signs

        url = f"{self.target.scheme}://{self.target.netloc}{request.path}"
        asked = httpx.Request("POST", url, headers=dict(request.sent.headers), content=request.sent.body)
        signed = next(self.auth.sync_auth_flow(asked))
        return {name: value for name, value in signed.headers.items() if name not in ("host", "content-length")}


async def _until(when: float) -> None:
    """Wait until the loop's clock says so; others run at least once meanwhile."""
    loop = asyncio.get_running_loop()
    await asyncio.sleep(max(0.0, when - loop.time()))


async def _watched(watch: Watch, sent: Sent, start: float) -> None:
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(WATCH_S)
        watch(max(0.0, loop.time() - start), sent)


@contextlib.contextmanager
def _interruptible(loop: asyncio.AbstractEventLoop, sending: asyncio.Task[None], sent: Sent) -> Iterator[None]:
    """Ctrl-C ends the sending. A second one is Python's own."""

    def stop() -> None:
        sent.interrupted = True
        sending.cancel()
        loop.remove_signal_handler(signal.SIGINT)

    try:
        loop.add_signal_handler(signal.SIGINT, stop)
    except (NotImplementedError, ValueError, RuntimeError):  # no such signals here, or not the main thread
        yield
        return
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGINT)


@contextlib.contextmanager
def _collected() -> Iterator[None]:
    """What lives now is left alone by the garbage collector, whose pauses would be taken for the server's."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _reason(error: Exception) -> str:
    if isinstance(error, EOFError):
        return "the connection was closed without a whole answer"
    if isinstance(error, OSError) and error.strerror:
        return f"{type(error).__name__}: {error.strerror}"
    return f"{type(error).__name__}: {error}"[:200]
