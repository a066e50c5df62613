"""A boto3 client of a local endpoint, and what two servers answer to one call."""

from __future__ import annotations

from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError


def client(
    endpoint: str,
    *,
    access_key: str = "AK",
    secret_key: str = "SK",
    token: str | None = None,
    region: str = "us-east-1",
) -> Any:
    """boto3 without retries, and without its own checks of parameters: the server is to do them."""
    return boto3.client(
        "dynamodb",
        endpoint_url=endpoint,
        region_name=region,
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
        aws_session_token=token,
        config=Config(retries={"max_attempts": 0}, parameter_validation=False),
    )


def outcome(api: Any, action: str, request: dict[str, Any]) -> Any:
    """The answer without its metadata, its rows in the order of their keys; or the error's code, status and message."""
    try:
        answer = getattr(api, action)(**request)
    except ClientError as error:
        said = error.response
        return said["Error"]["Code"], said["ResponseMetadata"]["HTTPStatusCode"], said["Error"]["Message"]
    answer.pop("ResponseMetadata")
    answer.pop("ConsumedCapacity", None)  # moto counts it wrongly; it is checked against the size rule
    for rows in answer.get("Responses", {}).values():
        rows.sort(key=lambda item: str(sorted(item.items())))
    return answer


def create(api: Any, name: str = "films", kind: str = "S", key: str = "k") -> None:
    api.create_table(
        TableName=name,
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": kind}],
        KeySchema=[{"AttributeName": key, "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
