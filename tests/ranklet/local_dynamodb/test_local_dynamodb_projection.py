"""ProjectionExpression beside moto, and what it must not change: what a read costs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from ranklet.local.dynamodb import LocalDynamo

ITEM = {
    "k": {"S": "a"},
    "v": {"B": b"123"},
    "n": {"N": "7"},
    "m": {"M": {"x": {"S": "1"}, "y": {"M": {"z": {"N": "2"}, "w": {"BOOL": True}}}}},
    "big": {"S": "x" * 5000},
}


def _client(**more: Any) -> Any:
    keys = {"aws_access_key_id": "AK", "aws_secret_access_key": "SK"}
    client = boto3.client("dynamodb", region_name="us-east-1", **keys, **more)
    client.create_table(
        TableName="films",
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    client.put_item(TableName="films", Item=ITEM)
    return client


@pytest.fixture
def ours() -> Iterator[Any]:
    with LocalDynamo() as server:
        client = _client(endpoint_url=server.endpoint)
        yield client
        client.close()


@pytest.fixture
def theirs() -> Iterator[Any]:
    with mock_aws():
        yield _client()


PATHS: list[dict[str, Any]] = [
    {"ProjectionExpression": "v"},
    {"ProjectionExpression": "k, v"},
    {"ProjectionExpression": "k,absent"},
    {"ProjectionExpression": "absent"},
    {"ProjectionExpression": "m.x"},
    {"ProjectionExpression": "m.y.z, n"},
    {"ProjectionExpression": "m.y.z, m.x"},
    {"ProjectionExpression": "m.absent, k"},
    {"ProjectionExpression": "#1, #k", "ExpressionAttributeNames": {"#1": "v", "#k": "k"}},
    {"ProjectionExpression": "#m.#y.w", "ExpressionAttributeNames": {"#m": "m", "#y": "y"}},
]


def _name(asked: dict[str, Any]) -> str:
    return str(asked["ProjectionExpression"])


@pytest.mark.parametrize("asked", PATHS, ids=_name)
def test_answers_are_motos(ours: Any, theirs: Any, asked: dict[str, Any]) -> None:
    key = {"k": {"S": "a"}}
    one, other = (api.get_item(TableName="films", Key=key, **asked).get("Item", {}) for api in (ours, theirs))
    assert one == other
    batches = (api.batch_get_item(RequestItems={"films": {"Keys": [key], **asked}}) for api in (ours, theirs))
    one, other = (batch["Responses"]["films"] for batch in batches)
    assert one == other


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"ProjectionExpression": "#v"}, "not defined"),
    ({"ProjectionExpression": "v", "ExpressionAttributeNames": {"#n": "n"}}, "unused"),
    ({"ExpressionAttributeNames": {"#n": "n"}}, "only be specified when using expressions"),
    ({"ProjectionExpression": "m, m.x"}, "overlap"),
    ({"ProjectionExpression": "v, v"}, "overlap"),
    ({"ProjectionExpression": "v[0]"}, "cannot read"),
    ({"ProjectionExpression": ""}, "cannot read"),
]


@pytest.mark.parametrize(("asked", "said"), REFUSED)
def test_what_cannot_be_followed_is_refused_by_name(ours: Any, asked: dict[str, Any], said: str) -> None:
    with pytest.raises(ClientError, match=said) as refused:
        ours.get_item(TableName="films", Key={"k": {"S": "a"}}, **asked)
    assert refused.value.response["Error"]["Code"] == "ValidationException"
    with pytest.raises(ClientError, match=said):
        ours.batch_get_item(RequestItems={"films": {"Keys": [{"k": {"S": "a"}}], **asked}})


def test_an_item_costs_the_same_however_little_of_it_is_answered(ours: Any) -> None:
    key = {"k": {"S": "a"}}
    whole, part = (
        ours.get_item(TableName="films", Key=key, ReturnConsumedCapacity="TOTAL", **asked)["ConsumedCapacity"]
        for asked in ({}, {"ProjectionExpression": "v"})
    )
    assert whole == part and whole["CapacityUnits"] == 1.0
