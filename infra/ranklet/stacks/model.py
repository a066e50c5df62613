"""One model: function, alias and routes. It is deployed alone; the API and the layers are looked up."""

from __future__ import annotations

from collections.abc import Mapping

from aws_cdk import CfnOutput, Stack, aws_apigatewayv2
from constructs import Construct

from ranklet.constructs import parameters
from ranklet.constructs.function import ModelFunction
from ranklet.constructs.routes import ModelRoutes
from ranklet.deployable import Deployable
from ranklet.environment import Environment


class ModelStack(Stack):
    """layers: name → hash of the layer's content, of the layers that the function needs."""

    def __init__(
        self, scope: Construct, *, deployable: Deployable, layers: Mapping[str, str], environment: Environment
    ) -> None:
        model = deployable.model
        super().__init__(
            scope,
            model.name,
            stack_name=environment.stack(model.name),
            description=model.description or f"ranklet: the model {model.name}",
        )
        api_id = parameters.value(self, parameters.API_ID)
        api = aws_apigatewayv2.HttpApi.from_http_api_attributes(self, "Api", http_api_id=api_id)
        alias = ModelFunction(self, "Model", deployable=deployable, layers=layers).alias
        ModelRoutes(self, "Routes", api=api, alias=alias, model=model)
        host = f"https://{api_id}.execute-api.{self.region}.{self.url_suffix}"
        CfnOutput(self, "Rank", value=f"{host}/v1/models/{model.name}:rank")
        CfnOutput(self, "Alias", value=alias.function_arn)
