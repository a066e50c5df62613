"""One start of a function, from exec to its first answer, under a Runtime API of its own.

The child is the stock runtime client of an interpreter that need not be ours, with code, layers and client on its path
and nothing else, as in `ranklet.local.environment`; it is ended as soon as it has answered. Its CPU time is what the
kernel says at that moment, where it tells it of a process that lives (Linux), else when it is gone.
"""

from __future__ import annotations

import asyncio
import json
import resource
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ranklet.errors import LocalError
from ranklet.local.child import Child
from ranklet.local.function import Function, InitType
from ranklet.local.runtime_api import Answer, Invocation, RuntimeApi
from ranklet.local.variables import lambda_variables

TRACED = Path(__file__).with_name("traced.py")
LIMIT_S = 60.0
WRITTEN_S = 20.0
REGION = "us-east-1"


@dataclass(frozen=True)
class Place:
    """A function, and what it starts with.

    runtime: folder of the runtime client, for the interpreter's own minor. extra: variables above the function's own.
    flags: of the interpreter, beside those that keep other packages out.
    """

    function: Function
    python: str
    runtime: Path
    extra: Mapping[str, str] = field(default_factory=dict)
    flags: tuple[str, ...] = ()
    init: InitType = "on-demand"


@dataclass(frozen=True)
class Start:
    """What a start took, in milliseconds. answer: what the function returned. traced: as `traced.py` writes it."""

    cpu_ms: float
    wall_ms: float
    answer: Any
    begun_ns: int
    traced: Mapping[str, Any] | None = None


def start(place: Place, event: Mapping[str, Any], *, traced: bool = False) -> Start:
    """Start the function and hand it an event. traced: with the stopwatch, which costs some microseconds a module.

    Raises LocalError when it ends without an answer, with what it wrote, or takes longer than a minute.
    """
    with tempfile.TemporaryDirectory(prefix="ranklet-start-") as scratch:
        written = Path(scratch) / "traced.json"
        what = (str(TRACED), str(written)) if traced else ("-m", "awslambdaric")
        command = (place.python, "-S", "-s", "-P", *place.flags, *what, place.function.handler)
        with (Path(scratch) / "output").open("w+b") as output:
            found = asyncio.run(_start(place, command, event, output.fileno(), written if traced else None))
            if not isinstance(found, Start):
                output.seek(0)
                said = output.read()[-2000:].decode("utf-8", "replace").strip()
                raise LocalError(f"{place.function.name} gave no answer: {found}; it wrote: {said or 'nothing'}")
        account = json.loads(written.read_text(encoding="utf-8")) if traced else None
    return Start(found.cpu_ms, found.wall_ms, found.answer, found.begun_ns, account)


async def _start(
    place: Place, command: Sequence[str], event: Mapping[str, Any], output: int, written: Path | None
) -> Start | str:
    api = RuntimeApi()
    environ = lambda_variables(
        place.function,
        api=await api.start(),
        runtime=place.runtime,
        region=REGION,
        init=place.init,
        extra=place.extra,
    )
    invocation = Invocation("start", json.dumps(event).encode(), place.function.arn(REGION), "Root=1-0-0")
    limit_ms = int((time.time() + place.function.timeout_s) * 1000)
    before, begun = _children(), time.perf_counter_ns()
    child = await Child.start(command, folder=place.function.code, environ=environ, output=output)
    try:
        answer = api.send(invocation, limit_ms)
        await _first(answer, child.exited)
        ended, used = time.perf_counter_ns(), _used(child.pid)
        if answer.done() and answer.result().kind == "response" and written is not None:
            await _there(written)
        child.kill()
        await child.exited
    finally:
        await child.stop()
        await api.close()
    if api.started.done() and (fault := api.started.result()):
        return f"INIT failed with {fault.decode('utf-8', 'replace')}"
    if not answer.done():
        return f"it ran into the limit of {LIMIT_S:.0f} s" if ended - begun > LIMIT_S * 1e9 else "it ended"
    if answer.result().kind != "response":
        return f"it posted {answer.result().kind}: {answer.result().body.decode('utf-8', 'replace')}"
    cpu_s = _children() - before if used is None else used
    return Start(cpu_s * 1000, (ended - begun) / 1e6, json.loads(answer.result().body), begun)


def _used(pid: int) -> float | None:
    """CPU seconds of a process that lives, all its threads; None where the kernel does not tell."""
    try:
        tasks = list(Path(f"/proc/{pid}/task").glob("*/schedstat"))
        return sum(int(one.read_text().split()[0]) for one in tasks) / 1e9 if tasks else None
    except (OSError, ValueError, IndexError):
        return None


async def _there(path: Path) -> None:
    """Wait for the account, which is written after the answer."""
    until = time.monotonic() + WRITTEN_S
    while not path.exists():
        if time.monotonic() > until:
            raise LocalError(f"the account of the start was not written within {WRITTEN_S:.0f} s")
        await asyncio.sleep(0.005)


async def _first(answer: asyncio.Future[Answer], exited: asyncio.Future[int]) -> None:
    waited: list[asyncio.Future[Any]] = [answer, exited]
    await asyncio.wait(waited, timeout=LIMIT_S, return_when=asyncio.FIRST_COMPLETED)


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
