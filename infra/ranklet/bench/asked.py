"""Peers: an environment of its own for each, made when asked for, and a process in it that is asked by lines of JSON.

A peer shares no environment and no process with ranklet: they pin versions for themselves, and bring OpenMP runtimes
and thread pools of their own. Its script reads one JSON document as its argument, then a question a line, and answers
each with a line.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ranklet.bench.base import Progress, Setting
from ranklet.errors import BenchError
from ranklet.packaging import bytecode

WHOLE = "whole"
"""The file that says that an environment was made to its end."""
STOP_S = 20.0
FEW = 6
"""Packages that are told by name."""


class Asked:
    """A peer's process, by its script's name; `told` is what it said first."""

    def __init__(self, process: subprocess.Popen[str], name: str) -> None:
        self._process, self._name = process, name
        self.told = self._answer()

    def ask(self, question: Mapping[str, Any]) -> Any:
        """The answer to a question. Raises BenchError where the process has ended."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(question) + "\n")
            self._process.stdin.flush()
        except OSError as error:
            raise BenchError(f"the process of {self._name} has ended: {error}") from error
        return self._answer()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        if not (line := self._process.stdout.readline()):
            raise BenchError(f"the process of {self._name} has ended; its reason is on stderr")
        return json.loads(line)


@contextmanager
def started(
    python: Path, script: Path, given: Mapping[str, Any], *, environ: Mapping[str, str] = {}, folder: Path | None = None
) -> Iterator[Asked]:
    """A script's process in some environment; it ends with the block. folder: where it runs."""
    # -P: beside the script lie modules whose names are a library's.
    command = [str(python), "-P", str(script), json.dumps(given)]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **environ, "PYTHONPATH": ""},
        cwd=folder,
    ) as process:
        assert process.stdin is not None
        try:
            yield Asked(process, script.stem)
        finally:
            process.stdin.close()
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()


def environment(
    name: str,
    packages: Sequence[str],
    setting: Setting,
    progress: Progress,
    *,
    python: tuple[int, int] | None = None,
) -> Path | None:
    """The interpreter of an environment, made where the setting says so; None where there is none.

    python: the minor that its packages support, where that may not be the running one.
    """
    home = setting.folder / name
    if not (home / WHOLE).exists() and setting.install_peers:
        progress(f"installing {name}: {', '.join(packages) if len(packages) <= FEW else f'{len(packages)} packages'}")
        _make(home, python)
        command = [str(home / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        if subprocess.run([*command, *packages], stdout=sys.stderr, check=False).returncode:
            raise BenchError(f"{name} could not be installed; without --install the bench runs without it")
        (home / WHOLE).touch()
    return found(name, setting)


def _make(home: Path, python: tuple[int, int] | None) -> None:
    """A new environment of the running Python, or of another one on this machine. Raises BenchError without it."""
    if python is None:
        venv.create(home, clear=True, with_pip=True)
        return
    if (base := bytecode.compiler(python)) is None:
        raise BenchError(f"{home.name} needs Python {python[0]}.{python[1]}, which is not on this machine")
    subprocess.run([base, "-m", "venv", "--clear", str(home)], stdout=sys.stderr, check=True)


def found(name: str, setting: Setting) -> Path | None:
    """The interpreter of an environment that was made before; None where there is none."""
    home = setting.folder / name
    return home / "bin" / "python" if (home / WHOLE).exists() else None


def has(python: Path, modules: Sequence[str]) -> bool:
    """Whether an interpreter finds these modules."""
    check = f"import importlib.util as u, sys; sys.exit(not all(u.find_spec(m) for m in {tuple(modules)!r}))"
    return subprocess.run([str(python), "-c", check], check=False).returncode == 0
