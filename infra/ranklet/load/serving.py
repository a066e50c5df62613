"""A local cloud in a process of its own: the generator and the front would else take turns in one interpreter.

`python -m ranklet.load.serving` with one JSON document as its argument tells the model's URL on its first line, its
counts for every line that it is given, and ends when its input does.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ranklet.errors import LoadError

STOP_S = 60.0


@dataclass(frozen=True)
class Counts:
    """What the local Lambda counted so far. inits_ms: of every environment, exec to first poll."""

    cold_starts: int
    environments: int
    throttled: int
    errors: int
    inits_ms: tuple[float, ...]


class Served:
    """The model in the cloud's process."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.url = str(self._line())

    def counts(self) -> Counts:
        """As they are now."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        told = self._line()
        return Counts(**{**told, "inits_ms": tuple(told["inits_ms"])})

    def _line(self) -> Any:
        assert self._process.stdout is not None
        if not (line := self._process.stdout.readline()):
            raise LoadError("the local cloud has ended; its reason is above")
        return json.loads(line)


@contextmanager
def served(assembly: Path, tables: Path, model: str, *, cap: int) -> Iterator[Served]:
    """Serve a synthesised model with at most so many environments. Raises LoadError where it does not start."""
    given = {"assembly": str(assembly), "tables": str(tables), "model": model, "cap": cap}
    command = [sys.executable, "-m", "ranklet.load.serving", json.dumps(given)]
    # A session of its own: Ctrl-C is for the generator, which ends the cloud when it has its report.
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdin is not None
        try:
            yield Served(process)
        finally:
            process.stdin.close()
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()


def main(given: dict[str, Any]) -> None:
    """Serve until stdin ends."""
    from ranklet.errors import RankletError
    from ranklet.local.cloud import LocalCloud

    model = given["model"]
    cloud = LocalCloud(
        Path(given["assembly"]), functions=[model], tables=Path(given["tables"]), cap=given["cap"], log=_faults
    )
    try:
        with cloud.running() as running:
            print(json.dumps(running.url_of(model)), flush=True)
            for _ in sys.stdin:
                stats = running.stats()[model]
                counts = Counts(stats.cold_starts, stats.environments, stats.throttled, stats.errors, stats.inits_ms)
                print(json.dumps(vars(counts)), flush=True)
    except RankletError as error:
        sys.exit(f"ranklet: {error}")


def _faults(line: Any) -> None:
    """Only what a function itself says is wrong: a line a request would cost as much as the request."""
    from ranklet.local.logs import to_stderr

    if '"level":"ERROR"' in line.text or "Traceback" in line.text:
        to_stderr(line)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
