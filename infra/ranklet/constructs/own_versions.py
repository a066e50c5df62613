"""What a function needs to pass requests for another version on to it: its own versions, and no other function's."""

from __future__ import annotations

from aws_cdk import aws_iam, aws_lambda
from constructs import Construct


class OwnVersions(Construct):
    """A policy of its own: as part of the role's it would make role and function wait for each other."""

    def __init__(self, scope: Construct, id: str, *, function: aws_lambda.Function) -> None:
        super().__init__(scope, id)
        role = function.role
        assert role is not None  # a function that was made here has one
        # Which versions and aliases there will be is not known when the template is written.
        invoke = aws_iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=[f"{function.function_arn}:*"])
        listing = aws_iam.PolicyStatement(actions=["lambda:ListVersionsByFunction"], resources=[function.function_arn])
        aws_iam.Policy(self, "Policy", statements=[invoke, listing], roles=[role])
