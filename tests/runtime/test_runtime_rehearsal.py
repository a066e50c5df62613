"""Where nobody waits for INIT, the bundle's own requests are answered first; they leave no trace."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from runtime_kit import REQUEST, predict, rank, rank_packed, write_bundle

from ranklet_runtime import rehearsal
from ranklet_runtime.function import Function

EVENTS = [rank(REQUEST), rank_packed(REQUEST), predict({"inputs": {"age": [31], **REQUEST["items"]}})]


def _prepared(function: Function, events: list[Any], monkeypatch: pytest.MonkeyPatch) -> int:
    """Prepare the function with these events in its bundle; how often it scored."""
    assert function.served.folder is not None
    (function.served.folder / rehearsal.FILE).write_text(json.dumps(events))
    scored: list[object] = []
    score = function.scorer.score
    monkeypatch.setattr(function.scorer, "score", lambda *given, **more: (scored.append(1), score(*given, **more))[1])
    function.prepare()
    return len(scored)


def test_each_request_of_the_bundle_is_scored(
    open_films: Callable[..., Function], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _prepared(open_films(), EVENTS, monkeypatch) == len(EVENTS)


def test_a_bundle_without_requests_is_prepared_all_the_same(open_films: Callable[..., Function]) -> None:
    open_films().prepare()


def test_nothing_of_it_is_counted_printed_or_noticed(
    open_films: Callable[..., Function], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    films = open_films(tables={"films": {**_table(), "cache_entries": 10}})
    noticed: list[object] = []
    films._noticing = (noticed.append,)
    _prepared(films, [*EVENTS, rank({**REQUEST, "items": {"id": [1], "price": [1], "rating": [1]}})], monkeypatch)
    written: list[dict[str, Any]] = []
    films.telemetry._started = True
    monkeypatch.setattr(films.telemetry, "put", lambda metrics, **dimensions: written.append(metrics))
    films.telemetry.flush()
    assert written == [] and noticed == []
    assert all(counts.rows == 0 for counts in films.scorer.tables.values())
    assert capfd.readouterr() == ("", "")


def _table() -> dict[str, Any]:
    from runtime_kit import table

    found: dict[str, Any] = table()
    return found


def test_what_fails_is_said_and_ends_neither_the_others_nor_init(
    open_films: Callable[..., Function], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    events = [rank("{"), {"rawPath": "/nothing"}, {**rank(REQUEST), "body": 3}, rank(REQUEST)]
    assert _prepared(open_films(), events, monkeypatch) == 1
    said = capsys.readouterr()
    assert said.out == "" and said.err.count("no warm-up") == 3


SCRIPT = textwrap.dedent("""
    import sys
    import ranklet_runtime.handler as entry
    print("ranklet_runtime.rehearsal" in sys.modules, "ranklet_runtime.dialects.v2" in sys.modules)
""")


@pytest.mark.parametrize(
    ("started", "said"),
    [("on-demand", "False False"), ("provisioned-concurrency", "True True"), ("snap-start", "True True")],
)
def test_only_where_nobody_waits_for_init_is_there_a_rehearsal(tmp_path: Path, started: str, said: str) -> None:
    bundle = write_bundle(tmp_path / "bundle")
    (bundle / rehearsal.FILE).write_text(json.dumps(EVENTS))
    environ = {**os.environ, "LAMBDA_TASK_ROOT": str(bundle), "AWS_LAMBDA_INITIALIZATION_TYPE": started}
    done = subprocess.run([sys.executable, "-c", SCRIPT], env=environ, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [said]
