"""One funnel: its function, alias and routes, and a function for each stage where they are not all in one.

All of it is one stack, so that a funnel and the versions of its stages go live together. Functions apart have an alias
each, which no rollback moves as one: the output `Stages` says that there are some.
"""

from __future__ import annotations

from collections.abc import Mapping

from aws_cdk import CfnOutput, Stack
from constructs import Construct

from ranklet.constructs.endpoint import Endpoint
from ranklet.constructs.function import ModelFunction
from ranklet.constructs.stage_calls import StageCalls
from ranklet.constructs.watching import ModelWatch
from ranklet.deployable import Deployable
from ranklet.environment import Environment


class FunnelStack(Stack):
    """layers: model or funnel → name → hash of the layer's content, of the layers that its function needs."""

    def __init__(
        self,
        scope: Construct,
        *,
        deployable: Deployable,
        layers: Mapping[str, Mapping[str, str]],
        environment: Environment,
    ) -> None:
        name = deployable.model.name
        super().__init__(scope, name, stack_name=environment.stack(name), description=deployable.model.description)
        front = ModelFunction(self, "Model", deployable=deployable, layers=layers[name])
        if deployable.stages:
            functions = {
                one.model.name: ModelFunction(
                    self,
                    f"Stage-{one.model.name}",
                    deployable=one,
                    layers=layers[one.model.name],
                    called=f"{environment.stack(name)}/{one.model.name}",
                )
                for one in deployable.stages
            }
            aliases = {model: one.alias for model, one in functions.items()}
            StageCalls(self, "Calls", front=front.function, stages=aliases)
            CfnOutput(self, "Stages", value=",".join(functions))
        endpoint = Endpoint(self, "Endpoint", deployable=deployable, alias=front.alias, environment=environment)
        ModelWatch(self, "Watch", deployable=deployable, alias=front.alias, log_group=front.log_group)
        CfnOutput(self, "Recommend", value=f"{endpoint.url}/v1/funnels/{name}:recommend")
        CfnOutput(self, "Alias", value=front.alias.function_arn)
