"""The server as a handle: tables from files, life and death, faults on demand."""

from __future__ import annotations

import contextlib
import dataclasses
import http.client
import socket
import threading
import zlib
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from botocore.exceptions import ClientError
from dynamodb_helpers import client, create

from ranklet.errors import LocalError
from ranklet.local.dynamodb import Faults, LocalDynamo
from ranklet_features.spec import Table


def staged(folder: Path, name: str, keys: Any, *, dim: int = 4) -> tuple[Table, Any]:
    """A table as the build leaves it, and its vectors."""
    vectors = np.arange(len(keys) * dim, dtype="<f4").reshape(len(keys), dim)
    kind = "string" if isinstance(keys, list) else "int"
    table = Table(name, f"ranklet-{name}-1", "1", kind, dim, len(keys))  # type: ignore[arg-type]
    target = folder / table.physical
    target.mkdir()
    np.save(target / "vectors.npy", vectors)
    if isinstance(keys, list):
        (target / "keys.json").write_bytes(orjson.dumps(keys))
    else:
        np.save(target / "keys.npy", keys)
    (target / "table.json").write_bytes(orjson.dumps(dataclasses.asdict(table)))
    return table, vectors


def read(api: Any, table: str, key: str) -> Any:
    return api.get_item(TableName=table, Key={"k": {"S": key}}).get("Item", {}).get("v", {}).get("B")


def test_built_tables_are_served_from_their_files(server: LocalDynamo, ours: Any, tmp_path: Path) -> None:
    films, vectors = staged(tmp_path, "films", np.array([-3, 0, 2**40]))
    users, more = staged(tmp_path, "users", ["a", "é"])
    (tmp_path / "something else").mkdir()
    assert server.load(tmp_path) == [films.physical, users.physical]
    assert read(ours, films.physical, "-3") == vectors[0].tobytes()
    assert read(ours, films.physical, str(2**40)) == vectors[2].tobytes()
    assert read(ours, users.physical, "é") == more[1].tobytes()
    assert read(ours, films.physical, "1") is None
    assert orjson.loads(read(ours, films.physical, "__ranklet__")) == dataclasses.asdict(films)
    described = ours.describe_table(TableName=films.physical)["Table"]
    size = sum(1 + len(key) + 1 + 16 for key in ("-3", "0", str(2**40)))
    size += 1 + len("__ranklet__") + 1 + len((tmp_path / films.physical / "table.json").read_bytes())
    assert (described["ItemCount"], described["TableSizeBytes"]) == (4, size)


def test_one_table_is_loaded_from_its_own_folder(server: LocalDynamo, tmp_path: Path) -> None:
    table, _ = staged(tmp_path, "films", np.array([1]))
    assert server.load(tmp_path / table.physical) == [table.physical]
    assert server.load(tmp_path / "absent") == []


def test_rows_from_files_may_be_written_over_and_deleted(server: LocalDynamo, ours: Any, tmp_path: Path) -> None:
    table, vectors = staged(tmp_path, "films", np.array([1, 2, 3]))
    server.load(tmp_path)
    ours.put_item(TableName=table.physical, Item={"k": {"S": "1"}, "v": {"B": b"new"}})
    ours.batch_write_item(
        RequestItems={table.physical: [{"DeleteRequest": {"Key": {"k": {"S": key}}}} for key in ("2", "9")]}
    )
    assert [read(ours, table.physical, key) for key in "123"] == [b"new", None, vectors[2].tobytes()]
    assert ours.describe_table(TableName=table.physical)["Table"]["ItemCount"] == 3
    ours.put_item(TableName=table.physical, Item={"k": {"S": "2"}, "v": {"B": b"back"}})
    assert read(ours, table.physical, "2") == b"back"


@pytest.mark.parametrize("spoil", ["vectors.npy", "keys.npy", "table.json", "lengths", "json"])
def test_a_folder_without_a_whole_table_is_refused(server: LocalDynamo, tmp_path: Path, spoil: str) -> None:
    table, _ = staged(tmp_path, "films", np.array([1, 2]))
    folder = tmp_path / table.physical
    if spoil == "lengths":
        np.save(folder / "keys.npy", np.array([1]))
    elif spoil == "json":
        (folder / "table.json").write_bytes(b"{}")
    elif spoil == "table.json":
        (folder / "table.json").write_bytes(b"no json")
    else:
        (folder / spoil).unlink()
    with pytest.raises(LocalError, match="ranklet build"):
        server.load(folder)
    assert not server.tables


def test_a_hundred_thousand_rows_are_there_at_once(server: LocalDynamo, ours: Any, tmp_path: Path) -> None:
    table, vectors = staged(tmp_path, "films", np.arange(100_000), dim=32)
    server.load(tmp_path)
    base = server.tables[table.physical].vectors
    assert isinstance(base, np.memmap), "the vectors were copied"
    assert read(ours, table.physical, "99999") == vectors[-1].tobytes()


def test_closing_cuts_connections_and_frees_the_port() -> None:
    server = LocalDynamo()
    endpoint = server.start()
    host, port = endpoint.removeprefix("http://").split(":")
    assert host == "127.0.0.1"
    with socket.create_connection((host, int(port))) as idle:
        server.close()
        assert idle.recv(1) == b""
    with pytest.raises(OSError), socket.create_connection((host, int(port)), timeout=5):
        pass
    server.close()
    assert server.start(int(port)) == endpoint
    server.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "local-dynamodb"]


def test_a_port_that_is_taken_is_told(server: LocalDynamo) -> None:
    other = LocalDynamo()
    with pytest.raises(LocalError, match="cannot listen"):
        other.start(int(server.endpoint.rsplit(":", 1)[1]))
    with pytest.raises(LocalError, match="runs already"):
        server.start()


def test_calls_are_counted(server: LocalDynamo, ours: Any) -> None:
    create(ours)
    read(ours, "films", "a")
    read(ours, "films", "a")
    assert server.calls == Counter(CreateTable=1, GetItem=2)


@pytest.mark.parametrize(
    "junk", [b"\x16\x03\x01\x02\x00\x01", b"GET / HTTP/9\r\n\r\n", b"A" * 200_000, b"\r\n\r\n\r\n"]
)
def test_what_is_no_http_ends_its_connection_alone(server: LocalDynamo, ours: Any, junk: bytes) -> None:
    host, port = server.endpoint.removeprefix("http://").split(":")
    address = (host, int(port))
    # The server may cut the connection at any point of this.
    with socket.create_connection(address, timeout=30) as stranger, contextlib.suppress(OSError):
        stranger.sendall(junk)
        stranger.shutdown(socket.SHUT_WR)
        while stranger.recv(65536):
            pass
    assert ours.list_tables()["TableNames"] == []


def loaded(server: LocalDynamo) -> Any:
    api = client(server.endpoint)
    create(api)
    for i in range(40):
        api.put_item(TableName="films", Item={"k": {"S": str(i)}, "v": {"B": bytes([i])}})
    return api


def forty(api: Any) -> Any:
    keys = [{"k": {"S": str(i)}} for i in range(40)]
    return api.batch_get_item(RequestItems={"films": {"Keys": keys}})


@pytest.mark.parametrize(
    ("faults", "codes"),
    [
        (
            Faults(throttle=1.0),
            {"ProvisionedThroughputExceededException", "ThrottlingException", "RequestLimitExceeded"},
        ),
        (Faults(error=1.0), {"InternalServerError", "ServiceUnavailable"}),
    ],
)
def test_refusals_on_purpose(server: LocalDynamo, faults: Faults, codes: set[str]) -> None:
    api = loaded(server)
    server.faults = faults
    seen = set()
    for _ in range(40):
        with pytest.raises(ClientError) as error:
            forty(api)
        seen.add(error.value.response["Error"]["Code"])
    assert seen == codes
    server.faults = Faults()
    assert len(forty(api)["Responses"]["films"]) == 40


def raw_answer(server: LocalDynamo) -> str:
    """What a careful reader finds wrong with one answer. boto3 is none: without retries it checks no sum."""
    connection = http.client.HTTPConnection(server.endpoint.removeprefix("http://"), timeout=30)
    body = orjson.dumps({"RequestItems": {"films": {"Keys": [{"k": {"S": str(i)}} for i in range(40)]}}})
    try:
        connection.request("POST", "/", body, {"x-amz-target": "DynamoDB_20120810.BatchGetItem"})
        reply = connection.getresponse()
        raw = reply.read()
    except ConnectionResetError:
        return "reset"
    except http.client.IncompleteRead:
        return "short"
    finally:
        connection.close()
    return "whole" if int(reply.headers["x-amz-crc32"]) == zlib.crc32(raw) else "spoiled"


@pytest.mark.parametrize(
    ("kind", "seen"), [("reset", {"reset"}), ("truncate", {"short", "spoiled"}), ("damage", {"spoiled"})]
)
def test_answers_spoiled_on_purpose(server: LocalDynamo, kind: str, seen: set[str]) -> None:
    loaded(server)
    server.faults = Faults(**{kind: 1.0})
    assert {raw_answer(server) for _ in range(30)} == seen
    server.faults = Faults()
    assert raw_answer(server) == "whole"


def test_keys_left_over_on_purpose(server: LocalDynamo) -> None:
    api = loaded(server)
    server.faults = Faults(unprocessed=1.0)
    for _ in range(20):
        answer = forty(api)
        left = answer["UnprocessedKeys"]["films"]["Keys"]
        assert len(answer["Responses"]["films"]) + len(left) == 40 and left
    puts = [{"PutRequest": {"Item": {"k": {"S": f"new-{i}"}}}} for i in range(25)]
    answer = api.batch_write_item(RequestItems={"films": puts})
    left = answer["UnprocessedItems"]["films"]
    server.faults = Faults()
    written = [i for i in range(25) if "Item" in api.get_item(TableName="films", Key={"k": {"S": f"new-{i}"}})]
    assert len(written) + len(left) == 25 and left


def test_a_stray_row_on_purpose(server: LocalDynamo) -> None:
    api = loaded(server)
    server.faults = Faults(stray=1.0)
    keys = {row["k"]["S"] for row in forty(api)["Responses"]["films"]}
    assert len(keys) == 41 and keys > {str(i) for i in range(40)}


def test_the_same_seed_gives_the_same_faults(server: LocalDynamo) -> None:
    api = loaded(server)

    def run() -> list[Any]:
        server.faults = Faults(seed=5, throttle=0.3, unprocessed=0.5)
        seen: list[Any] = []
        for _ in range(30):
            try:
                seen.append([row["k"]["S"] for row in forty(api)["Responses"]["films"]])
            except ClientError as error:
                seen.append(error.response["Error"]["Code"])
        return seen

    assert run() == run()
    assert server.faults.seed == 5
