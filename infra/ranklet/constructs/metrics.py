"""What alarms and dashboards look at: the alias's own metrics of Lambda, and those that the function writes.

Names and dimensions of the latter are those of `ranklet_runtime`; a test serves requests and holds every name here to
what they write.
"""

from __future__ import annotations

from aws_cdk import Duration, Stack, aws_cloudwatch, aws_lambda
from constructs import Construct

from ranklet_runtime.telemetry import NAMESPACE

PERIOD = Duration.minutes(5)
SUM, P50, P99, MAX, MEAN = "Sum", "p50", "p99", "Maximum", "Average"


def name_of(scope: Construct) -> str:
    """What the metrics of a model's stack call it: the stack's name, which tells environments of one account apart."""
    return Stack.of(scope).stack_name


def ours(
    model: str, name: str, statistic: str = SUM, *, label: str | None = None, **dimensions: str
) -> aws_cloudwatch.Metric:
    """A metric that the model's function writes. dimensions: `table` or `input`."""
    return aws_cloudwatch.Metric(
        namespace=NAMESPACE,
        metric_name=name,
        dimensions_map={"model": model, **dimensions},
        statistic=statistic,
        period=PERIOD,
        label=label,
    )


def of_alias(
    alias: aws_lambda.Alias, name: str, statistic: str = SUM, *, label: str | None = None
) -> aws_cloudwatch.Metric:
    """What Lambda tells of the alias that callers reach."""
    function = alias.lambda_.function_name
    return aws_cloudwatch.Metric(
        namespace="AWS/Lambda",
        metric_name=name,
        dimensions_map={"FunctionName": function, "Resource": f"{function}:{alias.alias_name}"},
        statistic=statistic,
        period=PERIOD,
        label=label,
    )


def percent(
    part: aws_cloudwatch.IMetric, whole: aws_cloudwatch.IMetric, *, label: str, id: str
) -> aws_cloudwatch.MathExpression:
    """A share of the whole, in percent: 0 where the part was never counted, nothing where the whole was not.

    id: tells several shares in one graph apart.
    """
    return aws_cloudwatch.MathExpression(
        expression=f"100 * FILL({id}, 0) / {id}_of",
        using_metrics={id: part, f"{id}_of": whole},
        label=label,
        period=PERIOD,
    )
