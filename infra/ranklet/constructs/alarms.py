"""The alarms of a model: what wakes somebody, by the thresholds of `[watch.alarms]`.

Nobody asks a model at night, so that missing data is no alarm; all tell the topic when they begin and when they end.
"""

from __future__ import annotations

from aws_cdk import aws_cloudwatch, aws_cloudwatch_actions, aws_lambda, aws_sns
from constructs import Construct

from ranklet.constructs.metrics import MAX, PERIOD, name_of, of_alias, ours, percent
from ranklet.constructs.warmth import plays_locally
from ranklet.deployable import Deployable

HOUR = 12
"""In periods."""


class ModelAlarms(Construct):
    """alarms: by name, those that are not turned off and have something to look at."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        deployable: Deployable,
        alias: aws_lambda.Alias,
        topic: aws_sns.ITopic,
    ) -> None:
        super().__init__(scope, id)
        self._model, self._action = name_of(self), aws_cloudwatch_actions.SnsAction(topic)
        self.alarms: dict[str, aws_cloudwatch.Alarm] = {}
        asked, manifest = deployable.model.watch.alarms, deployable.manifest
        requests = ours(self._model, "Requests")
        invocations = of_alias(alias, "Invocations")
        self._share("Errors", of_alias(alias, "Errors"), invocations, asked.errors, "fail: a timeout, memory, a start")
        self._share("Faults", ours(self._model, "Faults"), requests, asked.faults, "are answered with 500 or 503")
        self._count("Throttles", of_alias(alias, "Throttles"), asked.throttles, "are turned away by concurrency")
        limit = manifest.limits.deadline_ms if asked.p99_ms is None else asked.p99_ms
        slow = of_alias(alias, "Duration", "p99")
        self._alarm("P99", slow, limit, f"one in a hundred requests takes {limit:g} ms", periods=3, bad=2)
        bad = ours(self._model, "NonFiniteScores")
        self._count("NonFiniteScores", bad, asked.non_finite, "have scores that are NaN or infinite")
        if manifest.spec.tables:
            for name, threshold, what in (
                ("DegradedRequests", asked.degraded, "are scored with defaults"),
                ("UnavailableRequests", asked.unavailable, "are scored without rows that were not read in time"),
            ):
                self._share(name, ours(self._model, name), requests, threshold, what, periods=3, bad=2)
        if deployable.model.warmth.count:
            spilled = of_alias(alias, "ProvisionedConcurrencySpilloverInvocations")
            self._count("Spillover", spilled, asked.spillover, "find no provisioned environment")
        if manifest.watch.health_every:
            for name in manifest.watch.references:
                psi = ours(self._model, "Psi", MAX, input=name)
                what = f"the input {name} is distributed unlike in training"
                self._alarm(f"Drift-{name}", psi, asked.drift, what, periods=HOUR, bad=2)

    def _share(
        self,
        name: str,
        part: aws_cloudwatch.Metric,
        whole: aws_cloudwatch.Metric,
        threshold: float,
        what: str,
        *,
        periods: int = 1,
        bad: int = 1,
    ) -> None:
        if plays_locally(self):
            return  # a local AWS takes no formula for an alarm
        share = percent(part, whole, label=f"{name}, percent", id="part")
        self._alarm(name, share, threshold, f"{threshold:g} percent of requests {what}", periods=periods, bad=bad)

    def _count(self, name: str, metric: aws_cloudwatch.Metric, threshold: float, what: str) -> None:
        self._alarm(name, metric, threshold, f"{threshold:g} or more requests in {PERIOD.to_minutes():g} min {what}")

    def _alarm(
        self, name: str, metric: aws_cloudwatch.IMetric, threshold: float, what: str, *, periods: int = 1, bad: int = 1
    ) -> None:
        if not threshold:
            return
        alarm = self.alarms[name] = aws_cloudwatch.Alarm(
            self,
            name,
            metric=metric,
            threshold=threshold,
            evaluation_periods=periods,
            datapoints_to_alarm=bad,
            comparison_operator=aws_cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            treat_missing_data=aws_cloudwatch.TreatMissingData.NOT_BREACHING,
            alarm_description=f"{self._model}: {what}",
        )
        alarm.add_alarm_action(self._action)
        alarm.add_ok_action(self._action)
