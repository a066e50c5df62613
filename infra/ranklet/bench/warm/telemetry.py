"""A request's share of the telemetry, and the same counts written in every request, as Powertools is used otherwise.

A request adds to numbers; that is part of the handler's time. Every hundredth writes the documents: this cost is
measured by itself, of exactly a hundred requests, and divided among them. The least call of a turn would never see it.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

from ranklet.bench import base
from ranklet.bench.base import Found, Sample, Setting
from ranklet_runtime.function import Function
from ranklet_runtime.telemetry import EVERY_REQUESTS

OURS, POWERTOOLS = "telemetry", "powertools"


@contextmanager
def written(handler: Function) -> Iterator[None]:
    """Telemetry writes as in a function, but to nowhere; afterwards the process ends as it would have."""
    before = signal.getsignal(signal.SIGTERM)
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere, redirect_stdout(nowhere):
        handler.telemetry.start(at_once=True)
        handler.telemetry.settle()  # as `ranklet_runtime.polling` does between two requests
        try:
            yield
        finally:
            handler.telemetry.flush()
            atexit.unregister(handler.telemetry.flush)
            signal.signal(signal.SIGTERM, before)


def share(handler: Function, n: int) -> Sample:
    """CPU seconds of writing what a hundred requests of n candidates counted, a hundredth of it."""

    def sample(_: int) -> float:
        handler.telemetry.flush()
        for number in range(EVERY_REQUESTS):
            handler.telemetry.scored(n, {})
            handler.telemetry.done(0.001 + number / 1e6)
        _phases(handler)
        start = time.process_time_ns()
        handler.telemetry.settle()
        return (time.process_time_ns() - start) / EVERY_REQUESTS / 1e9

    return sample


def measure(handler: Function, setting: Setting) -> Found:
    """`telemetry-us` and `telemetry-vs-powertools`."""
    taken = base.interleaved({OURS: share(handler, 500), POWERTOOLS: every_request()}, setting)
    rows = [
        base.microseconds("telemetry-us", taken[OURS], n=None),
        base.microseconds("powertools-us", taken[POWERTOOLS], n=None, peer=POWERTOOLS),
        base.ratio("telemetry-vs-powertools", taken[OURS], taken[POWERTOOLS], n=None, peer=POWERTOOLS),
    ]
    return Found(rows)


def every_request() -> Sample:
    """CPU seconds of a line of Powertools' Logger and a document of its Metrics."""
    from aws_lambda_powertools import Logger, Metrics
    from aws_lambda_powertools.metrics import MetricUnit

    # Loggers of one service share a stream; the handler has its own.
    logger = Logger(service="bench", stream=sys.stdout)
    metrics = Metrics(namespace="bench", service="bench")

    def request() -> None:
        metrics.add_metric("Requests", MetricUnit.Count, 1)
        metrics.add_metric("Items", MetricUnit.Count, 500)
        metrics.add_metric("Latency", MetricUnit.Milliseconds, 1.5)
        metrics.flush_metrics()
        logger.info("scored", extra={"items": 500})

    return _mean(request, calls=20)


def _mean(call: Callable[[], Any], *, calls: int) -> Sample:
    def sample(_: int) -> float:
        call()
        start = time.process_time_ns()
        for _ in range(calls):
            call()
        return (time.process_time_ns() - start) / calls / 1e9

    return sample


def _phases(handler: Function) -> None:
    """Requests whose phases are told, as every tenth is."""
    phases = handler.scorer.phases
    for _ in range(EVERY_REQUESTS):
        phases.begin()
        if phases.on:
            for phase in range(5):
                phases.lap(phase)
            phases.done()
