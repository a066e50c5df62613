"""What lets REST APIs write access logs: one role for the whole account and region, where AWS keeps but one."""

from __future__ import annotations

from aws_cdk import RemovalPolicy, aws_apigateway, aws_iam
from constructs import Construct


class RestLogs(Construct):
    """The account's role for the logs of REST APIs. It outlives its stack, as other APIs of the account write by it.

    AWS compares the role with its own managed policy when it is set, so that is the one given.
    """

    def __init__(self, scope: Construct, id: str) -> None:
        super().__init__(scope, id)
        managed = "service-role/AmazonAPIGatewayPushToCloudWatchLogs"
        role = aws_iam.Role(
            self,
            "Role",
            assumed_by=aws_iam.ServicePrincipal("apigateway.amazonaws.com"),
            managed_policies=[aws_iam.ManagedPolicy.from_aws_managed_policy_name(managed)],
        )
        role.apply_removal_policy(RemovalPolicy.RETAIN)
        self.account = aws_apigateway.CfnAccount(self, "Account", cloud_watch_role_arn=role.role_arn)
        self.account.apply_removal_policy(RemovalPolicy.RETAIN)
