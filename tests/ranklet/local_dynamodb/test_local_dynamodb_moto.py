"""The wire server beside moto: the same calls have the same answers and the same errors.

Where moto is known to differ from DynamoDB the calls stand in test_local_dynamodb_rules.py instead.
"""

from __future__ import annotations

from typing import Any

import pytest
from dynamodb_helpers import create, outcome
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


def key(text: str) -> dict[str, Any]:
    return {"k": {"S": text}}


def film(text: str, **more: Any) -> dict[str, Any]:
    return {**key(text), "v": {"B": text.encode() * 3}, **more}


READS: list[tuple[str, dict[str, Any]]] = [
    ("get_item", {"TableName": "films", "Key": key("a")}),
    ("get_item", {"TableName": "films", "Key": key("absent")}),
    ("get_item", {"TableName": "films", "Key": key("é")}),
    ("get_item", {"TableName": "films", "Key": key("a"), "ConsistentRead": True}),
    ("get_item", {"TableName": "absent", "Key": key("a")}),
    ("get_item", {"TableName": "films", "Key": {"other": {"S": "a"}}}),
    ("get_item", {"TableName": "films", "Key": key("")}),
    ("batch_get_item", {"RequestItems": {"films": {"Keys": [key("a"), key("b"), key("absent"), key("é")]}}}),
    ("batch_get_item", {"RequestItems": {"films": {"Keys": [key("absent")]}}}),
    ("batch_get_item", {"RequestItems": {"films": {"Keys": [key("a")]}, "books": {"Keys": [key("b"), key("a")]}}}),
    ("batch_get_item", {"RequestItems": {"films": {"Keys": [key(str(i)) for i in range(100)]}}}),
    ("batch_get_item", {"RequestItems": {"films": {"Keys": [key(str(i)) for i in range(101)]}}}),
    (
        "batch_get_item",
        {"RequestItems": {name: {"Keys": [key(str(i)) for i in range(51)]} for name in ("films", "books")}},
    ),
    ("batch_get_item", {"RequestItems": {"films": {"Keys": [key("a"), key("b"), key("a")]}}}),
    ("batch_get_item", {"RequestItems": {"absent": {"Keys": [key("a")]}}}),
]
WRITES: list[tuple[str, dict[str, Any]]] = [
    ("put_item", {"TableName": "films", "Item": film("new", n={"N": "1.50"})}),
    ("put_item", {"TableName": "films", "Item": film("a", replaced={"BOOL": True})}),
    ("put_item", {"TableName": "films", "Item": film("a"), "ReturnValues": "ALL_OLD"}),
    ("put_item", {"TableName": "films", "Item": film("brand new"), "ReturnValues": "ALL_OLD"}),
    ("put_item", {"TableName": "films", "Item": film("a"), "ReturnValues": "ALL_NEW"}),
    ("put_item", {"TableName": "absent", "Item": film("a")}),
    ("put_item", {"TableName": "films", "Item": {"v": {"S": "no key"}}}),
    ("put_item", {"TableName": "films", "Item": {"k": {"N": "1"}}}),
    ("put_item", {"TableName": "films", "Item": film("x" * 2049)}),
    ("put_item", {"TableName": "films", "Item": film("big", s={"S": "x" * (400 * 1024)})}),
    ("batch_write_item", {"RequestItems": {"films": [{"PutRequest": {"Item": film(str(i))}} for i in range(25)]}}),
    (
        "batch_write_item",
        {"RequestItems": {"films": [{"DeleteRequest": {"Key": key("a")}}, {"DeleteRequest": {"Key": key("absent")}}]}},
    ),
    ("batch_write_item", {"RequestItems": {"films": [{"PutRequest": {"Item": film("a")}}] * 2}}),
    ("batch_write_item", {"RequestItems": {"absent": [{"PutRequest": {"Item": film("a")}}]}}),
]
TABLES: list[tuple[str, dict[str, Any]]] = [
    ("describe_table", {"TableName": "absent"}),
    (
        "create_table",
        {
            "TableName": "films",
            "AttributeDefinitions": [{"AttributeName": "k", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "k", "KeyType": "HASH"}],
            "BillingMode": "PAY_PER_REQUEST",
        },
    ),
    (
        "create_table",
        {
            "TableName": "unpaid",
            "AttributeDefinitions": [{"AttributeName": "k", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "k", "KeyType": "HASH"}],
        },
    ),
]


@pytest.fixture
def both(ours: Any, theirs: Any) -> tuple[Any, Any]:
    for api in (ours, theirs):
        for name in ("films", "books"):
            create(api, name)
            for text in ("a", "b", "c", "é"):
                api.put_item(TableName=name, Item=film(text, t={"S": name}))
    return ours, theirs


def described(call: tuple[str, dict[str, Any]]) -> str:
    return f"{call[0]}-{str(call[1])[:60]}"


@pytest.mark.parametrize("call", READS + WRITES + TABLES, ids=described)
def test_answers_and_errors_equal_motos(both: tuple[Any, Any], call: tuple[str, dict[str, Any]]) -> None:
    first, second = (outcome(api, *call) for api in both)
    if call[0] == "batch_write_item" and isinstance(second, dict):
        second.pop("ItemCollectionMetrics", None)
    assert first == second
    every = {"RequestItems": {"films": {"Keys": [key(text) for text in ("a", "b", "c", "é", "new", "3", "24")]}}}
    assert outcome(both[0], "batch_get_item", every) == outcome(both[1], "batch_get_item", every)


@pytest.mark.parametrize("kind", ["S", "N", "B"])
def test_a_created_table_is_described_alike(ours: Any, theirs: Any, kind: str) -> None:
    descriptions = []
    for api in (ours, theirs):
        create(api, "films", kind, "id")
        for number in ("1", "2"):
            api.put_item(TableName="films", Item={"id": {kind: number.encode() if kind == "B" else number}})
        description = api.describe_table(TableName="films")["Table"]
        api.get_waiter("table_exists").wait(TableName="films")
        descriptions.append({name: description[name] for name in (
            "TableName", "KeySchema", "AttributeDefinitions", "TableStatus", "ItemCount", "DeletionProtectionEnabled",
        )})  # fmt: skip
        assert description["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
        assert description["TableArn"].endswith(":table/films")
        assert api.delete_table(TableName="films")["TableDescription"]["TableName"] == "films"
        api.get_waiter("table_not_exists").wait(TableName="films")
    assert descriptions[0] == descriptions[1]


VALUES: st.SearchStrategy[dict[str, Any]] = st.recursive(
    st.one_of(
        st.builds(lambda text: {"S": text}, st.text(st.characters(codec="utf-8"), min_size=1, max_size=8)),
        st.builds(lambda number: {"N": str(number)}, st.integers(-(10**9), 10**9)),
        st.builds(lambda data: {"B": data}, st.binary(min_size=1, max_size=40)),
        st.builds(lambda flag: {"BOOL": flag}, st.booleans()),
        st.just({"NULL": True}),
    ),
    lambda inner: st.one_of(
        st.builds(lambda members: {"L": members}, st.lists(inner, max_size=3)),
        st.builds(lambda members: {"M": members}, st.dictionaries(st.sampled_from("xyz"), inner, max_size=3)),
    ),
    max_leaves=6,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    items=st.dictionaries(
        st.text(st.characters(codec="utf-8"), min_size=1, max_size=12),
        st.dictionaries(st.sampled_from(["v", "w", "ü"]), VALUES, max_size=3),
        min_size=1,
        max_size=8,
    ),
    deleted=st.sets(st.integers(0, 7)),
)
def test_what_is_written_is_read_as_from_moto(
    both: tuple[Any, Any], items: dict[str, dict[str, Any]], deleted: set[int]
) -> None:
    for api in both:
        puts = [{"PutRequest": {"Item": {**key(name), **item}}} for name, item in items.items()]
        assert not api.batch_write_item(RequestItems={"films": puts})["UnprocessedItems"]
        gone = [{"DeleteRequest": {"Key": key(name)}} for i, name in enumerate(items) if i in deleted]
        if gone:
            api.batch_write_item(RequestItems={"films": gone})
    every = {"RequestItems": {"films": {"Keys": [key(name) for name in items]}}}
    assert outcome(both[0], "batch_get_item", every) == outcome(both[1], "batch_get_item", every)
