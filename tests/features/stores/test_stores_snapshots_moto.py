"""Snapshots as boto3 uploads them, fetched from moto's S3; and our own S3 beside moto's, asked by boto3."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from moto.server import ThreadedMotoServer
from snapshots_support import BUCKET, KEYS, environ, staged
from stores_support import ACCESS_KEY, REGION, SECRET_KEY, TOKEN, assert_rows

from ranklet import snapshots
from ranklet.local.s3 import LocalS3
from ranklet.tables.snapshot import missing, upload
from ranklet_features.errors import TableMismatch
from ranklet_features.stores import open_store
from ranklet_features.stores.aws.sigv4 import Credentials
from ranklet_features.stores.snapshots import download
from ranklet_features.stores.snapshots.bucket import BUCKET_VARIABLE


def boto(endpoint: str) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
        aws_session_token=TOKEN,
        config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 0}),
    )


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    client = boto(endpoint)
    client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    client.close()
    yield endpoint
    server.stop()


@pytest.mark.parametrize("part", [700, 1 << 20])
@pytest.mark.parametrize("keys", [KEYS, sorted(f"key-{i}" for i in range(70))], ids=["ints", "texts"])
def test_what_the_push_uploads_is_what_a_function_maps(
    moto: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keys: list[Any], part: int
) -> None:
    monkeypatch.setattr(download, "PART_BYTES", part)
    table, place = staged(tmp_path, keys, version=f"{part}{len(keys)}")
    given = environ(moto, tmp_path / "tmp")
    with pytest.raises(TableMismatch, match="tables push"):
        open_store(table, Path(), given)
    client = boto(moto)
    assert upload(place, client, BUCKET).written > 0
    store = open_store(table, Path(), given)
    assert_rows(store.rows(keys), keys, set(keys))
    store.close()
    client.close()


def test_function_and_stack_name_the_bucket_alike() -> None:
    assert BUCKET_VARIABLE == snapshots.BUCKET_VARIABLE


def test_our_s3_answers_boto3_as_motos_does(moto: str, tmp_path: Path) -> None:
    table, place = staged(tmp_path, version="beside")
    remote = boto(moto)
    upload(place, remote, BUCKET)
    with LocalS3(credentials=Credentials(ACCESS_KEY, SECRET_KEY, TOKEN), region=REGION, bucket=BUCKET) as server:
        keys = server.load(place)
        assert sorted(keys) == sorted(snapshots.keys(table))
        local = boto(server.endpoint)
        assert missing(table.physical, table.snapshot or {}, local, BUCKET) == []
        assert missing(table.physical, {"vectors.npy": "0" * 64}, local, BUCKET) == ["vectors.npy"]
        for name in keys:
            for span in (None, "bytes=0-", "bytes=0-9", "bytes=5-5", "bytes=100-99999999", "bytes=-7", "bytes=9-3"):
                assert ask(local, name, span) == ask(remote, name, span), span
        for name, span in ((keys[0], "bytes=99999999-"), ("tables/none/vectors.npy", None)):
            assert ask(local, name, span) == ask(remote, name, span)
        local.close()
    remote.close()


def ask(client: Any, key: str, span: str | None) -> tuple[Any, ...]:
    """What boto3 gives for an object, or the code of its error."""
    try:
        answer = client.get_object(Bucket=BUCKET, Key=key, **({} if span is None else {"Range": span}))
    except ClientError as error:
        return error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"]
    with answer["Body"] as body:
        return body.read(), answer.get("ContentRange"), answer["ContentLength"], answer["Metadata"]


def test_our_s3_refuses_what_is_not_rightly_signed(tmp_path: Path) -> None:
    _, place = staged(tmp_path)
    with LocalS3(credentials=Credentials(ACCESS_KEY, "other", TOKEN), region=REGION, bucket=BUCKET) as server:
        (name, *_) = server.load(place)
        client = boto(server.endpoint)
        assert ask(client, name, None) == ("SignatureDoesNotMatch", 403)
        client.close()
