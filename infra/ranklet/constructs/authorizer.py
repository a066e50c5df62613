"""The Lambda function that decides who may call: made elsewhere, looked up here."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import aws_lambda
from constructs import Construct

HTTP = {"header": "$request.header.", "query": "$request.querystring."}
REST = {"header": "method.request.header.", "query": "method.request.querystring."}
"""How each kind of API names what an authorizer's answer depends on."""


class AuthorizerFunction(Construct):
    """`[api.authorizer] function` as the CDK's function.

    By its name it is in this account, and API Gateway is given the permission to invoke it. By its ARN it may be in
    another one, so that its owner gives the permission: the CDK would add none, or one that fails there.
    """

    def __init__(self, scope: Construct, id: str, *, function: str) -> None:
        super().__init__(scope, id)
        if function.startswith("arn:"):
            self.function = aws_lambda.Function.from_function_attributes(
                self, "Function", function_arn=function, skip_permissions=True
            )
        else:
            self.function = aws_lambda.Function.from_function_name(self, "Function", function)


def sources(identity: Sequence[str], names: dict[str, str]) -> list[str]:
    """`header.X` and `query.X` as HTTP or REST names them."""
    return [names[kind] + name for kind, _, name in (one.partition(".") for one in identity)]
