"""Provisioned concurrency that follows its utilisation and the clock: Application Auto Scaling on an alias."""

from __future__ import annotations

from aws_cdk import TimeZone, aws_applicationautoscaling, aws_lambda
from constructs import Construct

from ranklet.settings.warmth import Warmth


class Scaling(Construct):
    """Lets the number of an alias's provisioned environments change; `attribute` is what scales.

    The alias keeps saying `count`. CloudFormation sets it anew only where it changes, so that a deployment does not
    take away what a schedule has added.
    """

    def __init__(self, scope: Construct, id: str, *, alias: aws_lambda.Alias, warmth: Warmth) -> None:
        super().__init__(scope, id)
        self.attribute = alias.add_auto_scaling(min_capacity=warmth.count, max_capacity=warmth.ceiling)
        if warmth.target is not None:
            self.attribute.scale_on_utilization(utilization_target=warmth.target)
        for at, one in enumerate(warmth.schedules):
            self.attribute.scale_on_schedule(
                f"Schedule{at}",
                schedule=aws_applicationautoscaling.Schedule.expression(f"cron({one.cron})"),
                min_capacity=one.min,
                max_capacity=one.max,
                time_zone=TimeZone.of(one.timezone),
            )


def plays_locally(scope: Construct) -> bool:
    """Whether the deployment is into a local AWS, which has no Application Auto Scaling."""
    return bool(scope.node.try_get_context("target") == "local")
