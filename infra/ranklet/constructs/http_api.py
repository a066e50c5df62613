"""The one HTTP API of all models: access log, throttling, metrics by route."""

from __future__ import annotations

import json

from aws_cdk import aws_apigatewayv2
from constructs import Construct

from ranklet.constructs.logs import Logs

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
    gets 429.
    """

    def __init__(self, scope: Construct, id: str, *, name: str, rate: int, burst: int, log_days: int) -> None:
        super().__init__(scope, id)
        self.api = aws_apigatewayv2.HttpApi(self, "Api", api_name=name, create_default_stage=False)
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
