"""An account in moto with a deployed model: a function with versions and an alias, its stack, a table in DynamoDB.

moto's CloudFormation knows few of our resources, and its Lambda no provisioned concurrency: what it cannot tell is
planted as answers into boto3's real clients. The rest, and every request that changes something, is moto's own.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import boto3
import numpy as np
from botocore.awsrequest import AWSResponse
from click.testing import CliRunner
from rights_kit import recorded, stated

from ranklet.cli import ranklet
from ranklet.deploying.account import Account
from ranklet.errors import RankletError
from ranklet.model import TableSource
from ranklet.tables import files, snapshot
from ranklet.tables.pin import pin
from ranklet.tables.placement import Site
from ranklet.tables.push import push
from ranklet.tables.source import Vectors

REGION = "us-east-1"
FUNCTION = "films-ModelFunction-1A2B"


@dataclass
class Planted:
    """Answers in the place of moto's, by operation: a document, (code, message) of a refusal, or what is to happen
    before moto answers."""

    answers: dict[str, Any] = field(default_factory=dict)

    def __call__(self, model: Any, **_: Any) -> tuple[AWSResponse, dict[str, Any]] | None:
        answer = self.answers.get(model.name)
        if callable(answer):
            answer()
        if answer is None or callable(answer):
            return None
        status = 400 if isinstance(answer, tuple) else 200
        raw = AWSResponse("https://planted", status, {}, None)
        if isinstance(answer, tuple):
            return raw, {"Error": {"Code": answer[0], "Message": answer[1]}, "ResponseMetadata": {}}
        return raw, {**answer, "ResponseMetadata": {"HTTPStatusCode": status}}


PLANTED = Planted()


class MotoAccount(Account):
    """The commands' own clients, with the planted answers before moto's."""

    @cached_property
    def functions(self) -> Any:
        return _planted(self._client("lambda", retries=1))

    @cached_property
    def cloudformation(self) -> Any:
        return _planted(self._client("cloudformation", retries=1))


def _planted(client: Any) -> Any:
    client.meta.events.register("before-call", PLANTED)
    return client


def deploy(*, versions: int = 2, live: int | None = None, tables: str = "none", stack: str = "films") -> None:
    """A function with so many versions, the model's version one above the function's, and its stack."""
    functions = boto3.client("lambda")
    role = boto3.client("iam").create_role(RoleName="execution", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    for number in range(1, versions + 1):
        described = {
            "Description": f"films version {number + 1}, layers features:0a",
            "Environment": {"Variables": {"RANKLET_TABLES": tables}},
        }
        if number == 1:
            functions.create_function(
                FunctionName=FUNCTION,
                Runtime="python3.13",
                Role=role,
                Handler="ranklet_runtime.handler.handler",
                Code={"ZipFile": code(number)},
                **described,
            )
        else:
            functions.update_function_configuration(FunctionName=FUNCTION, **described)
            functions.update_function_code(FunctionName=FUNCTION, ZipFile=code(number))
        functions.publish_version(FunctionName=FUNCTION)
    alias = functions.create_alias(FunctionName=FUNCTION, Name="live", FunctionVersion=str(live or versions))
    outputs = {
        "Alias": alias["AliasArn"],
        "Rank": "https://abc.execute-api.us-east-1.amazonaws.com/v1/models/films:rank",
    }
    make_stack(stack, outputs)
    held = {"AWS::Lambda::Function": FUNCTION, "AWS::Lambda::Version": f"{functions_arn(alias)}:{versions}"}
    PLANTED.answers["ListStackResources"] = resources({**held, "AWS::CloudWatch::Alarm": "films-errors"})
    PLANTED.answers["GetProvisionedConcurrencyConfig"] = ("ProvisionedConcurrencyConfigNotFoundException", "none")


def functions_arn(alias: Mapping[str, Any]) -> str:
    """The function's ARN out of its alias's."""
    return str(alias["AliasArn"]).rpartition(":")[0]


def make_stack(name: str, outputs: Mapping[str, str]) -> None:
    """A stack that keeps one parameter when it goes."""
    parameter = {"Type": "AWS::SSM::Parameter", "Properties": {"Name": f"/{name}", "Type": "String", "Value": "1"}}
    document = {
        "Resources": {"Kept": {**parameter, "DeletionPolicy": "Retain"}},
        "Outputs": {key: {"Value": value} for key, value in outputs.items()},
    }
    boto3.client("cloudformation").create_stack(StackName=name, TemplateBody=json.dumps(document))


def resources(held: Mapping[str, str]) -> dict[str, Any]:
    """What ListStackResources answers: type → physical id."""
    return {
        "StackResourceSummaries": [
            {"ResourceType": kind, "PhysicalResourceId": id, "LogicalResourceId": kind.rpartition(":")[2]}
            for kind, id in held.items()
        ]
    }


def code(number: int) -> bytes:
    """A package that differs from version to version."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("a.py", str(number))
    return buffer.getvalue()


def pushed(root: Path) -> str:
    """A whole table in DynamoDB; its physical name."""
    vectors = Vectors(np.arange(7), np.ones((7, 4), np.float32))
    pinned = pin("films", TableSource(vectors="v", keys="k", placement="dynamodb"), vectors)
    folder = files.write_staged(pinned, root / "staged")
    push(folder, client=Account(REGION).dynamodb)
    return folder.name


def shelved(root: Path, parameter: str) -> str:
    """A whole snapshot in the bucket that the parameter tells; its physical name."""
    vectors = Vectors(np.arange(7), np.ones((7, 4), np.float32))
    source = TableSource(vectors="v", keys="k", placement="resident")
    folder = files.write_staged(pin("films", source, vectors, site=Site(package=0)), root / "staged")
    boto3.client("s3").create_bucket(Bucket="snapshots")
    boto3.client("ssm").put_parameter(Name=parameter, Value="snapshots", Type="String")
    snapshot.upload(folder, boto3.client("s3"), "snapshots")
    return folder.name


@dataclass(frozen=True)
class Done:
    """What a command did."""

    code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        return json.loads(self.stdout)


CLOUDFORMATIONS = {"lambda:DeleteFunction"}
"""What a planted DeleteStack calls in CloudFormation's place."""


def run(*words: str, answer: str | None = None) -> Done:
    """Run `ranklet …` in this process, errors to exit codes as `main` does it.

    Whatever it calls must stand among the rights that its help says it needs.
    """
    with recorded() as called:
        result = CliRunner().invoke(ranklet, list(words), input=answer)
    verb = words[: 2 if words[0] == "tables" else 1]
    if called:
        missing = called - stated(*verb) - CLOUDFORMATIONS
        assert not missing, f"`{' '.join(verb)}` calls what its help does not name: {sorted(missing)}"
    if isinstance(result.exception, RankletError):
        return Done(result.exception.exit_code, result.stdout, f"{result.stderr}ranklet: {result.exception}")
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Done(result.exit_code, result.stdout, result.stderr)
