"""A build's own files through ImportTable: uploaded from a folder, or imported from the bucket that it lies in."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest
import spark_kit
from botocore.exceptions import ResponseStreamingError
from built_kit import FILMS, Films
from click.testing import CliRunner, Result
from moto import mock_aws

from ranklet import pipeline
from ranklet.cli import ranklet
from ranklet.errors import TableError
from ranklet.pipeline import Built
from ranklet.tables import s3import, whole
from ranklet.tables.built.items import BuiltItems
from ranklet.tables.built.opened import opened
from ranklet.tables.built.place import Bucket
from ranklet.tables.creation import Options
from ranklet.tables.loader import Progress
from ranklet.tables.s3import import Place

BUCKET, PREFIX = "films-bucket", "tables/films"
REGION = "us-east-1"
OPTIONS = Options("films")
ASKED = Films.drawn()


def _bar(name: str) -> Progress:
    return lambda done, total: None


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Any]]:
    """A client of a service, by name; a bucket is there."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    with mock_aws():
        boto3.client("s3").create_bucket(Bucket=BUCKET)
        yield boto3.client


def _built(tmp_path: Path, aws: Callable[[str], Any], *, in_s3: bool) -> tuple[Built, Path]:
    """The bundle of a model whose table was built, and where it is staged."""
    place = f"s3://{BUCKET}/{PREFIX}" if in_s3 else "../../built"
    folder = ASKED.write(tmp_path, built=place)
    ASKED.build(folder, tmp_path / "built")
    if in_s3:
        for path in (tmp_path / "built").rglob("*"):
            if path.is_file():
                name = path.relative_to(tmp_path / "built").as_posix()
                aws("s3").upload_file(str(path), BUCKET, f"{PREFIX}/{name}")
    built = pipeline.build(folder, out=tmp_path / ".build")
    return built, tmp_path / ".build" / "tables" / built.manifest.spec.tables["films"].physical


def _push(staged: Path, aws: Callable[[str], Any], place: Place | None) -> s3import.Pushed:
    return s3import.push(
        staged, dynamodb=aws("dynamodb"), s3=aws("s3"), place=place, bar=_bar, options=OPTIONS, poll_s=0.0
    )


def _stored(aws: Callable[[str], Any], physical: str) -> dict[str, bytes]:
    pages = aws("dynamodb").get_paginator("scan").paginate(TableName=physical)
    return {item["k"]["S"]: item["v"]["B"] for page in pages for item in page["Items"]}


@pytest.mark.parametrize("in_s3", [True, False])
def test_the_builds_own_files_are_imported_and_read_back(
    tmp_path: Path, aws: Callable[[str], Any], in_s3: bool
) -> None:
    built, staged = _built(tmp_path, aws, in_s3=in_s3)
    table = built.manifest.spec.tables["films"]
    done = _push(staged, aws, None if in_s3 else Place(BUCKET))
    assert (done.rows, done.written, done.via) == (FILMS, FILMS, "import")
    assert done.verified > 0
    objects = {one["Key"] for one in aws("s3").list_objects_v2(Bucket=BUCKET)["Contents"]}
    names = {path.name for path in (tmp_path / "built" / "items").iterdir()}
    if in_s3:  # imported where they lie: nothing was written
        assert objects == {f"{PREFIX}/{name}" for name in ("table.json", "build.json", "golden.msgpack")} | {
            f"{PREFIX}/items/{name}" for name in names
        }
    else:
        assert objects == {f"ranklet-import/{table.physical}/dynamodb-json/{name}" for name in names}
    stored = _stored(aws, table.physical)
    assert whole.is_whole(aws("dynamodb"), table)
    stored.pop("__ranklet__")
    lines = [json.loads(line)["Item"] for line in spark_kit.read_lines(tmp_path / "built")]
    assert stored == {item["k"]["S"]: base64.b64decode(item["v"]["B"]) for item in lines}
    assert _push(staged, aws, None).written == 0


def test_a_bundle_is_built_on_a_bucket_with_the_rows_that_the_build_kept(
    tmp_path: Path, aws: Callable[[str], Any]
) -> None:
    built, _ = _built(tmp_path, aws, in_s3=True)
    aws("s3").put_object(Bucket=BUCKET, Key=f"{PREFIX}/items/")  # what consoles and Hadoop leave for a folder
    assert opened(f"s3a://{BUCKET}/{PREFIX}/").table == built.manifest.spec.tables["films"]
    assert f"{FILMS} rows built in s3://{BUCKET}/{PREFIX}, " in built.placements["films"]
    assert "which golden requests read" in built.placements["films"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("items/part-00000.json.gz", "is absent"),
        ("table.json", "table.json is not there; is the build there"),
    ],
)
def test_a_build_that_lost_an_object_is_refused(
    tmp_path: Path, aws: Callable[[str], Any], name: str, said: str
) -> None:
    _built(tmp_path, aws, in_s3=True)
    aws("s3").delete_object(Bucket=BUCKET, Key=f"{PREFIX}/{name}")
    with pytest.raises(TableError, match=said):
        opened(f"s3://{BUCKET}/{PREFIX}/")
    with pytest.raises(TableError, match="is not there"):
        opened(f"s3://no-{BUCKET}/{PREFIX}")


def test_a_connection_that_breaks_within_a_file_is_tried_again(tmp_path: Path, aws: Callable[[str], Any]) -> None:
    _built(tmp_path, aws, in_s3=True)
    client, broken = aws("s3"), []

    class Breaking:
        """Gives half of every file once."""

        def __getattr__(self, name: str) -> Any:
            return getattr(client, name)

        def download_fileobj(self, **asked: Any) -> None:
            if asked["Key"] not in broken:
                broken.append(asked["Key"])
                asked["Fileobj"].write(b"half of a file")
                raise ResponseStreamingError(error="reset by peer")
            client.download_fileobj(**asked)

    build = opened(f"s3://{BUCKET}/{PREFIX}")
    items = BuiltItems(build.table, replace(build, place=Bucket(BUCKET, PREFIX, Breaking())))
    assert len(dict(items.rows())) == FILMS
    assert len(broken) == len(build.record.parts)


def test_a_build_in_a_folder_needs_a_bucket_and_its_own_format(tmp_path: Path, aws: Callable[[str], Any]) -> None:
    _, staged = _built(tmp_path, aws, in_s3=False)
    with pytest.raises(TableError, match="give --bucket"):
        _push(staged, aws, None)
    with pytest.raises(TableError, match="was built as dynamodb-json"):
        _push(staged, aws, Place(BUCKET, form="ion"))


def _cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> Result:
    (tmp_path / "cdk.json").write_text("{}")
    monkeypatch.chdir(tmp_path)
    return CliRunner().invoke(ranklet, ["tables", *arguments])


def test_the_command_pushes_a_build_and_says_what_it_would_cost(
    tmp_path: Path, aws: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    _built(tmp_path, aws, in_s3=True)
    done = _cli(tmp_path, monkeypatch, "push", "films", "--dry-run", "--json")
    (found,) = json.loads(done.stdout)
    assert (found["items"], found["rows"]) == (FILMS, FILMS)
    done = _cli(tmp_path, monkeypatch, "push", "films", "--dry-run", "--via", "import", "--out", "files")
    assert done.exit_code == 2 and "--out has none to write" in done.output
    done = _cli(tmp_path, monkeypatch, "push", "films", "--via", "import", "--region", REGION, "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)[0]["written"] == FILMS


def test_the_command_builds_where_the_model_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ASKED.write(tmp_path)
    source = spark_kit.write_rows(ASKED.data, tmp_path / "data")
    done = _cli(tmp_path, monkeypatch, "build", "films", "films", "--input", source, "--json")
    assert json.loads(done.stdout)["out"] == str((tmp_path / "built").resolve())
    assert pipeline.build(tmp_path / "functions" / "films", out=tmp_path / ".build").certificate.rows == len(
        ASKED.asked
    )
    done = _cli(tmp_path, monkeypatch, "build", "films", "films", "--input", source, "--out", "s3://bucket/films")
    assert done.exit_code == 2 and "--engine local" in done.output
    done = _cli(tmp_path, monkeypatch, "push", "films", "--via", "import")
    assert done.exit_code == 2 and "needs --bucket" in done.output
