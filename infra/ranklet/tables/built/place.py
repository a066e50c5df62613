"""Where a build lies: a folder, or a prefix of an S3 bucket. Its files are read as streams, never held whole."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol, TypeVar

from ranklet.errors import TableError
from ranklet.tables.calls import refused, until_answered

T = TypeVar("T")


class Place(Protocol):
    """Raises TableError for what cannot be read, naming it."""

    @property
    def name(self) -> str:
        """The folder's path, or the URI."""
        ...

    def read(self, file: str) -> bytes:
        """A small file, whole."""
        ...

    def copy(self, file: str, target: BinaryIO) -> None:
        """A file's bytes into another, some at a time."""
        ...

    def sizes(self, folder: str) -> Mapping[str, int]:
        """Name → bytes of everything below a folder."""
        ...


@dataclass(frozen=True)
class Folder:
    """A build on this machine."""

    path: Path

    @property
    def name(self) -> str:
        return str(self.path)

    def read(self, file: str) -> bytes:
        return _tried(self.path / file, Path.read_bytes)

    def copy(self, file: str, target: BinaryIO) -> None:
        with _tried(self.path / file, _opened) as source:
            shutil.copyfileobj(source, target, 1 << 20)

    def sizes(self, folder: str) -> Mapping[str, int]:
        root = self.path / folder
        found = [path for path in root.rglob("*") if path.is_file() and not path.name.startswith(".")]  # Hadoop's .crc
        return {path.relative_to(root).as_posix(): path.stat().st_size for path in found}


def _opened(path: Path) -> BinaryIO:
    return path.open("rb")


def _tried(path: Path, call: Callable[[Path], T]) -> T:
    try:
        return call(path)
    except OSError as error:
        raise TableError(f"cannot read {path}: {error.strerror}; is the build there?") from error


@dataclass(frozen=True)
class Bucket:
    """A build in S3. prefix: without a slash at its end. client: a boto3 S3 client."""

    bucket: str
    prefix: str
    client: Any

    @property
    def name(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}"

    def key(self, file: str) -> str:
        """The object's key."""
        return f"{self.prefix}/{file}"

    def read(self, file: str) -> bytes:
        def fetched() -> bytes:
            with closing(self.client.get_object(Bucket=self.bucket, Key=self.key(file))["Body"]) as body:
                return bytes(body.read())

        return self._answered(file, fetched)

    def copy(self, file: str, target: BinaryIO) -> None:
        def fetched() -> None:
            target.seek(0)
            target.truncate()
            self.client.download_fileobj(Bucket=self.bucket, Key=self.key(file), Fileobj=target)

        self._answered(file, fetched)

    def sizes(self, folder: str) -> Mapping[str, int]:
        from botocore.exceptions import ClientError

        root = self.key(folder) + "/"
        found: dict[str, int] = {}
        more: dict[str, str] = {}
        while True:
            try:
                answer = until_answered(self.name, self.client.list_objects_v2, Bucket=self.bucket, Prefix=root, **more)
            except ClientError as error:
                raise TableError(f"{self.name} cannot be listed: {error}") from error
            there = {one["Key"].removeprefix(root): int(one["Size"]) for one in answer.get("Contents", [])}
            found |= {name: size for name, size in there.items() if name and not name.endswith("/")}  # folders' marks
            if not answer.get("IsTruncated"):
                return found
            more = {"ContinuationToken": answer["NextContinuationToken"]}

    def _answered(self, file: str, call: Callable[[], T]) -> T:
        """Tried again where a connection breaks, in the middle of a file too."""
        from botocore.exceptions import ClientError

        try:
            return until_answered(f"{self.name}/{file}", call)
        except ClientError as error:
            said = "is not there" if refused(error) in ("NoSuchKey", "NoSuchBucket", "404") else f"refused: {error}"
            raise TableError(f"{self.name}/{file} {said}; is the build there?") from error


def at(where: str) -> Place:
    """The place of a path or of `s3://bucket/prefix`. Raises TableError for other URIs."""
    if "://" not in where:
        return Folder(Path(where))
    scheme, _, rest = where.partition("://")
    bucket, _, prefix = rest.rstrip("/").partition("/")
    if scheme not in ("s3", "s3a") or not bucket or not prefix:
        raise TableError(f"built = {where!r}: a folder, or s3://bucket/prefix")
    from ranklet.tables.clients import Aws

    return Bucket(bucket, prefix, Aws().s3)
