"""The alarms that stop a release: they look at one Lambda version, and at nothing from before it.

While traffic moves, a tenth of it may be the new version's: among the figures of the whole alias its faults would be
lost. Lambda tells its own by executed version; ours carry it as the dimension `release` (`ranklet_runtime.telemetry`).
Those of the function are AWS's (https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html).
"""

from __future__ import annotations

from collections.abc import Mapping

from aws_cdk import Duration, aws_cloudwatch, aws_lambda
from constructs import Construct

from ranklet.constructs.metrics import name_of
from ranklet.deployable import Deployable
from ranklet_runtime.drift import BUCKET
from ranklet_runtime.manifest import Histogram
from ranklet_runtime.shadow import LIVE
from ranklet_runtime.telemetry import NAMESPACE

MINUTE = Duration.minutes(1)
ENOUGH_REQUESTS, ENOUGH_SCORES = 20, 400
"""In a period; of fewer no share, and no distribution, is known."""


class ReleaseAlarms(Construct):
    """The alarms that model.toml does not turn off, by name."""

    def __init__(self, scope: Construct, id: str, *, alias: aws_lambda.Alias, deployable: Deployable) -> None:
        super().__init__(scope, id)
        asked = deployable.model.release.watched
        self._name, self._model = alias.lambda_.function_name, name_of(self)
        self._version = alias.version.version
        self.alarms: dict[str, aws_cloudwatch.Alarm] = {}
        if asked.errors:
            errors = self._share("errors", self._lambda("Errors"), self._lambda("Invocations"))
            faults = self._share("faults", self._ours("Faults"), self._ours("Requests"))
            self._alarm("Errors", errors, asked.errors)
            self._alarm("Faults", faults, asked.errors)
        limit = deployable.manifest.limits.deadline_ms if asked.p99_ms is None else asked.p99_ms
        if limit:
            self._alarm("P99", self._lambda("Duration", statistic="p99"), limit, periods=3, bad=2)
        if asked.throttles:
            self._alarm("Throttles", self._throttles(), asked.throttles)
        if asked.degraded:
            share = self._share("degraded", self._ours("DegradedRequests"), self._ours("Requests"), ENOUGH_REQUESTS)
            self._alarm("Degraded", share, asked.degraded)
        if asked.score_shift and deployable.manifest.histogram is not None:
            minutes = Duration.minutes(min(5, deployable.model.release.step[1]))
            self._alarm("ScoreShift", self._shift(deployable.manifest.histogram, minutes), asked.score_shift)

    def _alarm(
        self, name: str, what: aws_cloudwatch.IMetric, threshold: float, *, periods: int = 1, bad: int = 1
    ) -> None:
        """No data is no fault: nobody may have asked the new version yet."""
        self.alarms[name] = aws_cloudwatch.Alarm(
            self,
            name,
            metric=what,
            threshold=threshold,
            evaluation_periods=periods,
            datapoints_to_alarm=bad,
            comparison_operator=aws_cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            treat_missing_data=aws_cloudwatch.TreatMissingData.NOT_BREACHING,
            alarm_description=f"{self._model}: stops the release of a new version",
        )

    def _lambda(self, name: str, *, statistic: str = "Sum") -> aws_cloudwatch.Metric:
        by = {"FunctionName": self._name, "Resource": f"{self._name}:{LIVE}", "ExecutedVersion": self._version}
        return _metric("AWS/Lambda", name, by, statistic)

    def _throttles(self) -> aws_cloudwatch.Metric:
        """Of the alias: a call that was never run has no version."""
        by = {"FunctionName": self._name, "Resource": f"{self._name}:{LIVE}"}
        return _metric("AWS/Lambda", "Throttles", by, "Sum")

    def _ours(self, name: str, period: Duration = MINUTE) -> aws_cloudwatch.Metric:
        return _metric(
            NAMESPACE, name, {"model": self._model, "release": f"{self._name}:{self._version}"}, "Sum", period
        )

    def _share(
        self, id: str, part: aws_cloudwatch.Metric, whole: aws_cloudwatch.Metric, least: int = 1
    ) -> aws_cloudwatch.MathExpression:
        """Percent; none where the whole is less than `least`."""
        return aws_cloudwatch.MathExpression(
            expression=f"IF({id}_of >= {least}, 100 * {id} / {id}_of, 0)",
            using_metrics={id: part, f"{id}_of": whole},
            label=f"{id}, percent",
            period=MINUTE,
        )

    def _shift(self, golden: Histogram, period: Duration) -> aws_cloudwatch.MathExpression:
        metrics = {f"s{at}": self._ours(BUCKET.format(at), period) for at in range(len(golden.counts))}
        return aws_cloudwatch.MathExpression(
            expression=shift_expression(golden), using_metrics=metrics, label="score shift (PSI)", period=period
        )


def shift_expression(golden: Histogram) -> str:
    """The population stability index as CloudWatch's metric math: s0, s1 … are the buckets' counts.

    The formula is that of `ranklet_runtime.drift.stability`, the golden part of it worked out.
    """
    count = len(golden.counts)
    total = sum(golden.counts) + count / 2
    now = "(" + "+".join(f"s{at}" for at in range(count)) + ")"
    terms = []
    for at, counted in enumerate(golden.counts):
        expected = f"{(counted + 0.5) / total:.6f}"
        share = f"(s{at}+0.5)/({now}+{count / 2:g})"
        terms.append(f"({share}-{expected})*LOG({share}/{expected})")
    return f"IF({now} >= {ENOUGH_SCORES}, {' + '.join(terms)}, 0)"


def _metric(
    namespace: str, name: str, by: Mapping[str, str], statistic: str, period: Duration = MINUTE
) -> aws_cloudwatch.Metric:
    return aws_cloudwatch.Metric(
        namespace=namespace, metric_name=name, dimensions_map=dict(by), statistic=statistic, period=period
    )
