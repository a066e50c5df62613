"""What a synthesised role may do, and what a function was seen to do: two sets of actions on resources.

The evaluator knows what our policies use: Allow and Deny, actions by name, resources with `*` and `?`. What it does not
know (conditions of an Allow, principals, NotAction) it refuses to judge.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import unquote

import pytest
from cdk_project import Assembly

from ranklet.local.dynamodb import actions
from ranklet.local.http1.message import Request
from ranklet.local.lambda_api import LambdaApi
from ranklet.local.s3 import LocalS3
from ranklet.local.secrets import LocalSecrets

ACCOUNT, REGION = "123456789012", "us-east-1"


@dataclass(frozen=True)
class Grant:
    """One action on one resource, with whether it is denied. resource: an ARN, maybe with wildcards."""

    action: str
    resource: str
    deny: bool = False

    def covers(self, action: str, resource: str) -> bool:
        """IAM compares actions without regard to case, resources with it."""
        return fnmatchcase(action.lower(), self.action.lower()) and fnmatchcase(resource, self.resource)


def allowed(grants: set[Grant], action: str, resource: str) -> bool:
    """Whether a call is allowed: some grant says so and none denies it."""
    found = [grant for grant in grants if grant.covers(action, resource)]
    return bool(found) and not any(grant.deny for grant in found)


def grants(
    assembly: Assembly, stack: str, values: Mapping[str, str], *, handler: str = "ranklet_runtime.handler.handler"
) -> set[Grant]:
    """What the role of a function in a stack may do; by default the model's.

    values: what a reference or attribute, as `Assembly.text` writes it, stands for after the deployment.
    """
    (function,) = [
        one["Properties"]
        for one in assembly.template(stack)["Resources"].values()
        if one["Type"] == "AWS::Lambda::Function" and one["Properties"]["Handler"] == handler
    ]
    role = function["Role"]["Fn::GetAtt"][0]
    found: set[Grant] = set()
    for policy in assembly.properties(stack, "AWS::IAM::Policy"):
        if {"Ref": role} not in policy["Roles"]:
            continue
        for statement in policy["PolicyDocument"]["Statement"]:
            found |= set(_grants(assembly, stack, statement, values))
    return found


def _grants(assembly: Assembly, stack: str, statement: Mapping[str, Any], values: Mapping[str, str]) -> Iterator[Grant]:
    deny = statement["Effect"] == "Deny"
    known = {"Effect", "Action", "Resource"} | ({"Condition"} if deny else set())
    assert set(statement) <= known, f"the evaluator does not know {set(statement) - known}"
    for action in _list(statement["Action"]):
        for resource in _list(statement["Resource"]):
            yield Grant(action, _after(assembly.text(stack, resource), values), deny)


def _after(text: str, values: Mapping[str, str]) -> str:
    pseudo = {"AWS::Partition": "aws", "AWS::Region": REGION, "AWS::AccountId": ACCOUNT}
    return re.sub(r"\{([^}]+)\}", lambda match: {**pseudo, **values}[match[1]], text)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


@contextmanager
def watched() -> Iterator[set[tuple[str, str]]]:
    """What the functions of local clouds ask of DynamoDB, S3 and Lambda while this runs: (action, resource)."""
    found: set[tuple[str, str]] = set()
    with pytest.MonkeyPatch.context() as patch:
        _watch_dynamodb(patch, found)
        _watch_s3(patch, found)
        _watch_lambda(patch, found)
        _watch_secrets(patch, found)
        yield found


def _watch_secrets(patch: pytest.MonkeyPatch, found: set[tuple[str, str]]) -> None:
    answer = LocalSecrets._answer

    async def watching(server: LocalSecrets, request: Request) -> Any:
        service, _, action = (request.header("x-amz-target") or "").rpartition(".")
        asked = json.loads(request.body)
        named = {"secretsmanager": "secretsmanager", "AmazonSSM": "ssm"}[service]
        found.add((f"{named}:{action}", asked.get("SecretId") or asked["Name"]))
        return await answer(server, request)

    patch.setattr(LocalSecrets, "_answer", watching)


def _watch_dynamodb(patch: pytest.MonkeyPatch, found: set[tuple[str, str]]) -> None:
    def watching(name: str, action: actions.Action) -> actions.Action:
        def run(tables: Any, document: Mapping[str, Any], dice: Any) -> dict[str, Any]:
            named = [*document.get("RequestItems", ()), *([document["TableName"]] if "TableName" in document else [])]
            for table in named:
                found.add((f"dynamodb:{name}", f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{table}"))
            return action(tables, document, dice)

        return run

    patch.setattr(actions, "ACTIONS", {name: watching(name, action) for name, action in actions.ACTIONS.items()})


def _watch_s3(patch: pytest.MonkeyPatch, found: set[tuple[str, str]]) -> None:
    answer = LocalS3._answer

    async def watching(server: LocalS3, request: Request) -> Any:
        path = unquote(request.target.partition("?")[0]).removeprefix("/")
        action = {"GET": "s3:GetObject", "HEAD": "s3:GetObject"}.get(request.method, f"s3:{request.method}")
        found.add((action, f"arn:aws:s3:::{path}"))
        return await answer(server, request)

    patch.setattr(LocalS3, "_answer", watching)


def _watch_lambda(patch: pytest.MonkeyPatch, found: set[tuple[str, str]]) -> None:
    answer = LambdaApi._answer

    async def watching(server: LambdaApi, request: Request) -> Any:
        name, what, qualifier = re.fullmatch(
            r"/2015-03-31/functions/([^/?]+)/(\w+)(?:\?(?:.*&)?Qualifier=([^&]+))?.*", unquote(request.target)
        ).groups()  # type: ignore[union-attr]
        action = {"invocations": "lambda:InvokeFunction", "versions": "lambda:ListVersionsByFunction"}[what]
        arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"
        found.add((action, f"{arn}:{qualifier}" if qualifier else arn))
        return await answer(server, request)

    patch.setattr(LambdaApi, "_answer", watching)


@contextmanager
def codedeploy(found: set[tuple[str, str]], group: str) -> Iterator[str]:
    """A CodeDeploy that takes what hooks tell it; its endpoint. group: the ARN that the calls are about."""

    class Answers(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            action = self.headers["x-amz-target"].partition(".")[2]
            found.add((f"codedeploy:{action}", group))
            self.send_response(200)
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
