"""What all models share: the HTTP API, the layers and the bucket of snapshots, told through SSM parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from aws_cdk import CfnOutput, Stack, aws_ssm
from constructs import Construct

from ranklet.constructs import domain, parameters
from ranklet.constructs.dashboard import FleetDashboard
from ranklet.constructs.domain import SharedDomain
from ranklet.constructs.http_api import HttpApi
from ranklet.constructs.layer import Layer
from ranklet.constructs.network import GatewayEndpoints
from ranklet.constructs.rest_logs import RestLogs
from ranklet.constructs.snapshots import Snapshots
from ranklet.constructs.topic import AlarmTopic
from ranklet.environment import Environment
from ranklet.settings.api import Api, together
from ranklet.settings.watch import Watch
from ranklet.snapshots import BUCKET_PARAMETER

NAME = "ranklet-shared"
LOG_DAYS = 30


class SharedStack(Stack):
    """layers: (name, architecture) → built folder. rate and burst: see `HttpApi`. apis: `[api]` of every model.

    watches: `[watch]` of every model, by name.
    """

    def __init__(
        self,
        scope: Construct,
        *,
        layers: Mapping[tuple[str, str], Path],
        rate: int,
        burst: int,
        apis: Sequence[Api],
        watches: Mapping[str, Watch],
        environment: Environment,
    ) -> None:
        super().__init__(
            scope,
            NAME,
            stack_name=environment.stack(NAME),
            description="ranklet: the HTTP API, the layers and the snapshots of all models",
        )
        days = environment.log_days or LOG_DAYS
        cors = together(tuple(one.cors for one in apis if one.kind == "http" and one.cors))
        called = environment.called("ranklet")
        http = HttpApi(self, "HttpApi", name=called, rate=rate, burst=burst, log_days=days, cors=cors)
        api = http.api
        if any(one.kind == "rest" for one in apis):
            RestLogs(self, "RestLogs")
        if shared := domain.name(self, environment):
            place = SharedDomain(
                self, "Domain", name=shared, certificate=domain.certificate(self), api_id=api.api_id, stage="$default"
            )
            place.node.add_dependency(http)
            CfnOutput(self, "DomainTarget", value=place.target)
        aws_ssm.StringParameter(
            self,
            "ApiId",
            parameter_name=environment.parameter(parameters.API_ID),
            string_value=api.api_id,
            description="ranklet's HTTP API",
        )
        bucket = Snapshots(self, "Snapshots").bucket
        aws_ssm.StringParameter(
            self,
            "SnapshotsBucket",
            parameter_name=environment.parameter(BUCKET_PARAMETER),
            string_value=bucket.bucket_name,
            description="Bucket of the tables that ranklet's functions fetch when they start",
        )
        if environment.endpoints is not None:
            GatewayEndpoints(self, "Endpoints", settings=environment.endpoints)
        for (name, architecture), folder in layers.items():
            Layer(self, f"{name}-{architecture}", name=name, folder=folder, architecture=architecture)
        if any(one.alarms.on and one.topic is None for one in watches.values()):
            email = self.node.try_get_context("alarm_email") or environment.alarm_email or ""
            aws_ssm.StringParameter(
                self,
                "AlarmTopic",
                parameter_name=environment.parameter(parameters.ALARM_TOPIC),
                string_value=AlarmTopic(self, "Alarms", email=email).topic.topic_arn,
                description="SNS topic that the alarms of ranklet's models tell",
            )
        if watched := [environment.stack(name) for name, one in watches.items() if one.dashboard]:
            FleetDashboard(self, "Fleet", models=watched, api_id=api.api_id)
        CfnOutput(self, "Url", value=api.api_endpoint)
