"""The process of one execution environment: started, watched, ended; it and whatever it started.

It leads a session of its own, so that a signal to the group reaches what the function spawned and a Ctrl-C in the
terminal reaches us alone. It is ended by its id, never by a name.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

TERMINATE_S: Final = 2.0
KILL_S: Final = 5.0


class Child:
    """A running child. `exited` is done with its return code (negative: the signal) when it is gone."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.pid = process.pid
        self._stopped = False
        self.exited: asyncio.Task[int] = asyncio.ensure_future(process.wait())

    @staticmethod
    async def start(command: Sequence[str], *, folder: Path, environ: Mapping[str, str], output: int) -> Child:
        """Start `command` in `folder`, stdout and stderr into the file descriptor `output`. Raises OSError."""
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=folder,
            env=environ,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        return Child(process)

    @property
    def alive(self) -> bool:
        """Whether it runs still; asked of the kernel, which knows before the event loop is told."""
        if self.exited.done() or not hasattr(os, "waitid"):
            return not self.exited.done()
        try:
            return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None
        except ChildProcessError:
            return False

    def kill(self) -> None:
        """End the whole group at once; `exited` follows."""
        self._signal(signal.SIGKILL)

    async def stop(self) -> int:
        """SIGTERM, a moment for the function's own clearing up, SIGKILL; the return code.

        Raises TimeoutError when the kernel does not let go of it.
        """
        if not self.exited.done():
            self._signal(signal.SIGTERM)
            await asyncio.wait([self.exited], timeout=TERMINATE_S)
        if not self._stopped:
            # Once, and also after a clean end: the leader may have gone and left others of its group behind. Not
            # later again, for by then the number may be another's.
            self._stopped = True
            self._signal(signal.SIGKILL)
        async with asyncio.timeout(KILL_S):
            return await asyncio.shield(self.exited)

    def _signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)
