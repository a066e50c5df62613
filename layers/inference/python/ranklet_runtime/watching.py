"""What is told of requests beside their counts: time by phase, refusals by place, and of some requests what was asked.

Everything here only adds to numbers and lines in memory; telemetry writes them when it flushes, so that no request
waits for a log. What is looked at of a few requests is imported when the manifest asks for it. Whatever fails here is
said once, and costs what would have been told, never a request.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from ranklet_runtime.errors import RequestFault
from ranklet_runtime.manifest import Manifest
from ranklet_runtime.scorer import Scorer
from ranklet_runtime.taken import Lines, writer
from ranklet_runtime.telemetry import Telemetry

if TYPE_CHECKING:
    from ranklet_runtime.observing import Observer
    from ranklet_runtime.refusals import Refusals

PATH_LENGTH = 100
"""Of a request's path in a line."""


class Watcher:
    """One function's. observer: None where no request is looked at."""

    def __init__(self, manifest: Manifest, scorer: Scorer, telemetry: Telemetry) -> None:
        self._manifest = manifest
        self._lines = Lines(manifest.model, manifest.version)
        self._refusals: Refusals | None = None
        self.observer: Observer | None = None
        self._said = False
        watch = manifest.watch
        telemetry.writers.append(self._lines.write)
        if watch.phases:
            telemetry.writers.append(writer(telemetry, scorer.phases))
        if watch.sample_every or watch.health_every:
            # Imported here: most functions look at no request.
            from ranklet_runtime.observing import Observer

            self.observer = Observer(manifest, scorer, self._lines)
            if self.observer.health is not None:
                telemetry.writers.append(writer(telemetry, self.observer.health))

    def look(self, path: str, request_id: str, seconds: float) -> None:
        """Look at the request that was scored last."""
        assert self.observer is not None, "only where it is due"
        try:
            self.observer.look(path[:PATH_LENGTH], request_id, seconds)
        except Exception as error:  # no request fails for what is only looked at
            self._say(error)

    def refused(self, fault: RequestFault, path: str, request_id: str) -> None:
        """Hold a line that says where a request was wrong, and nothing of what stood there."""
        if self._refusals is None:
            # Imported here: a function may refuse nothing.
            from ranklet_runtime.refusals import Refusals

            self._refusals = Refusals(self._manifest, self._lines)
        try:
            self._refusals.add(fault, path[:PATH_LENGTH], request_id)
        except (TypeError, ValueError) as error:  # a path that no log takes
            self._say(error)

    def _say(self, error: Exception) -> None:
        """Once, and without the message, which may quote what was asked."""
        if not self._said:
            self._said = True
            print(f"a request could not be looked at: {type(error).__name__}", file=sys.stderr, flush=True)
