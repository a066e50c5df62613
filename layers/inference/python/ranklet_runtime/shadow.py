"""A share of the requests, copied to a candidate version: what it would have answered, and in what time.

The live version hands the very event on, with its scores and its time beside it, once its own answer is made; Lambda
takes it (an `Event` invocation) and runs the candidate later. What a copied request costs is that hand-over, one call
of Lambda within the request's time. The candidate scores the request, writes how far apart both are, and answers none.

A copy cannot be copied again: only what was invoked as `live` copies, and an event that is a copy is never handed on.
Nor can a caller send one: the mark stands beside API Gateway's own fields of an event, where no header or body gets.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-async.html
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

import numpy as np
import orjson
from numpy.typing import NDArray

from ranklet_features.errors import StoreUnavailable
from ranklet_features.stores.aws.connection import Broken
from ranklet_runtime.service import Service
from ranklet_runtime.telemetry import MOST_VALUES, Telemetry, metric

VARIABLE = "RANKLET_SHADOW"
"""`<share>@<qualifier>`: of the requests, and to which alias or version."""

MARK = "ranklet-shadow"
"""The field of an event that makes it a copy: the live version's `scores`, and its `ms`."""

LIVE = "live"
"""The alias whose requests are copied."""

MOST_BYTES = 256 * 1024
"""Of an event that Lambda takes for later."""

PATIENCE_S = 0.25
ABSENT_S, TROUBLED_S = 60.0, 5.0
"""How long nothing is copied once there was no candidate, or no answer."""

WRITE_S = 10.0
"""A candidate gets few requests and may never get another: it writes sooner than a version that answers."""


class Shadow:
    """The live version's part. Raises StoreUnavailable without a region or credentials, ValueError for a setting."""

    def __init__(
        self,
        setting: str,
        environ: Mapping[str, str],
        telemetry: Telemetry,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        share, _, qualifier = setting.partition("@")
        self._share, self._owed = float(share), 0.0
        name = quote(environ["AWS_LAMBDA_FUNCTION_NAME"], safe="")
        self._path = f"/2015-03-31/functions/{name}/invocations"
        self._query, self._clock, self._quiet_until = f"Qualifier={quote(qualifier, safe='')}", clock, 0.0
        self._lambda, self._telemetry = Service(environ, "lambda"), telemetry
        self._scores: NDArray[np.float32] | None = None

    def renew(self) -> None:
        """Let go of connection and credentials."""
        self._lambda.renew()

    def scored(self, scores: NDArray[np.float32]) -> None:
        """Keep what a request was answered with, if it is one of those that are copied."""
        self._owed += self._share
        if self._owed >= 1:
            self._owed -= 1
            self._scores = scores

    def forget(self) -> None:
        """Let go of what was kept: the request means nothing to a candidate."""
        if self._scores is not None:
            self._owed, self._scores = self._owed + 1, None

    def send(self, event: Mapping[str, Any], seconds: float, alias: str | None) -> None:
        """Hand on the event whose scores were kept. Whatever goes wrong costs the copy and nothing else."""
        scores, self._scores = self._scores, None
        if scores is None or alias != LIVE or self._clock() < self._quiet_until:
            return
        copy = {**event, MARK: {"scores": scores, "ms": round(seconds * 1000, 3)}}
        try:
            body = orjson.dumps(copy, option=orjson.OPT_SERIALIZE_NUMPY)
        except orjson.JSONEncodeError:
            self._telemetry.count("ShadowSkipped")
            return
        self._telemetry.count("ShadowSkipped" if len(body) > MOST_BYTES else self._handed_on(body))

    def close(self) -> None:
        """Give the connection back."""
        self._lambda.close()

    def _handed_on(self, body: bytes) -> str:
        """The metric that counts what became of it."""
        try:
            reply = self._lambda.call(
                "POST",
                self._path,
                query=self._query,
                body=body,
                headers={"x-amz-invocation-type": "Event"},
                deadline=time.monotonic() + PATIENCE_S,
            )
        except (Broken, StoreUnavailable):
            self._quiet_until = self._clock() + TROUBLED_S
            return "ShadowLost"
        if reply.status == 202:
            return "ShadowSent"
        # Lambda answers 404 where the alias is not there, and 403 where this function may not know.
        self._quiet_until = self._clock() + (ABSENT_S if reply.status in (403, 404) else TROUBLED_S)
        return "ShadowAbsent" if reply.status in (403, 404) else "ShadowLost"


class Candidate:
    """The candidate's part: what it makes of copies, as metrics of `model` and `release` (`<function>:<version>`).

    ShadowRequests, ShadowFaults (not scored, or not as many or as finite scores), ShadowReordered (another candidate
    is best), ShadowDifference (the largest of each request's scores), ShadowLatency and ShadowLiveLatency.
    """

    def __init__(self, telemetry: Telemetry, release: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._telemetry, self._release, self._clock, self._written = telemetry, release, clock, clock()
        self._reset()
        telemetry.writers.append(self.write)

    def compare(self, copy: Any, score: Callable[[], NDArray[np.float32]]) -> None:
        """Score the copied request and hold it against what the live version answered."""
        self._counts["ShadowRequests"] += 1
        started = time.monotonic()
        try:
            ours, theirs = score(), np.array(copy["scores"], np.float32)
            self._values["ShadowLatency"].append(round((time.monotonic() - started) * 1000, 3))
            self._values["ShadowLiveLatency"].append(float(copy["ms"]))
            self._compare(ours, theirs)
        except Exception as error:  # a copied request ends here: nobody waits for an answer
            self._fault(error)
        if self._counts["ShadowRequests"] >= MOST_VALUES or self._clock() - self._written >= WRITE_S:
            self._telemetry.flush()

    def _compare(self, ours: NDArray[np.float32], theirs: NDArray[np.float32]) -> None:
        gap = np.abs(ours.astype(np.float64) - theirs)  # raises ValueError for other counts
        if not np.array_equal(np.isnan(ours), np.isnan(theirs)):
            raise ValueError("another score is null")
        known = gap[~np.isnan(gap)]
        self._values["ShadowDifference"].append(float(known.max(initial=0.0)))
        if known.size and np.nanargmax(ours) != np.nanargmax(theirs):
            self._counts["ShadowReordered"] += 1

    def _fault(self, error: Exception) -> None:
        self._counts["ShadowFaults"] += 1
        self._telemetry.log(f"a copied request fails here: {error}", error)

    def write(self) -> None:
        """Write what was compared since the last time; called by telemetry."""
        counts, values = self._counts, self._values
        if not counts["ShadowRequests"]:
            return
        self._reset()
        found = {name: metric("Count", [float(count)]) for name, count in counts.items()}
        for name, several in values.items():
            if several:
                found[name] = metric("None" if name == "ShadowDifference" else "Milliseconds", several)
        self._telemetry.put(found, release=self._release)

    def _reset(self) -> None:
        self._written = self._clock()
        self._counts = dict.fromkeys(("ShadowRequests", "ShadowFaults", "ShadowReordered"), 0)
        self._values: dict[str, list[float]] = {
            name: [] for name in ("ShadowDifference", "ShadowLatency", "ShadowLiveLatency")
        }
