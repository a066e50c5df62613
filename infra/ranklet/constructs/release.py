"""A gradual release: CodeDeploy moves the alias to a new version, and back when the hook or an alarm says so.

CloudFormation hands the alias's update over to CodeDeploy, so `cdk deploy` lasts as long as the release, and fails with
it. The first deployment of a stack makes the alias and has nothing to move: hook and alarms begin with the second.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-attribute-updatepolicy.html
"""

from __future__ import annotations

from pathlib import Path

from aws_cdk import Annotations, Duration, aws_codedeploy, aws_iam, aws_lambda
from constructs import Construct

from ranklet import certificate, releasing
from ranklet.constructs.hook import Hook
from ranklet.constructs.release_alarms import ReleaseAlarms
from ranklet.deployable import Deployable
from ranklet.settings.release import Release
from ranklet_runtime.shadow import LIVE


class GradualRelease(Construct):
    """The deployment group of an alias, which is the one public attribute."""

    def __init__(self, scope: Construct, id: str, *, alias: aws_lambda.Alias, deployable: Deployable) -> None:
        super().__init__(scope, id)
        release = deployable.model.release
        _warn(self, deployable)
        alarms = ReleaseAlarms(self, "Alarms", alias=alias, deployable=deployable).alarms
        hook = None
        if release.checked:
            hook = Hook(self, "Hook", deployable=deployable, folder=_folder(deployable), alias=alias)
        role = aws_iam.Role(self, "Role", assumed_by=aws_iam.ServicePrincipal("codedeploy.amazonaws.com"))
        policy = _policy(self, role, alias, hook)
        self.group = aws_codedeploy.LambdaDeploymentGroup(
            self,
            "Group",
            alias=alias,
            alarms=list(alarms.values()),
            auto_rollback=aws_codedeploy.AutoRollbackConfig(
                failed_deployment=True, stopped_deployment=True, deployment_in_alarm=bool(alarms)
            ),
            deployment_config=aws_codedeploy.LambdaDeploymentConfig(self, "Config", traffic_routing=_routing(release)),
            pre_hook=hook.function if hook else None,
            # The construct would add a managed policy for the aliases of all functions.
            role=role.without_policy_updates(),
        )
        self.group.node.add_dependency(policy)
        # References of an update policy make nothing wait.
        alias.node.add_dependency(self.group)
        if hook is not None:
            alias.node.add_dependency(hook.allow(self.group.deployment_group_arn))


def _warn(scope: Construct, deployable: Deployable) -> None:
    model = deployable.model
    if model.warmth.scales:
        Annotations.of(scope).add_warning_v2(
            "ranklet:release-scaling",
            f"{model.name}: Lambda changes no provisioned concurrency of an alias that has weights, so it does not "
            "scale while a release moves traffic; give count what a release needs",
        )
    if model.release.watched.score_shift and deployable.manifest.histogram is None:
        Annotations.of(scope).add_warning_v2(
            "ranklet:score-shift",
            f"{model.name}: the golden requests hold fewer than {releasing.FEWEST} scores, or one alone, so no alarm "
            "looks at their distribution",
        )


def _folder(deployable: Deployable) -> Path:
    folder = deployable.bundle.parents[1] / releasing.HOOKS / deployable.model.name
    return releasing.hook(deployable.model, certificate.read(deployable.bundle), folder)


def _routing(release: Release) -> aws_codedeploy.TrafficRouting:
    percent, minutes = release.step
    interval = Duration.minutes(minutes)
    if release.strategy == "canary":
        return aws_codedeploy.TimeBasedCanaryTrafficRouting(percentage=percent, interval=interval)
    return aws_codedeploy.TimeBasedLinearTrafficRouting(percentage=percent, interval=interval)


def _policy(scope: Construct, role: aws_iam.Role, alias: aws_lambda.Alias, hook: Hook | None) -> aws_iam.Policy:
    """What AWS's own policy for CodeDeploy and Lambda grants, for one function and without S3."""
    function = alias.lambda_.function_arn
    move = aws_iam.PolicyStatement(
        actions=["lambda:GetAlias", "lambda:GetProvisionedConcurrencyConfig", "lambda:UpdateAlias"],
        # By its text: a reference would make it wait for the alias, which waits for it.
        resources=[function, f"{function}:{LIVE}"],
    )
    # CloudWatch takes no narrower resource for a caller who asks for all kinds of alarms.
    look = aws_iam.PolicyStatement(actions=["cloudwatch:DescribeAlarms"], resources=["*"])
    statements = [move, look]
    if hook is not None:
        statements.append(
            aws_iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=[hook.function.function_arn])
        )
    return aws_iam.Policy(scope, "Policy", statements=statements, roles=[role])
