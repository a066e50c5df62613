"""Tables fetched from S3: whatever breaks on the way, the rows are the pinned ones or there is a clear error."""

from __future__ import annotations

import dataclasses
import fcntl
import json
import os
import subprocess
import sys
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from snapshots_support import BUCKET, KEYS, broken, environ, snapshot_of, staged
from stores_support import ACCESS_KEY, REGION, SECRET_KEY, TOKEN, assert_rows

from ranklet.local.s3 import LocalS3
from ranklet_features.errors import StoreError, StoreUnavailable, TableMismatch
from ranklet_features.packing import pack
from ranklet_features.spec import Table
from ranklet_features.stores import open_store
from ranklet_features.stores.aws.sigv4 import Credentials
from ranklet_features.stores.snapshots import download

PART = 1000


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of a thousand bytes, and hardly a pause."""
    monkeypatch.setattr(download, "PART_BYTES", PART)
    monkeypatch.setattr(download, "FIRST_PAUSE_S", 0.001)
    monkeypatch.setattr(download, "LONGEST_PAUSE_S", 0.001)


@pytest.fixture
def s3() -> Iterator[LocalS3]:
    """A local S3 that refuses what is not rightly signed."""
    with LocalS3(credentials=Credentials(ACCESS_KEY, SECRET_KEY, TOKEN), region=REGION, bucket=BUCKET) as server:
        yield server


def check(table: Table, endpoint: str, folder: Path, keys: list[Any] | None = None, **changes: str) -> None:
    """Open, read and compare every row."""
    keys = keys or KEYS
    store = open_store(table, Path("no bundle"), environ(endpoint, folder, **changes))
    absent = "absent" if table.key == "string" else -5
    assert_rows(store.rows([*keys[::-1], absent]), [*keys[::-1], absent], set(keys))
    store.close()


@pytest.mark.parametrize("keys", [KEYS, sorted(f"key-{i}" for i in range(70)), [7]], ids=["ints", "texts", "one"])
@pytest.mark.parametrize("dtype", ["f32", "f16"])
def test_rows_of_a_fetched_table_are_its_own(s3: LocalS3, tmp_path: Path, keys: list[Any], dtype: str) -> None:
    table, place = staged(tmp_path, keys, dtype=dtype)
    s3.load(place)
    check(table, s3.endpoint, tmp_path / "tmp", keys)
    fetched = tmp_path / "tmp" / table.physical
    for name in table.snapshot or ():
        assert (fetched / name).read_bytes() == (place / name).read_bytes()
    assert {path.name for path in fetched.iterdir()} == {*(table.snapshot or ()), "lock"}


def test_int8_rows_are_fetched_like_others(s3: LocalS3, tmp_path: Path) -> None:
    table, place = staged(tmp_path)
    rows = np.random.default_rng(1).normal(size=(len(KEYS), table.dim)).astype(np.float32)
    np.save(place / "vectors.npy", pack(rows, "int8"))
    table = dataclasses.replace(table, dtype="int8", snapshot=snapshot_of(place))
    s3.load(place)
    store = open_store(table, Path(), environ(s3.endpoint, tmp_path / "tmp"))
    assert np.abs(store.rows(KEYS).values - rows).max() <= np.abs(rows).max() / 127
    store.close()


def test_what_is_there_and_right_is_not_fetched_again(s3: LocalS3, tmp_path: Path) -> None:
    table, place = staged(tmp_path)
    s3.load(place)
    check(table, s3.endpoint, tmp_path / "tmp")
    calls = s3.calls.copy()
    check(table, s3.endpoint, tmp_path / "tmp")
    # Nor is the bucket, or who asks, of any interest then.
    check(table, "http://127.0.0.1:9", tmp_path / "tmp", RANKLET_SNAPSHOTS="", AWS_ACCESS_KEY_ID="")
    assert s3.calls == calls


@pytest.mark.parametrize("change", ["flip", "shorten", "lengthen", "empty"])
def test_a_file_that_was_changed_is_fetched_anew(s3: LocalS3, tmp_path: Path, change: str) -> None:
    table, place = staged(tmp_path)
    s3.load(place)
    check(table, s3.endpoint, tmp_path / "tmp")
    path = tmp_path / "tmp" / table.physical / "vectors.npy"
    right = path.read_bytes()
    wrong = {"flip": right[:-1] + bytes([right[-1] ^ 1]), "shorten": right[:-9], "lengthen": right + b"x", "empty": b""}
    path.write_bytes(wrong[change])
    check(table, s3.endpoint, tmp_path / "tmp")
    assert path.read_bytes() == right


@pytest.mark.parametrize("size", [1, PART - 1, PART, PART + 1, 5 * PART, -1, 0])
def test_a_partial_file_is_gone_on_with(tmp_path: Path, size: int) -> None:
    table, place = staged(tmp_path)
    content = (place / "vectors.npy").read_bytes()
    size = size if size > 0 else len(content) + size
    folder = tmp_path / "tmp" / table.physical
    folder.mkdir(parents=True, mode=0o700)
    (folder / "vectors.npy.part").write_bytes(content[:size])
    with broken(place, []) as (script, endpoint):
        check(table, endpoint, tmp_path / "tmp")
        starts = [start for start, _ in script.ranges]
    assert starts[0] == size
    assert not (folder / "vectors.npy.part").exists()


@pytest.mark.parametrize("left", [b"other bytes", b"x" * 100_000])
def test_a_partial_file_of_other_bytes_is_thrown_away(s3: LocalS3, tmp_path: Path, left: bytes) -> None:
    table, place = staged(tmp_path)
    s3.load(place)
    folder = tmp_path / "tmp" / table.physical
    folder.mkdir(parents=True, mode=0o700)
    (folder / "vectors.npy.part").write_bytes(left)
    check(table, s3.endpoint, tmp_path / "tmp")


FAULTS = ["reset", "truncate", "503", "500", "shifted"]


@pytest.mark.parametrize("fault", FAULTS)
def test_what_breaks_is_asked_for_again(tmp_path: Path, fault: str) -> None:
    table, place = staged(tmp_path)
    with broken(place, [fault, "ok", fault, fault, "ok", "ok", fault]) as (script, endpoint):
        check(table, endpoint, tmp_path / "tmp")
        assert not script.plan


@pytest.mark.parametrize("seed", range(12))
def test_any_mixture_of_faults_ends_with_the_right_bytes(tmp_path: Path, seed: int) -> None:
    table, place = staged(tmp_path)
    dice = np.random.default_rng(seed)
    plan = [str(dice.choice([*FAULTS, "ok", "ok"])) for _ in range(40)]
    with broken(place, plan) as (_, endpoint):
        check(table, endpoint, tmp_path / "tmp")


def test_a_server_without_ranges_is_read_whole(tmp_path: Path) -> None:
    table, place = staged(tmp_path)
    with broken(place, ["whole", "whole"]) as (script, endpoint):
        check(table, endpoint, tmp_path / "tmp")
        assert len(script.ranges) == 2


def test_a_clock_that_goes_wrong_is_corrected_once(tmp_path: Path) -> None:
    table, place = staged(tmp_path)
    with broken(place, ["skewed"]) as (_, endpoint):
        check(table, endpoint, tmp_path / "tmp")
    with (
        broken(place, ["skewed"] * 2) as (_, endpoint),
        pytest.raises(StoreUnavailable, match="refused the signature: RequestTimeTooSkewed"),
    ):
        check(table, endpoint, tmp_path / "other")


@pytest.mark.parametrize(
    ("word", "error", "says"),
    [
        ("403", StoreUnavailable, r"AccessDenied.*was not pushed.*s3:GetObject"),
        ("404", TableMismatch, r"s3://some-bucket/tables/ranklet-items-0123abcd/vectors.npy is not there.*tables push"),
        ("301", StoreUnavailable, "another region"),
        ("expired", StoreUnavailable, "ExpiredToken"),
    ],
)
def test_what_asking_again_cannot_help_is_told_at_once(
    tmp_path: Path, word: str, error: type[StoreError], says: str
) -> None:
    table, place = staged(tmp_path)
    with broken(place, [word]) as (script, endpoint), pytest.raises(error, match=says):
        check(table, endpoint, tmp_path / "tmp")
    assert len(script.ranges) == 1


def test_other_bytes_than_the_pinned_are_removed_and_never_opened(s3: LocalS3, tmp_path: Path) -> None:
    table, place = staged(tmp_path)
    (place / "vectors.npy").write_bytes((place / "vectors.npy").read_bytes()[::-1])
    s3.load(place)
    with pytest.raises(StoreError, match="the manifest pins"):
        check(table, s3.endpoint, tmp_path / "tmp")
    assert [path.name for path in (tmp_path / "tmp" / table.physical).iterdir()] == ["lock"]


def test_a_wrong_secret_is_refused(s3: LocalS3, tmp_path: Path) -> None:
    table, place = staged(tmp_path)
    s3.load(place)
    for change in ({"AWS_SECRET_ACCESS_KEY": "other"}, {"AWS_SESSION_TOKEN": ""}, {"AWS_REGION": "us-west-2"}):
        with pytest.raises(StoreUnavailable, match=r"SignatureDoesNotMatch|InvalidAccessKeyId"):
            check(table, s3.endpoint, tmp_path / "tmp", **change)


def test_a_server_that_never_answers_ends_at_the_deadline(tmp_path: Path) -> None:
    table, place = staged(tmp_path)
    with broken(place, ["503"] * 100_000) as (_, endpoint), pytest.raises(StoreUnavailable, match=r"in time.*SlowDown"):
        check(table, endpoint, tmp_path / "tmp", RANKLET_SNAPSHOT_SECONDS="2")
    with pytest.raises(StoreUnavailable, match="in time"):
        check(table, "http://127.0.0.1:9", tmp_path / "tmp", RANKLET_SNAPSHOT_SECONDS="0.1")


def test_room_is_looked_for_before_the_first_byte_is_kept(
    s3: LocalS3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table, place = staged(tmp_path)
    s3.load(place)
    size = (place / "vectors.npy").stat().st_size
    disk = namedtuple("disk", "f_bavail f_frsize")
    monkeypatch.setattr(download.os, "statvfs", lambda folder: disk(size - 1, 1))
    with pytest.raises(StoreError, match=r"has 0 MB free; raise \[function\] tmp"):
        check(table, s3.endpoint, tmp_path / "tmp")
    assert (tmp_path / "tmp" / table.physical / "vectors.npy.part").stat().st_size == 0
    monkeypatch.setattr(download.os, "statvfs", lambda folder: disk(size, 1))
    check(table, s3.endpoint, tmp_path / "tmp")


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        ({"RANKLET_SNAPSHOTS": ""}, StoreUnavailable, "RANKLET_SNAPSHOTS is ''"),
        ({"RANKLET_SNAPSHOTS": "../x"}, StoreUnavailable, "no bucket's name"),
        ({"AWS_REGION": ""}, StoreUnavailable, "no AWS region"),
        ({"AWS_ENDPOINT_URL_S3": "ftp://a"}, StoreUnavailable, "AWS_ENDPOINT_URL_S3"),
        ({"AWS_ACCESS_KEY_ID": ""}, StoreUnavailable, "no AWS credentials"),
        ({"RANKLET_SNAPSHOT_SECONDS": "soon"}, StoreUnavailable, "a number of seconds"),
        ({"RANKLET_SNAPSHOT_FOLDER": "/dev/null/x"}, StoreError, "RANKLET_SNAPSHOT_FOLDER"),
    ],
)
def test_an_incomplete_environment_is_told_at_opening(
    tmp_path: Path, change: dict[str, str], error: type[StoreError], says: str
) -> None:
    table, _ = staged(tmp_path)
    with pytest.raises(error, match=says):
        check(table, "http://127.0.0.1:9", tmp_path / "tmp", **change)


@pytest.mark.parametrize("change", [{"snapshot": {"vectors.npy": "0" * 64}}, {"physical": "../../etc"}])
def test_a_manifest_that_pins_no_whole_snapshot_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    table, _ = staged(tmp_path)
    with pytest.raises(TableMismatch):
        check(dataclasses.replace(table, **change), "http://127.0.0.1:9", tmp_path / "tmp")


def test_files_that_are_not_the_pinned_table_are_refused(s3: LocalS3, tmp_path: Path) -> None:
    table, place = staged(tmp_path)
    s3.load(place)
    with pytest.raises(TableMismatch, match="pinned are"):
        check(dataclasses.replace(table, dim=table.dim - 1), s3.endpoint, tmp_path / "tmp")


def test_a_table_that_another_process_fetches_is_waited_for(s3: LocalS3, tmp_path: Path) -> None:
    table, place = staged(tmp_path)
    s3.load(place)
    folder = tmp_path / "tmp" / table.physical
    folder.mkdir(parents=True, mode=0o700)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(StoreUnavailable, match="another process"):
            check(table, s3.endpoint, tmp_path / "tmp", RANKLET_SNAPSHOT_SECONDS="0.1")
        assert not s3.calls
    check(table, s3.endpoint, tmp_path / "tmp")


OPEN = """
import dataclasses, json, sys
from pathlib import Path
from ranklet_features.spec import Table
from ranklet_features.stores import open_store
from ranklet_features.stores.snapshots import download
download.PART_BYTES = 1000
store = open_store(Table(**json.loads(sys.argv[1])), Path(), json.loads(sys.argv[2]))
print(store.rows(list(range(0, 900, 3))).status.sum())
"""


def test_a_file_that_cannot_grow_is_told_with_the_place(s3: LocalS3, tmp_path: Path) -> None:
    table, place = staged(tmp_path)
    s3.load(place)
    limited = "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (2500, 2500))\n" + OPEN
    arguments = [json.dumps(dataclasses.asdict(table)), json.dumps(environ(s3.endpoint, tmp_path / "tmp"))]
    done = subprocess.run([sys.executable, "-c", limited, *arguments], capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    assert "StoreError: s3://some-bucket/tables/" in done.stderr and "cannot be written to" in done.stderr


def test_processes_that_start_together_fetch_once(s3: LocalS3, tmp_path: Path) -> None:
    table, place = staged(tmp_path)
    s3.load(place)
    s3.latency_s = 0.002
    arguments = [json.dumps(dataclasses.asdict(table)), json.dumps(environ(s3.endpoint, tmp_path / "tmp"))]
    command = [sys.executable, "-c", OPEN, *arguments]
    together = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    assert [process.communicate(timeout=120)[0] for process in together] == ["0\n"] * 3
    sizes = [(place / name).stat().st_size for name in table.snapshot or ()]
    assert s3.calls["GET"] == sum(-(-size // PART) for size in sizes)


def test_a_process_that_is_killed_while_it_fetches_leaves_what_the_next_goes_on_with(tmp_path: Path) -> None:
    table, place = staged(tmp_path)
    arguments = [json.dumps(dataclasses.asdict(table))]
    folder = tmp_path / "tmp" / table.physical
    with broken(place, ["ok", "ok", "ok", *["503"] * 1_000_000]) as (script, endpoint):
        arguments.append(json.dumps(environ(endpoint, tmp_path / "tmp")))
        process = subprocess.Popen([sys.executable, "-c", OPEN, *arguments], stdout=subprocess.DEVNULL)
        while len(script.ranges) < 20 and process.poll() is None:
            os.sched_yield()
        process.kill()
        process.wait(60)
        assert not (folder / "vectors.npy").exists()
        size = (folder / "vectors.npy.part").stat().st_size
        # At least the first, which is asked for alone; the others may come to the server in any order.
        assert size in (PART, 2 * PART, 3 * PART)
        script.plan.clear()
        script.starts.clear()
        check(table, endpoint, tmp_path / "tmp")
        assert min(script.starts["vectors.npy"]) == size
