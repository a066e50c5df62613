"""Counts are exact once they are written, errors are logged at once, and a signal loses nothing."""

import json
import os
import signal
import subprocess
import sys
import textwrap
from collections import Counter
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from runtime_kit import MODEL, REQUEST, event, predict, rank, write_bundle

from ranklet_features.stores.counts import Counts
from ranklet_runtime import telemetry
from ranklet_runtime.errors import BadRequest, NonFiniteScores
from ranklet_runtime.function import Function
from ranklet_runtime.telemetry import EVERY_REQUESTS, EVERY_SECONDS, OF_TABLES, Telemetry


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Telemetry:
    """A telemetry that writes, without touching this process's signals and exit."""
    monkeypatch.setattr(telemetry.signal, "signal", lambda *_: None)
    monkeypatch.setattr(telemetry.atexit, "register", lambda *_: None)
    found = Telemetry(MODEL, "3", clock=Clock())
    found.start()
    return found


def documents(text: str) -> list[dict[str, Any]]:
    """The metrics documents among lines of output, each checked to be valid embedded metric format."""
    found = [json.loads(line) for line in text.splitlines() if line.startswith('{"_aws"')]
    for document in found:
        check_emf(document)
    return found


def check_emf(document: dict[str, Any]) -> None:
    """The rules of the embedded metric format specification (2024): one root, its keys present, at most 100 values."""
    root = document["_aws"]
    assert root.keys() == {"Timestamp", "CloudWatchMetrics"}
    assert isinstance(root["Timestamp"], int)
    for directive in root["CloudWatchMetrics"]:
        assert directive["Namespace"] == "ranklet"
        assert all(isinstance(document[name], str) for names in directive["Dimensions"] for name in names)
        assert len(directive["Metrics"]) <= 100
        for metric in directive["Metrics"]:
            assert metric["Unit"] in ("Count", "Milliseconds", "Microseconds", "None")
            values = document[metric["Name"]]
            assert 1 <= len(values) <= 100
            assert all(isinstance(value, int | float) for value in values)


def totals(found: list[dict[str, Any]], table: str | None = None) -> Counter[str]:
    """The sums of all documents of the model, or of one of its tables; of latencies, how many values."""
    sums: Counter[str] = Counter()
    for document in found:
        (directive,) = document["_aws"]["CloudWatchMetrics"]
        assert directive["Dimensions"] == [["model"] if document.get("table") is None else ["model", "table"]]
        if document.get("table") != table:
            continue
        for metric in directive["Metrics"]:
            if metric["Name"].startswith("Phase:"):
                continue  # test_runtime_watching.py looks at them
            values = document[metric["Name"]]
            sums[metric["Name"]] += len(values) if metric["Unit"] == "Milliseconds" else sum(values)
    return sums


def test_one_document_for_a_hundred_requests(started: Telemetry, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(EVERY_REQUESTS):
        assert capsys.readouterr().out == ""
        started.scored(2, {"missing_rows:films": 3} if number % 10 == 0 else {})
        started.done(0.001 * number)
    (document,) = documents(capsys.readouterr().out)
    assert document["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["model"]]
    assert (document["model"], document["version"]) == (MODEL, "3")
    assert document["Requests"] == [100]
    assert document["Items"] == [200]
    assert document["Degraded:missing_rows:films"] == [30]
    assert document["Latency"] == [float(number) for number in range(100)]


def test_a_minute_writes_what_there_is(started: Telemetry, capsys: pytest.CaptureFixture[str]) -> None:
    started.done(0.002)
    started._clock.now += EVERY_SECONDS - 0.001  # type: ignore[attr-defined]
    started.done(0.002)
    assert capsys.readouterr().out == ""
    started._clock.now += 0.001  # type: ignore[attr-defined]
    started.done(0.002)
    assert totals(documents(capsys.readouterr().out))["Requests"] == 3


def test_where_somebody_settles_between_requests_none_of_them_writes(
    started: Telemetry, capsys: pytest.CaptureFixture[str]
) -> None:
    started.settle()
    for number in range(1, 2 * EVERY_REQUESTS + 1):
        started.done(0.001 * number)
        assert capsys.readouterr().out == ""
        started.settle()
        assert len(documents(capsys.readouterr().out)) == (number % EVERY_REQUESTS == 0)
    started.done(0.002)
    started._clock.now += EVERY_SECONDS  # type: ignore[attr-defined]
    started.done(0.002)
    assert capsys.readouterr().out == ""
    started.settle()
    assert totals(documents(capsys.readouterr().out))["Requests"] == 2


def test_where_nobody_settles_any_more_nothing_is_lost_and_no_document_too_long(
    started: Telemetry, capsys: pytest.CaptureFixture[str]
) -> None:
    started.settle()
    for _ in range(2 * EVERY_REQUESTS + 50):
        started.done(0.001)
    started.flush()
    found = documents(capsys.readouterr().out)
    assert [document["Requests"] for document in found] == [[EVERY_REQUESTS], [EVERY_REQUESTS], [50]]


def test_faults_are_counted_by_status_and_bad_scores_by_themselves(
    started: Telemetry, capsys: pytest.CaptureFixture[str]
) -> None:
    for fault in (BadRequest("a"), BadRequest("b"), NonFiniteScores("c")):
        started.refused(fault)
        started.done(0.001)
    started.flush()
    sums = totals(documents(capsys.readouterr().out))
    assert sums == {"Requests": 3, "Items": 0, "Fault400": 2, "Fault422": 1, "NonFiniteScores": 1, "Latency": 3}


def test_counts_are_written_once(started: Telemetry, capsys: pytest.CaptureFixture[str]) -> None:
    started.done(0.001)
    started.flush()
    started.flush()
    assert len(documents(capsys.readouterr().out)) == 1


def test_nothing_is_written_before_start(capsys: pytest.CaptureFixture[str], films: Function) -> None:
    for _ in range(3 * EVERY_REQUESTS):
        films(event(f"/{MODEL}/ping", method="GET"), None)
    films.telemetry.flush()
    assert capsys.readouterr().out == ""
    assert len(films.telemetry._latencies) < EVERY_REQUESTS


def test_a_function_counts_what_it_answers(
    started: Telemetry, capsys: pytest.CaptureFixture[str], open_films: Callable[..., Function]
) -> None:
    films = open_films()
    films.telemetry = started
    for _ in range(50):
        films(rank(REQUEST), None)
        films(rank({**REQUEST, "items": {**REQUEST["items"], "id": [1, 2, 10]}}), None)
        films(predict({"inputs": {"age": ["x"], "id": [], "price": []}}), None)
        films(rank("{"), None)
        films(event("/nothing"), None)
        films({}, None)
        films(event(f"/{MODEL}/ping", method="GET"), None)
    films.telemetry.flush()
    assert totals(documents(capsys.readouterr().out)) == {
        "Requests": 350,
        "Latency": 350,
        "Items": 300,
        "Degraded:missing_rows:films": 100,
        "DegradedRequests": 50,
        "Fault400": 150,
        "Fault404": 50,
    }


@pytest.mark.parametrize("error", [OSError("closed"), ValueError("closed"), ImportError("no powertools")])
def test_metrics_that_cannot_be_written_cost_no_request(
    started: Telemetry, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def broken(metrics: object) -> None:
        raise error

    monkeypatch.setattr(started, "_provider", broken)
    monkeypatch.setattr(started, "_powertools", lambda: broken(None))
    started.done(0.001)
    started.flush()
    started.log("an error of ours", RuntimeError("x"), request_id="7")
    written = capsys.readouterr().err
    assert f"metrics are lost: {error}" in written
    assert "an error of ours" in written


def test_each_table_has_documents_of_its_own(started: Telemetry, capsys: pytest.CaptureFixture[str]) -> None:
    items, users = Counts(), Counts()
    started._tables = {"items": items, "users": users, "idle": Counts()}
    items.rows, items.misses, items.units, items.read_ms = 500, 3, 250.5, [1.25, 2.5]
    users.rows, users.hedges, users.read_ms = 7, 2, [0.5] * 250
    started.done(0.001)
    started.flush()
    found = documents(capsys.readouterr().out)
    assert totals(found) == {"Requests": 1, "Items": 0, "Latency": 1}
    assert totals(found, "items") == {"Rows": 500, "Misses": 3, "ReadUnits": 250.5, "ReadLatency": 2}
    assert totals(found, "users") == {"Rows": 7, "Hedges": 2, "ReadLatency": 250}
    assert totals(found, "idle") == {}
    assert len([one for one in found if one.get("table") == "users"]) == 3
    (one,) = [one for one in found if one.get("table") == "items"]
    assert (one["model"], one["version"], one["ReadLatency"]) == (MODEL, "3", [1.25, 2.5])
    assert items == users == Counts()
    started.flush()
    assert documents(capsys.readouterr().out) == []


def test_every_count_of_a_table_has_its_metric() -> None:
    assert {*OF_TABLES.values(), "read_ms"} == {one.name for one in fields(Counts)}
    described = telemetry.__doc__ or ""
    assert all(name in described for name in (*OF_TABLES, "ReadLatency"))


CHILD = textwrap.dedent("""
    import json, os, signal, sys, threading, time
    {before}
    import ranklet_runtime.handler as entry
    for event in json.load(open(sys.argv[1])):
        entry.handler(event, None)
    print("ready", flush=True)
    {after}
""")

IDLE = "while True: time.sleep(60)"
POLLING = "threading.Thread(target=time.sleep, args=(60,)).start(); time.sleep(60)"


def child(tmp_path: Path, events: list[Any], *, before: str = "", after: str = "") -> subprocess.Popen[str]:
    """The handler in a process of its own, as Lambda starts it; it has answered all events when it says ready."""
    sent = tmp_path / "events.json"
    sent.write_text(json.dumps(events))
    bundle = write_bundle(tmp_path / "bundle")
    script = CHILD.format(before=before, after=after)
    environ = {**os.environ, "LAMBDA_TASK_ROOT": str(bundle)}
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(sent)],
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    return process


EVENTS = [rank(REQUEST)] * 130 + [rank("{")] * 20


@pytest.mark.parametrize("after", [IDLE, POLLING], ids=["idle", "beside-a-waiting-thread"])
def test_sigterm_loses_nothing(tmp_path: Path, after: str) -> None:
    process = child(tmp_path, EVENTS, after=after)
    seen: list[str] = []
    assert process.stdout is not None
    for line in process.stdout:
        seen.append(line)
        if line == "ready\n":
            break
    assert totals(documents("".join(seen)))["Requests"] == 100
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=30)
    assert process.returncode == -signal.SIGTERM, err
    wanted = {"Requests": 150, "Latency": 150, "Items": 390, "Fault400": 20}
    assert totals(documents("".join(seen) + out)) == wanted
    assert totals(documents("".join(seen) + out), "films") == {"Rows": 390}


def test_end_of_the_interpreter_loses_nothing(tmp_path: Path) -> None:
    out, err = child(tmp_path, EVENTS).communicate(timeout=60)
    assert err == ""
    assert totals(documents(out)) == {"Requests": 150, "Latency": 150, "Items": 390, "Fault400": 20}
    assert totals(documents(out), "films") == {"Rows": 390}


def test_a_handler_of_sigterm_from_before_still_runs(tmp_path: Path) -> None:
    before = "signal.signal(signal.SIGTERM, lambda *_: (print('theirs', flush=True), os._exit(7)))"
    process = child(tmp_path, EVENTS[:5], before=before, after=IDLE)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=30)
    assert process.returncode == 7
    assert totals(documents(out))["Requests"] == 5
    assert out.endswith("theirs\n")


def test_sigterm_while_counts_are_written_waits_for_them(tmp_path: Path) -> None:
    before = textwrap.dedent("""
        from ranklet_runtime.telemetry import Telemetry
        write = Telemetry._write
        def interrupted(self, totals, latencies):
            signal.raise_signal(signal.SIGTERM)
            write(self, totals, latencies)
        Telemetry._write = interrupted
    """)
    out, err = child(tmp_path, EVENTS[:100], before=before, after=IDLE).communicate(timeout=60)
    assert totals(documents(out)) == {"Requests": 100, "Latency": 100, "Items": 300}, err
    assert "ready" not in out


def test_where_init_is_not_paid_by_a_request_powertools_is_imported_then(tmp_path: Path) -> None:
    before = "os.environ['AWS_LAMBDA_INITIALIZATION_TYPE'] = '{}'"
    after = "print('aws_lambda_powertools' in sys.modules)"
    for kind, wanted in (("provisioned-concurrency", "True"), ("snap-start", "True"), ("on-demand", "False")):
        out, err = child(tmp_path / kind, [], before=before.format(kind), after=after).communicate(timeout=60)
        assert out.split() == ["ready", wanted], err


@pytest.fixture(autouse=True)
def _folders(tmp_path: Path) -> None:
    for kind in ("provisioned-concurrency", "snap-start", "on-demand"):
        (tmp_path / kind).mkdir()
