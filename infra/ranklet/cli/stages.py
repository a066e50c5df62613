"""One view of a long command: a line a stage, with its time, on stderr; plain lines where that is no terminal."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from ranklet.cli import terminal

SHOWN = 90
"""Characters of what a stage says at the moment."""


@dataclass
class Stage:
    """name: what is done. said: what it says now, and at its end its outcome. state: running, done or failed."""

    name: str
    began: float
    said: str = ""
    state: str = "running"
    seconds: float = 0.0

    def say(self, what: str) -> None:
        """What goes on at the moment, or came of it."""
        self.said = what


@dataclass
class Stages:
    """All stages of a command so far; drawn anew whenever the terminal is."""

    live: bool
    done: list[Stage] = field(default_factory=list)
    _spinner: Spinner = field(default_factory=lambda: Spinner("dots"))

    @contextmanager
    def stage(self, name: str) -> Iterator[Callable[[str], None]]:
        """Do one stage: call with what goes on. An error marks it and goes on its way."""
        one = Stage(name, time.monotonic())
        self.done.append(one)
        if not self.live:
            terminal.ERR.print(f"{name} …", markup=False)
        try:
            yield one.say
            one.state = "done"
        except BaseException:
            one.state = "failed"
            raise
        finally:
            one.seconds = time.monotonic() - one.began
            if not self.live:
                said = f": {one.said}" if one.said and one.state == "done" else ""
                terminal.ERR.print(f"{name} {one.state} in {one.seconds:.1f} s{said}", markup=False, soft_wrap=True)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        table = Table.grid(padding=(0, 1))
        marks = {"done": Text("✓", "green"), "failed": Text("✗", "red")}
        for one in self.done:
            running = one.state == "running"
            seconds = time.monotonic() - one.began if running else one.seconds
            mark = self._spinner if running else marks[one.state]
            table.add_row(mark, one.name, Text(f"{seconds:.0f} s", "dim"), Text(one.said[:SHOWN], "dim"))
        yield table

    def documents(self) -> list[dict[str, object]]:
        """For `--json`."""
        return [{"stage": one.name, "seconds": round(one.seconds, 3), "said": one.said} for one in self.done]


@contextmanager
def stages() -> Iterator[Stages]:
    """The view, for as long as the command runs."""
    shown = Stages(live=terminal.ERR.is_terminal)
    if not shown.live:
        yield shown
        return
    with Live(shown, console=terminal.ERR, refresh_per_second=8):
        yield shown
