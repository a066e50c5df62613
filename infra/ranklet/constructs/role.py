"""What a model's function may do: write its own log and read the tables that its manifest pins."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import Stack, aws_iam, aws_logs
from constructs import Construct


class ExecutionRole(Construct):
    """A role without managed policies, whose grants name single resources.

    tables: physical names; `BatchGetItem` is the only call that the store makes. objects: keys in the bucket of
    snapshots; GetObject is what fetches them. key: the ARN of the KMS key that encrypts what the function reads, its
    own environment above all. more: further rights, each of its own resource.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        log_group: aws_logs.ILogGroup,
        tables: Sequence[str],
        objects: Sequence[str] = (),
        bucket: str = "",
        key: str | None = None,
        more: Sequence[aws_iam.PolicyStatement] = (),
    ) -> None:
        super().__init__(scope, id)
        self.role = aws_iam.Role(self, "Role", assumed_by=aws_iam.ServicePrincipal("lambda.amazonaws.com"))
        log_group.grant_write(self.role)
        if tables:
            stack = Stack.of(self)
            arns = [
                stack.format_arn(service="dynamodb", resource="table", resource_name=table) for table in sorted(tables)
            ]
            self.role.add_to_policy(aws_iam.PolicyStatement(actions=["dynamodb:BatchGetItem"], resources=arns))
        if objects:
            root = f"arn:{Stack.of(self).partition}:s3:::{bucket}"
            self.role.add_to_policy(
                aws_iam.PolicyStatement(
                    actions=["s3:GetObject"], resources=[f"{root}/{key}" for key in sorted(objects)]
                )
            )
        for right in more:
            self.role.add_to_policy(right)
        if key is not None:
            self.role.add_to_policy(aws_iam.PolicyStatement(actions=["kms:Decrypt"], resources=[key]))
