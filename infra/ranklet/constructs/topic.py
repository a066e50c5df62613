"""The SNS topic that all alarms tell, and who hears it."""

from __future__ import annotations

from aws_cdk import Stack, aws_iam, aws_sns, aws_sns_subscriptions
from constructs import Construct


class AlarmTopic(Construct):
    """A topic that CloudWatch alarms of this account may publish to, by TLS alone.

    It has no key: AWS's own for SNS lets CloudWatch not publish, and a message tells thresholds, no data of requests.
    email: of who is told, once they confirm the mail that SNS sends; "" for nobody.
    """

    def __init__(self, scope: Construct, id: str, *, email: str = "") -> None:
        super().__init__(scope, id)
        stack = Stack.of(self)
        self.topic = aws_sns.Topic(self, "Topic", display_name="ranklet alarms", enforce_ssl=True)
        self.topic.add_to_resource_policy(
            aws_iam.PolicyStatement(
                principals=[aws_iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                actions=["sns:Publish"],
                resources=[self.topic.topic_arn],
                conditions={"StringEquals": {"aws:SourceAccount": stack.account}},
            )
        )
        if email:
            self.topic.add_subscription(aws_sns_subscriptions.EmailSubscription(email))
