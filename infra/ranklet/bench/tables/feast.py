"""Feast as a peer, in an environment of its own: it pins botocore, pandas and pyarrow for itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ranklet.bench import asked
from ranklet.bench.asked import Asked
from ranklet.bench.base import Progress, Sample, Setting
from ranklet.bench.tables import servers

PACKAGE = "feast[aws]==0.67.0"
WAYS = {"feast": "get_online_features", "feast online_read": "online_read"}
"""Peer's name in the report → the way it reads: the whole call that services make, and the store below it."""

SCRIPT = Path(__file__).with_name("peer_feast.py")


class Feast:
    """Feast, reading the rows that were written into its own table of the same endpoint."""

    def __init__(self, process: Asked, folder: Path) -> None:
        self._process, self._folder = process, folder
        self.version: str = process.told["version"]

    def answer(self, way: str, request: int) -> NDArray[np.float32]:
        """What it answers to one of the requests, float32 [n, dim]."""
        path = self._folder / "answer.npy"
        self._process.ask({"way": WAYS[way], "request": request, "answer": str(path)})
        rows: NDArray[np.float32] = np.load(path)
        return rows

    def sample(self, way: str, requests: int) -> Sample:
        """Times one call, in CPU seconds of its process, measured there."""
        return lambda turn: float(self._process.ask({"way": WAYS[way], "request": turn % requests})["cpu"])


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
    with asked.started(python, SCRIPT, given, environ=servers.environ(url), folder=folder) as process:
        yield Feast(process, folder)


def python(setting: Setting, progress: Progress) -> Path | None:
    """The interpreter of Feast's environment; it is made where the setting says so, None where there is none."""
    return asked.environment("feast", [PACKAGE], setting, progress)
