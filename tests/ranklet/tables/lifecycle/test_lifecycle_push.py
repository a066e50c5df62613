"""push from the command line: dry run, both ways in, resume, refusals; ImportTable's files read back byte for byte."""

from __future__ import annotations

import gzip
import json
from base64 import b64decode
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from lifecycle_kit import Place, emptied, pinned, project, tables, vectors

from ranklet.model import TableSource
from ranklet.tables import push, s3import, scan, whole
from ranklet.tables.pin import Pinned, pin
from ranklet.tables.placement import Site
from ranklet.tables.source import Vectors
from ranklet_features.stores.keys import RESERVED

BUCKET = "imports-of-test"
FILES = ("keys.npy", "vectors.npy")
FORMS: list[dict[str, Any]] = [
    {"dtype": "f32"},
    {"dtype": "f16", "key": "string"},
    {"dtype": "int8"},
    {"dtype": "int8", "page": 5},
]
IDS = ["-".join(map(str, one.values())) for one in FORMS]


@pytest.fixture(params=FORMS, ids=IDS)
def films(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pinned:
    """The one table of the model `movies`; keys of text need care in JSON."""
    given = vectors(key=request.param.get("key", "int"))
    if request.param.get("key") == "string":
        # moto's import does not unescape JSON; ministack's test below has keys that need it.
        given = Vectors(tuple(sorted((*given.keys[1:], "Ünï ✓"))), given.values)
    one = pinned(given=given, **request.param)
    project(tmp_path, one)
    monkeypatch.chdir(tmp_path)
    return one


def rows(place: Place, one: Pinned) -> dict[str, bytes]:
    stored = {row.key: row.value for row in scan.items(place.dynamodb, one.table.physical)}
    described = stored.pop(RESERVED)
    assert json.loads(described)["version"] == one.table.version
    return stored


def expected(tmp_path: Path, one: Pinned) -> dict[str, bytes]:
    items = push.staged(tmp_path / ".build" / "tables" / one.table.physical)
    return dict(items.pairs(0, len(items)))


def test_rows_come_by_writes(place: Place, films: Pinned, tmp_path: Path) -> None:
    shown = place.tables("push", "movies", "--json")
    assert shown.code == 0, shown.stderr
    (done,) = shown.json
    assert (done["rows"], done["written"], done["via"]) == (57, done["items"], "write")
    assert rows(place, films) == expected(tmp_path, films)
    assert place.tables("push", "movies", "--json").json[0]["written"] == 0
    assert place.tables("verify", "movies", "--all").code == 0


def test_rows_come_by_import_files_byte_for_byte(cloud: Place, films: Pinned, tmp_path: Path) -> None:
    cloud.client("s3").create_bucket(Bucket=BUCKET)
    shown = cloud.tables("push", "movies", "--via", "import", "--bucket", BUCKET, "--json")
    assert shown.code == 0, shown.stderr
    (done,) = shown.json
    assert (done["via"], done["written"], done["verified"]) == ("import", done["items"], done["items"])
    assert rows(cloud, films) == expected(tmp_path, films)
    assert cloud.tables("verify", "movies", "--all").code == 0
    (listed,) = cloud.tables("list", "--json").json
    assert (listed["state"], listed["model"], listed["protected"]) == ("complete", "movies", True)


def test_a_dry_run_calls_nobody_and_counts_what_is_written(films: Pinned, tmp_path: Path) -> None:
    """No server listens where it would call; the files are the ones that an import reads."""
    nowhere = ("--endpoint", "http://127.0.0.1:9", "--region", "us-east-1")
    shown = tables("push", "movies", "--dry-run", "--json", *nowhere)
    assert shown.code == 0, shown.stderr
    wanted = expected(tmp_path, films)
    (said,) = shown.json
    size = sum(len(key.encode()) + len(value) + 2 for key, value in wanted.items())
    assert (said["items"], said["bytes"]) == (len(wanted), size)
    assert said["write_units"] == sum(-(-(len(key.encode()) + len(value) + 2) // 1024) for key, value in wanted.items())
    shown = tables("push", "movies", "--dry-run", "--via", "import", "--out", str(tmp_path / "out"), "--json", *nowhere)
    assert shown.code == 0, shown.stderr
    parts = sorted((tmp_path / "out" / films.table.physical).glob("*.gz"))
    texts = b"".join(gzip.decompress(part.read_bytes()) for part in parts)
    lines = [json.loads(line)["Item"] for line in texts.splitlines()]
    assert {line["k"]["S"]: b64decode(line["v"]["B"]) for line in lines} == wanted
    assert len(lines) == len(wanted)


@pytest.mark.parametrize(
    "words",
    [
        ("--bucket", "b"),
        ("--out", "x"),
        ("--via", "somehow"),
    ],
)
def test_options_that_do_not_go_together(words: tuple[str, ...]) -> None:
    assert tables("push", "movies", *words).code == 2


# moto does not list imports.


@pytest.fixture
def ministack_cloud(ministack: str) -> Place:
    return emptied("ministack", ministack, "/_ministack/reset")


@pytest.mark.slow
def test_an_interrupted_import_is_waited_for_and_finished(
    ministack_cloud: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = pinned()
    project(tmp_path, one)
    monkeypatch.chdir(tmp_path)
    ministack_cloud.client("s3").create_bucket(Bucket=BUCKET)
    words = ("push", "movies", "--via", "import", "--bucket", BUCKET, "--json")

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(whole, "mark", stop)
        with pytest.raises(KeyboardInterrupt):
            folder = tmp_path / ".build" / "tables" / one.table.physical
            s3import.push(
                folder,
                dynamodb=ministack_cloud.dynamodb,
                s3=ministack_cloud.client("s3"),
                place=s3import.Place(BUCKET),
                bar=lambda name: push.silent,
                options=push.Options("movies"),
            )
    assert ministack_cloud.tables("list", "--json").json[0]["state"] == "incomplete"
    assert ministack_cloud.tables("get", one.table.physical, "0").code == 7
    imports = len(ministack_cloud.dynamodb.list_imports()["ImportSummaryList"])
    assert ministack_cloud.tables(*words).code == 0
    assert len(ministack_cloud.dynamodb.list_imports()["ImportSummaryList"]) == imports
    assert rows(ministack_cloud, one) == expected(tmp_path, one)


@pytest.mark.slow
def test_an_import_that_cannot_be_finished_says_what_to_do(
    ministack_cloud: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = pinned()
    project(tmp_path, one)
    monkeypatch.chdir(tmp_path)
    ministack_cloud.client("s3").create_bucket(Bucket=BUCKET)

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    folder = tmp_path / ".build" / "tables" / one.table.physical
    with pytest.raises(KeyboardInterrupt):
        push.push(folder, client=ministack_cloud.dynamodb, progress=stop)
    shown = ministack_cloud.tables("push", "movies", "--via", "import", "--bucket", BUCKET)
    assert shown.code == 7
    assert "complete it by `ranklet tables push --via write`" in shown.stderr
    assert ministack_cloud.tables("push", "movies").code == 0


@pytest.mark.slow
def test_keys_that_json_escapes_come_back(
    ministack_cloud: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = ("back\\slash", "line\nfeed", "nul\x01", 'quo"te', "tab\t", "Ünï ✓", "😀")
    one = pinned(given=Vectors(tuple(sorted(keys)), vectors(len(keys)).values), key="string", dtype="int8")
    project(tmp_path, one)
    monkeypatch.chdir(tmp_path)
    ministack_cloud.client("s3").create_bucket(Bucket=BUCKET)
    shown = ministack_cloud.tables("push", "movies", "--via", "import", "--bucket", BUCKET)
    assert shown.code == 0, shown.stderr
    assert rows(ministack_cloud, one) == expected(tmp_path, one)


def test_keys_that_stand_twice_are_refused_before_anything_is_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = pinned()
    project(tmp_path, one)
    monkeypatch.chdir(tmp_path)
    keys = tmp_path / ".build" / "tables" / one.table.physical / "keys.npy"
    numbers = np.load(keys)
    numbers[9] = numbers[8]
    np.save(keys, numbers)
    shown = tables("push", "movies", "--dry-run", "--via", "import", "--out", str(tmp_path / "out"))
    assert shown.code == 7
    assert "stands on more than one row" in shown.stderr


def test_snapshots_are_sent_into_the_shared_bucket_and_verified(
    cloud: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    s3, ssm = cloud.client("s3"), cloud.client("ssm")
    source = TableSource(vectors="v", keys="k", placement="resident")
    large = pin("users", source, vectors(60, seed=2), site=Site(package=0))
    project(tmp_path, pinned(), large)
    monkeypatch.chdir(tmp_path)
    size = sum((tmp_path / ".build" / "tables" / large.table.physical / name).stat().st_size for name in FILES)

    dry = cloud.tables("push", "movies", "--dry-run", "--json").json
    assert dry[1] == {"physical": large.table.physical, "bytes": size, "via": "s3"}
    refused = cloud.tables("push", "movies")
    assert refused.code == 7
    assert "cdk deploy ranklet-shared" in refused.stderr

    s3.create_bucket(Bucket=BUCKET)
    ssm.put_parameter(Name="/ranklet/snapshots/bucket", Value=BUCKET, Type="String")
    assert cloud.tables("verify", "movies", "--table", "users").code == 7
    shown = cloud.tables("push", "movies", "--json")
    assert shown.code == 0, shown.stderr
    assert [(one["via"], one["written"]) for one in shown.json] == [("write", 57), ("s3", size)]
    assert [one["written"] for one in cloud.tables("push", "movies", "--json").json] == [0, 0]
    for file in FILES:
        body = s3.get_object(Bucket=BUCKET, Key=f"tables/{large.table.physical}/{file}")["Body"].read()
        assert body == (tmp_path / ".build" / "tables" / large.table.physical / file).read_bytes()
    assert cloud.tables("verify", "movies", "--all").code == 0

    # Other bytes under the digest of the right ones: only a look at all of them tells.
    name = f"tables/{large.table.physical}/vectors.npy"
    noted, body = (s3.get_object(Bucket=BUCKET, Key=name)[part] for part in ("Metadata", "Body"))
    s3.put_object(Bucket=BUCKET, Key=name, Body=bytes(len(body.read())), Metadata=noted)
    assert cloud.tables("verify", "movies").code == 0
    shown = cloud.tables("verify", "movies", "--table", "users", "--all", "--json")
    assert (shown.code, shown.json[0]["wrong"]) == (7, ["vectors.npy"])
    s3.delete_object(Bucket=BUCKET, Key=name)
    shown = cloud.tables("verify", "movies", "--json")
    assert (shown.code, shown.json[1]["wrong"]) == (7, ["vectors.npy"])


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("verify", "movies", "--table", "nobody"), 2, "has no table 'nobody'"),
        (("verify", "strangers"), 5, "not built"),
        (("get", "movies/nobody", "1"), 2, "has no table 'nobody'"),
        (("diff", "movies/films", "movies"), 2, "no version of a table"),
    ],
)
def test_names_that_are_not_there_are_told(
    moto: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], code: int, said: str
) -> None:
    one = pinned()
    project(tmp_path, one)
    monkeypatch.chdir(tmp_path)
    moto.tables("push", "movies")
    shown = moto.tables(*words)
    assert (shown.code, said in shown.stderr) == (code, True), shown.stderr


@pytest.mark.parametrize("verb", ["build", "push", "list", "verify", "get", "diff", "upsert", "prune"])
def test_every_verb_explains_itself_with_examples_exit_codes_and_rights(verb: str) -> None:
    shown = tables(verb, "--help")
    assert shown.code == 0
    assert f"ranklet tables {verb} " in shown.stdout
    if verb != "build":
        assert "Needs" in shown.stdout
    assert "Exit code" in " ".join(shown.stdout.split())
    assert f"  {verb}" in tables("--help").stdout
