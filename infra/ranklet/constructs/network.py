"""Functions inside a VPC that exists: the function's place in it, and the VPC's way to DynamoDB and S3.

Ids go into the templates as they are. The constructs of a whole `Vpc` would want availability zones or an account to
look them up in, for values that no template of ours needs.
"""

from __future__ import annotations

from aws_cdk import Stack, aws_ec2, aws_iam, aws_lambda
from constructs import Construct

from ranklet.settings.network import Endpoints, Vpc

INTERFACES = (
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
)
"""What Lambda does in a function's name to join it to a VPC, of its managed AWSLambdaVPCAccessExecutionRole."""


class InVpc(Construct):
    """Puts a function into subnets; `function` is that one."""

    def __init__(self, scope: Construct, id: str, *, function: aws_lambda.Function, vpc: Vpc) -> None:
        super().__init__(scope, id)
        self.function = function
        resource = function.node.default_child
        assert isinstance(resource, aws_lambda.CfnFunction) and function.role is not None
        resource.vpc_config = aws_lambda.CfnFunction.VpcConfigProperty(
            subnet_ids=list(vpc.subnets), security_group_ids=list(vpc.security_groups)
        )
        # The interfaces do not exist yet, and descriptions take no resource: AWS's own policy says `*` as well.
        allow = aws_iam.PolicyStatement(actions=list(INTERFACES), resources=["*"])
        policy = aws_iam.Policy(self, "Join", statements=[allow], roles=[function.role])
        # Lambda checks these rights when the function is made, so they must be there before it.
        resource.node.add_dependency(policy)
        # The condition holds for calls of the function's own code, which has no business there.
        # https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html
        deny = aws_iam.PolicyStatement(
            effect=aws_iam.Effect.DENY,
            actions=list(INTERFACES),
            resources=["*"],
            conditions={"ArnEquals": {"lambda:SourceFunctionArn": [function.function_arn]}},
        )
        aws_iam.Policy(self, "NotItsCode", statements=[deny], roles=[function.role])


class GatewayEndpoints(Construct):
    """The ways from a VPC's route tables to DynamoDB and S3; `endpoints` holds both.

    They take no policy of their own, as everything else in these subnets uses them too; the functions' roles say what
    may be read.
    """

    def __init__(self, scope: Construct, id: str, *, settings: Endpoints) -> None:
        super().__init__(scope, id)
        region = Stack.of(self).region
        self.endpoints = [
            aws_ec2.CfnVPCEndpoint(
                self,
                name,
                vpc_id=settings.vpc,
                service_name=f"com.amazonaws.{region}.{name.lower()}",
                vpc_endpoint_type="Gateway",
                route_table_ids=list(settings.route_tables),
            )
            for name in ("DynamoDB", "S3")
        ]
