"""A staged snapshot's way into S3, against moto's S3."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import numpy as np
import pytest
from moto import mock_aws

from ranklet import snapshots
from ranklet.errors import TableError
from ranklet.model import TableSource
from ranklet.tables import files, snapshot
from ranklet.tables.pin import Pinned, pin
from ranklet.tables.placement import Site
from ranklet.tables.source import Vectors

BUCKET = "ranklet-test-snapshots"


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket=BUCKET)
        yield client


@pytest.fixture(params=["int", "string"])
def pinned(request: pytest.FixtureRequest) -> Pinned:
    """A resident table that no package has room for."""
    rows = np.random.default_rng(3).normal(size=(400, 8)).astype(np.float32)
    keys = np.arange(400) if request.param == "int" else tuple(f"k{row:03}" for row in range(400))
    source = TableSource(vectors="v", keys="k", placement="resident", dtype="int8", key=request.param)
    return pin("films", source, Vectors(keys, rows), site=Site(package=0))


@pytest.fixture
def staged(pinned: Pinned, tmp_path: Path) -> Path:
    return files.write_staged(pinned, tmp_path)


def test_a_table_without_room_in_the_package_is_fetched(pinned: Pinned) -> None:
    assert pinned.fetched
    assert pinned.away
    assert pinned.table.placement == "resident"


def test_staging_pins_the_digest_of_each_file(staged: Path) -> None:
    table = files.read_table(staged)
    names = sorted(path.name for path in staged.iterdir() if path.name != "table.json")
    assert table.snapshot == {name: hashlib.sha256((staged / name).read_bytes()).hexdigest() for name in names}
    assert snapshot.size(staged) == sum((staged / name).stat().st_size for name in names)


def test_every_file_arrives_and_is_not_sent_twice(staged: Path, client: Any) -> None:
    seen: list[tuple[int, int]] = []
    done = snapshot.upload(staged, client, BUCKET, progress=lambda *moved: seen.append(moved))
    table = files.read_table(staged)
    assert done.written == done.bytes == snapshot.size(staged)
    assert seen[-1] == (done.bytes, done.bytes)
    objects = {one["Key"] for one in client.list_objects_v2(Bucket=BUCKET)["Contents"]}
    assert objects == set(snapshots.keys(table))
    for name in done.files:
        body = client.get_object(Bucket=BUCKET, Key=snapshots.key(table.physical, name))["Body"].read()
        assert body == (staged / name).read_bytes()
    assert snapshot.upload(staged, client, BUCKET).written == 0


def test_an_object_with_other_bytes_is_replaced(staged: Path, client: Any) -> None:
    snapshot.upload(staged, client, BUCKET)
    key = snapshots.key(staged.name, "vectors.npy")
    client.put_object(Bucket=BUCKET, Key=key, Body=b"half")
    table = files.read_table(staged)
    assert table.snapshot is not None
    assert snapshot.missing(table.physical, table.snapshot, client, BUCKET) == ["vectors.npy"]
    assert snapshot.upload(staged, client, BUCKET).written == (staged / "vectors.npy").stat().st_size
    assert snapshot.missing(table.physical, table.snapshot, client, BUCKET) == []


def test_files_that_were_changed_are_not_uploaded(staged: Path, client: Any) -> None:
    with (staged / "vectors.npy").open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"\x7f")
    with pytest.raises(TableError, match="not the snapshot that a build staged"):
        snapshot.upload(staged, client, BUCKET)


def test_a_table_of_dynamodb_is_no_snapshot(pinned: Pinned, tmp_path: Path, client: Any) -> None:
    table = replace(pinned, table=replace(pinned.table, placement="dynamodb"), fetched=False)
    with pytest.raises(TableError, match="not the snapshot"):
        snapshot.upload(files.write_staged(table, tmp_path), client, BUCKET)


def test_a_bucket_that_is_not_there_is_named(staged: Path, client: Any) -> None:
    with pytest.raises(TableError, match="s3://absent-bucket/tables/"):
        snapshot.upload(staged, client, "absent-bucket")


def test_staging_again_leaves_a_mapped_file_alone(pinned: Pinned, tmp_path: Path) -> None:
    folder = files.write_staged(pinned, tmp_path)
    mapped = np.load(folder / "vectors.npy", mmap_mode="r")
    before = mapped.tobytes()
    files.write_staged(pinned, tmp_path)
    assert mapped.tobytes() == before
    assert not list(folder.glob("*.writing"))
