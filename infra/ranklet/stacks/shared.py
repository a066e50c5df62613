"""What all models share: the HTTP API, the layers and the bucket of snapshots, told through SSM parameters."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from aws_cdk import CfnOutput, Stack, aws_ssm
from constructs import Construct

from ranklet.constructs import parameters
from ranklet.constructs.http_api import HttpApi
from ranklet.constructs.layer import Layer
from ranklet.constructs.network import GatewayEndpoints
from ranklet.constructs.snapshots import Snapshots
from ranklet.environment import Environment
from ranklet.snapshots import BUCKET_PARAMETER

NAME = "ranklet-shared"
LOG_DAYS = 30


class SharedStack(Stack):
    """layers: (name, architecture) → built folder. rate and burst: see `HttpApi`."""

    def __init__(
        self,
        scope: Construct,
        *,
        layers: Mapping[tuple[str, str], Path],
        rate: int,
        burst: int,
        environment: Environment,
    ) -> None:
        super().__init__(
            scope,
            NAME,
            stack_name=environment.stack(NAME),
            description="ranklet: the HTTP API, the layers and the snapshots of all models",
        )
        days = environment.log_days or LOG_DAYS
        api = HttpApi(self, "HttpApi", name=environment.called("ranklet"), rate=rate, burst=burst, log_days=days).api
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
        CfnOutput(self, "Url", value=api.api_endpoint)
