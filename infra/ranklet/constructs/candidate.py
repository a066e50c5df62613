"""The version that gets copies of requests and answers nobody (`ranklet_runtime.shadow`)."""

from __future__ import annotations

from aws_cdk import Duration, aws_iam, aws_lambda
from constructs import Construct

from ranklet.releasing import CANDIDATE


class Candidate(Construct):
    """The alias `candidate` of a version. A copy that failed is not run again, nor one that waited for a minute."""

    def __init__(self, scope: Construct, id: str, *, version: aws_lambda.IVersion) -> None:
        super().__init__(scope, id)
        self.alias = aws_lambda.Alias(
            self,
            "Alias",
            alias_name=CANDIDATE,
            version=version,
            retry_attempts=0,
            max_event_age=Duration.minutes(1),
        )


class Copies(Construct):
    """What the live version needs to hand copies to the alias, whether it is there or not; a policy of its own."""

    def __init__(self, scope: Construct, id: str, *, function: aws_lambda.Function) -> None:
        super().__init__(scope, id)
        role = function.role
        assert role is not None  # a function that was made here has one
        invoke = aws_iam.PolicyStatement(
            actions=["lambda:InvokeFunction"], resources=[f"{function.function_arn}:{CANDIDATE}"]
        )
        self.policy = aws_iam.Policy(self, "Policy", statements=[invoke], roles=[role])
