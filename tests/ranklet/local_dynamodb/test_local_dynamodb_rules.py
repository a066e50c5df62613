"""DynamoDB's own rules, where moto does not follow them; each names what it follows.

Limits: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html, units:
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html, the rest: API reference.
"""

from __future__ import annotations

import http.client
import zlib
from collections.abc import Mapping
from typing import Any

import orjson
import pytest
from botocore.exceptions import ClientError
from dynamodb_helpers import create, outcome

from ranklet.local.dynamodb import LocalDynamo
from ranklet.local.dynamodb.items import item_size, value_size

EMPTY_KEY = (
    "One or more parameter values are not valid. The AttributeValue for a key attribute "
    "cannot contain an empty string value. Key: k"
)
MISMATCH = "The provided key element does not match the schema"


def key(text: str) -> dict[str, Any]:
    return {"k": {"S": text}}


@pytest.fixture
def films(ours: Any) -> Any:
    create(ours)
    return ours


def refusal(api: Any, action: str, **request: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as error:
        getattr(api, action)(**request)
    return error.value.response["Error"]["Code"], error.value.response["Error"]["Message"]


@pytest.mark.parametrize(
    ("action", "request_", "code", "message"),
    [
        ("get_item", {"TableName": "films", "Key": {"k": {"N": "1"}}}, "ValidationException", MISMATCH),
        ("get_item", {"TableName": "films", "Key": {**key("a"), "v": {"S": "b"}}}, "ValidationException", MISMATCH),
        ("get_item", {"TableName": "films", "Key": {}}, "ValidationException", MISMATCH),
        ("put_item", {"TableName": "films", "Item": key("")}, "ValidationException", EMPTY_KEY),
        (
            "delete_table",
            {"TableName": "absent"},
            "ResourceNotFoundException",
            "Requested resource not found: Table: absent not found",
        ),
        (
            "put_item",
            {"TableName": "films", "Item": {**key("a"), "n": {"N": "x"}}},
            "ValidationException",
            "The parameter cannot be converted to a numeric value: x",
        ),
        (
            "put_item",
            {"TableName": "films", "Item": {**key("a"), "n": {"S": "x", "N": "1"}}},
            "ValidationException",
            "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported "
            "datatypes",
        ),
        (
            "put_item",
            {"TableName": "films", "Item": {**key("a"), "n": {}}},
            "ValidationException",
            "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes",
        ),
        (
            "batch_write_item",
            {"RequestItems": {"films": [{"DeleteRequest": {"Key": key(str(i))}} for i in range(26)]}},
            "ValidationException",
            "Too many items requested for the BatchWriteItem call",
        ),
        (
            "batch_write_item",
            {"RequestItems": {"films": [{"DeleteRequest": {"Key": key("a")}}, {"PutRequest": {"Item": key("a")}}]}},
            "ValidationException",
            "Provided list of item keys contains duplicates",
        ),
    ],
)
def test_a_request_against_the_rules_is_refused_in_dynamodbs_words(
    films: Any, action: str, request_: dict[str, Any], code: str, message: str
) -> None:
    assert refusal(films, action, **request_) == (code, message)


@pytest.mark.parametrize(
    ("action", "request_"),
    [
        ("batch_get_item", {"RequestItems": {}}),
        ("batch_get_item", {"RequestItems": {"films": {"Keys": []}}}),
        ("batch_get_item", {"RequestItems": {"films": {}}}),
        ("batch_get_item", {"RequestItems": {"films": {"Keys": [key("x" * 2049)]}}}),
        ("batch_get_item", {"RequestItems": {"films": {"Keys": [key("")]}}}),
        ("batch_write_item", {"RequestItems": {}}),
        ("batch_write_item", {"RequestItems": {"films": []}}),
        ("batch_write_item", {"RequestItems": {"films": [{}]}}),
        ("put_item", {"TableName": "films"}),
        ("get_item", {"TableName": "films", "Key": key("a"), "ReturnConsumedCapacity": "SOME"}),
        ("create_table", {"TableName": "no", "KeySchema": [], "AttributeDefinitions": []}),
        ("create_table", {"TableName": "with spaces", "KeySchema": [], "AttributeDefinitions": []}),
        ("list_tables", {"Limit": 0}),
        ("list_tables", {"Limit": 101}),
    ],
)
def test_limits_are_kept(films: Any, action: str, request_: dict[str, Any]) -> None:
    assert refusal(films, action, **request_)[0] == "ValidationException"


@pytest.mark.parametrize(
    ("action", "request_", "named"),
    [
        ("get_item", {"TableName": "films", "Key": key("a"), "AttributesToGet": ["v"]}, "AttributesToGet"),
        ("put_item", {"TableName": "films", "Item": key("a"), "ConditionExpression": "x"}, "ConditionExpression"),
        ("batch_get_item", {"RequestItems": {"films": {"Keys": [key("a")], "AttributesToGet": ["v"]}}}, "AttributesTo"),
        ("query", {"TableName": "films", "KeyConditionExpression": "k = k"}, "Query"),
        ("scan", {"TableName": "films", "FilterExpression": "attribute_exists(v)"}, "FilterExpression"),
    ],
)
def test_what_is_not_done_here_is_refused_by_name(
    films: Any, action: str, request_: dict[str, Any], named: str
) -> None:
    code, message = refusal(films, action, **request_)
    assert code in ("ValidationException", "UnknownOperationException")
    assert named in message and "local server does not support" in message


def test_deletes_and_puts_of_one_batch_are_all_done(films: Any) -> None:
    films.put_item(TableName="films", Item=key("old"))
    films.batch_write_item(
        RequestItems={"films": [{"DeleteRequest": {"Key": key("old")}}, {"PutRequest": {"Item": key("new")}}]}
    )
    assert "Item" not in films.get_item(TableName="films", Key=key("old"))
    assert "Item" in films.get_item(TableName="films", Key=key("new"))


def test_a_refused_batch_writes_nothing(films: Any) -> None:
    requests = [{"PutRequest": {"Item": key("first")}}, {"PutRequest": {"Item": key("")}}]
    refusal(films, "batch_write_item", RequestItems={"films": requests})
    assert "Item" not in films.get_item(TableName="films", Key=key("first"))


def test_what_goes_beyond_16_megabytes_is_left_unprocessed(films: Any) -> None:
    """BatchGetItem: "a single operation can retrieve up to 16 MB"."""
    names = [f"k{i:02}" for i in range(60)]
    for name in names:
        films.put_item(TableName="films", Item={**key(name), "v": {"B": bytes(300 * 1024)}})
    wanted, seen, answers = {"films": {"Keys": [key(name) for name in names], "ConsistentRead": True}}, [], 0
    while wanted:
        answer = films.batch_get_item(RequestItems=wanted)
        rows = answer["Responses"]["films"]
        assert sum(len(row["v"]["B"]) for row in rows) <= 16 << 20
        seen += [row["k"]["S"] for row in rows]
        wanted, answers = answer["UnprocessedKeys"], answers + 1
        assert not wanted or wanted["films"]["ConsistentRead"] is True
    assert sorted(seen) == names and answers == 2


@pytest.mark.parametrize(
    ("size", "consistent", "units"),
    [
        (0, False, 0.5),
        (4096, False, 0.5),
        (4097, False, 1.0),
        (4097, True, 2.0),
        (400_000, False, 49.0),
        (1, True, 1.0),
    ],
)
def test_read_units_follow_the_size_rule(films: Any, size: int, consistent: bool, units: float) -> None:
    """Half a unit per 4 KB and item, eventually consistent; a whole one, strongly."""
    name = "a"
    if size:
        films.put_item(TableName="films", Item={**key(name), "v": {"B": bytes(max(0, size - len("k" + name + "v")))}})
    got = films.get_item(TableName="films", Key=key(name), ConsistentRead=consistent, ReturnConsumedCapacity="TOTAL")
    assert got["ConsumedCapacity"] == {"TableName": "films", "CapacityUnits": units}


def test_a_batch_counts_every_item_by_itself_and_absent_ones_too(films: Any) -> None:
    for i in range(10):
        films.put_item(TableName="films", Item={**key(str(i)), "v": {"B": bytes(5000 if i < 3 else 128)}})
    answer = films.batch_get_item(
        RequestItems={"films": {"Keys": [key(str(i)) for i in range(15)]}}, ReturnConsumedCapacity="INDEXES"
    )
    units = 3 * 1.0 + 7 * 0.5 + 5 * 0.5
    assert answer["ConsumedCapacity"] == [
        {"TableName": "films", "CapacityUnits": units, "Table": {"CapacityUnits": units}}
    ]
    answer = films.batch_get_item(RequestItems={"films": {"Keys": [key("1")]}})
    assert "ConsumedCapacity" not in answer


@pytest.mark.parametrize(("old", "new", "units"), [(0, 900, 1.0), (0, 1100, 2.0), (3000, 10, 3.0)])
def test_write_units_follow_the_larger_of_before_and_after(films: Any, old: int, new: int, units: float) -> None:
    def item(size: int) -> Mapping[str, Any]:
        return {**key("a"), "v": {"B": bytes(size)}}

    if old:
        films.put_item(TableName="films", Item=item(old))
    answer = films.put_item(TableName="films", Item=item(new), ReturnConsumedCapacity="TOTAL")
    assert answer["ConsumedCapacity"]["CapacityUnits"] == units


@pytest.mark.parametrize(
    ("value", "size"),
    [
        ({"S": "é"}, 2),
        ({"B": "AAAA"}, 3),
        ({"BOOL": True}, 1),
        ({"NULL": True}, 1),
        ({"N": "0"}, 2),
        ({"N": "-12"}, 3),
        ({"N": "123456"}, 4),
        ({"SS": ["a", "bc"]}, 3),
        ({"L": []}, 3),
        ({"L": [{"S": "ab"}]}, 6),
        ({"M": {"ab": {"S": "c"}}}, 7),
    ],
)
def test_values_have_the_documented_sizes(value: dict[str, Any], size: int) -> None:
    assert value_size(value) == size
    assert item_size({"ü": value}) == size + 2


@pytest.mark.parametrize("kind", ["N", "B"])
def test_keys_of_other_types_are_equal_by_value(ours: Any, kind: str) -> None:
    create(ours, "typed", kind)
    first, same = ({"N": "1.0"}, {"N": "1"}) if kind == "N" else ({"B": b"\x00\xff"}, {"B": bytearray(b"\x00\xff")})
    ours.put_item(TableName="typed", Item={"k": first, "v": {"S": "x"}})
    assert ours.get_item(TableName="typed", Key={"k": same})["Item"]["v"] == {"S": "x"}
    code, _ = refusal(ours, "batch_get_item", RequestItems={"typed": {"Keys": [{"k": first}, {"k": same}]}})
    assert code == "ValidationException"


def test_tables_are_listed_in_order_and_in_pages(ours: Any) -> None:
    names = [f"table-{i}" for i in range(7)]
    for name in reversed(names):
        create(ours, name)
    pages = list(ours.get_paginator("list_tables").paginate(PaginationConfig={"PageSize": 3}))
    assert [page["TableNames"] for page in pages] == [names[:3], names[3:6], names[6:]]
    assert ours.list_tables(ExclusiveStartTableName="table-4")["TableNames"] == names[5:]


def test_rows_come_in_no_order(films: Any) -> None:
    names = [f"{i:03}" for i in range(100)]
    for start in range(0, 100, 25):
        puts = [{"PutRequest": {"Item": key(name)}} for name in names[start : start + 25]]
        films.batch_write_item(RequestItems={"films": puts})
    answer = films.batch_get_item(RequestItems={"films": {"Keys": [key(name) for name in names]}})
    read = [row["k"]["S"] for row in answer["Responses"]["films"]]
    assert sorted(read) == names != read


def post(server: LocalDynamo, body: bytes, **headers: str) -> tuple[int, Any, Mapping[str, str]]:
    """One request as it is, without a client's care."""
    connection = http.client.HTTPConnection("127.0.0.1", int(server.endpoint.rsplit(":", 1)[1]), timeout=30)
    connection.request("POST", "/", body, {name.replace("_", "-"): value for name, value in headers.items()})
    reply = connection.getresponse()
    raw = reply.read()
    assert int(reply.headers["x-amz-crc32"]) == zlib.crc32(raw)
    connection.close()
    return reply.status, orjson.loads(raw), dict(reply.headers.items())


@pytest.mark.parametrize(
    ("body", "target", "code"),
    [
        (b"{}", "", "UnknownOperationException"),
        (b"{}", "DynamoDB_20120810.Nothing", "UnknownOperationException"),
        (b"{}", "Kinesis_20131202.GetItem", "UnknownOperationException"),
        (b"", "DynamoDB_20120810.GetItem", "SerializationException"),
        (b"{", "DynamoDB_20120810.GetItem", "SerializationException"),
        (b"[]", "DynamoDB_20120810.GetItem", "SerializationException"),
        (b"\xff", "DynamoDB_20120810.GetItem", "SerializationException"),
        (b'{"TableName": 5, "Key": {}}', "DynamoDB_20120810.GetItem", "SerializationException"),
        (b'{"RequestItems": []}', "DynamoDB_20120810.BatchGetItem", "SerializationException"),
        (b'{"RequestItems": {"films": {"Keys": 5}}}', "DynamoDB_20120810.BatchGetItem", "SerializationException"),
        (b'{"TableName": "films", "Item": 5}', "DynamoDB_20120810.PutItem", "SerializationException"),
        (b'{"TableName": "films", "Item": {"k": 5}}', "DynamoDB_20120810.PutItem", "SerializationException"),
        (b'{"TableName": "films", "Item": {"k": {"S": 5}}}', "DynamoDB_20120810.PutItem", "SerializationException"),
        (
            b'{"TableName": "films", "Item": {"k": {"S": "a"}, "v": {"B": "?"}}}',
            "DynamoDB_20120810.PutItem",
            "SerializationException",
        ),
    ],
)
def test_a_body_that_is_no_request_is_refused_as_the_service_frame_does(
    server: LocalDynamo, films: Any, body: bytes, target: str, code: str
) -> None:
    status, document, headers = post(server, body, x_amz_target=target)
    assert status == 400 and document["__type"] == "com.amazon.coral.service#" + code
    assert headers["Content-Type"] == "application/x-amz-json-1.0" and headers["x-amzn-RequestId"]


def test_dynamodbs_own_errors_have_its_own_prefix(server: LocalDynamo) -> None:
    body = b'{"TableName": "absent", "Key": {"k": {"S": "a"}}}'
    _, document, _ = post(server, body, x_amz_target="DynamoDB_20120810.GetItem")
    assert document == {
        "__type": "com.amazonaws.dynamodb.v20120810#ResourceNotFoundException",
        "message": "Requested resource not found",
    }


def test_a_defect_of_the_server_is_an_error_500_and_it_lives_on(
    server: LocalDynamo, films: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(server.tables["films"], "get", None)
    assert outcome(films, "get_item", {"TableName": "films", "Key": key("a")})[:2] == ("InternalServerError", 500)
    assert "failed" in caplog.text
    monkeypatch.undo()
    assert outcome(films, "get_item", {"TableName": "films", "Key": key("a")}) == {}
