"""SSM parameters through which the shared stack tells the models' stacks what it made.

A value passed so can change while another stack uses it, which an export of CloudFormation cannot; a model is
deployed alone and takes the values of that moment.
"""

from __future__ import annotations

from aws_cdk import aws_ssm
from constructs import Construct

from ranklet import environment

API_ID = "/ranklet/api/id"
ALARM_TOPIC = "/ranklet/alarms/topic"


def layer(name: str, architecture: str) -> str:
    """The parameter with the newest ARN of a layer."""
    return f"/ranklet/layers/{name}/{architecture}"


def named(scope: Construct, name: str) -> str:
    """The parameter as the app's environment calls it."""
    return environment.parameter(scope.node.try_get_context("env") or "", name)


def value(scope: Construct, name: str) -> str:
    """A token for the parameter's value, which CloudFormation reads when it deploys."""
    return aws_ssm.StringParameter.value_for_string_parameter(scope, named(scope, name))
