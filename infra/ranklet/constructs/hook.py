"""The function that CodeDeploy asks whether a new version is fit to serve (`ranklet_runtime.hook`)."""

from __future__ import annotations

from pathlib import Path

from aws_cdk import Duration, aws_iam, aws_lambda
from constructs import Construct

from ranklet.constructs import parameters
from ranklet.constructs.logs import Logs
from ranklet.constructs.role import ExecutionRole
from ranklet.constructs.runtime import ARCHITECTURES, RUNTIME
from ranklet.deployable import Deployable
from ranklet_runtime import hook

LAYERS = ("features", "inference")
TIMEOUT = Duration.minutes(5)
"""For the new version's cold starts, and requests that are asked again."""


class Hook(Construct):
    """A function that may invoke the version of one function, and tell one deployment group.

    What it is to check stands in its environment, since CodeDeploy tells it the deployment alone; so it is updated
    before the alias is. `allow` comes later: the group must be known first, and knows the hook.
    """

    def __init__(
        self, scope: Construct, id: str, *, deployable: Deployable, folder: Path, alias: aws_lambda.Alias
    ) -> None:
        super().__init__(scope, id)
        settings = deployable.model.function
        logs = Logs(self, "Logs", days=settings.log_days).group
        layers = {name: parameters.value(self, parameters.layer(name, settings.architecture)) for name in LAYERS}
        self._checked = alias.lambda_.function_arn
        self._role = ExecutionRole(self, "Execution", log_group=logs, tables=[]).role
        self.function = aws_lambda.Function(
            self,
            "Function",
            runtime=RUNTIME,
            architecture=ARCHITECTURES[settings.architecture],
            handler=f"{hook.__name__}.handler",
            code=aws_lambda.Code.from_asset(str(folder)),
            layers=[
                aws_lambda.LayerVersion.from_layer_version_arn(self, f"Layer-{name}", arn)
                for name, arn in layers.items()
            ],
            description=f"Checks new versions of {deployable.model.name} before they get traffic",
            memory_size=512,
            timeout=TIMEOUT,
            environment={hook.FUNCTION: alias.lambda_.function_name, hook.VERSION: alias.version.version},
            log_group=logs,
            # The deployment group would write what it grants into the role's own policy, for which this function waits.
            role=self._role.without_policy_updates(),
        )

    def allow(self, group_arn: str) -> aws_iam.Policy:
        """Let it do its work for a deployment group; the alias must wait for this."""
        invoke = aws_iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=[f"{self._checked}:*"])
        tell = aws_iam.PolicyStatement(
            actions=["codedeploy:PutLifecycleEventHookExecutionStatus"], resources=[group_arn]
        )
        return aws_iam.Policy(self, "Policy", statements=[invoke, tell], roles=[self._role])
