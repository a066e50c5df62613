"""Reads over canned and real sockets: the same bytes for both clients, and a wrong row before any timing."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ranklet.bench.base import Setting
from ranklet.bench.tables import canned, data, feast, reads, servers
from ranklet.errors import BenchError
from ranklet_features.stores.base import Rows
from ranklet_features.stores.dynamodb.store import DynamoStore

SHEET = data.sheet(rows=300, placement="dynamodb")
WANTED = data.requests(300, reads.N)[:3]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("staged")
    for dtype in reads.DTYPES:
        data.stage(data.sheet(rows=300, dtype=dtype, placement="dynamodb"), folder)
    with servers.running(folder) as endpoint:
        yield endpoint


@pytest.mark.parametrize("dtype", reads.DTYPES)
def test_boto3_and_ours_give_every_row_to_the_bit(url: str, dtype: Any) -> None:
    sheet = data.sheet(rows=300, dtype=dtype, placement="dynamodb")
    with reads.ours_and_boto3(sheet, WANTED, url, dtype) as ways:
        assert ways.keys() == {f"ours {dtype}", f"boto3 {dtype}"}
        assert all(sample(0) > 0 for sample in ways.values())


def test_canned_sockets_give_the_bytes_of_the_server_without_asking_it_again(url: str) -> None:
    tape = canned.Tape(url)
    asked: list[bytes] = []
    ask = tape._ask
    tape._ask = lambda request: (asked.append(request), ask(request))[1]  # type: ignore[method-assign]
    with canned.connecting(tape), reads.store(SHEET.table, url) as ours, reads.client(url) as theirs:
        read = reads.boto3_reader(SHEET.table, theirs)
        for _ in range(3):
            for places in WANTED:
                keys = np.asarray(SHEET.names(places))
                np.testing.assert_array_equal(ours.rows(keys).values, SHEET.exact(places))
                np.testing.assert_array_equal(read(keys), SHEET.exact(places))
    # Our first call also asks for the row that describes the table, and so has one key left for a second.
    assert len(asked) == 2 * len(WANTED) + 2


def test_other_connections_are_real_again_afterwards(url: str) -> None:
    with canned.connecting(canned.Tape("http://127.0.0.1:9")):
        pass
    with reads.ours_and_boto3(SHEET, WANTED, url, "x") as ways:
        assert len(ways) == 2


def _wrong(rows: np.ndarray) -> np.ndarray:
    changed = rows.copy()
    changed[41, 7] = np.nextafter(changed[41, 7], np.float32(9))
    return changed


def test_a_wrong_row_of_ours_is_refused_before_timing(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    right = DynamoStore.rows

    def wrong(self: DynamoStore, keys: Any, *, deadline: float | None = None) -> Rows:
        rows = right(self, keys, deadline=deadline)
        return Rows(_wrong(rows.values), rows.status)

    monkeypatch.setattr(DynamoStore, "rows", wrong)
    with (
        pytest.raises(BenchError, match="ours x, 100 rows: 1 of 100 rows are wrong, the first is row 41"),
        reads.ours_and_boto3(SHEET, WANTED, url, "x"),
    ):
        pytest.fail("it was timed")


def test_a_wrong_row_of_boto3_is_refused_before_timing(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    right = reads.boto3_reader
    monkeypatch.setattr(reads, "boto3_reader", lambda table, client: lambda ids: _wrong(right(table, client)(ids)))
    with (
        pytest.raises(BenchError, match="boto3 x, 100 rows: 1 of 100 rows are wrong"),
        reads.ours_and_boto3(SHEET, WANTED, url, "x"),
    ):
        pytest.fail("it was timed")


PEER = """
import json, sys
import numpy as np
given = json.loads(sys.argv[1])
rows = np.load(given["rows"])
print(json.dumps({"version": "1.2.3"}), flush=True)
for line in sys.stdin:
    asked = json.loads(line)
    if "answer" in asked:
        np.save(asked["answer"], rows[given["requests"][asked["request"]]] SPOILT)
    print(json.dumps({"cpu": 0.25}), flush=True)
"""


def _peer(folder: Path, monkeypatch: pytest.MonkeyPatch, spoilt: str = "") -> None:
    script = folder / "peer.py"
    script.write_text(PEER.replace("SPOILT", spoilt))
    monkeypatch.setattr(feast, "SCRIPT", script)


def test_a_peer_in_another_process_is_compared_and_timed_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _peer(tmp_path, monkeypatch)
    with feast.running(Path(sys.executable), "http://127.0.0.1:9", SHEET.packed, WANTED, tmp_path) as peer:
        assert peer is not None and peer.version == "1.2.3"
        ways = reads._feasts(peer, SHEET, WANTED)
        assert ways.keys() == set(feast.WAYS)
        assert [sample(5) for sample in ways.values()] == [0.25, 0.25]


def test_a_peers_wrong_row_is_refused_before_timing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _peer(tmp_path, monkeypatch, spoilt="+ np.float32(1e-3)")
    with feast.running(Path(sys.executable), "http://127.0.0.1:9", SHEET.packed, WANTED, tmp_path) as peer:
        assert peer is not None
        with pytest.raises(BenchError, match="feast, 100 rows: 100 of 100 rows are wrong"):
            reads._feasts(peer, SHEET, WANTED)


def test_a_peer_that_ends_is_an_error_and_no_hang(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "peer.py"
    script.write_text("raise SystemExit(3)")
    monkeypatch.setattr(feast, "SCRIPT", script)
    with (
        pytest.raises(BenchError, match="the process of peer has ended"),
        feast.running(Path(sys.executable), "http://127.0.0.1:9", SHEET.packed, WANTED, tmp_path),
    ):
        pytest.fail("it runs")


def test_an_absent_peer_has_rows_without_a_value(tmp_path: Path) -> None:
    setting = Setting(tmp_path, quick=True)
    assert feast.python(setting, lambda text: None) is None
    with feast.running(None, "http://127.0.0.1:9", SHEET.packed, WANTED, tmp_path) as peer:
        assert peer is None
    ones = np.ones(3)
    rows = {row.figure: row for row in reads._wire_rows({"ours wire": ones, "boto3 wire": 10 * ones})}
    assert rows["read-cpu-vs-boto3-wire"].value == pytest.approx(0.1)
    for figure in ("read-cpu-vs-feast", "read-cpu-vs-feast-online-read"):
        assert (rows[figure].value, rows[figure].peer) == (None, "absent")


def test_a_server_that_does_not_start_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "table.json").write_text("{")
    with pytest.raises(BenchError, match="did not start"), servers.running(tmp_path):
        pytest.fail("it runs")
