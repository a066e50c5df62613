"""A push against moto's DynamoDB: all rows arrive, whole tables are left alone, a wrong row is found."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import numpy as np
import pytest
from moto import mock_aws

from ranklet.errors import TableError
from ranklet.model import TableSource
from ranklet.tables import files, push
from ranklet.tables.pin import Pinned, pin
from ranklet.tables.source import RESERVED, Vectors


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        yield boto3.client("dynamodb", region_name="eu-central-1")


@pytest.fixture
def pinned() -> Pinned:
    rows = np.random.default_rng(3).normal(size=(257, 8)).astype(np.float32)
    source = TableSource(vectors="v", keys="k", placement="dynamodb", dtype="f16")
    return pin("films", source, Vectors(np.arange(257), rows))


def test_every_row_arrives_as_it_was_staged(client: Any, pinned: Pinned, tmp_path: Path) -> None:
    seen: list[int] = []
    done = push.push(files.write_staged(pinned, tmp_path), client=client, progress=lambda rows, _: seen.append(rows))
    assert (done.rows, done.written, done.verified) == (257, 257, 257)
    assert seen == sorted(seen)
    assert seen[-1] == 257
    stored = client.scan(TableName=pinned.table.physical)["Items"]
    rows = {item["k"]["S"]: item["v"]["B"] for item in stored}
    assert rows.pop(RESERVED).startswith(b"{")
    assert rows == {str(i): pinned.vectors.values[i].tobytes() for i in range(257)}


def test_a_whole_table_is_left_alone_and_an_interrupted_one_completed(
    client: Any, pinned: Pinned, tmp_path: Path
) -> None:
    folder = files.write_staged(pinned, tmp_path)

    def stop(rows: int, _: int) -> None:
        if rows >= 100:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        push.push(folder, client=client, progress=stop)
    resumed = push.push(folder, client=client)
    assert resumed.verified == 257
    assert resumed.written <= 157, "100 rows were there, and those that were on their way at the time"
    assert push.push(folder, client=client).written == 0


def test_a_row_that_reads_back_differently_leaves_the_table_unmarked(
    client: Any, pinned: Pinned, tmp_path: Path
) -> None:
    folder = files.write_staged(pinned, tmp_path)

    def spoil(rows: int, total: int) -> None:
        if rows == total:
            item = {"k": {"S": "5"}, "v": {"B": b"wrong"}}
            client.put_item(TableName=pinned.table.physical, Item=item)

    with pytest.raises(TableError, match="row '5' differs when read back"):
        push.push(folder, client=client, progress=spoil)
    assert "Item" not in client.get_item(TableName=pinned.table.physical, Key={"k": {"S": RESERVED}})


def test_a_staged_table_reads_back_equal(pinned: Pinned, tmp_path: Path) -> None:
    table, vectors = files.read_staged(files.write_staged(pinned, tmp_path))
    assert table == pinned.table
    assert np.array_equal(vectors.values, pinned.vectors.values)
    assert np.array_equal(vectors.keys, pinned.vectors.keys)


def test_half_a_staged_table_is_refused(pinned: Pinned, tmp_path: Path) -> None:
    folder = files.write_staged(pinned, tmp_path)
    (folder / "keys.npy").unlink()
    with pytest.raises(TableError, match="not a whole table"):
        files.read_staged(folder)
