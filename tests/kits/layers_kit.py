"""A process that has the layers as they are packed for this machine, pruned and trimmed, and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from ranklet.packaging import layers
from ranklet.packaging.targets import host_target

OUT = layers.SOURCES.parent / ".build" / "layers"
"""Where `ranklet serve` has them too: built once, for as long as pins and rules are the same."""


def alone(names: Sequence[str], script: str, *arguments: str, beside: Sequence[Path] = ()) -> str:
    """What a script prints that runs with these layers. beside: folders that it may import from as well."""
    folders = [layers.build(name, host_target(), OUT) / "python" for name in names]
    command = [sys.executable, "-S", "-s", "-P", "-W", "error", "-c", script, *arguments]
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(map(str, [*folders, *beside]))}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout
