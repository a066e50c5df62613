"""Bring a staged table in through S3: files, ImportTable, counts, then the same read-back as any push.

ImportTable makes a new table and takes no write units. It cannot add to one that is there: a table that an earlier
import left incomplete is named, and is either deleted or completed by batched writes.
"""

from __future__ import annotations

import hashlib
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ranklet.errors import TableError
from ranklet.items import Items, Numbered
from ranklet.tables import creation, importfiles, readback, whole
from ranklet.tables.built.items import BuiltItems
from ranklet.tables.built.place import Bucket, Folder
from ranklet.tables.built.record import ITEMS
from ranklet.tables.calls import refused, until_answered
from ranklet.tables.creation import Options
from ranklet.tables.loader import Progress
from ranklet.tables.push import Pushed, staged

POLL_S = 2.0
LONGEST_S = 12 * 3600.0
"""An import of 10⁹ rows takes hours."""

BUILT_FORM = "dynamodb-json"
"""Of the files that `ranklet tables build` writes."""


@dataclass(frozen=True)
class Place:
    """Where the files go and what they are."""

    bucket: str
    prefix: str = "ranklet-import"
    form: str = "dynamodb-json"

    def keys(self, physical: str) -> str:
        """The folder of one table's files: import reads everything below it."""
        return "/".join(filter(None, (self.prefix.strip("/"), physical, self.form))) + "/"


@dataclass(frozen=True)
class Files:
    """Import files as they lie in S3. keys: the prefix below which there is nothing else. form: see `importfiles`."""

    bucket: str
    keys: str
    form: str


def push(
    folder: Path,
    *,
    dynamodb: Any,
    s3: Any,
    place: Place | None,
    bar: Callable[[str], Progress],
    options: Options,
    poll_s: float = POLL_S,
) -> Pushed:
    """Write and upload the files, import them, count, read back, then mark the table whole.

    place: None only for a version that was built in S3, whose files are imported where they lie. An import that an
    interrupted push started is waited for. Raises TableError where counts or rows differ.
    """
    items = staged(folder)
    table = items.table
    done = Pushed(table.physical, table.rows, len(items), written=0, verified=0, via="import")
    if whole.is_whole(dynamodb, table):
        return done
    arn = _running(dynamodb, table.physical)
    if arn is None:
        arn = _start(dynamodb, items, _files(items, s3, place, bar), options)
    result = _wait(dynamodb, arn, items, bar(f"{table.physical} imported"), poll_s)
    _count(result, items)
    creation.adopt(dynamodb, table, result["TableArn"], options)
    numbers = items.sample(readback.SAMPLE)
    verified = readback.compare(items, numbers, client=dynamodb, progress=bar(f"{table.physical} read back"))
    if options.restorable:
        creation.make_restorable(dynamodb, table)
    whole.mark(dynamodb, table, (folder / "table.json").read_bytes())
    return replace(done, written=len(items), verified=verified)


def _files(items: Numbered, s3: Any, place: Place | None, bar: Callable[[str], Progress]) -> Files:
    """The import files in S3: where they were built, or uploaded now."""
    physical = items.table.physical
    if isinstance(items, BuiltItems) and isinstance(items.build.place, Bucket):
        return Files(items.build.place.bucket, items.build.place.key(f"{ITEMS}/"), BUILT_FORM)
    if place is None:
        raise TableError(f"{physical}: to import it, its files need a place in S3; give --bucket")
    files = Files(place.bucket, place.keys(physical), place.form)
    if isinstance(items, BuiltItems):
        _upload(files, _built(items, place), s3, bar(f"{physical} uploaded"))
        return files
    assert isinstance(items, Items), "staged here"
    with tempfile.TemporaryDirectory(prefix="ranklet-import-") as scratch:
        parts = importfiles.write(items, Path(scratch), form=place.form, progress=bar(f"{physical} written"))
        _upload(files, [part.path for part in parts], s3, bar(f"{physical} uploaded"))
    return files


def _built(items: BuiltItems, place: Place) -> list[Path]:
    """The files of a build in a folder, each read once and held against its digest."""
    assert isinstance(items.build.place, Folder), "of two kinds of places"
    if place.form != BUILT_FORM:
        raise TableError(f"{items.table.physical} was built as {BUILT_FORM}; leave --format {place.form} out")
    items.check()
    return [items.build.place.path / ITEMS / part.name for part in items.build.record.parts]


def _upload(files: Files, paths: Sequence[Path], s3: Any, moves: Progress) -> None:
    """Upload the parts; what an earlier push left below the prefix goes."""
    stale = _listed(s3, files) - {f"{files.keys}{path.name}" for path in paths}
    for key in sorted(stale):
        _s3(s3.delete_object, files.bucket, Bucket=files.bucket, Key=key)
    for number, path in enumerate(paths, start=1):
        _upload_part(s3, files.bucket, f"{files.keys}{path.name}", path)
        moves(number, len(paths))


def _upload_part(s3: Any, bucket: str, key: str, path: Path) -> None:
    from boto3.exceptions import S3UploadFailedError

    try:
        _s3(s3.upload_file, bucket, Filename=str(path), Bucket=bucket, Key=key)
    except S3UploadFailedError as error:
        raise TableError(f"s3://{bucket}/{key} cannot be written: {error}") from error


def _listed(s3: Any, files: Files) -> set[str]:
    found: set[str] = set()
    more: dict[str, str] = {}
    while True:
        answer = _s3(s3.list_objects_v2, files.bucket, Bucket=files.bucket, Prefix=files.keys, **more)
        found |= {one["Key"] for one in answer.get("Contents", [])}
        if not answer.get("IsTruncated"):
            return found
        more = {"ContinuationToken": answer["NextContinuationToken"]}


def _s3(call: Callable[..., Any], bucket: str, **parameters: Any) -> Any:
    from botocore.exceptions import ClientError

    try:
        return until_answered(f"s3://{bucket}", call, **parameters)
    except ClientError as error:
        raise TableError(f"s3://{bucket} refused: {error}") from error


def _running(client: Any, physical: str) -> str | None:
    """The import that makes or made this table; None where there is no table. Raises TableError for another table."""
    from botocore.exceptions import ClientError

    try:
        table = until_answered(physical, client.describe_table, TableName=physical)["Table"]
        listed = until_answered(physical, client.list_imports, TableArn=table["TableArn"])["ImportSummaryList"]
    except ClientError as error:
        if refused(error) == creation.GONE:
            return None
        raise TableError(f"{physical} cannot be described: {error}") from error
    alive = [one for one in listed if one["ImportStatus"] in ("IN_PROGRESS", "COMPLETED")]
    if not alive:
        raise TableError(
            f"{physical} is there, not whole, and no import made it; complete it by `ranklet tables push --via write`, "
            "or delete it and push again"
        )
    return str(alive[0]["ImportArn"])


def _start(client: Any, items: Numbered, files: Files, options: Options) -> str:
    from botocore.exceptions import ClientError

    physical = items.table.physical
    try:
        answer = until_answered(
            physical,
            client.import_table,
            # However often the answer to this call is lost, DynamoDB starts one import.
            ClientToken=hashlib.sha256(f"{files.bucket}/{files.keys} {time.time_ns()}".encode()).hexdigest()[:36],
            S3BucketSource={"S3Bucket": files.bucket, "S3KeyPrefix": files.keys},
            InputFormat=importfiles.FORMS[files.form][1],
            InputCompressionType="GZIP",
            TableCreationParameters={"TableName": physical, **creation.SCHEMA, **options.encryption},
        )
    except ClientError as error:
        raise TableError(f"{physical}: the import was refused: {error}") from error
    return str(answer["ImportTableDescription"]["ImportArn"])


def _wait(client: Any, arn: str, items: Numbered, moves: Progress, poll_s: float) -> dict[str, Any]:
    from botocore.exceptions import ClientError

    for _ in range(int(LONGEST_S / max(poll_s, 0.01))):
        try:
            found: dict[str, Any] = until_answered(arn, client.describe_import, ImportArn=arn)["ImportTableDescription"]
        except ClientError as error:
            raise TableError(f"{items.table.physical}: the import cannot be described: {error}") from error
        moves(int(found.get("ImportedItemCount") or 0), len(items))
        if found["ImportStatus"] == "COMPLETED":
            return found
        if found["ImportStatus"] != "IN_PROGRESS":
            raise TableError(
                f"{items.table.physical}: the import is {found['ImportStatus']}: {found.get('FailureCode')} "
                f"{found.get('FailureMessage')}; delete the table and push again, or push --via write"
            )
        time.sleep(poll_s)
    raise TableError(f"{items.table.physical}: the import takes longer than {LONGEST_S / 3600:.0f} h; push again later")


def _count(result: dict[str, Any], items: Numbered) -> None:
    counts = {name: int(result.get(name) or 0) for name in ("ProcessedItemCount", "ImportedItemCount", "ErrorCount")}
    if counts != {"ProcessedItemCount": len(items), "ImportedItemCount": len(items), "ErrorCount": 0}:
        raise TableError(f"{items.table.physical}: {counts} of {len(items)} items; delete the table and push again")
