"""The end of a listener that leaves no socket behind.

A server that is closed while the event loop has a connection half accepted leaves that socket open for ever (CPython
3.11 to 3.13), and so does a connection's task that is cancelled before it ran: its `finally` is never reached.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

TURNS = 4
"""Of the event loop, from a socket that it has just accepted to the callback that is given the connection, and one."""


async def stop_accepting(listener: asyncio.Server) -> None:
    """Take no further connection; those taken have come to their callback when this returns."""
    loop = asyncio.get_running_loop()
    for listening in listener.sockets:
        loop.remove_reader(listening.fileno())
    await turns()


async def turns() -> None:
    """Let the event loop finish what it has begun: a transport is closed a turn after it was told to."""
    for _ in range(TURNS):
        await asyncio.sleep(0)


def serve(
    work: Coroutine[Any, Any, None], writer: asyncio.StreamWriter, tasks: set[asyncio.Task[None]]
) -> asyncio.Task[None]:
    """Run a connection's work as one of `tasks`; whatever becomes of it, its transport is closed at the end."""
    task = asyncio.ensure_future(work)
    tasks.add(task)
    task.add_done_callback(tasks.discard)
    task.add_done_callback(lambda _: writer.transport.abort())
    return task
