"""The open loop against servers that are slow, wrong, gone, or refuse: what is counted, and how long callers waited."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import threading
import time
from collections.abc import Sequence
from typing import Any

import botocore.credentials
import pytest
from load_kit import FORM, Answering, checker, golden_rows, manifest, prepared, raw, right, scored, serving

from ranklet.client import Bearer, SigV4
from ranklet.dialects import retrieval
from ranklet.dialects.base import Message
from ranklet.errors import LoadError, ModelError
from ranklet.load.plan import Candidates, Plan, plan
from ranklet.load.requests import Asked, Checker, Prepared, of_file, prepare
from ranklet.load.sending import Sender, Sent
from ranklet.load.tally import Tally
from ranklet.load.wire import Target
from ranklet.local.http1.message import Request, Response


def load(url: str, planned: Plan, requests: Sequence[Prepared] | None = None, **options: Any) -> Sent:
    sender = Sender(Target(url), requests or prepared(1, 3, 50), checker(), **options)
    return sender.run(planned, lambda at, sent: None)


def at_once(answer: Answering, rps: float = 100, duration_s: float = 0.5, **options: Any) -> Sent:
    requests = options.pop("requests", None) or prepared(1, 3, 50)
    with serving(answer) as url:
        return load(url, plan(rps, duration_s, warmup_s=0, kinds=len(requests)), requests, **options)


def test_every_request_is_sent_once_and_every_answer_held_to_the_trainers_scores() -> None:
    seen: list[bytes] = []

    async def answer(request: Request) -> Response:
        seen.append(request.body)
        assert request.target == "/adding/v1/models/adding:rank"
        assert request.header("content-type") == "application/json"
        return scored(request)

    sent = at_once(answer)
    assert sent.run.sent == len(seen) == 50
    assert sent.run.statuses == {200: 50} and sent.run.verdicts == {"right": 50}
    assert sent.run.latency.count == sent.run.service.count == 50
    assert len(set(seen)) == 3
    assert (sent.run.refused, sent.run.lost, sent.run.wrong, sent.interrupted) == (0, 0, 0, False)
    assert sum(one.sent for one in sent.run.seconds.values()) == 50


def test_the_warm_up_is_counted_apart_and_its_end_is_told() -> None:
    told = threading.Event()
    with serving(right) as url:
        sent = load(url, plan(50, 0.5, warmup_s=0.4, kinds=3), warmed=told.set)
    assert (sent.warmup.sent, sent.run.sent) == (10, 25)
    assert told.is_set()
    assert sent.warmup.latency.count == 10 and sent.run.latency.count == 25


def test_a_server_that_stands_still_is_waited_for_by_all_who_came_meanwhile() -> None:
    """Coordinated omission: a closed loop would have sent one request in that time, and measured one long wait."""
    still = threading.Event()

    async def answer(request: Request) -> Response:
        if not still.is_set():
            still.set()
            time.sleep(0.6)  # the whole server, not this request alone
        return scored(request)

    sent = at_once(answer, rps=100, duration_s=1.0)
    assert sent.run.verdicts == {"right": 100}
    waited = sorted(value for value, _ in sent.run.latency.cumulated())
    assert sent.run.latency.above(300_000) >= 20
    assert sent.run.latency.above(100_000) >= 40
    assert waited[-1] >= 500_000


def test_a_wait_for_a_connection_is_part_of_the_latency_and_is_told() -> None:
    async def answer(request: Request) -> Response:
        await asyncio.sleep(0.05)
        return scored(request)

    sent = at_once(answer, rps=100, duration_s=0.3, most=1)
    assert sent.run.verdicts == {"right": 30} and sent.connections == 1
    assert sent.waited >= 20
    assert sent.run.latency.most >= 30 * 50_000 - 400_000


def test_wrong_answers_are_found_among_right_ones() -> None:
    async def answer(request: Request) -> Response:
        return scored(request, off=1e-3 if len(request.body) > 100 else 1e-9)

    requests, check = prepared(1, 3, 50), checker()
    with serving(answer) as url:
        sender = Sender(Target(url), requests, check)
        sent = sender.run(plan(100, 0.4, warmup_s=0, kinds=3), lambda at, sent: None)
    assert set(sent.run.verdicts) == {"right", "wrong"}
    assert check.fault == "50 candidates: 1.0e-03 from the trainer's, above 1e-06"
    assert 0 < check.worst < 1e-8


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (b"{}", "cannot be read"),
        (b"nothing", "cannot be read"),
        (b'{"scores": [1.0]}', "1 scores, not 3"),
        (b'{"scores": [null, 1.0, 2.0]}', "inf from the trainer's"),
        (b'{"scores": "abc"}', "cannot be read"),
    ],
)
def test_an_answer_of_another_form_is_wrong(body: bytes, fault: str) -> None:
    async def answer(request: Request) -> Response:
        return Response(200, (), body)

    check = checker()
    with serving(answer) as url:
        sender = Sender(Target(url), prepared(3), check)
        sent = sender.run(plan(50, 0.1, warmup_s=0, kinds=1), lambda at, sent: None)
    assert sent.run.verdicts == {"wrong": 5}
    assert fault in check.fault


def test_rows_that_were_not_read_in_time_are_degraded_and_not_wrong() -> None:
    async def answer(request: Request) -> Response:
        return scored(request, off=0.5, more={"degraded": {"unavailable_rows:films": 1}})

    assert at_once(answer).run.verdicts == {"degraded": 50}


def test_an_absent_row_is_a_default_that_the_trainer_knows_too() -> None:
    async def answer(request: Request) -> Response:
        return scored(request, more={"degraded": {"missing_rows:films": 1}})

    assert at_once(answer).run.verdicts == {"right": 50}


def test_refusals_are_counted_by_status_and_do_not_flatter_the_latency() -> None:
    turn = 0

    async def answer(request: Request) -> Response:
        nonlocal turn
        turn += 1
        return scored(request) if turn % 5 else Response((429, 503)[turn % 2])

    tally = at_once(answer).run
    assert tally.statuses == {200: 40, 429: 5, 503: 5}
    assert (tally.refused, tally.throttled, tally.broken) == (10, 5, 5)
    assert tally.latency.count == 40
    assert sum(one.failed for one in tally.seconds.values()) == 10


def test_no_answer_in_time_is_a_failure_and_a_long_wait() -> None:
    async def answer(request: Request) -> Response:
        await asyncio.sleep(5 if len(request.body) > 100 else 0)
        return scored(request)

    tally = at_once(answer, timeout_s=0.2).run
    (reason,) = tally.failures
    assert reason == "no answer in 0.2 s"
    assert tally.lost + tally.verdicts["right"] == 50 == tally.latency.count
    assert tally.latency.above(190_000) >= tally.lost


def test_a_connection_that_breaks_off_is_a_failure_with_its_reason() -> None:
    with raw([b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"]) as (url, _):
        tally = load(url, plan(50, 0.2, warmup_s=0, kinds=3)).run
    assert tally.failures == {"the connection was closed without a whole answer": 10}
    assert tally.latency.count == 0


def test_nobody_who_listens_is_a_failure_of_every_request() -> None:
    with raw([]) as (url, _):
        pass
    tally = load(url, plan(50, 0.2, warmup_s=0, kinds=3)).run
    assert tally.lost == 10 and "ConnectionRefused" in next(iter(tally.failures))


def test_ctrl_c_ends_the_run_with_what_it_has() -> None:
    def interrupt(at: float, sent: Sent) -> None:
        if sent.run.sent >= 10:
            os.kill(os.getpid(), signal.SIGINT)

    with serving(right) as url:
        sender = Sender(Target(url), prepared(1, 3), checker())
        sent = sender.run(plan(50, 60, warmup_s=0, kinds=2), interrupt)
    assert sent.interrupted
    assert 10 <= sent.run.sent < 3_000
    assert sent.run.verdicts["right"] == sent.run.sent
    assert sent.seconds < 60


def test_what_is_still_running_after_ctrl_c_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ranklet.load.sending.GRACE_S", 0.1)

    async def answer(request: Request) -> Response:
        await asyncio.sleep(10)
        return scored(request)

    def interrupt(at: float, sent: Sent) -> None:
        os.kill(os.getpid(), signal.SIGINT)

    with serving(answer) as url:
        sender = Sender(Target(url), prepared(1), checker())
        tally = sender.run(plan(20, 60, warmup_s=0, kinds=1), interrupt).run
    assert tally.lost == tally.sent > 0
    assert set(tally.failures) == {"given up at the end"}


def test_a_generator_that_is_late_says_so() -> None:
    tally = Tally()
    for number in range(1_000):
        tally.leaves(number / 100, 0.0005)
    assert not tally.behind
    for number in range(11):
        tally.leaves(10 + number / 100, 0.03)
    assert tally.behind


def test_a_generator_that_is_kept_from_sending_is_late() -> None:
    """Its own interpreter is busy: requests leave late, and the latency holds it."""

    def busy(at: float, sent: Sent) -> None:
        time.sleep(0.2)

    with serving(right) as url:
        sender = Sender(Target(url), prepared(1), checker())
        sent = sender.run(plan(100, 1.2, warmup_s=0, kinds=1), busy)
    assert sent.run.behind
    assert sent.run.late.most >= 100_000 and sent.run.latency.most >= 100_000


def test_numbers_of_candidates_are_drawn_and_their_answers_checked() -> None:
    counts: set[int] = set()

    async def answer(request: Request) -> Response:
        counts.add(len(json.loads(request.body)["items"]["b"]))
        return scored(request)

    requests = prepared(1, 3, 50, candidates="1-9")
    assert len(requests) == 256
    sent = at_once(answer, rps=200, requests=requests)
    assert sent.run.verdicts == {"right": 100}
    assert counts <= set(range(1, 10)) and len(counts) > 5


def test_requests_are_signed_as_aws_signs_them() -> None:
    seen: list[Request] = []

    async def answer(request: Request) -> Response:
        seen.append(request)
        return scored(request)

    keys = botocore.credentials.Credentials("AKIDEXAMPLE", "secret", "token")
    sent = at_once(answer, rps=20, auth=SigV4(credentials=keys, region="eu-central-1"))
    assert sent.run.verdicts == {"right": 10}
    for request in seen:
        signature = request.header("authorization") or ""
        assert signature.startswith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/")
        assert "/eu-central-1/execute-api/aws4_request" in signature
        assert "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token" in signature
        assert request.header("x-amz-security-token") == "token"
        assert signature.rpartition("=")[2] == _signature(request, keys)


def _signature(request: Request, keys: Any) -> str:
    """What the receiver computes: botocore's own of the request as it came."""
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest

    headers = {name: request.header(name) for name in ("content-type", "x-amz-date", "x-amz-security-token", "host")}
    received = AWSRequest("POST", f"http://{headers['host']}{request.target}", headers=headers, data=request.body)
    received.context["timestamp"] = headers["x-amz-date"]
    auth = SigV4Auth(keys, "execute-api", "eu-central-1")
    del received.headers["host"]
    received.headers["host"] = headers["host"]
    canonical = auth.canonical_request(received)
    return auth.signature(auth.string_to_sign(received, canonical), received)


def test_a_token_travels_with_every_request() -> None:
    tokens: list[str | None] = []

    async def answer(request: Request) -> Response:
        tokens.append(request.header("authorization"))
        return scored(request)

    at_once(answer, rps=20, auth=Bearer("abc"))
    assert tokens == ["Bearer abc"] * 10


def test_a_files_requests_may_come_without_scores(tmp_path: Any) -> None:
    path = tmp_path / "mine.jsonl"
    path.write_text(
        '{"user": {"a": 2.0}, "items": {"b": [1.0, 2.0]}}\n\n'
        '{"request": {"user": {"a": 2.0}, "items": {"b": [1.0]}}, "scores": [3.0]}\n'
    )
    rows = of_file(path)
    assert [row.scored for row in rows] == [False, True]
    requests = prepare(rows, FORM, manifest(), candidates=Candidates(), base="/stage", seed=0)
    assert {request.path for request in requests} == {"/stage/adding/v1/models/adding:rank"}
    sent = at_once(right, requests=requests)
    assert sent.run.verdicts.total() == 50 and set(sent.run.verdicts) == {"right", "unchecked"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds no request"),
        ("{", "mine.jsonl:1: no request"),
        ("[]", "mine.jsonl:1: no request"),
        ('{"user": {}}', "mine.jsonl:1: no request"),
        ('{"items": {"b": [1], "c": [1, 2]}}', "columns of one length"),
        ('{"request": {"items": {"b": [1.0]}}, "scores": [1.0, 2.0]}', "items.b is no list of 2 values"),
        ('{"items": {"b": [1]}, "user": [1]}', "map names to values"),
    ],
)
def test_a_file_that_holds_no_requests_is_refused_with_its_line(tmp_path: Any, text: str, message: str) -> None:
    path = tmp_path / "mine.jsonl"
    path.write_text(text)
    with pytest.raises((LoadError, ModelError), match=message):
        of_file(path)


def test_what_finds_items_is_asked_at_its_own_paths_and_held_to_the_trainers_items(tmp_path: Any) -> None:
    path = tmp_path / "mine.jsonl"
    path.write_text(
        '{"request": {"user": {"a": 1.0}, "k": 2}, "items": [7, 9], "scores": [2.0, 1.0]}\n'
        '{"request": {"item": 7, "k": 1}, "items": [9], "scores": [0.5]}\n'
        '{"user": {"a": 3.0}, "k": 5}\n'
    )
    form = retrieval.FORMS["retrieve-json"]
    known, similar, unknown = prepare(
        of_file(path, finds=True), form, manifest(), candidates=Candidates(), base="", seed=0
    )
    assert known.path == unknown.path == "/adding/v1/models/adding:retrieve"
    assert similar.path == "/adding/v1/models/adding:similar"
    assert json.loads(unknown.sent.body) == {"user": {"a": 3.0}, "context": {}, "k": 5}
    check = Checker(form, manifest(), 1e-6)

    def verdict(request: Prepared, items: list[int], scores: list[float]) -> str:
        return check.look(request, Message(json.dumps({"items": items, "scores": scores}).encode()))

    assert verdict(known, [7, 9], [2.0, 1.0]) == verdict(similar, [9], [0.5]) == "right"
    assert verdict(unknown, [1, 2, 3], [3.0, 2.0, 1.0]) == "unchecked"
    assert check.fault == ""
    assert verdict(known, [9, 7], [2.0, 1.0]) == verdict(known, [7], [2.0]) == "wrong"


def test_a_file_that_is_not_there_is_refused_by_name(tmp_path: Any) -> None:
    with pytest.raises(LoadError, match=r"^none\.jsonl cannot be read"):
        of_file(tmp_path / "none.jsonl")


def test_more_candidates_than_the_model_takes_are_refused_before_anything_is_sent() -> None:
    with pytest.raises(LoadError, match=r"takes 2000 candidates in one request \(\[limits\] items\), not 2001"):
        prepared(1, candidates="2001")


def test_requests_without_candidates_cannot_be_stretched() -> None:
    empty = [Asked(one.golden, True) for one in golden_rows(0)]
    with pytest.raises(LoadError, match="no request has a candidate"):
        prepare(empty, FORM, manifest(), candidates=Candidates.of("5"), base="", seed=0)
