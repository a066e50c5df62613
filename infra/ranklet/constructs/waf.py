"""A firewall before a REST API: who asks too often is blocked by address, before a key or a signature is looked at."""

from __future__ import annotations

from aws_cdk import aws_wafv2
from constructs import Construct


class RateLimit(Construct):
    """A web ACL with one rule, associated with a stage. rate: requests of one address within five minutes."""

    def __init__(self, scope: Construct, id: str, *, stage_arn: str, rate: int) -> None:
        super().__init__(scope, id)
        acl = aws_wafv2.CfnWebACL
        self.acl = aws_wafv2.CfnWebACL(
            self,
            "Acl",
            scope="REGIONAL",
            default_action=acl.DefaultActionProperty(allow={}),
            visibility_config=_seen("all"),
            rules=[
                acl.RuleProperty(
                    name="rate",
                    priority=0,
                    action=acl.RuleActionProperty(block={}),
                    visibility_config=_seen("rate"),
                    statement=acl.StatementProperty(
                        rate_based_statement=acl.RateBasedStatementProperty(aggregate_key_type="IP", limit=rate)
                    ),
                )
            ],
        )
        aws_wafv2.CfnWebACLAssociation(self, "Association", resource_arn=stage_arn, web_acl_arn=self.acl.attr_arn)


def _seen(name: str) -> aws_wafv2.CfnWebACL.VisibilityConfigProperty:
    return aws_wafv2.CfnWebACL.VisibilityConfigProperty(
        cloud_watch_metrics_enabled=True, metric_name=name, sampled_requests_enabled=True
    )
