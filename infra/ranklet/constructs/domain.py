"""One domain for all models: the HTTP API at its root, a REST API below its model's name.

`https://<domain>/v1/models/films:rank` is the HTTP API's; a model with a REST API is at `https://<domain>/<model>/…`, a
path which API Gateway takes away before it looks for a resource. Mappings of one part are compared part by part, those
of several by prefix, where `films` would take what is meant for `films2`: so there are none of several.
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-mappings.html
"""

from __future__ import annotations

from aws_cdk import aws_apigatewayv2
from constructs import Construct

from ranklet.constructs import parameters
from ranklet.environment import Environment

CERTIFICATE = "/ranklet/domain/certificate"
"""The SSM parameter with the ARN of the domain's certificate: it names an account, so it stands in no file."""


def name(scope: Construct, environment: Environment) -> str | None:
    """The shared domain: the context's (`-c domain=…`), else the environment's; None without one."""
    return scope.node.try_get_context("domain") or environment.domain


def certificate(scope: Construct) -> str:
    """The ARN of its certificate: the context's (`-c certificate=…`), else what CERTIFICATE holds at deployment."""
    return str(scope.node.try_get_context("certificate") or parameters.value(scope, CERTIFICATE))


class SharedDomain(Construct):
    """A regional domain name with TLS 1.2, mapped to the HTTP API. target: what its DNS record points at.

    certificate: the ARN of an ACM certificate of this region.
    """

    def __init__(self, scope: Construct, id: str, *, name: str, certificate: str, api_id: str, stage: str) -> None:
        super().__init__(scope, id)
        domain = aws_apigatewayv2.CfnDomainName(
            self,
            "Name",
            domain_name=name,
            domain_name_configurations=[
                aws_apigatewayv2.CfnDomainName.DomainNameConfigurationProperty(
                    certificate_arn=certificate, endpoint_type="REGIONAL", security_policy="TLS_1_2"
                )
            ],
        )
        aws_apigatewayv2.CfnApiMapping(self, "Root", api_id=api_id, domain_name=domain.ref, stage=stage)
        self.target = domain.attr_regional_domain_name


class DomainPath(Construct):
    """A REST API's stage below a part of the shared domain's path, which the shared stack made before."""

    def __init__(self, scope: Construct, id: str, *, name: str, path: str, api_id: str, stage: str) -> None:
        super().__init__(scope, id)
        self.mapping = aws_apigatewayv2.CfnApiMapping(
            self, "Path", api_id=api_id, domain_name=name, stage=stage, api_mapping_key=path
        )
