"""Copies of requests: who makes them, what is in them, and what a candidate makes of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from runtime_kit import REQUEST, event, expected, rank, write_bundle

from ranklet_runtime import shadow, telemetry
from ranklet_runtime.function import Function
from ranklet_runtime.telemetry import Telemetry

ARN = "arn:aws:lambda:us-east-1:123456789012:function:films:{}"


class Lambda:
    """An endpoint that takes events, and answers with the status that it is told."""

    def __init__(self) -> None:
        self.status = 202
        self.got: list[tuple[str, str, dict[str, Any]]] = []
        mine = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                mine.got.append((self.path, self.headers["x-amz-invocation-type"], body))
                self.send_response(mine.status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lambda]:
    monkeypatch.setattr(telemetry.signal, "signal", lambda *_: None)
    monkeypatch.setattr(telemetry.atexit, "register", lambda *_: None)
    found = Lambda()
    thread = Thread(target=found.server.serve_forever, daemon=True)
    thread.start()
    yield found
    found.server.shutdown()
    found.server.server_close()
    thread.join()


def environ(cloud: Lambda, setting: str) -> dict[str, str]:
    return {
        "RANKLET_SHADOW": setting,
        "AWS_LAMBDA_FUNCTION_NAME": "films",
        "AWS_LAMBDA_FUNCTION_VERSION": "7",
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "id",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_ENDPOINT_URL_LAMBDA": f"http://127.0.0.1:{cloud.server.server_port}",
    }


def invoked(alias: str) -> Any:
    """Lambda's context of an invocation by an alias or a version."""
    return SimpleNamespace(
        invoked_function_arn=ARN.format(alias), aws_request_id="r", get_remaining_time_in_millis=lambda: 10_000
    )


@pytest.fixture
def open_films(cloud: Lambda, tmp_path: Path) -> Iterator[Any]:
    folder = write_bundle(tmp_path / "films")
    opened: list[Function] = []

    def opening(setting: str) -> Function:
        opened.append(Function.open(folder, environ(cloud, setting)))
        return opened[-1]

    yield opening
    for films in opened:
        assert films._shadow is not None
        films._shadow.close()


def test_live_version_copies_its_share_with_scores_and_time(open_films: Any, cloud: Lambda) -> None:
    films = open_films("0.25@candidate")
    asked = rank(REQUEST)
    for _ in range(12):
        assert films(asked, invoked("live"))["statusCode"] == 200
    assert len(cloud.got) == 3
    path, kind, body = cloud.got[0]
    assert path == "/2015-03-31/functions/films/invocations?Qualifier=candidate"
    assert kind == "Event"
    copy = body.pop("ranklet-shadow")
    assert body == asked
    assert copy["scores"] == pytest.approx(expected(REQUEST), abs=1e-6)
    assert copy["ms"] >= 0


@pytest.mark.parametrize("alias", ["candidate", "7", "$LATEST"])
def test_only_what_was_invoked_as_live_copies(open_films: Any, cloud: Lambda, alias: str) -> None:
    films = open_films("1@candidate")
    assert films(rank(REQUEST), invoked(alias))["statusCode"] == 200
    assert films(rank(REQUEST), None)["statusCode"] == 200
    assert cloud.got == []


def test_copy_is_never_copied_and_answers_nobody(open_films: Any, cloud: Lambda) -> None:
    films = open_films("1@candidate")
    copied = {**rank(REQUEST), "ranklet-shadow": {"scores": expected(REQUEST), "ms": 1.5}}
    assert films(copied, invoked("live")) == {}
    assert cloud.got == []


def test_mark_in_a_header_or_a_body_is_none(open_films: Any, cloud: Lambda) -> None:
    films = open_films("1@candidate")
    headers = {"content-type": "application/json", "ranklet-shadow": '{"scores": [1]}'}
    answer = films({**rank(REQUEST), "headers": headers}, invoked("7"))
    assert "scores" in json.loads(answer["body"])
    assert films(rank({**REQUEST, "ranklet-shadow": {}}), invoked("7"))["statusCode"] == 400


def test_refused_requests_and_other_paths_are_not_copied(open_films: Any, cloud: Lambda) -> None:
    films = open_films("1@candidate")
    films(rank("{"), invoked("live"))
    films(event("/films/ping", method="GET"), invoked("live"))
    assert cloud.got == []


@pytest.mark.parametrize(("status", "name"), [(404, "ShadowAbsent"), (403, "ShadowAbsent"), (429, "ShadowLost")])
def test_no_candidate_or_no_room_is_counted_and_then_left_alone(
    open_films: Any, cloud: Lambda, status: int, name: str
) -> None:
    films = open_films("1@candidate")
    cloud.status = status
    for _ in range(5):
        assert films(rank(REQUEST), invoked("live"))["statusCode"] == 200
    assert len(cloud.got) == 1
    assert films.telemetry._counts[name] == 1


def test_after_a_while_it_is_tried_again(open_films: Any, cloud: Lambda) -> None:
    films = open_films("1@candidate")
    now = [1000.0]
    films._shadow._clock = lambda: now[0]
    cloud.status = 404
    films(rank(REQUEST), invoked("live"))
    cloud.status = 202
    now[0] += shadow.ABSENT_S + 1
    films(rank(REQUEST), invoked("live"))
    assert [len(cloud.got), films.telemetry._counts["ShadowSent"]] == [2, 1]


def test_nobody_listening_costs_the_copy_alone(open_films: Any, cloud: Lambda) -> None:
    films = open_films("1@candidate")
    cloud.server.server_close()
    assert films(rank(REQUEST), invoked("live"))["statusCode"] == 200
    assert films.telemetry._counts["ShadowLost"] == 1


def test_event_that_is_too_large_for_later_is_not_sent(
    open_films: Any, cloud: Lambda, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shadow, "MOST_BYTES", 100)
    films = open_films("1@candidate")
    assert films(rank(REQUEST), invoked("live"))["statusCode"] == 200
    assert cloud.got == []
    assert films.telemetry._counts["ShadowSkipped"] == 1


class Candidates:
    """A candidate whose figures are read at once."""

    def __init__(self) -> None:
        self.telemetry = Telemetry("films", "3")
        self.found: list[dict[str, Any]] = []
        self.telemetry.put = lambda metrics, **by: self.found.append({"by": by, **metrics})  # type: ignore[method-assign]
        self.telemetry.log = lambda *_, **__: None  # type: ignore[method-assign]
        self.candidate = shadow.Candidate(self.telemetry, "7")

    def compare(self, theirs: Any, ours: Any) -> dict[str, Any]:
        def score() -> Any:
            if isinstance(ours, Exception):
                raise ours
            return np.float32(ours)

        self.candidate.compare(theirs, score)
        self.candidate.write()
        return self.found[-1]


def values(found: dict[str, Any], name: str) -> list[float]:
    return found[name]["Value"] if name in found else []


def test_differences_and_another_best_are_told() -> None:
    found = Candidates().compare({"scores": [0.5, 0.75], "ms": 3.0}, [1.0, 0.75])
    assert found["by"] == {"release": "7"}
    assert values(found, "ShadowDifference") == [0.5]
    assert values(found, "ShadowReordered") == [1.0]
    assert values(found, "ShadowLiveLatency") == [3.0]
    assert values(found, "ShadowFaults") == [0.0]


def test_scores_that_neither_has_are_equal() -> None:
    found = Candidates().compare({"scores": [None, 0.5], "ms": 1.0}, [np.nan, 0.5])
    assert values(found, "ShadowDifference") == [0.0]
    assert values(found, "ShadowReordered") == [0.0]


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ({"scores": [0.5], "ms": 1.0}, [0.5, 0.5, 0.5]),
        ({"scores": [None], "ms": 1.0}, [0.5]),
        ({"scores": ["x"], "ms": 1.0}, [0.5]),
        ({"ms": 1.0}, [0.5]),
        (None, [0.5]),
        ({"scores": [0.5], "ms": 1.0}, RuntimeError("broken")),
    ],
)
def test_what_cannot_be_compared_is_a_fault(theirs: Any, ours: Any) -> None:
    found = Candidates().compare(theirs, ours)
    assert values(found, "ShadowFaults") == [1.0]
    assert values(found, "ShadowDifference") == []


def test_nothing_is_written_of_nothing() -> None:
    some = Candidates()
    some.candidate.write()
    assert some.found == []
