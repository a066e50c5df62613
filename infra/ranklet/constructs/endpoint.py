"""Where a model is called: routes of the shared API, a REST API of its own, or the function's URL; `[api] kind`."""

from __future__ import annotations

from aws_cdk import CfnOutput, Stack, aws_apigatewayv2, aws_lambda
from constructs import Construct

from ranklet.constructs import domain, parameters
from ranklet.constructs.api_keys import ApiKeys
from ranklet.constructs.domain import DomainPath
from ranklet.constructs.function_url import ModelUrl
from ranklet.constructs.rest_api import STAGE, ModelRestApi
from ranklet.constructs.routes import ModelRoutes
from ranklet.constructs.waf import RateLimit
from ranklet.constructs.warmth import plays_locally
from ranklet.deployable import Deployable
from ranklet.environment import Environment
from ranklet.settings.rest import Plan, Rest


class Endpoint(Construct):
    """What stands before an alias. url: the base of all paths, without a slash at its end.

    On the shared domain a model with a REST API is below its name; one that is private, or has the function's URL, is
    not on it.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        deployable: Deployable,
        alias: aws_lambda.Alias,
        environment: Environment,
    ) -> None:
        super().__init__(scope, id)
        self._domain = domain.name(self, environment)
        kind = deployable.model.api.kind
        if kind == "rest":
            self.url = self._rest(deployable, alias, environment.called(f"ranklet-{deployable.model.name}"))
        elif kind == "url":
            self.url = ModelUrl(self, "FunctionUrl", alias=alias, model=deployable.model).url
        else:
            self.url = self._http(deployable, alias)

    def _http(self, deployable: Deployable, alias: aws_lambda.Alias) -> str:
        api_id = parameters.value(Stack.of(self), parameters.API_ID)
        api = aws_apigatewayv2.HttpApi.from_http_api_attributes(self, "Api", http_api_id=api_id)
        ModelRoutes(self, "Routes", api=api, alias=alias, model=deployable.model, leading=deployable.paths)
        return f"https://{self._domain or self._host(api_id)}"

    def _rest(self, deployable: Deployable, alias: aws_lambda.Alias, name: str) -> str:
        settings = deployable.model.api
        rest = settings.rest or Rest()
        api = ModelRestApi(self, "Rest", deployable=deployable, alias=alias, name=name).api
        if settings.auth == "key":
            key = ApiKeys(self, "Keys", api=api, plan=rest.plan or Plan()).key
            CfnOutput(Stack.of(self), "ApiKeyId", value=key.key_id)
        if rest.waf_rate and not plays_locally(self):
            RateLimit(self, "Firewall", stage_arn=api.deployment_stage.stage_arn, rate=rest.waf_rate)
        if self._domain and not rest.vpc_endpoints:
            path = deployable.model.name
            mapped = DomainPath(self, "Domain", name=self._domain, path=path, api_id=api.rest_api_id, stage=STAGE)
            mapped.node.add_dependency(api.deployment_stage)
            return f"https://{self._domain}/{path}"
        return f"https://{self._host(api.rest_api_id)}/{STAGE}"

    def _host(self, api_id: str) -> str:
        stack = Stack.of(self)
        return f"{api_id}.execute-api.{stack.region}.{stack.url_suffix}"
