"""The libraries as peers: each model in a process of its own, in whichever environment has the library.

That of ranklet is asked first, then one below the bench's folder, which `--install` makes.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ranklet.bench import asked
from ranklet.bench.asked import Asked
from ranklet.bench.base import Progress, Sample, Setting

ENVIRONMENTS: Mapping[str, tuple[str, ...]] = {
    "libraries": ("catboost>=1.2", "lightgbm>=4.6", "scikit-learn>=1.7", "skops>=0.13", "xgboost-cpu>=3"),
    "java": ("h2o==3.46.0.11", "jpmml-evaluator>=0.16", "jpype1>=1.5"),
}
"""What `--install` makes. jpmml-evaluator is AGPL: nothing of ours imports it, its process alone does.
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


class Peer:
    """A library with its model. name: with version. file: as the library saved it. ways: of predicting."""

    def __init__(self, process: Asked, folder: Path) -> None:
        self._process, self._folder = process, folder
        self.name: str = process.told["name"]
        self.file, self.ways = Path(process.told["file"]), tuple(process.told["ways"])

    def answer(self, way: str, kind: str, n: int) -> NDArray[np.float64]:
        """What it predicts of the first n rows of a kind."""
        path = self._folder / "answer.npy"
        self._process.ask({"way": way, "kind": kind, "n": n, "answer": str(path)})
        found: NDArray[np.float64] = np.load(path)
        return found

    def warm(self, way: str, kind: str, n: int, calls: int) -> None:
        """Call it so often, for a compiler that watches what is called."""
        self._process.ask({"way": way, "kind": kind, "n": n, "warm": calls})

    def sample(self, way: str, kind: str, n: int) -> Sample:
        """Times one call after an untimed one, in CPU seconds of its process, measured there."""
        return lambda _: float(self._process.ask({"way": way, "kind": kind, "n": n})["cpu"])


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
    python = next((one for one in pythons(setting) if asked.has(one, modules)), None)
    if python is None:
        yield None
        return
    folder = setting.folder / "models"
    folder.mkdir(parents=True, exist_ok=True)
    given = {"model": model, "folder": str(folder), "rows": {kind: str(path) for kind, path in rows.items()}}
    with asked.started(python, script, given) as process:
        yield Peer(process, folder)


def install(setting: Setting, progress: Progress, environment: str = "libraries") -> None:
    """Make an environment of libraries, where the setting says so and it is not there."""
    asked.environment(environment, ENVIRONMENTS[environment], setting, progress)


def pythons(setting: Setting) -> list[Path]:
    """Interpreters that may have a library."""
    made = [asked.found(environment, setting) for environment in ENVIRONMENTS]
    return [Path(sys.executable), *(python for python in made if python is not None)]
