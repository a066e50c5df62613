"""How much memory a process holds that Lambda would count against it and could not take back.

Not RLIMIT_AS: NumPy and BLAS reserve address space far above what they touch. Not the resident set either: pages of
memory-mapped tables are a cache, which the kernel drops under pressure. What is left is anonymous and shared memory.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

FIELDS: Final = re.compile(rb"^Rss(?:Anon|Shmem):\s+(\d+) kB$", re.MULTILINE)


def enforceable() -> bool:
    """Whether this system tells the memory of a process through /proc."""
    return Path("/proc/self/status").exists()


def held_mb(pid: int) -> float:
    """MB of anonymous and shared memory of a process; 0.0 when it is gone or the system does not tell."""
    try:
        status = Path(f"/proc/{pid}/status").read_bytes()
    except OSError:
        return 0.0
    return sum(int(kilobytes) for kilobytes in FIELDS.findall(status)) / 1024
