"""Feast as a peer: an environment of its own under the bench's folder, and the process that runs in it.

Feast pins botocore, pandas and pyarrow for itself, so it never shares an environment with ranklet.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranklet.bench.base import Progress, Sample, Setting
from ranklet.bench.tables import servers
from ranklet.errors import BenchError

PACKAGE = "feast[aws]==0.67.0"
WAYS = {"feast": "get_online_features", "feast online_read": "online_read"}
"""Peer's name in the report → the way it reads: the whole call that services make, and the store below it."""

SCRIPT = Path(__file__).with_name("peer_feast.py")
STOP_S = 20.0


class Feast:
    """Feast, reading the rows that were written into its own table of the same endpoint."""

    def __init__(self, process: subprocess.Popen[str], folder: Path) -> None:
        self._process, self._folder = process, folder
        self.version: str = self._answer()["version"]

    def answer(self, way: str, request: int) -> NDArray[np.float32]:
        """What it answers to one of the requests, float32 [n, dim]."""
        path = self._folder / "answer.npy"
        self._ask({"way": WAYS[way], "request": request, "answer": str(path)})
        rows: NDArray[np.float32] = np.load(path)
        return rows

    def sample(self, way: str, requests: int) -> Sample:
        """Times one call, in CPU seconds of its process, measured there."""
        return lambda turn: float(self._ask({"way": WAYS[way], "request": turn % requests})["cpu"])

    def _ask(self, question: dict[str, Any]) -> Any:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(question) + "\n")
            self._process.stdin.flush()
        except OSError as error:
            raise BenchError(f"Feast's process has ended: {error}") from error
        return self._answer()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise BenchError("Feast's process has ended; its reason is on stderr")
        return json.loads(line)


@contextmanager
def running(
    python: Path | None, url: str, rows: NDArray[np.float32], wanted: Sequence[NDArray[np.intp]], folder: Path
) -> Iterator[Feast | None]:
    """Feast over an endpoint, row i under id i; None where it is not installed."""
    if python is None:
        yield None
        return
    np.save(folder / "rows.npy", rows)
    given = {
        "endpoint": url,
        "region": servers.REGION,
        "rows": str(folder / "rows.npy"),
        "folder": str(folder),
        "requests": [places.tolist() for places in wanted],
    }
    environ = {**os.environ, **servers.environ(url), "PYTHONPATH": ""}
    # -P: beside the script lies a feast.py that is not Feast.
    command = [str(python), "-P", str(SCRIPT), json.dumps(given)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environ, cwd=folder
    ) as process:
        assert process.stdin is not None
        try:
            yield Feast(process, folder)
        finally:
            process.stdin.close()
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()


def python(setting: Setting, progress: Progress) -> Path | None:
    """The interpreter of Feast's environment; it is made where the setting says so, None where there is none."""
    home = setting.folder / "feast"
    interpreter = home / "bin" / "python"
    if not (home / "whole").exists() and setting.install_peers:
        progress(f"installing {PACKAGE}")
        venv.create(home, clear=True, with_pip=True)
        command = [str(interpreter), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", PACKAGE]
        if subprocess.run(command, stdout=sys.stderr, check=False).returncode:
            raise BenchError(f"{PACKAGE} could not be installed; without --install-peers the bench runs without it")
        (home / "whole").touch()
    return interpreter if (home / "whole").exists() else None
