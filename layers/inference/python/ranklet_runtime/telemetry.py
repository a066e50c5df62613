"""What the function counts and logs: AWS Lambda Powertools, off the hot path.

Powertools' Metrics and Logger cost about 210 µs a request and 90 ms of the cold start when used the usual way, more
than most models. So a request only adds to plain numbers; every 100 requests, or a minute, and when the process is
told to end, they become one document in CloudWatch's embedded metric format on stdout. That is done when the request's
answer has been posted, before the next event is asked for (`ranklet_runtime.polling`), so that no caller waits for it,
nor for the import of Powertools (25 ms), which the first document needs; under another runtime client it is done in the
request. Errors of ours are logged at once, as JSON on stderr.

Counts are written once `start` was called, which the Lambda handler does: a build that replays requests through the
same code prints nothing. Metrics of a model have the dimension `model`:

    Requests, Items, Latency (milliseconds, of each request), Fault<status>, NonFiniteScores, Degraded:<reason>,
    DegradedRequests (in which anything was defaulted), UnavailableRequests (in which rows were not read in time),
    Faults (statuses of 500 and above),
    RefusedRecords (of answered requests that take each record by itself), Shadow… (see `ranklet_runtime.shadow`)

and those of each table, written beside them, `model` and `table`; of both, only what is not zero:

    Rows, Misses, Unavailable    rows handed to the model; of these, absent from the table; not read in time
    Degraded                     misses and unavailable rows that a default stood in for
    CacheHits, NegativeHits      distinct keys of a request that the cache knew; of these, as absent
    StoreReads, ReadUnits        keys that DynamoDB was asked for; what they cost, by its size rule
    Calls, Retries, Throttles    BatchGetItem calls; of these, for keys left over or lost; refused for throughput
    Hedges, HedgeWins            calls sent a second time, as the first was slow; of these, answered first
    ReadLatency                  milliseconds, of each read with all its calls and pauses

and, of a model that is released gradually, `model` and `release`, `<function>:<version>`; zeros too:

    Requests, Faults (statuses of 500 and above, scores that are not finite), DegradedRequests, Scores0 … (see
    `ranklet_runtime.drift`)

What is counted and when it is written are told in one place, which makes this file a long one.

What an environment holds when it is killed without a signal is lost, at most 99 requests'
counts; Lambda sends SIGTERM to functions with an extension only.
"""

from __future__ import annotations

import atexit
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from types import FrameType, MappingProxyType
from typing import TYPE_CHECKING, Any

from ranklet_features.stores.counts import Counts
from ranklet_runtime.errors import NonFiniteScores, RequestFault

if TYPE_CHECKING:
    from ranklet_runtime.drift import Drift

NAMESPACE = "ranklet"
EVERY_REQUESTS = 100
"""Not above 100: so many values of one metric (each request's latency) fit into one document."""
EVERY_SECONDS = 60.0

MOST_VALUES = 100
"""Of one metric in one document."""

UNAVAILABLE = "unavailable_rows:"
"""What the reasons of rows begin with that were not read in time."""

OF_TABLES = {
    "Rows": "rows",
    "Misses": "misses",
    "Unavailable": "unavailable",
    "Degraded": "degraded",
    "CacheHits": "cache_hits",
    "NegativeHits": "negative_hits",
    "StoreReads": "reads",
    "ReadUnits": "units",
    "Calls": "calls",
    "Retries": "retries",
    "Throttles": "throttles",
    "Hedges": "hedges",
    "HedgeWins": "hedge_wins",
}
"""Metric → field of a table's counts."""


class Telemetry:
    """Counters of one function. `clock` gives seconds and never goes back. tables: what reading each of them counts.

    drift: what is counted by Lambda version as well. writers: called at each flush, they write what others counted.
    """

    def __init__(
        self,
        model: str,
        version: str,
        *,
        clock: Callable[[], float] = time.monotonic,
        tables: Mapping[str, Counts] = MappingProxyType({}),
        drift: Drift | None = None,
    ) -> None:
        self.drift = drift
        self.writers: list[Callable[[], None]] = []
        self._model, self._version, self._clock, self._tables = model, version, clock, tables
        self._counts: Counter[str] = Counter()
        self._latencies: list[float] = []
        self._items = 0
        self._flushed = clock()
        self._started = False
        self._writing = self._settles = False
        self._ending: Callable[[], None] | None = None
        self._logger: Any = None

    def scored(self, items: int, degraded: Mapping[str, int], counts: Mapping[str, int] = MappingProxyType({})) -> None:
        """Count what an answer held, and further numbers by metric (`UserCacheHits`)."""
        self._items += items
        if counts:
            self._counts.update(counts)
        if degraded:
            self._counts["DegradedRequests"] += 1
            if any(reason.startswith(UNAVAILABLE) for reason in degraded):
                self._counts["UnavailableRequests"] += 1
            for reason, count in degraded.items():
                self._counts[f"Degraded:{reason}"] += count

    def count(self, name: str) -> None:
        """Count something else that happened to a request."""
        self._counts[name] += 1

    def refused(self, fault: RequestFault) -> None:
        """Count a fault by its status."""
        self._counts[f"Fault{fault.status}"] += 1
        if fault.status >= 500:
            self._counts["Faults"] += 1
        if isinstance(fault, NonFiniteScores):
            self._counts["NonFiniteScores"] += 1

    def done(self, seconds: float) -> None:
        """End a request that took so long; flush when that is due and nobody settles between requests."""
        if len(self._latencies) >= EVERY_REQUESTS:
            self.flush()  # nobody has settled after the last request, though it was done once
        self._latencies.append(seconds * 1000)
        if not self._settles and self._due():
            self.flush()

    def settle(self) -> None:
        """Flush if that is due: called between two requests, by who can."""
        self._settles = True
        if self._due():
            self.flush()

    def _due(self) -> bool:
        return len(self._latencies) >= EVERY_REQUESTS or self._clock() - self._flushed >= EVERY_SECONDS

    def log(self, message: str, error: BaseException, **keys: str) -> None:
        """Log an error with its traceback as one line of JSON, now."""
        try:
            self._powertools().error(message, exc_info=error, extra=keys)
        except (ImportError, OSError, ValueError) as broken:
            _last_resort(f"{message} (not logged properly: {broken})")

    def start(self, *, at_once: bool = False) -> None:
        """Write counts from now on, at the interpreter's end and on SIGTERM as well. For a process of its own.

        at_once: import Powertools now, where INIT is not paid by a request.
        """
        self._started = True
        if at_once:
            self._powertools()
            self._provider({})
        # Imported here: the handler has it, and who replays requests needs none.
        from ranklet_runtime import polling

        polling.before_each(self.settle)
        atexit.register(self.flush)
        before = signal.getsignal(signal.SIGTERM)

        def on_sigterm(number: int, frame: FrameType | None) -> None:
            self._ending = lambda: _pass_on(before, number, frame)
            # Caught while counts are being written: whoever writes them ends the process afterwards.
            if not self._writing:
                self.flush()
                self._ending()

        signal.signal(signal.SIGTERM, on_sigterm)

    def flush(self) -> None:
        """Write what was counted since the last time, if anything; before `start`, forget it."""
        self._writing = True
        latencies, counts, items = self._latencies, self._counts, self._items
        self._latencies, self._counts, self._items = [], Counter(), 0
        self._flushed = self._clock()
        tables = {name: table.take() for name, table in self._tables.items()}
        if latencies and self._started:
            self._write({"Requests": len(latencies), "Items": items, **counts}, latencies)
            if self.drift is not None:
                found = self.drift.take(len(latencies), counts)
                self.put({name: metric("Count", [float(n)]) for name, n in found.items()}, release=self.drift.release)
        if self._started:
            for name, taken in tables.items():
                self._write_table(name, taken)
            for write in self.writers:
                write()
        self._writing = False
        if self._ending is not None:
            self._ending()

    def _write(self, totals: Mapping[str, int], latencies: list[float]) -> None:
        metrics = {name: metric("Count", [float(value)]) for name, value in totals.items()}
        metrics["Latency"] = metric("Milliseconds", [round(value, 3) for value in latencies])
        self.put(metrics)

    def _write_table(self, table: str, counts: Counts) -> None:
        totals = {name: float(getattr(counts, field)) for name, field in OF_TABLES.items()}
        metrics = {name: metric("Count", [value]) for name, value in totals.items() if value}
        reads = [round(value, 3) for value in counts.read_ms]
        for start in range(0, len(reads), MOST_VALUES):
            latency = metric("Milliseconds", reads[start : start + MOST_VALUES])
            self.put({**metrics, "ReadLatency": latency}, table=table)
            metrics = {}
        if metrics:
            self.put(metrics, table=table)

    def put(self, metrics: dict[str, Any], **dimensions: str) -> None:
        """Write one document. metrics: as `metric` makes them, by name."""
        try:
            self._provider(metrics, **dimensions).flush_metrics()
            sys.stdout.flush()
        except (ImportError, OSError, ValueError) as error:
            # A closed stdout or a layer without Powertools costs the metrics, never a request.
            _last_resort(f"metrics are lost: {error}")

    def _provider(self, metrics: dict[str, Any], **dimensions: str) -> Any:
        # Imported here: see above.
        from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import AmazonCloudWatchEMFProvider

        return AmazonCloudWatchEMFProvider(
            metric_set=metrics,
            namespace=NAMESPACE,
            default_dimensions={"model": self._model, **dimensions},
            metadata_set={"version": self._version},
        )

    def _powertools(self) -> Any:
        if self._logger is None:
            # Imported here: see above.
            from aws_lambda_powertools import Logger

            self._logger = Logger(service=self._model, stream=sys.stderr)
            self._logger.append_keys(version=self._version)
        return self._logger


def metric(unit: str, values: list[float]) -> dict[str, Any]:
    """A metric of a document; not more than MOST_VALUES."""
    return {"Unit": unit, "StorageResolution": 60, "Value": values}


def _pass_on(before: Any, number: int, frame: FrameType | None) -> None:
    """What the signal would have done without us."""
    if callable(before):
        before(number, frame)
    else:
        # Die of the signal. An exit would wait for the thread in which awslambdaric asks for the next event, and
        # that one waits until the process is killed.
        signal.signal(number, signal.SIG_DFL)
        signal.raise_signal(number)


def _last_resort(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
