"""The `cdk` command as a child: its words go to a log file, the last of them to whoever watches."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from ranklet import node
from ranklet.errors import DeployError

LAST = 20
"""Lines of the log that a failure shows."""

COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class Cdk:
    """How to run it. root: the project's folder. log: the file. context: what `-c` says."""

    root: Path
    log: Path
    context: Mapping[str, str] = field(default_factory=dict)
    region: str | None = None
    endpoint: str | None = None

    def deploy(self, stacks: Sequence[str], *, progress: Callable[[str], None]) -> None:
        """Deploy stacks by their names in the app. Nobody is asked: `cdk diff` shows beforehand what would change."""
        self.run(["deploy", *stacks, "--require-approval", "never", "--progress", "events"], progress=progress)

    def run(self, words: Sequence[str], *, progress: Callable[[str], None]) -> None:
        """Run it to its end. Raises DeployError with the log's last lines."""
        told = [word for name, value in self.context.items() for word in ("--context", f"{name}={value}")]
        command = [*node.cdk_command(), *words, *told, "--output", str(self.log.with_suffix(".out")), "--ci"]
        self.log.parent.mkdir(parents=True, exist_ok=True)
        last: deque[str] = deque(maxlen=LAST)
        with self.log.open("a", encoding="utf-8") as log:
            child = subprocess.Popen(
                command,
                cwd=self.root,
                env=self._environ(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
            )
            with child:
                try:
                    code = _follow(child, log, last, progress)
                except BaseException:
                    child.terminate()
                    raise
        if code:
            lines = "\n  ".join(last)
            hint = "\nThe account is not prepared for the CDK: add --bootstrap" if "bootstrap" in lines.lower() else ""
            raise DeployError(
                f"cdk {words[0]} ended with {code}; its last lines (all are in {self._named()}):\n  {lines}{hint}"
            )

    def _named(self) -> str:
        return str(self.log.relative_to(self.root)) if self.log.is_relative_to(self.root) else self.log.name

    def _environ(self) -> dict[str, str]:
        """node and this very Python on PATH, which cdk.json's `python` is; region and endpoint where they are given."""
        environ = node.with_node(os.environ)
        environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), environ["PATH"]])
        if self.region:
            environ |= {"AWS_REGION": self.region, "AWS_DEFAULT_REGION": self.region}
        if self.endpoint:
            environ["AWS_ENDPOINT_URL"] = self.endpoint
        return environ


def _follow(child: subprocess.Popen[str], log: TextIO, last: deque[str], progress: Callable[[str], None]) -> int:
    """Its lines as they come, to the log and to whoever watches; its exit code."""
    assert child.stdout is not None
    for line in child.stdout:
        log.write(line)
        log.flush()
        if said := COLOUR.sub("", line).strip():
            last.append(said)
            progress(said)
    return child.wait()
