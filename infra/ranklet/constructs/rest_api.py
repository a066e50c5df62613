"""A REST API of one model: its stage, access log, keys and plan, firewall and policy, all in the model's own stack.

It costs 3.5 times what the shared HTTP API does, so it is taken for what that lacks. Every path reaches the function,
which is alone behind it: so the paths are those of the shared API, and those below `/<model>` of a shared domain, which
takes the model's name away.
"""

from __future__ import annotations

import json
from typing import Any

from aws_cdk import Duration, aws_apigateway, aws_ec2, aws_lambda
from constructs import Construct

from ranklet.constructs import authorizer, open_access, rest_cors, rest_policy, rest_validation
from ranklet.constructs.logs import Logs
from ranklet.deployable import Deployable
from ranklet.settings.api import Api
from ranklet.settings.rest import Rest

STAGE = "live"
EVERYTHING = ("*/*",)
"""Every body is bytes, which the function takes from base64; JSON is not read twice, nothing is taken for text."""

ACCESS_LOG = {
    "requestId": "$context.requestId",
    "time": "$context.requestTime",
    "ip": "$context.identity.sourceIp",
    "method": "$context.httpMethod",
    "path": "$context.path",
    "route": "$context.resourcePath",
    "status": "$context.status",
    "bytes": "$context.responseLength",
    "latency": "$context.responseLatency",
    "integrationLatency": "$context.integrationLatency",
    "error": "$context.error.message",
    "key": "$context.identity.apiKeyId",
    "waf": "$context.waf.status",
}


class ModelRestApi(Construct):
    """The API before an alias. api: the CDK's. Without an account-wide role for its logs AWS refuses the stage: that
    one is the shared stack's.
    """

    def __init__(
        self, scope: Construct, id: str, *, deployable: Deployable, alias: aws_lambda.IAlias, name: str
    ) -> None:
        super().__init__(scope, id)
        open_access.warn(self, deployable.model)
        settings = deployable.model.api
        rest = settings.rest or Rest()
        checked = rest.validate == "body"
        media = rest_validation.binary(deployable.manifest) if checked else EVERYTHING
        self.api = aws_apigateway.RestApi(
            self,
            "Api",
            rest_api_name=name,
            description=f"ranklet: the model {deployable.model.name}",
            binary_media_types=list(media),
            cloud_watch_role=False,
            endpoint_configuration=_endpoint(self, rest),
            policy=rest_policy.policy(self, api=settings, rest=rest),
            deploy_options=self._stage(settings, days=deployable.model.function.log_days),
        )
        self.api.node.try_remove_child("Endpoint")  # an output with a name that nobody can know beforehand
        integration = aws_apigateway.LambdaIntegration(alias, scope_permission_to_method=False)
        guard = self._guard(settings)
        for resource in (self.api.root, self.api.root.add_resource("{proxy+}")):
            resource.add_method("ANY", integration, **guard)
            if settings.cors:
                rest_cors.preflight(resource, settings.cors)
        if settings.cors:
            rest_cors.refusals(self.api, settings.cors)
        if checked:
            rest_validation.check(
                self.api, manifest=deployable.manifest, integration=integration, guard=guard, cors=settings.cors
            )

    def _stage(self, settings: Api, *, days: int) -> aws_apigateway.StageOptions:
        return aws_apigateway.StageOptions(
            stage_name=STAGE,
            metrics_enabled=True,
            throttling_rate_limit=settings.throttle.rate if settings.throttle else None,
            throttling_burst_limit=settings.throttle.burst if settings.throttle else None,
            access_log_destination=aws_apigateway.LogGroupLogDestination(Logs(self, "AccessLog", days=days).group),
            access_log_format=aws_apigateway.AccessLogFormat.custom(json.dumps(ACCESS_LOG)),
        )

    def _guard(self, settings: Api) -> dict[str, Any]:
        """What every method asks of a caller."""
        kinds = aws_apigateway.AuthorizationType
        if settings.authorizer is None:
            signed = settings.auth == "iam"
            return {
                "authorization_type": kinds.IAM if signed else kinds.NONE,
                "api_key_required": settings.auth == "key",
            }
        asked = settings.authorizer
        return {
            "authorization_type": kinds.CUSTOM,
            "authorizer": aws_apigateway.RequestAuthorizer(
                self,
                "Asked",
                handler=authorizer.AuthorizerFunction(self, "Authorizer", function=asked.function).function,
                identity_sources=authorizer.sources(asked.identity, authorizer.REST),
                results_cache_ttl=Duration.seconds(asked.ttl),
            ),
        }


def _endpoint(scope: Construct, rest: Rest) -> aws_apigateway.EndpointConfiguration:
    kinds = aws_apigateway.EndpointType
    if not rest.vpc_endpoints:
        return aws_apigateway.EndpointConfiguration(types=[kinds.REGIONAL])
    endpoints = [
        aws_ec2.InterfaceVpcEndpoint.from_interface_vpc_endpoint_attributes(
            scope, endpoint, vpc_endpoint_id=endpoint, port=443
        )
        for endpoint in rest.vpc_endpoints
    ]
    return aws_apigateway.EndpointConfiguration(types=[kinds.PRIVATE], vpc_endpoints=endpoints)
