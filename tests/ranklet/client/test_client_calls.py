"""The logic of a call without any I/O: what is wished for, and when, on a clock that a test moves."""

import json
import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

from ranklet.client import DeadlineExceeded, Ranked, Retries, Unavailable, calls
from ranklet.client.calls import Asked, Call
from ranklet.client.errors import BadCall
from ranklet.client.limits import Known, item_key_of, limit_in, limit_of
from ranklet.client.messages import Failed, Reply, Send, Sleep, Steps, Together
from ranklet.client.retries import retry_after
from ranklet.client.setup import Setup

ONE = Reply(200, {"content-type": "application/json"}, b'{"scores": [1.0]}')
BUSY = Reply(503, {}, b'{"message": "Service Unavailable"}')


@dataclass
class Play:
    """Does what is wished for, one after the other. outcomes: of what is sent, and the seconds that each takes."""

    outcomes: deque[tuple[Reply | Failed, float]]
    now: float = 100.0
    sends: list[float] = field(default_factory=list)
    sleeps: list[float] = field(default_factory=list)

    def run(self, steps: Steps[Any]) -> Any:
        outcome: Any = None
        try:
            while True:
                outcome = self.do(steps.send(outcome))
        except StopIteration as end:
            return end.value

    def do(self, wish: Send | Sleep | Together) -> Any:
        if isinstance(wish, Together):
            return [self.run(one) for one in wish.steps]
        if isinstance(wish, Sleep):
            self.sleeps.append(wish.seconds)
            self.now += wish.seconds
            return None
        self.sends.append(wish.timeout)
        outcome, seconds = self.outcomes.popleft()
        self.now += seconds
        return outcome


def _play(
    *outcomes: tuple[Reply | Failed, float],
    count: int = 1,
    limit: int | None = 1,
    deadline: float = 10.0,
    retries: Retries | None = None,
    draw: Callable[[], float] = lambda: 1.0,
) -> tuple[Play, Callable[[], Ranked]]:
    play = Play(deque(outcomes))
    setup = Setup(
        "http://host/films",
        "films",
        retries=retries or Retries(),
        known=Known(limit, "id"),
        clock=lambda: play.now,
        draw=draw,
    )
    asked = Asked.of({}, {}, {"id": list(range(count))}, top_k=None)
    return play, lambda: play.run(calls.rank(Call.begin(setup, deadline), asked))


def test_waits_double_up_to_the_longest_and_are_drawn() -> None:
    retries = Retries(most=5, first=0.25, longest=1.0)
    play, run = _play(*[(BUSY, 0.0)] * 5, (ONE, 0.0), retries=retries)
    run()
    assert play.sleeps == [0.25, 0.5, 1.0, 1.0, 1.0]
    play, run = _play(*[(BUSY, 0.0)] * 5, (ONE, 0.0), retries=retries, draw=lambda: 0.0)
    run()
    assert play.sleeps == [0.0] * 5


def test_retry_after_is_the_least_that_is_waited() -> None:
    slow = Reply(429, {"retry-after": "2"}, b"")
    play, run = _play((slow, 0.0), (ONE, 0.0), draw=lambda: 0.5)
    run()
    assert play.sleeps == [2 + 0.05]


def test_each_attempt_has_what_is_left() -> None:
    play, run = _play((BUSY, 1.0), (Failed("ReadError"), 2.0), (ONE, 1.0), retries=Retries(first=0.0))
    run()
    assert play.sends == [10.0, 9.0, 7.0]


def test_an_attempt_that_is_due_after_the_deadline_is_not_waited_for() -> None:
    play, run = _play((BUSY, 9.95))
    with pytest.raises(Unavailable, match=r"503 Service Unavailable; the next attempt is due in 0\.1 s"):
        run()
    assert play.sleeps == []


def test_a_deadline_tells_how_far_the_call_came() -> None:
    _, run = _play((ONE, 1.0), (BUSY, 1.0), (ONE, 1.0), (Failed("no answer in time", "late"), 7.0), count=3)
    with pytest.raises(DeadlineExceeded) as late:
        run()
    error = late.value
    assert (error.answered, error.of, error.attempts, error.deadline) == (2, 3, 4, 10.0)
    assert str(error) == (
        "the deadline of 10 s passed: 2 of 3 requests answered after 4 attempts; the last one: no answer in time"
    )


def test_a_part_whose_turn_comes_too_late_is_not_sent() -> None:
    play, run = _play((ONE, 10.0), count=2)
    with pytest.raises(DeadlineExceeded, match=r"1 of 2 requests answered after 1 attempt$"):
        run()
    assert len(play.sends) == 1


def test_refusals_that_name_smaller_and_smaller_limits_end() -> None:
    def refusal(limit: int) -> Reply:
        return Reply(413, {}, json.dumps({"error": f"9 candidates; this model takes {limit} in one request"}).encode())

    play, run = _play((refusal(9), 0.0), *[(refusal(0), 0.0)] * 2, *[(ONE, 0.0)] * 9, count=2, limit=None)
    with pytest.raises(Exception, match="413"):
        run()
    assert len(play.sends) <= 3


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("-1", None),
        ("1.5", None),
        ("0", 0.0),
        (" 7 ", 7.0),
        ("9" * 400, 999999999.0),
    ],
)
def test_retry_after_in_seconds(header: str | None, seconds: float | None) -> None:
    assert retry_after(header) == seconds


def test_retry_after_as_a_date() -> None:
    assert retry_after("Fri, 31 Dec 1999 23:59:59 GMT", lambda: 946684797.0) == 2.0
    assert retry_after("Fri, 31 Dec 1999 23:59:59 GMT", lambda: 946684899.0) == 0.0


@given(st.text(max_size=40))
def test_any_retry_after_is_none_or_a_wait(header: str) -> None:
    seconds = retry_after(header)
    assert seconds is None or (seconds >= 0 and math.isfinite(seconds))


@given(st.integers(1, 10**6), st.floats(0, 1))
def test_a_wait_is_never_longer_than_the_longest(attempt: int, drawn: float) -> None:
    assert 0 <= Retries(longest=1.5).wait(attempt, None, lambda: drawn) <= 1.5


@pytest.mark.parametrize("wrong", [{"most": -1}, {"first": -0.1}, {"longest": -1.0}])
def test_retries_that_make_no_sense_are_refused(wrong: Any) -> None:
    with pytest.raises(BadCall):
        Retries(**wrong)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["paths", "/rank", "post", "operationId", "requestBody", "content", "items", "maxItems"]),
            inner,
        )
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["paths", "info"]), ANYTHING))
def test_any_document_teaches_something_or_nothing(document: dict[str, Any]) -> None:
    assert limit_of(document) is None or limit_of(document)
    assert item_key_of(document) is None


def test_only_a_limit_above_nothing_is_one() -> None:
    assert limit_in("2001 candidates; this model takes 2000 in one request") == 2000
    assert limit_in("this model takes 0 in one request") is None
    assert limit_in("Request Entity Too Large") is None
