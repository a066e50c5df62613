"""What is looked at of one model, as `[watch]` has it: alarms, dashboard and saved queries."""

from __future__ import annotations

from aws_cdk import aws_lambda, aws_logs, aws_sns
from constructs import Construct

from ranklet.constructs import parameters
from ranklet.constructs.alarms import ModelAlarms
from ranklet.constructs.dashboard import ModelDashboard
from ranklet.constructs.queries import SavedQueries
from ranklet.constructs.warmth import plays_locally
from ranklet.deployable import Deployable


class ModelWatch(Construct):
    """alarms: by name, those of the model."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        deployable: Deployable,
        alias: aws_lambda.Alias,
        log_group: aws_logs.ILogGroup,
    ) -> None:
        super().__init__(scope, id)
        watch = deployable.model.watch
        self.alarms = {}
        if watch.alarms.on:
            topic = aws_sns.Topic.from_topic_arn(
                self, "Topic", watch.topic or parameters.value(self, parameters.ALARM_TOPIC)
            )
            self.alarms = ModelAlarms(self, "Alarms", deployable=deployable, alias=alias, topic=topic).alarms
        if watch.dashboard:
            ModelDashboard(self, "Dashboard", deployable=deployable, alias=alias, alarms=self.alarms)
        # A local AWS has no saved queries.
        if watch.queries and not plays_locally(self):
            health = bool(deployable.manifest.watch.health_every)
            SavedQueries(self, "Queries", log_group=log_group, health=health)
