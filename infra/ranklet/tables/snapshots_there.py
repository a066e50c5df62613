"""Which snapshots of resident tables a bucket holds: `tables/<physical>/<file>`."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import numpy as np

from ranklet import prices
from ranklet.errors import TableError
from ranklet.snapshots import KEYS, VECTORS, key
from ranklet.tables.calls import until_answered
from ranklet.tables.placement import GB
from ranklet.tables.versions import Version, parts

ROOT = "tables/"
HEADER_BYTES = 1024
CHUNK_BYTES = 1 << 20
DTYPES = {"<f4": "f32", "<f2": "f16"}


def every(client: Any, bucket: str, table: str | None = None) -> list[Version]:
    """The snapshots of every table, or of one. client: boto3's for S3. Raises TableError."""
    found: dict[str, dict[str, Any]] = {}
    for one in _objects(client, bucket, ROOT):
        physical, _, file = one["Key"].removeprefix(ROOT).partition("/")
        if file and (named := parts(physical)) and table in (None, named[0]):
            found.setdefault(physical, {})[file] = one
    versions = [_version(client, bucket, physical, files) for physical, files in found.items()]
    return sorted(versions, key=lambda one: (one.table, one.created, one.physical))


def digest(client: Any, bucket: str, physical: str, file: str) -> str:
    """SHA-256 in hex of a file's bytes. Raises TableError where it cannot be read whole."""
    from botocore.exceptions import BotoCoreError, ClientError

    name = key(physical, file)
    found = hashlib.sha256()
    try:
        answer = until_answered(f"s3://{bucket}", client.get_object, Bucket=bucket, Key=name)
        for chunk in answer["Body"].iter_chunks(CHUNK_BYTES):
            found.update(chunk)
    except (BotoCoreError, ClientError) as error:
        raise TableError(f"s3://{bucket}/{name} cannot be read: {error}") from error
    return found.hexdigest()


def delete(client: Any, bucket: str, physical: str) -> None:
    """Delete a snapshot's objects. Raises TableError where S3 refuses one."""
    from botocore.exceptions import ClientError

    names = [one["Key"] for one in _objects(client, bucket, f"{ROOT}{physical}/")]
    # The rows go first: without them the rest is not taken for a snapshot.
    for name in sorted(names, key=lambda name: not name.endswith(VECTORS)):
        try:
            until_answered(f"s3://{bucket}", client.delete_object, Bucket=bucket, Key=name)
        except ClientError as error:
            raise TableError(f"s3://{bucket}/{name} cannot be deleted: {error}") from error


def _version(client: Any, bucket: str, physical: str, files: dict[str, Any]) -> Version:
    table, version = parts(physical) or (physical, "")
    size = sum(int(one["Size"]) for one in files.values())
    keys = next((name for name in KEYS if name in files), None)
    whole = VECTORS in files and keys is not None
    created: datetime = max(one["LastModified"] for one in files.values())
    rows, dim, dtype = _header(client, bucket, key(physical, VECTORS)) if whole else (None, None, None)
    return Version(
        physical=physical,
        table=table,
        version=version,
        store="s3",
        state="complete" if whole else "incomplete",
        created=created,
        bytes=size,
        dollars=size / GB * prices.load().s3.storage_gb_month,
        rows=rows,
        dim=dim,
        dtype=dtype,
        key=None if keys is None else "int" if keys.endswith(".npy") else "string",
        page=1 if whole else None,
    )


def _header(client: Any, bucket: str, name: str) -> tuple[int | None, int | None, str | None]:
    """Rows, numbers per row and dtype, out of the first bytes of a .npy file."""
    from botocore.exceptions import ClientError

    try:
        answer = until_answered(
            f"s3://{bucket}", client.get_object, Bucket=bucket, Key=name, Range=f"bytes=0-{HEADER_BYTES - 1}"
        )
        file = io.BytesIO(answer["Body"].read())
        np.lib.format.read_magic(file)
        shape, _, dtype = np.lib.format.read_array_header_1_0(file)
    except ClientError as error:
        raise TableError(f"s3://{bucket}/{name} cannot be read: {error}") from error
    except ValueError:
        return None, None, None
    if dtype.names is not None:
        return shape[0], int(dtype["values"].shape[0]), "int8"
    return shape[0], shape[1], DTYPES.get(dtype.str)


def _objects(client: Any, bucket: str, prefix: str) -> Iterator[dict[str, Any]]:
    from botocore.exceptions import ClientError

    more: dict[str, str] = {}
    while True:
        try:
            answer = until_answered(f"s3://{bucket}", client.list_objects_v2, Bucket=bucket, Prefix=prefix, **more)
        except ClientError as error:
            raise TableError(f"s3://{bucket} cannot be listed: {error}") from error
        yield from answer.get("Contents", [])
        if not answer.get("IsTruncated"):
            return
        more = {"ContinuationToken": answer["NextContinuationToken"]}
