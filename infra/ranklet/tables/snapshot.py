"""Resident tables that are too large for a package: their files in S3, fetched into /tmp when a function starts.

An object is `tables/<physical>/<file>`. The manifest holds each file's SHA-256, so that a function takes no other bytes
whatever the bucket holds; objects of one version never change.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ranklet.errors import TableError
from ranklet.snapshots import KEYS, VECTORS, key
from ranklet.tables.calls import refused, until_answered

FILES = (VECTORS, *KEYS)
DIGEST = "ranklet-sha256"
"""Metadata of an object: what was uploaded."""


@dataclass(frozen=True)
class Uploaded:
    """What an upload did. written: bytes sent now; 0 means that all files were there already."""

    physical: str
    files: tuple[str, ...]
    bytes: int
    written: int


def digests(folder: Path) -> dict[str, str]:
    """File name → SHA-256 in hex, of the files that a staged table is fetched as."""
    found = {}
    for name in FILES:
        if (folder / name).exists():
            with (folder / name).open("rb") as file:
                found[name] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def size(folder: Path) -> int:
    """Bytes of /tmp that a staged table takes."""
    return sum((folder / name).stat().st_size for name in FILES if (folder / name).exists())


def upload(
    folder: Path, client: Any, bucket: str, *, progress: Callable[[int, int], None] = lambda done, total: None
) -> Uploaded:
    """Bring the files of a staged table into the bucket, those that are not there yet.

    client: a boto3 S3 client. Raises TableError for a folder that is no staged snapshot, for files that are not those
    that the build pinned, and where S3 refuses.
    """
    from ranklet.tables.files import read_staged

    table, _ = read_staged(folder)
    found = digests(folder)
    if table.snapshot is None or dict(table.snapshot) != found:
        raise TableError(f"{folder.name} is not the snapshot that a build staged; run `ranklet build` again")
    total, written, done = size(folder), 0, 0
    for name, digest in found.items():
        path = folder / name
        if not _is_there(client, bucket, key(table.physical, name), path.stat().st_size, digest):
            _put(client, bucket, key(table.physical, name), path, digest)
            written += path.stat().st_size
        done += path.stat().st_size
        progress(done, total)
    return Uploaded(table.physical, tuple(found), total, written)


def missing(table_physical: str, snapshot: Mapping[str, str], client: Any, bucket: str) -> list[str]:
    """The files of a pinned snapshot that the bucket does not hold, as `upload` left them."""
    return [
        name
        for name, digest in snapshot.items()
        if not _is_there(client, bucket, key(table_physical, name), None, digest)
    ]


def _is_there(client: Any, bucket: str, name: str, size: int | None, digest: str) -> bool:
    from botocore.exceptions import ClientError

    try:
        head = until_answered(f"s3://{bucket}/{name}", client.head_object, Bucket=bucket, Key=name)
    except ClientError as error:
        if refused(error) in ("404", "NoSuchKey", "NotFound"):
            return False
        raise TableError(f"s3://{bucket}/{name} cannot be looked at: {error}") from error
    same = head.get("Metadata", {}).get(DIGEST) == digest
    return same and size in (None, head["ContentLength"])


def _put(client: Any, bucket: str, name: str, path: Path, digest: str) -> None:
    from boto3.exceptions import S3UploadFailedError
    from botocore.exceptions import ClientError

    try:
        until_answered(
            f"s3://{bucket}/{name}",
            client.upload_file,
            Filename=str(path),
            Bucket=bucket,
            Key=name,
            ExtraArgs={"Metadata": {DIGEST: digest}},
        )
    except (S3UploadFailedError, ClientError) as error:
        raise TableError(f"s3://{bucket}/{name} cannot be written: {error}") from error
