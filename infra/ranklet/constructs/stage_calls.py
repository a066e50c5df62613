"""What a funnel's front needs to invoke its stages: the aliases of their functions, by exact ARNs, and no other."""

from __future__ import annotations

from collections.abc import Mapping

from aws_cdk import Stack, aws_iam, aws_lambda
from constructs import Construct

from ranklet_runtime.funnel.there import VARIABLE


class StageCalls(Construct):
    """Tells the front where its stages are, and gives it the right to call them.

    stages: model → the alias of its function. A policy of its own: as part of the role's it would make role and
    function wait for each other.
    """

    def __init__(
        self, scope: Construct, id: str, *, front: aws_lambda.Function, stages: Mapping[str, aws_lambda.IAlias]
    ) -> None:
        super().__init__(scope, id)
        arns = {model: alias.function_arn for model, alias in stages.items()}
        front.add_environment(VARIABLE, Stack.of(self).to_json_string(arns))
        role = front.role
        assert role is not None  # a function that was made here has one
        invoke = aws_iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=list(arns.values()))
        self.policy = aws_iam.Policy(self, "Policy", statements=[invoke], roles=[role])
