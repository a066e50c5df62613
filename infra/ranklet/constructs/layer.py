"""One layer, and the SSM parameter that tells its newest ARN."""

from __future__ import annotations

from pathlib import Path

from aws_cdk import RemovalPolicy, aws_lambda, aws_ssm
from constructs import Construct

from ranklet.constructs import parameters
from ranklet.constructs.runtime import ARCHITECTURES, RUNTIME
from ranklet.packaging.layers import STAMP


class Layer(Construct):
    """A layer version made of a built folder.

    Old versions are kept: a model's stack that is rolled back, or deployed later, still names the one it knew.
    """

    def __init__(self, scope: Construct, id: str, *, name: str, folder: Path, architecture: str) -> None:
        super().__init__(scope, id)
        self.version = aws_lambda.LayerVersion(
            self,
            "Version",
            code=aws_lambda.Code.from_asset(str(folder), exclude=[STAMP]),
            compatible_runtimes=[RUNTIME],
            compatible_architectures=[ARCHITECTURES[architecture]],
            description=f"ranklet {name}, {architecture}",
            license="Apache-2.0",
            removal_policy=RemovalPolicy.RETAIN,
        )
        aws_ssm.StringParameter(
            self,
            "Parameter",
            parameter_name=parameters.named(self, parameters.layer(name, architecture)),
            string_value=self.version.layer_version_arn,
            description=f"Newest version of the layer {name} for {architecture}",
        )
