"""What a function writes to stdout and stderr, line by line, as CloudWatch would keep it.

The pipe is read by the event loop, and once more, without waiting, before an invocation is answered: what the runtime
wrote before it posted its answer is in the pipe by then, so every line lands in the invocation that wrote it.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

MAX_LINE: Final = 256 * 1024
"""Bytes of one CloudWatch event."""
TAIL: Final = 4096
"""Bytes that Invoke returns of an invocation's log."""
READ: Final = 65_536
READS: Final = 64


@dataclass(frozen=True)
class LogLine:
    """One line. platform: Lambda's own (REPORT, the text of a crash) rather than the function's."""

    function: str
    text: str
    platform: bool = False


LogSink = Callable[[LogLine], None]


def to_stderr(line: LogLine) -> None:
    """The sink of `ranklet serve`: the function's name before each line."""
    sys.stderr.write(f"{line.function} | {line.text}\n")


def functions_only(sink: LogSink) -> LogSink:
    """A sink that gets what the functions themselves wrote, without a line per request from front and Lambda."""

    def keep(line: LogLine) -> None:
        if not line.platform:
            sink(line)

    return keep


class LogPipe:
    """One environment's output. `write_end` is for the child; `tail` forgets at `mark`."""

    def __init__(self, function: str, sink: LogSink) -> None:
        self._function, self._sink = function, sink
        self._read_end, self.write_end = os.pipe()
        os.set_blocking(self._read_end, False)
        self._partial = b""
        self._tail = b""
        self._open = True
        asyncio.get_running_loop().add_reader(self._read_end, self.drain)

    def child_started(self) -> None:
        """Close our copy of the child's end, so that the pipe ends with the child."""
        os.close(self.write_end)
        self.write_end = -1

    def mark(self) -> None:
        """An invocation begins."""
        self._tail = b""

    def tail(self) -> bytes:
        """The last 4 KB of complete lines since the mark."""
        self.drain()
        return self._tail

    def platform(self, text: str) -> None:
        """Add a line of Lambda's own."""
        self._keep(text.encode())
        self._sink(LogLine(self._function, text, platform=True))

    def drain(self) -> None:
        """Take what is in the pipe now; at most 4 MB, so that a babbling function cannot stop the loop."""
        for _ in range(READS if self._open else 0):
            try:
                data = os.read(self._read_end, READ)
            except BlockingIOError:
                return
            if not data:
                self.close()
                return
            self._feed(data)

    def close(self) -> None:
        """Stop reading; an unfinished last line is delivered as one."""
        if not self._open:
            return
        self._open = False
        asyncio.get_running_loop().remove_reader(self._read_end)
        os.close(self._read_end)
        if self.write_end >= 0:
            self.child_started()
        if self._partial:
            self._line(self._partial)
            self._partial = b""

    def _feed(self, data: bytes) -> None:
        *lines, self._partial = (self._partial + data).split(b"\n")
        for line in lines:
            self._line(line)
        if len(self._partial) > MAX_LINE:
            self._line(self._partial)
            self._partial = b""

    def _line(self, raw: bytes) -> None:
        self._keep(raw)
        # The runtime client joins a stack trace with CR so that CloudWatch takes it as one event, and indents it
        # with no-break spaces; a terminal wants lines and blanks.
        for part in raw[:MAX_LINE].decode("utf-8", "replace").replace("\u00a0", " ").split("\r"):
            if part:
                self._sink(LogLine(self._function, part))

    def _keep(self, raw: bytes) -> None:
        self._tail = (self._tail + raw + b"\n")[-TAIL:]
