"""The rights that a command says it needs in its help, and those that its calls to AWS take."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore import xform_name
from botocore.client import BaseClient
from click.testing import CliRunner

from ranklet.cli import ranklet

ACTIONS = {
    "s3:CompleteMultipartUpload": "s3:PutObject",
    "s3:CreateMultipartUpload": "s3:PutObject",
    "s3:DeleteObjects": "s3:DeleteObject",
    "s3:HeadBucket": "s3:ListBucket",
    "s3:HeadObject": "s3:GetObject",
    "s3:ListObjectsV2": "s3:ListBucket",
    "s3:UploadPart": "s3:PutObject",
}
"""Operations that go by another right's name: https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-actions.html"""

IMPLIED = {
    # DynamoDB writes the log of an import with the rights of who asks for it.
    "dynamodb:ImportTable": {
        f"logs:{verb}"
        for verb in (
            "CreateLogGroup",
            "CreateLogStream",
            "DescribeLogGroups",
            "DescribeLogStreams",
            "PutLogEvents",
            "PutRetentionPolicy",
        )
    },
    # DynamoDB uses a key of one's own with the rights of who makes the table.
    "SSESpecification": {
        f"kms:{verb}"
        for verb in (
            "CreateGrant",
            "Decrypt",
            "DescribeKey",
            "Encrypt",
            "GenerateDataKey",
            "ReEncryptFrom",
            "ReEncryptTo",
        )
    },
    # A new table has tags from the first moment on.
    "dynamodb:CreateTable": {"dynamodb:TagResource"},
}
"""What AWS asks for beside the call itself; by the name of a call, or of a parameter of one."""


CALLERS = {right for rights in IMPLIED.values() for right in rights} | {
    "execute-api:Invoke",
    "lambda:InvokeFunctionUrl",
}
"""Rights that no call of boto3's is named for: those beside a call, and those to ask a model."""


def calls(right: str) -> set[str]:
    """How boto3 calls what goes by a right."""
    operations = {right, *(operation for operation, action in ACTIONS.items() if action == right)}
    names = {xform_name(operation.partition(":")[2]) for operation in operations}
    return names | ({"upload_file", "upload_fileobj"} if right == "s3:PutObject" else set())


def stated(*words: str) -> set[str]:
    """What the help of a command says it needs: `Needs service:Verb, Verb …` up to `Exit code` or the end.

    `what … need` refers to another command's.
    """
    text = " ".join(CliRunner().invoke(ranklet, [*words, "--help"]).stdout.split())
    (needs,) = re.findall(r"\bNeeds (.*?)(?:\. |\.?$| Exit code)", text)
    found: set[str] = set()
    if "what `list` needs" in needs:
        found |= stated(words[0], "list")
    for verb in re.findall(r"`ranklet tables (\w+)` need", needs):
        found |= stated("tables", verb)
    service = ""
    for named, verb in re.findall(r"(?:\b([a-z0-9-]+):)?\b([A-Z][A-Za-z]+[a-z][A-Za-z0-9]*|\*)", needs):
        service = named or service
        found.add(f"{service}:{verb}")
    return found


@contextmanager
def recorded() -> Iterator[set[str]]:
    """The rights that boto3's calls take while this runs, whichever thread calls."""
    found: set[str] = set()
    call = BaseClient._make_api_call

    def recording(client: Any, operation: str, parameters: Any) -> Any:
        action = f"{client.meta.service_model.service_name}:{operation}"
        action = ACTIONS.get(action, action)
        found.update({action} | IMPLIED.get(action, set()))
        if "SSESpecification" in {**parameters, **parameters.get("TableCreationParameters", {})}:
            found.update(IMPLIED["SSESpecification"])
        return call(client, operation, parameters)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BaseClient, "_make_api_call", recording)
        yield found
