"""Read units: by the rule, by counting it out, and by what the server says."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from ranklet.bench.base import Setting
from ranklet.bench.tables import data, reads, servers, units
from ranklet.errors import BenchError
from ranklet.items import Items

ROWS = 3_000


@pytest.mark.parametrize(
    ("size", "expected"),
    [(0, 0.5), (1, 0.5), (4095, 0.5), (4096, 0.5), (4097, 1.0), (8192, 1.0), (8193, 1.5), (400 * 1024, 50.0)],
)
def test_half_a_unit_for_each_four_kilobytes_or_part_of_them(size: int, expected: float) -> None:
    assert units.reading(size) == expected


def test_an_item_is_its_names_its_key_and_its_value() -> None:
    rows, pages = data.sheet(rows=100, placement="dynamodb"), data.sheet(rows=100, placement="dynamodb", page=15)
    one, many = (Items(sheet.table, sheet.keys, sheet.packed) for sheet in (rows, pages))
    assert units.item_bytes(one, "7") == 1 + 1 + 1 + 4 * 64
    assert units.item_bytes(one, "42") == 1 + 1 + 2 + 4 * 64
    assert units.item_bytes(one, "100") == 0
    assert units.item_bytes(many, "p0") == 1 + 1 + 2 + 2 + 15 * (2 + 4 * 64) <= 4096
    assert units.item_bytes(many, "p6") == 1 + 1 + 2 + 2 + 10 * (2 + 4 * 64)


def test_the_log_asks_for_different_rows_and_for_popular_ones_most() -> None:
    log = units.access_log(ROWS, 200, n=50)
    assert [len(set(ranks.tolist())) for ranks in log] == [50] * 200
    assert min(map(min, log)) == 0 and max(map(max, log)) < ROWS
    counts = Counter(np.concatenate(log).tolist())
    assert counts[0] > 195
    assert sum(counts[rank] for rank in range(10)) > sum(counts[rank] for rank in range(1_000, 1_100))
    again = units.access_log(ROWS, 200, n=50)
    assert all(np.array_equal(one, other) for one, other in zip(log, again, strict=True))


def test_scattered_keys_have_the_same_popularities() -> None:
    log = units.access_log(ROWS, 100, n=50)
    keys = units.scattered(log, ROWS)
    before, after = (Counter(np.concatenate(each).tolist()) for each in (log, keys))
    assert sorted(before.values()) == sorted(after.values()) and before != after


def _sheet(page: int, cache: int) -> data.Sheet:
    return data.sheet(rows=ROWS, placement="dynamodb", page=page, cache_entries=cache)


@pytest.mark.parametrize("page", [1, 15, 40])
def test_without_a_cache_every_row_or_page_is_paid_in_every_request(page: int) -> None:
    log = units.scattered(units.access_log(ROWS, 30, n=80), ROWS)
    sheet = _sheet(page, 0)
    half_units = {1: 1, 15: 1, 40: 3}[page]  # 256 bytes, 3.9 KB, 10.3 KB
    expected = [0.5 * half_units * len({key // page for key in keys.tolist()}) for keys in log]
    assert units.per_request(sheet, units.item_keys(sheet, log)).tolist() == expected


@pytest.mark.parametrize("page", [1, 15])
def test_a_cache_that_holds_everything_pays_for_each_row_or_page_once(page: int) -> None:
    log = units.access_log(ROWS, 60, n=80)
    sheet = _sheet(page, 8 * ROWS)
    seen: set[int] = set()
    expected = []
    for keys in log:
        new = {key // page for key in keys.tolist()} - seen
        seen |= new
        expected.append(0.5 * len(new))
    assert units.per_request(sheet, units.item_keys(sheet, log)).tolist() == expected


def test_a_small_cache_saves_some_and_never_costs_more() -> None:
    log = units.access_log(ROWS, 100, n=80)
    without, small, whole = (
        units.per_request(sheet, units.item_keys(sheet, log)) for sheet in (_sheet(1, n) for n in (0, 200, ROWS))
    )
    assert (small <= without).all() and small.sum() < without.sum()
    assert whole.sum() < small.sum()


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> object:
    folder: Path = tmp_path_factory.mktemp("staged")
    for page in (1, 15, 40):
        data.stage(_sheet(page, 0), folder)
    with servers.running(folder) as endpoint:
        yield endpoint


@pytest.mark.parametrize("page", [1, 15, 40])
def test_the_server_says_the_same(url: str, page: int) -> None:
    sheet = _sheet(page, 0)
    log = units.access_log(ROWS, 3, n=120)
    asked = [[*keys, "absent"] for keys in units.item_keys(sheet, log)]
    assert [units.consumed(url, sheet.table, keys) for keys in asked] == units.per_request(sheet, asked).tolist()


@pytest.mark.parametrize("case", units.CASES, ids=lambda case: case.name or "rows")
def test_the_whole_read_path_spends_what_is_computed(url: str, case: units.Case) -> None:
    sheet = _sheet(case.page, 500 if case.cached else 0)
    log = units.access_log(ROWS, 12, n=200)
    units._check(case, sheet, log, units.item_keys(sheet, log), url)


def test_a_rule_that_the_server_does_not_share_is_refused(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(units, "reading", lambda size: 1.0)
    sheet, log = _sheet(1, 0), units.access_log(ROWS, 2, n=120)
    with pytest.raises(BenchError, match="read units"):
        units._check(units.CASES[0], sheet, log, units.item_keys(sheet, log), url)


def test_a_read_path_that_asks_for_more_than_computed_is_refused(url: str) -> None:
    sheet, log = _sheet(1, 0), units.access_log(ROWS, 2, n=120)
    asked = units.item_keys(sheet, log)
    asked[1] = asked[1][:-1]
    with pytest.raises(BenchError, match=r"the read path spent 60\.0, computed are 59\.5"):
        units._check(units.CASES[0], sheet, log, asked, url)


def test_metering_adds_up_what_our_client_is_told(url: str) -> None:
    sheet = _sheet(1, 0)
    with reads.store(sheet.table, url) as store:
        store.rows(np.array([-1]))
        with units.metered() as spent:
            store.rows(np.arange(250))
        store.rows(np.arange(250))
    assert len(spent) == 3 and sum(spent) == 125.0


def test_the_figures_name_every_case_with_units_and_dollars(tmp_path: Path) -> None:
    found = units.measure(Setting(tmp_path, quick=True), lambda text: None)
    values = {row.figure: row.value for row in found.rows}
    assert values.keys() == {
        f"{figure}-500{case.name}" for figure in ("read-units", "dollars-per-million") for case in units.CASES
    }
    assert values["read-units-500"] == 250.0
    assert values["dollars-per-million-500"] == pytest.approx(31.25)
    assert all(row.n == 500 and row.unit in ("read units", "$") for row in found.rows)
    cached, grouped = values["read-units-500-cache"], values["read-units-500-pages-grouped"]
    assert cached is not None and grouped is not None and cached < 250.0 and grouped < 250.0
