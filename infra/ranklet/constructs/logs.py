"""A log group that ends: how long it keeps, and that it goes with its stack."""

from __future__ import annotations

from aws_cdk import RemovalPolicy, aws_kms, aws_logs
from constructs import Construct

RETENTION = {
    1: aws_logs.RetentionDays.ONE_DAY,
    3: aws_logs.RetentionDays.THREE_DAYS,
    5: aws_logs.RetentionDays.FIVE_DAYS,
    7: aws_logs.RetentionDays.ONE_WEEK,
    14: aws_logs.RetentionDays.TWO_WEEKS,
    30: aws_logs.RetentionDays.ONE_MONTH,
    60: aws_logs.RetentionDays.TWO_MONTHS,
    90: aws_logs.RetentionDays.THREE_MONTHS,
    120: aws_logs.RetentionDays.FOUR_MONTHS,
    150: aws_logs.RetentionDays.FIVE_MONTHS,
    180: aws_logs.RetentionDays.SIX_MONTHS,
    365: aws_logs.RetentionDays.ONE_YEAR,
}


class Logs(Construct):
    """A log group without a name of its own, so that two deployments never share one.

    key: that encrypts it, None for CloudWatch's own.
    """

    def __init__(self, scope: Construct, id: str, *, days: int, key: aws_kms.IKey | None = None) -> None:
        super().__init__(scope, id)
        self.group = aws_logs.LogGroup(
            self, "Group", retention=RETENTION[days], removal_policy=RemovalPolicy.DESTROY, encryption_key=key
        )
