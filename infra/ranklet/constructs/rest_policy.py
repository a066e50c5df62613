"""Who may reach a REST API at all: its resource policy, read before authorizers and keys.

Who is let in is said once, what is refused stands apart, since a refusal goes before every permission. Callers who sign
are let in by their account, not as anybody: a permission for anybody would take the place of their own IAM policy.
https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-authorization-flow.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aws_cdk import Stack, aws_iam
from constructs import Construct

from ranklet.settings.api import Api
from ranklet.settings.rest import Rest

EVERY = ["execute-api:/*"]
"""Every stage, method and path of the API that has the policy, which has no name yet while it is written."""


def policy(scope: Construct, *, api: Api, rest: Rest) -> aws_iam.PolicyDocument | None:
    """The policy, None where nothing is asked of it: the API's authorizers then decide alone."""
    refused: list[Mapping[str, Any]] = []
    if rest.vpc_endpoints:
        refused.append({"StringNotEquals": {"aws:SourceVpce": list(rest.vpc_endpoints)}})
    if rest.cidrs:
        source = "aws:VpcSourceIp" if rest.vpc_endpoints else "aws:SourceIp"
        refused.append({"NotIpAddress": {source: list(rest.cidrs)}})
    if not refused and not rest.accounts:
        return None
    anybody: list[aws_iam.IPrincipal] = [aws_iam.AnyPrincipal()]
    own = Stack.of(scope).account
    signing: list[aws_iam.IPrincipal] = [aws_iam.AccountPrincipal(account) for account in (own, *rest.accounts)]
    statements = [_statement(aws_iam.Effect.ALLOW, signing if api.auth == "iam" else anybody)]
    statements += [_statement(aws_iam.Effect.DENY, anybody, conditions=condition) for condition in refused]
    return aws_iam.PolicyDocument(statements=statements)


def _statement(
    effect: aws_iam.Effect, principals: list[aws_iam.IPrincipal], *, conditions: Mapping[str, Any] | None = None
) -> aws_iam.PolicyStatement:
    return aws_iam.PolicyStatement(
        effect=effect,
        principals=principals,
        actions=["execute-api:Invoke"],
        resources=EVERY,
        conditions=conditions,
    )
