"""A server's processes: what they are, how much CPU time they took, and their end.

A server may start others, and those others again: the tree is read from /proc. CPU time comes from the kernel's clock
of each process, in nanoseconds, with the threads that have ended; the ticks of /proc/<pid>/stat are ten milliseconds.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from ranklet.errors import BenchError

TERMINATE_S, KILL_S = 15.0, 5.0
POLL_S = 0.02
CLOCK = 2
"""CPUCLOCK_SCHED, in the clock's number: `man clock_getcpuclockid` and the kernel's `posix-timers.h`."""


def tree(root: int) -> dict[int, int]:
    """A process and all below it: id → when it started, which tells it from a later one of the same id."""
    parents, started = {}, {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and (found := _stat(int(folder.name))) is not None:
            parents[int(folder.name)], started[int(folder.name)] = found
    below = {root} & started.keys()
    while more := {pid for pid, parent in parents.items() if parent in below} - below:
        below |= more
    return {pid: started[pid] for pid in below}


def cpu(pids: Mapping[int, int]) -> dict[int, float]:
    """CPU seconds so far of those that live."""
    found = {}
    for pid in pids:
        with contextlib.suppress(OSError):
            found[pid] = time.clock_gettime((~pid << 3) | CLOCK)
    return found


def spent(before: Mapping[int, float], after: Mapping[int, float]) -> float:
    """CPU seconds between two looks; a process that is new began at nothing."""
    return sum(now - before.get(pid, 0.0) for pid, now in after.items())


def end(process: subprocess.Popen[bytes]) -> None:
    """End a server and whatever it started: asked first, then made to. Raises BenchError where one outlives that."""
    all_of_it = tree(process.pid)
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(TERMINATE_S)
    all_of_it |= tree(process.pid)
    for pid in _alive(all_of_it):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + KILL_S
    while process.poll() is None or _alive(all_of_it):
        if time.monotonic() > deadline:
            raise BenchError(f"processes {sorted(_alive(all_of_it))} of a server do not end")
        time.sleep(POLL_S)


def _alive(pids: Mapping[int, int]) -> list[int]:
    """Those of them that run still; one that has ended and waits for its parent does not."""
    return [pid for pid, started in pids.items() if (found := _stat(pid)) is not None and found[1] == started]


def _stat(pid: int) -> tuple[int, int] | None:
    """Parent and start; None for a process that has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else (int(fields[1]), int(fields[19]))
