"""A push that is killed leaves nothing that a function would score with, and the next push completes it.

The child dies by SIGKILL, once at a moment that is counted (a request that leaves, an answer that has come), once after
a time that means nothing: whatever it had done by then, the version is either whole or refused.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from lifecycle_kit import Place, pinned, staged, vectors

from ranklet.errors import TableError
from ranklet.local.dynamodb import LocalDynamo
from ranklet.tables import files, get, push, scan, upsert, verify
from ranklet.tables.source import Vectors
from ranklet_features.errors import TableMismatch
from ranklet_features.spec import Table
from ranklet_features.stores import open_store
from ranklet_features.stores.keys import RESERVED

CHILD = Path(__file__).with_name("crash_child.py")
ROWS = 1000


@dataclass(frozen=True)
class Crashing:
    """A server, a staged table, and how many moments a whole push of it has."""

    place: Place
    folder: Path
    moments: int

    @property
    def table(self) -> Table:
        return files.read_table(self.folder)

    def child(self, number: int) -> subprocess.Popen[str]:
        words = [sys.executable, str(CHILD), str(self.folder), self.place.endpoint, str(number)]
        return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def forget(self) -> None:
        """Delete the table, whatever there is of it; what is beside the staged folder stays, as after a crash."""
        client = self.place.dynamodb
        if self.folder.name in client.list_tables()["TableNames"]:
            client.update_table(TableName=self.folder.name, DeletionProtectionEnabled=False)
            client.delete_table(TableName=self.folder.name)


@pytest.fixture(scope="module")
def crashing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crashing]:
    folder = staged(tmp_path_factory.mktemp("crash"), given=vectors(ROWS, 4))
    keys = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_EC2_METADATA_DISABLED": "true"}
    with pytest.MonkeyPatch.context() as patch, LocalDynamo() as local:
        for name, value in keys.items():
            patch.setenv(name, value)
        for name in [name for name in os.environ if name.startswith("AWS_") and name not in keys]:
            patch.delenv(name)
        one = Crashing(Place("ours", local.endpoint), folder, 0)
        out, error = one.child(0).communicate(timeout=120)
        assert out, error
        found = Crashing(one.place, folder, int(out))
        assert complete(found)
        found.forget()
        yield found


def complete(one: Crashing) -> bool:
    """Whether a function reads the version. It must then have every row, and no other; else all refuse it."""
    table, client = one.table, one.place.dynamodb
    items = push.staged(one.folder)
    store = open_store(table, one.folder, one.place.aws.environ())
    try:
        read = store.rows(items.keys, deadline=time.monotonic() + 60)
    except TableMismatch:
        with pytest.raises(TableError, match="absent or not whole"):
            verify.verify(items, client=client, progress=push.silent)
        with pytest.raises(TableError, match="absent or not whole"):
            get.rows(client, table.physical, ["0"])
        row = Vectors(items.keys[:1], items.rows[:1])
        with pytest.raises(TableError, match="absent or not whole"):
            upsert.upsert(table, row, 1, client=client, progress=push.silent)
        return False
    finally:
        store.close()
    assert not read.status.any()
    assert np.array_equal(read.values, items.rows)
    stored = {row.key: row.value for row in scan.items(client, table.physical)}
    described = stored.pop(RESERVED)
    assert described == (one.folder / "table.json").read_bytes()
    assert stored == dict(items.pairs(0, len(items)))
    return True


def crash_and_complete(one: Crashing, moments: list[int]) -> None:
    """Die at each of these moments, push after push; then push in peace."""
    one.forget()
    for number in moments:
        child = one.child(number)
        out, error = child.communicate(timeout=120)
        assert (child.returncode, out) == (-signal.SIGKILL, ""), error
        complete(one)
    done = push.push(one.folder, client=one.place.dynamodb)
    assert done.items == ROWS
    assert complete(one)
    assert not list(one.folder.parent.glob("*.journal"))


@pytest.mark.parametrize("share", [0.1, 0.55, 1.0])
def test_a_push_that_was_killed_is_refused_and_then_completed(crashing: Crashing, share: float) -> None:
    crash_and_complete(crashing, [max(1, round(crashing.moments * share) - 1)])


def test_a_push_that_was_killed_before_the_description_left_is_not_whole(crashing: Crashing) -> None:
    """The last two moments are the description's request and its answer."""
    crashing.forget()
    child = crashing.child(crashing.moments - 1)
    child.communicate(timeout=120)
    assert child.returncode == -signal.SIGKILL
    stored = {row.key for row in scan.items(crashing.place.dynamodb, crashing.folder.name)}
    assert len(stored) == ROWS and RESERVED not in stored
    assert not complete(crashing)
    assert push.push(crashing.folder, client=crashing.place.dynamodb).written >= 0
    assert complete(crashing)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(50))
def test_fifty_pushes_killed_at_random_moments(crashing: Crashing, number: int) -> None:
    """One to three crashes in a row; what is left after any of them takes thirty moments at least."""
    draw = random.Random(number)
    if number % 2:
        crash_and_complete(crashing, [draw.randrange(1, crashing.moments + 1)])
    else:
        again = [draw.randrange(1, 30) for _ in range(draw.randrange(1, 3))]
        crash_and_complete(crashing, [draw.randrange(1, crashing.moments - 1), *again])


@pytest.mark.slow
@pytest.mark.parametrize("number", range(50))
def test_fifty_pushes_killed_after_any_time(crashing: Crashing, number: int) -> None:
    """Where it is in its work after that time is not known, and need not be."""
    crashing.forget()
    draw = random.Random(1000 + number)
    child = crashing.child(0)
    time.sleep(draw.uniform(0.3, 2.5))
    child.kill()
    child.communicate(timeout=120)
    complete(crashing)
    push.push(crashing.folder, client=crashing.place.dynamodb)
    assert complete(crashing)


def test_a_table_that_holds_a_row_which_nobody_staged_does_not_become_whole(tmp_path: Path, place: Place) -> None:
    folder = staged(tmp_path)
    client = place.dynamodb

    def stray(rows: int, total: int) -> None:
        if rows == total:
            client.put_item(TableName=folder.name, Item={"k": {"S": "1"}, "v": {"B": bytes(32)}})

    with pytest.raises(TableError, match="holds 58 items, 57 are staged"):
        push.push(folder, client=client, progress=stray)
    assert get.readback.read(client, folder.name, [RESERVED]) == {}


def test_a_key_that_stands_twice_never_comes_to_a_push(tmp_path: Path) -> None:
    """Staged files that were tampered with: both ways of loading look at the keys' order, or read a wrong row back."""
    from ranklet.tables import importfiles

    folder = files.write_staged(pinned(), tmp_path)
    keys = np.load(folder / "keys.npy")
    keys[5] = keys[4]
    np.save(folder / "keys.npy", keys)
    with pytest.raises(TableError, match="stands on more than one row"):
        importfiles.write(push.staged(folder), tmp_path / "out", form="dynamodb-json", progress=push.silent)
    with LocalDynamo() as local, pytest.raises(TableError):
        push.push(folder, client=Place("ours", local.endpoint).dynamodb)
