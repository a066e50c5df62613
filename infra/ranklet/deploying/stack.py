"""What CloudFormation says of a model's stack: its state, its outputs, its resources."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ranklet.deploying.account import Account, asked, pages
from ranklet.environment import Environment
from ranklet.errors import DeployError
from ranklet.tables.calls import refused

VERSION = "AWS::Lambda::Version"
VERBS = ("rank", "retrieve", "similar")
"""The ends of the URLs that stacks put out."""
ALARMS = ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm")


@dataclass(frozen=True)
class Resource:
    """One resource of a stack. id: its physical one."""

    kind: str
    id: str
    logical: str


@dataclass(frozen=True)
class Deployed:
    """A model's stack. alias: the name behind which its function is called. url: of the API, without the model's path.

    function: its name. outputs: all of the stack's.
    """

    stack: str
    model: str
    status: str
    updated: datetime
    function: str
    alias: str
    url: str
    outputs: Mapping[str, str] = field(default_factory=dict)


def find(account: Account, environment: Environment, model: str) -> Deployed | None:
    """A model's stack; None where there is none. Raises DeployError where CloudFormation does not answer."""
    name = environment.stack(model)
    shown = described(account, name)
    if shown is None:
        return None
    outputs = {one["OutputKey"]: one["OutputValue"] for one in shown.get("Outputs", [])}
    function, alias = _parts(outputs.get("Alias", ""))
    return Deployed(
        stack=name,
        model=model,
        status=shown["StackStatus"],
        updated=shown.get("LastUpdatedTime") or shown["CreationTime"],
        function=function,
        alias=alias,
        url=base(outputs.get("Rank") or outputs.get("Recommend", ""), model),
        outputs=outputs,
    )


def found(account: Account, environment: Environment, model: str) -> Deployed:
    """A model's stack that has its function. Raises DeployError where there is none."""
    there = find(account, environment, model)
    where = f" in {environment.name}" if environment.name else ""
    if there is None:
        raise DeployError(
            f"{model} is not deployed{where}: there is no stack {environment.stack(model)} in this region"
        )
    if not there.function:
        raise DeployError(
            f"the stack {there.stack} has no function ({there.status}); look at its events in CloudFormation, then "
            f"`ranklet deploy {model}` or `ranklet destroy {model}`"
        )
    return there


def described(account: Account, name: str) -> Mapping[str, Any] | None:
    """What DescribeStacks says; None where there is no such stack."""
    from botocore.exceptions import ClientError

    try:
        told = asked("cloudformation:DescribeStacks", account.cloudformation.describe_stacks, StackName=name)
    except DeployError as error:
        # CloudFormation has no code of its own for it.
        cause = error.__cause__
        if isinstance(cause, ClientError) and refused(cause) == "ValidationError" and "does not exist" in str(cause):
            return None
        raise
    (shown,) = told["Stacks"]
    return None if shown["StackStatus"] == "DELETE_COMPLETE" else dict(shown)


def resources(account: Account, stack: str) -> list[Resource]:
    """Everything that a stack holds."""
    listed = pages(
        "cloudformation:ListStackResources",
        account.cloudformation,
        "list_stack_resources",
        "StackResourceSummaries",
        StackName=stack,
    )
    return [
        Resource(one["ResourceType"], one.get("PhysicalResourceId", ""), one["LogicalResourceId"]) for one in listed
    ]


def version(held: Sequence[Resource], function: str) -> str | None:
    """The one version of the function that the stack published last; None where that cannot be told."""
    arns = [one.id for one in held if one.kind == VERSION and f":function:{function}:" in one.id]
    return arns[0].rpartition(":")[2] if len(arns) == 1 else None


def base(rank: str, model: str) -> str:
    """The API's URL out of the one of its ranking, or of what else a model is asked for."""
    for verb in VERBS:
        for path in (f"/{model}/v1/models/{model}:{verb}", f"/v1/models/{model}:{verb}"):
            if rank.endswith(path):
                return rank.removesuffix(path)
    return rank.removesuffix(f"/v1/funnels/{model}:recommend").rstrip("/")


def _parts(alias: str) -> tuple[str, str]:
    """Function and alias out of `arn:…:function:<name>:<alias>`."""
    words = alias.split(":")
    return (words[-2], words[-1]) if len(words) == 8 else ("", "")
