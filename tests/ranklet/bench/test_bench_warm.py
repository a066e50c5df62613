"""The figures of a warm request, after equal answers; the process's own output and signals stay as they were."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest

from ranklet import prices
from ranklet.bench import dialects, warm
from ranklet.bench.base import Setting
from ranklet.bench.dialects import ranker
from ranklet.bench.warm import cost
from ranklet.errors import BenchError
from ranklet_runtime.telemetry import EVERY_REQUESTS


class Shortest(Setting):
    """One turn of each way."""

    rounds = turns = 1


@pytest.fixture
def setting(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Setting:
    monkeypatch.setattr(warm, "NUMBERS", (3,))
    return Shortest(tmp_path)


def test_every_form_has_its_figures_and_nothing_is_printed(setting: Setting, capfd: pytest.CaptureFixture[str]) -> None:
    before = signal.getsignal(signal.SIGTERM)
    found = warm.run(setting, lambda text: None)
    rows = {(row.figure, row.n): row for row in found.rows}
    forms = ("json", "msgpack", "v2-binary")
    of_n = {
        f"{name}-{form}" for name in ("handler-over-run", "least-over-run", "handler-us", "client-us") for form in forms
    }
    costs = {"dollars-per-million-resident", "dollars-per-million-dynamodb"}
    alone = {"telemetry-us", "powertools-us", "telemetry-vs-powertools"}
    assert rows.keys() == {(name, 3) for name in of_n | {"session-run-us", *costs}} | {(name, None) for name in alone}
    assert all(row.value is not None and row.value > 0 for row in found.rows)
    assert {rows[f"handler-over-run-{form}", 3].unit for form in forms} == {"ratio"}
    assert signal.getsignal(signal.SIGTERM) is before
    assert capfd.readouterr() == ("", "")


def test_a_share_is_a_hundredth_of_one_document_of_a_hundred_requests(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    handler, _ = dialects.built(tmp_path)
    with warm.telemetry.written(handler):
        share = warm.telemetry.share(handler, 500)
        put, puts = handler.telemetry.put, list[dict[str, Any]]()

        def seen(metrics: dict[str, Any], **dimensions: str) -> None:
            puts.append(dict(metrics))  # Powertools empties what it wrote
            put(metrics, **dimensions)

        monkeypatch.setattr(handler.telemetry, "put", seen)
        assert share(0) > 0
    (counts,) = [metrics for metrics in puts if "Requests" in metrics]
    assert counts["Requests"]["Value"] == [EVERY_REQUESTS]
    assert counts["Items"]["Value"] == [500 * EVERY_REQUESTS]
    assert len(counts["Latency"]["Value"]) == EVERY_REQUESTS
    (phases,) = [metrics for metrics in puts if "Phase:run" in metrics]
    assert len(phases["Phase:run"]["Value"]) == EVERY_REQUESTS // 10
    assert capsys.readouterr().out == ""


def test_the_client_reads_the_event_as_it_was_and_writes_the_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from awslambdaric.lambda_runtime_client import BaseLambdaRuntimeClient
    from awslambdaric.lambda_runtime_marshaller import LambdaMarshaller

    monkeypatch.setattr(BaseLambdaRuntimeClient, "marshaller", LambdaMarshaller())
    seen: list[Any] = []
    call = warm.client({"body": "x"}, {"statusCode": 200})
    through = BaseLambdaRuntimeClient.marshaller
    monkeypatch.setattr(through, "unmarshal_request", lambda text: seen.append(json.loads(text)))
    monkeypatch.setattr(through, "marshal_response", seen.append)
    call()
    assert seen == [{"body": "x"}, {"statusCode": 200}]


def test_dollars_follow_the_price_list() -> None:
    known = prices.load()
    waited = 0.005 * known.lambda_.x86_64_gb_second
    base = known.lambda_.request + known.api.http
    worked = 0.001 * 1769 / 1024 * known.lambda_.x86_64_gb_second
    assert cost.dollars(0.001, 500, reads=False) == pytest.approx(1e6 * (base + worked))
    read = 250 * known.dynamodb.read_unit
    assert cost.dollars(0.001, 500, reads=True) == pytest.approx(1e6 * (base + worked + waited + read))


def test_scores_that_are_not_the_sessions_end_the_run(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    feeds = ranker.feeds

    def off(golden: object) -> object:
        found = dict(feeds(golden))  # type: ignore[arg-type]
        return {**found, "offer": found["offer"] + 1} if len(found["offer"]) == 3 else found

    monkeypatch.setattr(ranker, "feeds", off)
    with pytest.raises(BenchError, match="wrong"):
        warm.run(setting, lambda text: None)
