"""The thin client beside boto3, against our wire server and against moto."""

from __future__ import annotations

import dataclasses
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import numpy as np
import orjson
import pytest
from botocore.config import Config
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moto.server import ThreadedMotoServer
from stores_support import (
    ACCESS_KEY,
    DIM,
    REGION,
    SECRET_KEY,
    TOKEN,
    assert_rows,
    environment,
    make_table,
    vector,
    write_staged,
)

from ranklet.local.dynamodb import LocalDynamo
from ranklet.tables.push import push
from ranklet_features.errors import StoreUnavailable, TableMismatch
from ranklet_features.spec import Table
from ranklet_features.stores import open_store
from ranklet_features.stores.aws.sigv4 import Credentials
from ranklet_features.stores.base import FOUND, MISSING, UNAVAILABLE, EmbeddingStore
from ranklet_features.stores.dynamodb.client import _SHARED

TEXTS = sorted(
    {"a", "A", "user-1", "é", "日本", "🎬", '"quoted"', "back\\slash", "tab\t", *(f"id-{i}" for i in range(230))}
)
INTS = sorted({-(2**63), -1, 0, 1, 2**63 - 1, *range(1000, 1230)})


def boto(endpoint: str) -> Any:
    return boto3.client(
        "dynamodb",
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
        aws_session_token=TOKEN,
        config=Config(retries={"max_attempts": 0}),
    )


def open_uncached(table: Table, endpoint: str) -> EmbeddingStore:
    return open_store(dataclasses.replace(table, cache_entries=0), Path(), environment(endpoint))


@pytest.fixture(scope="module")
def moto_endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="module", params=["wire", "moto"])
def endpoint(request: pytest.FixtureRequest) -> Iterator[str]:
    if request.param == "moto":
        yield request.getfixturevalue("moto_endpoint")
        return
    with LocalDynamo(credentials=Credentials(ACCESS_KEY, SECRET_KEY, TOKEN), region=REGION) as server:
        yield server.endpoint


@pytest.fixture(scope="module", params=["int", "string"])
def pushed(
    request: pytest.FixtureRequest, endpoint: str, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Table, str]:
    """A table written by the build's own push through boto3."""
    keys: list[Any] = INTS if request.param == "int" else TEXTS
    table = make_table(keys, name=request.param, placement="dynamodb")
    staged = write_staged(tmp_path_factory.mktemp("staged"), table, keys)
    assert push(staged, client=boto(endpoint)).rows == len(keys)
    return table, endpoint


def read_with_boto(table: Table, endpoint: str, keys: list[Any]) -> dict[str, bytes]:
    client, rows, distinct = boto(endpoint), {}, list(dict.fromkeys(map(str, keys)))
    for start in range(0, len(distinct), 100):
        wanted = [{"k": {"S": key}} for key in distinct[start : start + 100]]
        answer = client.batch_get_item(RequestItems={table.physical: {"Keys": wanted}})
        assert not answer["UnprocessedKeys"]
        rows |= {item["k"]["S"]: item["v"]["B"] for item in answer["Responses"][table.physical]}
    return rows


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_answers_equal_boto3s(pushed: tuple[Table, str], data: st.DataObject) -> None:
    table, endpoint = pushed
    known: list[Any] = INTS if table.key == "int" else TEXTS
    other = st.integers(-(2**63), 2**63 - 1) if table.key == "int" else st.text(min_size=1, max_size=20)
    other = other.filter(lambda key: isinstance(key, int) or _is_utf8(key))
    keys = data.draw(st.lists(st.one_of(st.sampled_from(known), other), max_size=260))
    expected = read_with_boto(table, endpoint, keys)
    store = open_uncached(table, endpoint)
    rows = store.rows(keys, deadline=None if not keys else _in(20))
    store.close()
    for key, value, status in zip(keys, rows.values, rows.status.tolist(), strict=True):
        assert status == (FOUND if str(key) in expected else MISSING)
        assert value.astype("<f4").tobytes() == expected.get(str(key), bytes(4 * DIM))


def _is_utf8(text: str) -> bool:
    return text == text.encode("utf-8", "ignore").decode()


def _in(seconds: float) -> float:
    import time

    return time.monotonic() + seconds


@pytest.mark.parametrize("n", [0, 1, 99, 100, 101, 799, 801, 1700])
def test_every_number_of_keys_takes_the_fewest_calls(dynamo: LocalDynamo, tmp_path: Path, n: int) -> None:
    keys = list(range(1700))
    table = make_table(keys, placement="dynamodb")
    dynamo.load(write_staged(tmp_path, table, keys))
    store = open_uncached(table, dynamo.endpoint)
    store.rows([0])  # the table's description is read with the first rows
    dynamo.calls.clear()
    asked = keys[:n] + keys[: n // 2]
    assert_rows(store.rows(asked, deadline=_in(30)), asked, set(keys))
    assert dynamo.calls["BatchGetItem"] == -(-n // 100)
    store.close()


def test_half_precision_rows_are_widened(dynamo: LocalDynamo, tmp_path: Path) -> None:
    table = make_table(TEXTS, dtype="f16", placement="dynamodb")
    dynamo.load(write_staged(tmp_path, table, TEXTS))
    store = open_uncached(table, dynamo.endpoint)
    assert_rows(store.rows([*TEXTS, "absent"]), [*TEXTS, "absent"], set(TEXTS))
    store.close()


def _loaded(dynamo: LocalDynamo, tmp_path: Path, **changes: Any) -> Table:
    table = make_table([1, 2, 3], placement="dynamodb")
    dynamo.load(write_staged(tmp_path, table, [1, 2, 3]))
    return dataclasses.replace(table, **changes)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"version": "other", "physical": "ranklet-items-0123abcd"}, "'version': '0123abcd'.*'version': 'other'"),
        ({"dim": DIM // 2, "dtype": "f32"}, "row of 32 bytes, pinned are 4 numbers of f32"),
        ({"dim": DIM * 2, "dtype": "f16"}, "'dtype': 'f32'"),
        ({"key": "string"}, "'key': 'int'"),
        ({"physical": "ranklet-items-absent"}, "no table ranklet-items-absent; run `ranklet tables push`"),
    ],
)
def test_another_table_than_the_pinned_is_never_scored(
    dynamo: LocalDynamo, tmp_path: Path, changes: dict[str, Any], says: str
) -> None:
    table = _loaded(dynamo, tmp_path, **changes)
    store = open_uncached(table, dynamo.endpoint)
    for _ in range(2):
        with pytest.raises(TableMismatch, match=says):
            store.rows(["1"] if table.key == "string" else [1])
    store.close()


def test_a_table_that_was_not_pushed_to_the_end_is_refused(dynamo: LocalDynamo, tmp_path: Path) -> None:
    table = _loaded(dynamo, tmp_path)
    boto(dynamo.endpoint).batch_write_item(
        RequestItems={table.physical: [{"DeleteRequest": {"Key": {"k": {"S": "__ranklet__"}}}}]}
    )
    store = open_uncached(table, dynamo.endpoint)
    with pytest.raises(TableMismatch, match="not whole"):
        store.rows([1])
    store.close()


@pytest.mark.parametrize("value", [b"no json", b"[]", b'{"version": "0123abcd"}', b""])
def test_a_description_that_cannot_be_read_is_refused(dynamo: LocalDynamo, tmp_path: Path, value: bytes) -> None:
    table = _loaded(dynamo, tmp_path)
    boto(dynamo.endpoint).put_item(TableName=table.physical, Item={"k": {"S": "__ranklet__"}, "v": {"B": value}})
    store = open_uncached(table, dynamo.endpoint)
    with pytest.raises(TableMismatch, match="__ranklet__"):
        store.rows([1])
    store.close()


@pytest.mark.parametrize(
    "item",
    [
        {"v": {"B": b"short"}},
        {"v": {"B": vector(2).astype("<f4").tobytes() + b"\0"}},
        {"v": {"S": "text"}},
        {"w": {"B": vector(2).astype("<f4").tobytes()}},
    ],
)
def test_a_row_of_another_length_or_type_is_never_scored(
    dynamo: LocalDynamo, tmp_path: Path, item: dict[str, Any]
) -> None:
    table = _loaded(dynamo, tmp_path)
    boto(dynamo.endpoint).put_item(TableName=table.physical, Item={"k": {"S": "2"}, **item})
    store = open_uncached(table, dynamo.endpoint)
    assert_rows(store.rows([1, 3]), [1, 3], {1, 3})
    with pytest.raises(TableMismatch, match="row"):
        store.rows([1, 2])
    store.close()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_row_that_is_not_finite_is_unavailable(
    dynamo: LocalDynamo, tmp_path: Path, bad: float, caplog: pytest.LogCaptureFixture
) -> None:
    table = _loaded(dynamo, tmp_path)
    row = vector(2).astype("<f4")
    row[3] = bad
    boto(dynamo.endpoint).put_item(TableName=table.physical, Item={"k": {"S": "2"}, "v": {"B": row.tobytes()}})
    store = open_store(table, Path(), environment(dynamo.endpoint))
    for _ in range(2):
        with caplog.at_level(logging.WARNING):
            rows = store.rows([1, 2, 3])
        assert rows.status.tolist() == [FOUND, UNAVAILABLE, FOUND] and not rows.values[1].any()
    assert "1 rows hold a NaN" in caplog.text
    store.close()


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"AWS_SECRET_ACCESS_KEY": "wrong"}, "InvalidSignatureException"),
        ({"AWS_ACCESS_KEY_ID": "AKIAOTHER"}, "UnrecognizedClientException"),
        ({"AWS_SESSION_TOKEN": "other"}, "UnrecognizedClientException"),
        ({"AWS_REGION": "us-east-1"}, "InvalidSignatureException"),
    ],
)
def test_refused_access_is_told_by_aws_own_code(
    dynamo: LocalDynamo, tmp_path: Path, changes: dict[str, str], code: str
) -> None:
    table = _loaded(dynamo, tmp_path)
    store = open_store(table, Path(), environment(dynamo.endpoint, **changes))
    with pytest.raises(StoreUnavailable, match=code) as refusal:
        store.rows([1])
    assert SECRET_KEY not in str(refusal.value) and TOKEN not in str(refusal.value)
    store.close()


@pytest.mark.parametrize("ahead", [-86_400.0, -301.0, 299.0, 301.0, 3600.0, 86_400.0 * 400])
def test_a_clock_that_goes_wrong_is_corrected_from_the_answer(tmp_path: Path, ahead: float) -> None:
    import time

    credentials = Credentials(ACCESS_KEY, SECRET_KEY, TOKEN)
    with LocalDynamo(credentials=credentials, region=REGION, now=lambda: time.time() + ahead) as server:
        table = _loaded(server, tmp_path)
        store = open_uncached(table, server.endpoint)
        assert_rows(store.rows([1, 2, 9], deadline=_in(20)), [1, 2, 9], {1, 2, 3})
        calls = server.calls["BatchGetItem"]
        assert_rows(store.rows([3]), [3], {1, 2, 3})
        assert server.calls["BatchGetItem"] == calls + 1
        store.close()


def test_tables_of_one_identity_share_their_connections(dynamo: LocalDynamo, tmp_path: Path) -> None:
    assert not _SHARED
    first = make_table([1, 2], name="first", placement="dynamodb", cache_entries=0)
    second = make_table(["a"], name="second", placement="dynamodb", cache_entries=0)
    for table, keys in ((first, [1, 2]), (second, ["a"])):
        dynamo.load(write_staged(tmp_path, table, keys))
    stores = [open_store(table, Path(), environment(dynamo.endpoint)) for table in (first, second)]
    other = open_store(first, Path(), environment(dynamo.endpoint, AWS_SESSION_TOKEN="another"))
    assert stores[0]._client is stores[1]._client is not other._client
    stores[0].close()
    stores[0].close()
    assert_rows(stores[1].rows(["a"]), ["a"], {"a"})
    stores[1].close()
    other.close()
    assert not _SHARED


@pytest.mark.parametrize(
    ("removed", "says"),
    [("AWS_REGION", "AWS_REGION"), ("AWS_ACCESS_KEY_ID", "no AWS credentials"), ("AWS_SECRET_ACCESS_KEY", "is not")],
)
def test_an_incomplete_environment_is_told_at_opening(removed: str, says: str) -> None:
    environ = {name: value for name, value in environment("http://127.0.0.1:9").items() if name != removed}
    with pytest.raises(StoreUnavailable, match=says):
        open_store(make_table([1], placement="dynamodb"), Path(), environ)
    assert not _SHARED


def test_a_body_of_rows_is_what_boto3_would_send(dynamo: LocalDynamo, tmp_path: Path) -> None:
    """Reads are eventually consistent: no ConsistentRead, which would double their price."""
    table = make_table(["a"], placement="dynamodb")
    store = open_uncached(table, dynamo.endpoint)
    body = orjson.loads(store._reader._body(["a", "é"]))
    assert body == {"RequestItems": {table.physical: {"Keys": [{"k": {"S": "a"}}, {"k": {"S": "é"}}]}}}
    store.close()


def test_no_proxy_or_profile_of_the_machine_is_looked_at(dynamo: LocalDynamo, tmp_path: Path) -> None:
    """Only the mapping that is passed counts, so that a test or a build cannot read another account's table."""
    table = _loaded(dynamo, tmp_path)
    before = dict(os.environ)
    os.environ |= {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "AWS_ACCESS_KEY_ID": "x",
        "http_proxy": "http://127.0.0.1:1",
    }
    try:
        store = open_uncached(table, dynamo.endpoint)
        assert_rows(store.rows([1]), [1], {1})
        store.close()
    finally:
        os.environ.clear()
        os.environ.update(before)
