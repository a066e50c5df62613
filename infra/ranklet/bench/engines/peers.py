"""The libraries as peers: each model in a process of its own, in whichever environment has the library.

That of ranklet is asked first, then one below the bench's folder, which `--install-peers` makes. A library shares no
process with what is timed here: they bring OpenMP runtimes and thread pools of their own.
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

import numpy as np
from numpy.typing import NDArray

from ranklet.bench.base import Progress, Sample, Setting
from ranklet.errors import BenchError

ENVIRONMENTS: Mapping[str, tuple[str, ...]] = {
    "libraries": ("catboost>=1.2", "lightgbm>=4.6", "scikit-learn>=1.7", "skops>=0.13", "xgboost-cpu>=3"),
    "java": ("h2o==3.46.0.11", "jpmml-evaluator>=0.16", "jpype1>=1.5"),
}
"""What `--install-peers` makes. jpmml-evaluator is AGPL: nothing of ours imports it, its process alone does.
Later releases of h2o save MOJOs under a licence only."""

MODULES: Mapping[str, tuple[str, ...]] = {
    "xgboost": ("xgboost",),
    "lightgbm": ("lightgbm",),
    "lightgbm-flat": ("lightgbm",),
    "catboost": ("catboost",),
    "hist-gradient-boosting": ("sklearn", "skops"),
    "random-forest": ("sklearn", "skops"),
    "logistic-regression": ("sklearn", "skops"),
}
"""Model → what must be there to train it."""

SCRIPT = Path(__file__).with_name("peer_models.py")
STOP_S = 20.0


class Peer:
    """A library with its model. name: with version. file: as the library saved it. ways: of predicting."""

    def __init__(self, process: subprocess.Popen[str], folder: Path) -> None:
        self._process, self._folder = process, folder
        told = self._answer()
        self.name: str = told["name"]
        self.file, self.ways = Path(told["file"]), tuple(told["ways"])

    def answer(self, way: str, kind: str, n: int) -> NDArray[np.float64]:
        """What it predicts of the first n rows of a kind."""
        path = self._folder / "answer.npy"
        self._ask({"way": way, "kind": kind, "n": n, "answer": str(path)})
        found: NDArray[np.float64] = np.load(path)
        return found

    def warm(self, way: str, kind: str, n: int, calls: int) -> None:
        """Call it so often, for a compiler that watches what is called."""
        self._ask({"way": way, "kind": kind, "n": n, "warm": calls})

    def sample(self, way: str, kind: str, n: int) -> Sample:
        """Times one call after an untimed one, in CPU seconds of its process, measured there."""
        return lambda _: float(self._ask({"way": way, "kind": kind, "n": n})["cpu"])

    def _ask(self, question: dict[str, Any]) -> Any:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(question) + "\n")
            self._process.stdin.flush()
        except OSError as error:
            raise BenchError(f"a peer's process has ended: {error}") from error
        return self._answer()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        if not (line := self._process.stdout.readline()):
            raise BenchError("a peer's process has ended; its reason is on stderr")
        return json.loads(line)


@contextmanager
def running(model: str, rows: Mapping[str, Path], setting: Setting) -> Iterator[Peer | None]:
    """The library of a model, trained if it was not; None where no environment has it. rows: kind → .npy file."""
    with started(SCRIPT, model, rows, setting, modules=MODULES[model]) as peer:
        yield peer


@contextmanager
def started(
    script: Path, model: str, rows: Mapping[str, Path], setting: Setting, *, modules: Sequence[str]
) -> Iterator[Peer | None]:
    """A script's process, in the first environment that has the modules; None where none has them."""
    python = next((one for one in pythons(setting) if _has(one, modules)), None)
    if python is None:
        yield None
        return
    folder = setting.folder / "models"
    folder.mkdir(parents=True, exist_ok=True)
    given = {"model": model, "folder": str(folder), "rows": {kind: str(path) for kind, path in rows.items()}}
    # -P: beside the script lie modules whose names are a library's.
    command = [str(python), "-P", str(script), json.dumps(given)]
    environ = {**os.environ, "PYTHONPATH": ""}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environ) as process:
        assert process.stdin is not None
        try:
            yield Peer(process, folder)
        finally:
            process.stdin.close()
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()


def install(setting: Setting, progress: Progress, environment: str = "libraries") -> None:
    """Make an environment of libraries, where the setting says so and it is not there."""
    home, packages = setting.folder / environment, ENVIRONMENTS[environment]
    if (home / "whole").exists() or not setting.install_peers:
        return
    progress(f"installing {', '.join(packages)}")
    venv.create(home, clear=True, with_pip=True)
    command = [str(home / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    if subprocess.run([*command, *packages], stdout=sys.stderr, check=False).returncode:
        raise BenchError("the libraries could not be installed; without --install-peers the bench runs without them")
    (home / "whole").touch()


def pythons(setting: Setting) -> list[Path]:
    """Interpreters that may have a library."""
    homes = [setting.folder / environment for environment in ENVIRONMENTS]
    return [Path(sys.executable), *(home / "bin" / "python" for home in homes if (home / "whole").exists())]


def _has(python: Path, modules: Sequence[str]) -> bool:
    check = f"import importlib.util as u, sys; sys.exit(not all(u.find_spec(m) for m in {tuple(modules)!r}))"
    return subprocess.run([str(python), "-c", check], check=False).returncode == 0
