"""Getting wheels for another machine: pip, told never to build and never to resolve."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from ranklet.errors import PackagingError
from ranklet.packaging.targets import Target


def install(pins: Sequence[str], target: Target, folder: Path) -> None:
    """Unpack the wheels of the pins into the folder.

    pip keeps the user's own settings (mirrors, certificates, cache), because the user's machine is where it runs.
    Raises PackagingError that names the pin, the target and the way on.
    """
    command = [sys.executable, "-m", "pip", "install", *arguments(target), "--target", str(folder), *pins]
    # A PIP_USER of the environment contradicts --target; nobody is there to answer a question.
    environment = {**os.environ, "PIP_USER": "0", "PIP_NO_INPUT": "1"}
    done = subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace"
    )
    if done.returncode:
        raise PackagingError(_explain(done.stderr, pins, target))


def arguments(target: Target) -> list[str]:
    """pip's options for the target: wheels alone, for its Python and its platform tags."""
    options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--no-compile", "--only-binary=:all:"]
    if target.platforms:
        # pip up to 23 holds Requires-Python against the running Python, not the target's; the wheel's tags decide.
        options += ["--ignore-requires-python"]
        options += ["--implementation", "cp", "--python-version", f"{target.python[0]}.{target.python[1]}"]
        options += [part for platform in target.platforms for part in ("--platform", platform)]
    return options


def _explain(stderr: str, pins: Sequence[str], target: Target) -> str:
    """pip's failure as our own: which pin, for what, why, what to do."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR:")] or lines[-1:]
    culprits = [pin for pin in pins if any(pin in line for line in errors)] or list(pins)
    head = f"pip found no {', '.join(culprits)} for {target.name}: {' '.join(errors) or 'it gave no reason'}"
    if "(from versions: none)" in stderr or "NewConnectionError" in stderr or "NameResolutionError" in stderr:
        return (
            f"{head}\nThe package index did not answer or does not have it. Go online (or point PIP_INDEX_URL or "
            "PIP_FIND_LINKS at a mirror with wheels for that target) and run the same command again: layers that "
            "are finished are kept."
        )
    return f"{head}\nChange the pin in the layer's requirements.txt to a version that has a wheel for that target."
