"""Dollars of a request by the stated rule, and the handlers that are compared by it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ranklet import prices
from ranklet.bench.base import Setting
from ranklet.bench.tables import data, dollars, reads, servers
from ranklet.errors import BenchError


def test_the_rule_by_hand() -> None:
    known = prices.load()
    gigabyte_second, request, api, unit = (
        known.lambda_.x86_64_gb_second,
        known.lambda_.request,
        known.api.http,
        known.dynamodb.read_unit,
    )
    seconds = 0.002 * 1769 / 1024 + 0.005
    assert dollars.dollars(0.002, 0.5) == pytest.approx(1000 * (seconds * gigabyte_second + request + api + 0.5 * unit))
    waiting = 500 * 0.005 * gigabyte_second
    once, in_turn = dollars.dollars(0.2, 250.5), dollars.dollars(0.2, 250.5, waits=501)
    assert in_turn - once == pytest.approx(1000 * waiting)


def test_read_units_alone_are_what_most_of_the_difference_is() -> None:
    assert dollars.dollars(0.001, 0.5) / dollars.dollars(0.0, 250.5) < 1 / 20


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, dict[str, data.Sheet]]]:
    folder: Path = tmp_path_factory.mktemp("staged")
    sheets = {"users": data.sheet(rows=20, placement="dynamodb"), "items": data.sheet(rows=300, placement="dynamodb")}
    for sheet in sheets.values():
        data.stage(sheet, folder)
    with servers.running(folder) as url:
        yield url, sheets


@pytest.mark.parametrize("read", [dollars.one_by_one, dollars.in_batches])
def test_boto3s_handlers_score_every_candidate_in_its_place(endpoint: Any, read: Any) -> None:
    url, sheets = endpoint
    ids = [299, 3, 0, *range(10, 160)]
    with reads.client(url) as client:
        answer = dollars.handler(client, *(sheets[name].table.physical for name in ("users", "items")), read)
        told = answer({"body": json.dumps({"user": {"user_id": 7}, "items": {"item_id": ids}})})
    exact = sheets["items"].exact(np.array(ids)) @ sheets["users"].exact(np.array([7]))[0]
    assert json.loads(told["body"])["scores"] == pytest.approx(exact.tolist(), rel=1e-5, abs=1e-5)


def test_wrong_scores_are_never_timed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def turned(client: Any, table: str, ids: list[int]) -> list[bytes]:
        return dollars.one_by_one(client, table, ids[::-1])

    monkeypatch.setattr(dollars, "in_batches", turned)
    monkeypatch.setattr(dollars, "REQUESTS", 1)
    with pytest.raises(BenchError, match=r"boto3-batch: scores of user 0 are wrong"):
        dollars.measure(Setting(tmp_path, quick=True), lambda text: None)


def test_the_figures_have_their_names_and_read_units_are_the_servers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dollars, "REQUESTS", 2)
    monkeypatch.setattr(dollars.Shorter, "rounds", 1)
    found = dollars.measure(Setting(tmp_path, quick=True), lambda text: None)
    rows = {row.figure: row for row in found.rows}
    ratio = rows["dollars-per-1000-vs-boto3-per-item"]
    assert (ratio.n, ratio.unit, ratio.peer) == (500, "ratio", "boto3-per-item")
    assert rows["dollars-per-1000"].unit == rows["dollars-per-1000-boto3-per-item"].unit == "$"
    assert rows["read-units-500-ours"].value == 0.5
    assert rows["read-units-500-boto3-per-item"].value == rows["read-units-500-boto3-batch"].value == 250.5
