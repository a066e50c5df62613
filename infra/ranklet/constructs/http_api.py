"""The one HTTP API of all models: access log, throttling, metrics by route."""

from __future__ import annotations

import json

from aws_cdk import Duration, aws_apigatewayv2
from constructs import Construct

from ranklet.constructs.logs import Logs
from ranklet.settings.api import Cors

# What API Gateway knows of a request and the function does not: who was refused, and where the time went.
ACCESS_LOG = {
    "requestId": "$context.requestId",
    "time": "$context.requestTime",
    "ip": "$context.identity.sourceIp",
    "method": "$context.httpMethod",
    "path": "$context.path",
    "route": "$context.routeKey",
    "status": "$context.status",
    "bytes": "$context.responseLength",
    "latency": "$context.responseLatency",
    "integrationLatency": "$context.integrationLatency",
    "error": "$context.error.message",
    "integrationError": "$context.integrationErrorMessage",
}


class HttpApi(Construct):
    """An HTTP API with the `$default` stage and no route; the models' stacks bring theirs.

    name: as the console shows it. rate: requests per second over all routes. burst: requests at once. What is above
    gets 429. cors: what all models together allow to pages in a browser, which the API itself answers.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        name: str,
        rate: int,
        burst: int,
        log_days: int,
        cors: Cors | None = None,
    ) -> None:
        super().__init__(scope, id)
        self.api = aws_apigatewayv2.HttpApi(
            self, "Api", api_name=name, create_default_stage=False, cors_preflight=_preflight(cors) if cors else None
        )
        stage = aws_apigatewayv2.CfnStage
        aws_apigatewayv2.CfnStage(
            self,
            "Stage",
            api_id=self.api.api_id,
            stage_name="$default",
            auto_deploy=True,
            default_route_settings=stage.RouteSettingsProperty(
                detailed_metrics_enabled=True, throttling_rate_limit=rate, throttling_burst_limit=burst
            ),
            access_log_settings=stage.AccessLogSettingsProperty(
                destination_arn=Logs(self, "AccessLog", days=log_days).group.log_group_arn,
                format=json.dumps(ACCESS_LOG),
            ),
        )


def _preflight(cors: Cors) -> aws_apigatewayv2.CorsPreflightOptions:
    methods = aws_apigatewayv2.CorsHttpMethod
    return aws_apigatewayv2.CorsPreflightOptions(
        allow_origins=list(cors.origins),
        allow_headers=list(cors.headers),
        allow_methods=[methods.GET, methods.POST],
        max_age=Duration.seconds(cors.max_age),
    )
