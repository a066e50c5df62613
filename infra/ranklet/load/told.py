"""The report: what is told of a run, as one JSON document, and the exit code that says what it comes to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ranklet.load.histogram import Histogram
from ranklet.load.plan import Plan
from ranklet.load.requests import Checker
from ranklet.load.sending import Sent
from ranklet.load.serving import Counts
from ranklet.load.tally import LATE_US, Second, Tally

QUANTILES = {"p50": 0.5, "p75": 0.75, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p99.9": 0.999, "p99.99": 0.9999}
FAILED, WRONG, BEHIND, INTERRUPTED = 1, 4, 11, 130


@dataclass(frozen=True)
class Run:
    """A run and what it was asked for.

    counts, before: the local Lambda's, at the end and after the warm-up; None where nobody tells them.
    """

    model: str
    url: str
    form: str
    rps: float
    plan: Plan
    sent: Sent
    checker: Checker
    candidates: tuple[int, int]
    counts: Counts | None
    before: Counts | None
    machine: Mapping[str, Any]
    date: str

    @property
    def exit_code(self) -> int:
        """The worst of what there is: wrong answers, failed requests, a generator that was late, an early end."""
        tally = self.sent.run
        if tally.wrong or self.sent.warmup.wrong:
            return WRONG
        if self.sent.interrupted:
            return INTERRUPTED
        if tally.refused or tally.lost:
            return FAILED
        return BEHIND if tally.behind else 0

    @property
    def achieved(self) -> float:
        """Requests that left per second, the warm-up apart."""
        seconds = self.sent.seconds - self.plan.warmup_s
        return self.sent.run.sent / seconds if seconds > 0 else 0.0

    @property
    def answered(self) -> float:
        """Right answers per second."""
        seconds = self.sent.seconds - self.plan.warmup_s
        return (self.sent.run.statuses[200] - self.sent.run.wrong) / seconds if seconds > 0 else 0.0


def document(run: Run) -> dict[str, Any]:
    """The JSON form."""
    tally = run.sent.run
    return {
        "model": run.model,
        "url": run.url,
        "form": run.form,
        "ok": run.exit_code == 0,
        "interrupted": run.sent.interrupted,
        "rps": {"asked": run.rps, "sent": run.achieved, "answered": run.answered},
        "seconds": max(0.0, run.sent.seconds - run.plan.warmup_s),
        "candidates": {"least": run.candidates[0], "most": run.candidates[1]},
        **_counts(tally),
        "max_abs_diff": run.checker.worst,
        "bound": run.checker.bound,
        "fault": run.checker.fault or None,
        "latency_ms": spread(tally.latency),
        "service_ms": spread(tally.service),
        "distribution": [{"share": share, "ms": value / 1000} for share, value in tally.latency.distribution()],
        "warmup": {"seconds": run.plan.warmup_s, **_counts(run.sent.warmup)},
        "generator": {
            "behind": tally.behind,
            "late_ms": spread(tally.late),
            "late": {"above_ms": LATE_US / 1000, "requests": tally.late.above(LATE_US)},
            "cpu": run.sent.cpu,
            "connections": run.sent.connections,
            "waited_for_a_connection": run.sent.waited,
        },
        "lambda": _lambda(run),
        "by_second": [_second(number, run, one) for number, one in sorted(tally.seconds.items())],
        "machine": dict(run.machine),
        "date": run.date,
    }


def spread(histogram: Histogram) -> dict[str, float | None]:
    """Milliseconds; null for a quantile above which there is no value: it would be the greatest."""
    if not (count := histogram.count):
        return dict.fromkeys(("least", "mean", *QUANTILES, "most"))
    known = {name: share for name, share in QUANTILES.items() if (1 - share) * count >= 1 - 1e-9}
    return {
        "least": histogram.least / 1000,
        "mean": histogram.mean / 1000,
        **dict.fromkeys(QUANTILES),
        **{name: histogram.quantile(share) / 1000 for name, share in known.items()},
        "most": histogram.most / 1000,
    }


def _counts(tally: Tally) -> dict[str, Any]:
    return {
        "requests": tally.sent,
        "statuses": {str(status): count for status, count in sorted(tally.statuses.items())},
        "throttled": tally.throttled,
        "server_errors": tally.broken,
        "failures": dict(tally.failures),
        "answers": {name: tally.verdicts[name] for name in ("right", "wrong", "degraded", "unchecked")},
    }


def _lambda(run: Run) -> dict[str, Any] | None:
    if run.counts is None or run.before is None:
        return None
    return {
        "cold_starts": {
            "warmup": run.before.cold_starts,
            "run": run.counts.cold_starts - run.before.cold_starts,
        },
        "init_ms": list(run.counts.inits_ms),
        "environments": run.counts.environments,
        "throttled": run.counts.throttled - run.before.throttled,
    }


def _second(number: int, run: Run, one: Second) -> dict[str, Any]:
    return {
        "second": number - run.plan.warmup_s,
        "sent": one.sent,
        "failed": one.failed,
        "p50_ms": one.latency.quantile(0.5) / 1000,
        "p99_ms": one.latency.quantile(0.99) / 1000,
        "most_ms": one.latency.most / 1000,
    }
