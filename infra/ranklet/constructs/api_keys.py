"""`auth = "key"`: one key to begin with, and the plan that says what each key may ask."""

from __future__ import annotations

from aws_cdk import aws_apigateway
from constructs import Construct

from ranklet.settings.rest import Plan

PERIODS = {
    "day": aws_apigateway.Period.DAY,
    "week": aws_apigateway.Period.WEEK,
    "month": aws_apigateway.Period.MONTH,
}


class ApiKeys(Construct):
    """The plan of a REST API and its first key, whose value AWS makes and no template shows; `key` is the public part.

    Further keys are made in AWS and added to the plan: callers come and go without a deployment.
    """

    def __init__(self, scope: Construct, id: str, *, api: aws_apigateway.RestApi, plan: Plan) -> None:
        super().__init__(scope, id)
        self.key = aws_apigateway.ApiKey(self, "Key", description=f"{api.rest_api_name}: the first caller")
        limited = plan.rate is not None
        aws_apigateway.UsagePlan(
            self,
            "Plan",
            description=f"{api.rest_api_name}: what each key may ask",
            api_stages=[aws_apigateway.UsagePlanPerApiStage(api=api, stage=api.deployment_stage)],
            throttle=aws_apigateway.ThrottleSettings(rate_limit=plan.rate, burst_limit=plan.burst) if limited else None,
            quota=aws_apigateway.QuotaSettings(limit=plan.quota, period=PERIODS[plan.period]) if plan.quota else None,
        ).add_api_key(self.key)
