"""Servers and networks that fail: what is tried again, what is told, and that nothing hangs."""

import json
import socket
from typing import Any

import msgpack
import numpy as np
import pytest
from client_asks import Ask
from client_fleet import Answer, Closed, Dribble, Fault, Fleet, Reset, Silence, scores

from ranklet.client import (
    BadAnswer,
    BadCall,
    Client,
    ClientError,
    DeadlineExceeded,
    Refused,
    Retries,
    Unavailable,
    tasks,
    threads,
)

USER, ITEMS = {"age": 0.5}, {"id": [1, 2, 3], "price": [0.5, 1.5, -1.0]}
SCORES = scores(0.5, [0.5, 1.5, -1.0])
BUSY = Answer(503, b'{"error": "an embedding table does not answer; try again"}', {"retry-after": "0"})


@pytest.mark.parametrize(
    "fault",
    [
        BUSY,
        Answer(429, b'{"message":"Too Many Requests"}'),
        Answer(502, b'{"message": "Internal server error"}'),
        Answer(504, b"<html>gateway</html>", {"content-type": "text/html"}),
        Reset(),
        Reset(b"HTTP/1.1 200 OK\r\ncontent-le"),
        Closed(),
        Closed(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 90\r\n\r\n{"),
    ],
)
def test_what_another_attempt_may_mend_is_tried_again(ask: Ask, fleet: Fleet, fault: Fault) -> None:
    fleet.faults.extend([fault, fault, None])
    np.testing.assert_array_equal(ask(fleet.url, user=USER, items=ITEMS).scores, SCORES)
    assert len(fleet.said) == 3
    assert len({said.body for said in fleet.said}) == 1


def test_after_the_last_attempt_the_servers_words_are_told(ask: Ask, fleet: Fleet) -> None:
    fleet.faults.extend([BUSY] * 9)
    with pytest.raises(
        Unavailable, match="503 an embedding table does not answer; try again, after 3 attempts"
    ) as error:
        ask(fleet.url, options={"retries": Retries(most=2, first=0)}, user=USER, items=ITEMS)
    assert (error.value.status, error.value.attempts, len(fleet.said)) == (503, 3, 3)


def test_nobody_there_is_unavailable(ask: Ask) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))  # and does not listen
        with pytest.raises(Unavailable, match=r"ConnectError.* after 4 attempts") as error:
            ask(f"http://127.0.0.1:{bound.getsockname()[1]}", user=USER, items=ITEMS)
    assert error.value.status is None


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 415, 422, 431, 500, 501, 505])
def test_what_no_repetition_changes_is_sent_once(ask: Ask, fleet: Fleet, status: int) -> None:
    fleet.faults.append(Answer(status, b'{"error": "$.user.age: no", "path": "$.user.age"}'))
    with pytest.raises(Refused) as refused:
        ask(fleet.url, user=USER, items=ITEMS)
    assert (refused.value.status, refused.value.message, refused.value.path) == (status, "no", "$.user.age")
    assert len(fleet.said) == 1


def test_a_wait_beyond_the_deadline_is_not_begun(ask: Ask, fleet: Fleet) -> None:
    fleet.faults.append(Answer(503, b"", {"retry-after": "3600"}))
    with pytest.raises(Unavailable, match=r"503 an empty body; the next attempt is due in 36.* s, after the deadline"):
        ask(fleet.url, user=USER, items=ITEMS)
    assert len(fleet.said) == 1


HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 1000000\r\n\r\n"


@pytest.mark.parametrize("sent", [b"", b"HTTP/1.1 200 OK\r\ncont", HEAD, HEAD + b'{"scores": ['])
def test_silence_ends_at_the_deadline(ask: Ask, fleet: Fleet, sent: bytes) -> None:
    fleet.faults.append(Silence(sent))
    with pytest.raises(DeadlineExceeded, match=r"deadline of 0\.3 s passed: 0 of 1 request answered after 1 attempt"):
        ask(fleet.url, user=USER, items=ITEMS, deadline=0.3)


def test_a_body_without_an_end_is_cut_at_the_deadline(ask: Ask, fleet: Fleet) -> None:
    fleet.faults.append(Dribble(HEAD))
    with pytest.raises(DeadlineExceeded):
        ask(fleet.url, user=USER, items=ITEMS, deadline=0.3)


def test_a_body_above_all_measure_is_not_read_to_its_end(
    ask: Ask, fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (threads, tasks):
        monkeypatch.setattr(module, "ANSWER_BYTES", 100)
    fleet.faults.append(Answer(200, b" " * 1_000_000))
    with pytest.raises(BadAnswer, match="more than 100 bytes"):
        ask(fleet.url, user=USER, items=ITEMS)


def test_one_part_that_fails_ends_the_call(ask: Ask, fleet: Fleet) -> None:
    fleet.faults.extend([None, Answer(400, b'{"error": "no"}'), *[BUSY] * 200])
    with pytest.raises(Refused, match="400 no"):
        ask(fleet.url, options={"limit": 1, "parallel": 1}, user=USER, items={"id": [0] * 100, "price": [0.0] * 100})
    assert len(fleet.said) < 10


def _answered(document: Any, *, packed: bool = False) -> Answer:
    if packed:
        return Answer(200, msgpack.packb(document), {"content-type": "application/msgpack"})
    return Answer(200, json.dumps(document).encode())


def _buffer(**parts: Any) -> dict[str, Any]:
    return {"dtype": "<f4", "shape": [3], "data": bytes(12), **parts}


@pytest.mark.parametrize(
    "answer",
    [
        Answer(200, b""),
        Answer(200, b"{"),
        Answer(200, b"[" * 100_000),
        Answer(200, b"\xff\xfe"),
        Answer(200, b"<html>", {"content-type": "text/html"}),
        Answer(200, b"gqZzY29yZXM=", {"content-type": "application/msgpack"}),
        Answer(200, b"\xdf\xff\xff\xff\xff", {"content-type": "application/msgpack"}),
        Answer(200, b"\x91" * 100_000, {"content-type": "application/msgpack"}),
        Answer(200, b"no gzip", {"content-type": "application/json", "content-encoding": "gzip"}),
        Answer(204, b"", {}),
        Answer(302, b"", {"location": "https://elsewhere.example/"}),
        _answered([]),
        _answered({}),
        _answered({"scores": None}),
        _answered({"scores": "123"}),
        _answered({"scores": [1, 2]}),
        _answered({"scores": [1, 2, 3, 4]}),
        _answered({"scores": ["a", "b", "c"]}),
        _answered({"scores": [[1], [2], [3]]}),
        _answered({"scores": [[1], [2, 3], [3]]}),
        _answered({"scores": [1, 2, 3], "outputs": []}),
        _answered({"scores": [1, 2, 3], "outputs": {"margin": [1]}}),
        _answered({"scores": [1, 2, 3], "outputs": {"margin": 1}}),
        _answered({"scores": [1, 2, 3], "degraded": ["a"]}),
        _answered({"scores": [1, 2, 3], "degraded": {"missing_rows:films": "1"}}),
        _answered({"scores": _buffer(dtype="|O")}, packed=True),
        _answered({"scores": _buffer(dtype=["<f4"])}, packed=True),
        _answered({"scores": _buffer(shape=[4])}, packed=True),
        _answered({"scores": _buffer(shape=[-3])}, packed=True),
        _answered({"scores": _buffer(shape=[3, 1])}, packed=True),
        _answered({"scores": _buffer(shape=3)}, packed=True),
        _answered({"scores": _buffer(data="x" * 12)}, packed=True),
        _answered({"scores": _buffer(more=1)}, packed=True),
    ],
)
def test_what_is_no_answer_of_a_model_is_said_to_be_none(ask: Ask, fleet: Fleet, answer: Answer) -> None:
    fleet.faults.extend([answer] * 9)
    with pytest.raises(BadAnswer) as error:
        ask(fleet.url, user=USER, items=ITEMS)
    assert 20 < len(str(error.value)) < 500
    assert len(fleet.said) == 1


@pytest.mark.parametrize(
    "answer", [{"scores": [1.0]}, {"scores": [1.0], "items": [1, 2]}, {"scores": [1.0, 2.0], "items": [1]}]
)
def test_the_best_without_their_items_are_no_answer(ask: Ask, fleet: Fleet, answer: Any) -> None:
    fleet.faults.append(_answered(answer))
    with pytest.raises(BadAnswer):
        ask(fleet.url, user=USER, items=ITEMS, top_k=1)


def test_parts_that_tell_different_things_are_not_merged(ask: Ask, fleet: Fleet) -> None:
    fleet.faults.append(_answered({"scores": [1.0], "outputs": {"other": [1.0]}}))
    with pytest.raises(BadAnswer, match="different outputs"):
        ask(fleet.url, options={"limit": 1}, user=USER, items=ITEMS)


def test_garbage_instead_of_http_is_unavailable(ask: Ask, fleet: Fleet) -> None:
    fleet.faults.extend([Closed(b"SSH-2.0-OpenSSH_9.6\r\n")] * 9)
    with pytest.raises(Unavailable, match="RemoteProtocolError"):
        ask(fleet.url, user=USER, items=ITEMS)


def test_degraded_counts_of_parts_are_added_and_null_is_no_score(ask: Ask, fleet: Fleet) -> None:
    fleet.faults.extend([_answered({"scores": [None], "degraded": {"missing_rows:films": at}}) for at in (1, 2, 3)])
    ranked = ask(fleet.url, options={"limit": 1, "format": "json"}, user=USER, items={"id": [1, 2, 3]})
    assert ranked.degraded == {"missing_rows:films": 6}
    assert np.isnan(ranked.scores).all()


@pytest.mark.parametrize(
    ("arguments", "place"),
    [
        ({"items": [1, 2]}, "$.items"),
        ({"items": {"id": [1, 2], "price": [1.0]}}, "$.items.price"),
        ({"items": {"id": 7}}, "$.items.id"),
        ({"items": {"id": "seven"}}, "$.items.id"),
        ({"items": {"id": np.array(7)}}, "$.items.id"),
        ({"items": {"id": np.zeros((1, 1, 1))}}, "$.items.id"),
        ({"items": {"id": np.array(["2020-01-01"], "M8[D]")}}, "$.items.id"),
        ({"items": {"id": [object()]}}, "$.items.id"),
        ({"items": {"id": [2**70]}}, "$.items.id"),
        ({"items": {"id": ["\ud800"]}}, "$.items.id"),
        ({"items": {"id": [1]}, "user": {"age": object()}}, "$.user.age"),
        ({"items": {"id": [1]}, "user": [1]}, "$.user"),
        ({"items": {"id": [1]}, "context": "x"}, "$.context"),
        ({"items": {"id": [1]}, "top_k": 0}, "$.top_k"),
        ({"items": {"id": [1]}, "top_k": True}, "$.top_k"),
    ],
)
def test_what_cannot_be_sent_is_said_before_anything_is(
    ask: Ask, fleet: Fleet, arguments: dict[str, Any], place: str
) -> None:
    with pytest.raises(BadCall) as error:
        ask(fleet.url, **arguments)
    assert place in str(error.value)
    assert not fleet.said


def test_json_has_no_nan(ask: Ask, fleet: Fleet) -> None:
    with pytest.raises(BadCall, match=r"\$\.items\.price does not travel in json"):
        ask(fleet.url, options={"format": "json"}, items={"price": np.array([1.0, np.nan])})


@pytest.mark.parametrize(
    "url", ["127.0.0.1:8080", "ftp://host", "https://", "https://host/?x=1", "https://host/#x", "http://host:port", ""]
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(BadCall):
        Client(url, "films")


@pytest.mark.parametrize(
    "options", [{"deadline": 0}, {"deadline": float("nan")}, {"limit": 0}, {"parallel": 0}, {"format": "xml"}]
)
def test_options_that_make_no_sense_are_refused(options: Any) -> None:
    with pytest.raises(BadCall):
        Client("https://host", "films", **options)
    for model in ("", ".."):
        with pytest.raises(BadCall):
            Client("https://host", model)


def test_a_header_that_http_refuses_is_the_callers_fault(ask: Ask, fleet: Fleet) -> None:
    with pytest.raises(BadCall, match="cannot be sent"):
        ask(fleet.url, options={"headers": {"x-tenant": "a\r\nb"}}, user=USER, items=ITEMS)


def test_every_error_is_a_client_error() -> None:
    for error in (BadAnswer, BadCall, DeadlineExceeded, Refused, Unavailable):
        assert issubclass(error, ClientError)
