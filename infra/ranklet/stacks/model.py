"""One model: function, alias and routes. It is deployed alone; the API and the layers are looked up."""

from __future__ import annotations

from collections.abc import Mapping

from aws_cdk import CfnOutput, Stack
from constructs import Construct

from ranklet.constructs.endpoint import Endpoint
from ranklet.constructs.function import ModelFunction
from ranklet.constructs.release import GradualRelease
from ranklet.constructs.warmth import plays_locally
from ranklet.constructs.watching import ModelWatch
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
        function = ModelFunction(self, "Model", deployable=deployable, layers=layers)
        alias = function.alias
        endpoint = Endpoint(self, "Endpoint", deployable=deployable, alias=alias, environment=environment)
        # A local AWS has no CodeDeploy: there the alias moves at once.
        if model.release.gradual and not plays_locally(self):
            GradualRelease(self, "Release", alias=alias, deployable=deployable)
        ModelWatch(self, "Watch", deployable=deployable, alias=alias, log_group=function.log_group)
        CfnOutput(self, "Rank", value=f"{endpoint.url}/v1/models/{model.name}:{model.verb}")
        CfnOutput(self, "Alias", value=alias.function_arn)
        if function.token_key is not None:
            CfnOutput(self, "TokenKey", value=function.token_key.arn)
