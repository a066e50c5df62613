"""What the function counts and logs: AWS Lambda Powertools, off the hot path.

Powertools' Metrics and Logger cost about 210 µs a request and 90 ms of the cold start when used the usual way, more
than most models. So a request only adds to plain integers; every 100 requests, or a minute, and when the process is
told to end, they become one document in CloudWatch's embedded metric format. Errors of ours are logged at once.
Powertools is imported by the first of either.

What an environment has not flushed when it is killed without a signal is lost: at most 99 requests' counts.
Lambda sends SIGTERM only to functions with an extension.
"""

from __future__ import annotations

import atexit
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from types import FrameType
from typing import Any

from ranklet_runtime.errors import NonFiniteScores, RequestFault

NAMESPACE = "ranklet"
EVERY_REQUESTS = 100
"""Not above 100: so many values of one metric (each request's latency) fit into one document."""
EVERY_SECONDS = 60.0


class Telemetry:
    """Counters of one function. `clock` gives seconds and never goes back."""

    def __init__(self, model: str, version: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._model, self._version, self._clock = model, version, clock
        self._counts: Counter[str] = Counter()
        self._latencies: list[float] = []
        self._items = 0
        self._flushed = clock()
        self._logger: Any = None

    def scored(self, items: int, degraded: Mapping[str, int]) -> None:
        """Count what an answer held."""
        self._items += items
        for reason, count in degraded.items():
            self._counts[f"Degraded:{reason}"] += count

    def refused(self, fault: RequestFault) -> None:
        """Count a fault by its status."""
        self._counts[f"Fault{fault.status}"] += 1
        if isinstance(fault, NonFiniteScores):
            self._counts["NonFiniteScores"] += 1

    def done(self, started: float) -> None:
        """End a request that began at `started`, a time of the clock; flush when that is due."""
        now = self._clock()
        self._latencies.append((now - started) * 1000)
        if len(self._latencies) >= EVERY_REQUESTS or now - self._flushed >= EVERY_SECONDS:
            self.flush()

    def log(self, message: str, error: BaseException, **keys: str) -> None:
        """Log an error with its traceback as one line of JSON, now."""
        self._powertools_logger().error(message, exc_info=error, extra=keys)

    def warm(self) -> None:
        """Import Powertools now: where INIT is paid for anyhow, no request shall wait for it."""
        self._powertools_logger()
        self._provider({})

    def flush(self) -> None:
        """Write what was counted since the last time, if anything."""
        latencies, counts, items = self._latencies, self._counts, self._items
        self._latencies, self._counts, self._items = [], Counter(), 0
        self._flushed = self._clock()
        if not latencies:
            return
        totals = {"Requests": len(latencies), "Items": items, **counts}
        metrics = {name: _metric("Count", [float(value)]) for name, value in totals.items()}
        metrics["Latency"] = _metric("Milliseconds", [round(value, 3) for value in latencies])
        self._provider(metrics).flush_metrics()
        sys.stdout.flush()

    def flush_at_end(self) -> None:
        """Flush when the interpreter ends, and on SIGTERM before whatever else was to happen then."""
        atexit.register(self.flush)
        before = signal.getsignal(signal.SIGTERM)

        def on_sigterm(number: int, frame: FrameType | None) -> None:
            self.flush()
            if callable(before):
                before(number, frame)
            else:
                # Die of the signal as if nobody had caught it. An exit would wait for the thread in which
                # awslambdaric asks for the next event, and that is until the process is killed.
                signal.signal(number, signal.SIG_DFL)
                signal.raise_signal(number)

        signal.signal(signal.SIGTERM, on_sigterm)

    def _provider(self, metrics: dict[str, Any]) -> Any:
        # Imported here: see above.
        from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import AmazonCloudWatchEMFProvider

        return AmazonCloudWatchEMFProvider(
            metric_set=metrics,
            namespace=NAMESPACE,
            default_dimensions={"model": self._model},
            metadata_set={"version": self._version},
        )

    def _powertools_logger(self) -> Any:
        if self._logger is None:
            # Imported here: see above.
            from aws_lambda_powertools import Logger

            self._logger = Logger(service=self._model)
            self._logger.append_keys(model=self._model, version=self._version)
        return self._logger


def _metric(unit: str, values: list[float]) -> dict[str, Any]:
    return {"Unit": unit, "StorageResolution": 60, "Value": values}
