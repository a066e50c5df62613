"""SSM parameters through which the shared stack tells the models' stacks what it made.

A value passed so can change while another stack uses it, which an export of CloudFormation cannot; a model is
deployed alone and takes the values of that moment.
"""

from __future__ import annotations

from aws_cdk import aws_ssm
from constructs import Construct

API_ID = "/ranklet/api/id"


def layer(name: str, architecture: str) -> str:
    """The parameter with the newest ARN of a layer."""
    return f"/ranklet/layers/{name}/{architecture}"


def value(scope: Construct, name: str) -> str:
    """A token for the parameter's value, which CloudFormation reads when it deploys."""
    return aws_ssm.StringParameter.value_for_string_parameter(scope, name)
