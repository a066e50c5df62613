"""What is too large for a package: files in S3, fetched into /tmp when a function starts.

An object is `tables/<physical>/<file>` for a resident table, `artefacts/<physical>/<file>` for graphs and weights. The
manifest holds each file's SHA-256, so that a function takes no other bytes
whatever the bucket holds; objects of one version never change.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from ranklet.errors import TableError
from ranklet.snapshots import ARTEFACTS, KEYS, VECTORS, artefact_key, key
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
    return {name: sha256(folder / name) for name in FILES if (folder / name).exists()}


def sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def size(folder: Path) -> int:
    """Bytes of /tmp that what is staged in a folder takes."""
    names = artefacts(folder) or FILES
    return sum((folder / name).stat().st_size for name in names if (folder / name).exists())


def artefacts(folder: Path) -> dict[str, str]:
    """File → SHA-256 of staged artefacts; none for a staged table."""
    path = folder / ARTEFACTS
    return dict(orjson.loads(path.read_bytes())) if path.exists() else {}


def upload(
    folder: Path, client: Any, bucket: str, *, progress: Callable[[int, int], None] = lambda done, total: None
) -> Uploaded:
    """Bring the files of a staged table, or of staged artefacts, into the bucket, those that are not there yet.

    client: a boto3 S3 client. Raises TableError for a folder that is no staged snapshot, for files that are not those
    that the build pinned, and where S3 refuses.
    """
    named = artefact_key if (folder / ARTEFACTS).exists() else key
    found = _pinned(folder)
    total, written, done = size(folder), 0, 0
    for name, digest in found.items():
        path = folder / name
        if not _is_there(client, bucket, named(folder.name, name), path.stat().st_size, digest):
            _put(client, bucket, named(folder.name, name), path, digest)
            written += path.stat().st_size
        done += path.stat().st_size
        progress(done, total)
    return Uploaded(folder.name, tuple(found), total, written)


def _pinned(folder: Path) -> dict[str, str]:
    """The digests of a folder's files, which are those that its build pinned."""
    if pinned := artefacts(folder):
        missing = [name for name in pinned if not (folder / name).is_file()]
        found = {} if missing else {name: sha256(folder / name) for name in pinned}
    else:
        from ranklet.tables.files import read_staged

        table, _ = read_staged(folder)
        pinned, found = dict(table.snapshot or {}), digests(folder)
    if not pinned or pinned != found:
        raise TableError(f"{folder.name} is not the snapshot that a build staged; run `ranklet build` again")
    return found


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
