"""Dashboards: one for a model, and one for all models of the project.

A model's tells what callers see (requests, latency, faults), where the time goes (phases), what was defaulted and what
the tables did, and how many environments ran; above all, which alarms are on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from aws_cdk import aws_cloudwatch, aws_lambda
from constructs import Construct

from ranklet.constructs.metrics import MAX, MEAN, P50, P99, name_of, of_alias, ours, percent
from ranklet.deployable import Deployable
from ranklet_runtime.phases import NAMES

MOST_INPUTS = 50
"""In a graph."""

HALF, WHOLE = 12, 24
Widget = aws_cloudwatch.IWidget
Metrics = Sequence[aws_cloudwatch.IMetric]


class ModelDashboard(Construct):
    """The dashboard of one model."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        deployable: Deployable,
        alias: aws_lambda.Alias,
        alarms: Mapping[str, aws_cloudwatch.Alarm],
    ) -> None:
        super().__init__(scope, id)
        self._model, self._alias = name_of(self), alias
        rows: list[list[Widget]] = []
        if alarms:
            state = aws_cloudwatch.AlarmStatusWidget(alarms=list(alarms.values()), width=WHOLE, title="Alarms")
            rows.append([state])
        rows += [list(self._callers()), list(self._inside(deployable)), list(self._environments(deployable))]
        if deployable.parts:
            rows.append(list(self._stages(deployable.parts)))
        rows += [list(self._table(name)) for name in deployable.manifest.spec.tables]
        if deployable.manifest.watch.health_every:
            rows.append(list(self._health(deployable)))
        self.dashboard = aws_cloudwatch.Dashboard(self, "Dashboard", widgets=rows)

    def _callers(self) -> Iterator[Widget]:
        requests = ours(self._model, "Requests")
        yield _graph("Requests", [requests, of_alias(self._alias, "Invocations")], [ours(self._model, "Items")])
        inside = [ours(self._model, "Latency", at, label=f"Latency {at}") for at in (P50, P99)]
        yield _graph(
            "Latency, milliseconds", [*inside, of_alias(self._alias, "Duration", P99, label="Duration p99 (Lambda)")]
        )

    def _inside(self, deployable: Deployable) -> Iterator[Widget]:
        faults = [ours(self._model, f"Fault{status}") for status in (400, 404, 413, 422, 500, 503)]
        lambdas = [of_alias(self._alias, name) for name in ("Errors", "Throttles")]
        yield _graph("Faults", [*faults, ours(self._model, "NonFiniteScores")], lambdas)
        if deployable.manifest.watch.phases:
            phases = [ours(self._model, f"Phase:{name}", P50, label=name) for name in NAMES]
            yield _graph("Time by phase, p50, microseconds", phases, stacked=True)

    def _environments(self, deployable: Deployable) -> Iterator[Widget]:
        requests = ours(self._model, "Requests")
        shares = [
            percent(ours(self._model, name), requests, label=f"{name}, percent", id=f"share{at}")
            for at, name in enumerate(("DegradedRequests", "UnavailableRequests"))
        ]
        yield _graph("Requests with defaults", shares, [ours(self._model, "RefusedRecords")])
        running = [of_alias(self._alias, "ConcurrentExecutions", MAX)]
        spilled = []
        if deployable.model.warmth.count:
            running.append(of_alias(self._alias, "ProvisionedConcurrencyUtilization", MAX))
            spilled.append(of_alias(self._alias, "ProvisionedConcurrencySpilloverInvocations"))
        yield _graph("Environments", running, spilled)

    def _stages(self, names: Sequence[str]) -> Iterator[Widget]:
        """Of a funnel: how long its stages take, and what they did not score in time."""
        slow = [ours(self._model, "StageLatency", P99, label=f"{name} p99", stage=name) for name in names]
        yield _graph("Stages, milliseconds", slow)
        lacking = [
            ours(self._model, metric, label=f"{name} {metric.lower()}", stage=name)
            for name in names
            for metric in ("Late", "Failed")
        ]
        unscored = [ours(self._model, "Unscored", label=f"{name} unscored", stage=name) for name in names]
        yield _graph("Stages: late, failed", lacking, unscored)

    def _table(self, name: str) -> Iterator[Widget]:
        counts = [ours(self._model, one, table=name) for one in ("Rows", "Misses", "Unavailable", "Degraded")]
        yield _graph(f"Table {name}: rows", counts, [ours(self._model, "CacheHits", table=name)])
        latency = [ours(self._model, "ReadLatency", at, label=f"ReadLatency {at}", table=name) for at in (P50, P99)]
        calls = [ours(self._model, one, table=name) for one in ("ReadUnits", "Calls", "Retries", "Throttles", "Hedges")]
        yield _graph(f"Table {name}: reads", latency, calls)

    def _health(self, deployable: Deployable) -> Iterator[Widget]:
        inputs = [name for name, one in deployable.manifest.spec.inputs.items() if not one.unread][:MOST_INPUTS]
        shares = []
        for at, name in enumerate(inputs):
            looked = ours(self._model, "Values", input=name)
            for what in ("Missing", "Unknown"):
                metric = ours(self._model, what, input=name)
                shares.append(percent(metric, looked, label=f"{name} {what.lower()}", id=f"{what.lower()}{at}"))
        yield _graph("Inputs, percent", shares)
        compared = [name for name in inputs if name in deployable.manifest.watch.references]
        psi = [ours(self._model, "Psi", MEAN, label=name, input=name) for name in compared]
        if psi:
            yield _graph("Inputs against training (PSI)", psi)


class FleetDashboard(Construct):
    """The dashboard of all models, and of the API before them. models: as their metrics call them."""

    def __init__(self, scope: Construct, id: str, *, models: Sequence[str], api_id: str) -> None:
        super().__init__(scope, id)
        latency = [ours(one, "Latency", P99, label=one) for one in models]
        rows = [
            [
                _graph("Requests", [ours(one, "Requests", label=one) for one in models]),
                _graph("Latency p99, milliseconds", latency),
            ],
            [
                _graph("Answered with 500 or 503, percent", _shares(models, "Faults")),
                _graph("Scored with defaults, percent", _shares(models, "DegradedRequests")),
            ],
            [
                _graph(
                    "HTTP API: requests", [_of_api(api_id, "Count")], [_of_api(api_id, one) for one in ("4xx", "5xx")]
                ),
                _graph("HTTP API: latency, milliseconds", [_of_api(api_id, "Latency", at) for at in (P50, P99)]),
            ],
        ]
        self.dashboard = aws_cloudwatch.Dashboard(self, "Dashboard", widgets=rows)


def _shares(models: Sequence[str], name: str) -> Metrics:
    return [
        percent(ours(one, name), ours(one, "Requests"), label=one, id=f"{name[0].lower()}{at}")
        for at, one in enumerate(models)
    ]


def _of_api(api_id: str, name: str, statistic: str = "Sum") -> aws_cloudwatch.Metric:
    return aws_cloudwatch.Metric(
        namespace="AWS/ApiGateway",
        metric_name=name,
        dimensions_map={"ApiId": api_id},
        statistic=statistic,
        label=name if statistic == "Sum" else f"{name} {statistic}",
    )


def _graph(title: str, left: Metrics, right: Metrics = (), *, stacked: bool = False) -> aws_cloudwatch.GraphWidget:
    return aws_cloudwatch.GraphWidget(title=title, left=list(left), right=list(right), width=HALF, stacked=stacked)
