"""The reader's loop with a clock of its own: what is asked for, how often, and when it stops."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stores_support import make_table, vector
from test_stores_replies import PREFIX, answer, item, reply

from ranklet_features.errors import StoreUnavailable, TableMismatch
from ranklet_features.stores.aws.connection import Broken, Reply
from ranklet_features.stores.dynamodb import batch as module
from ranklet_features.stores.dynamodb.batch import BatchReader

TABLE = make_table(["a", "b"])
Answering = Callable[[list[str]], "Reply | Broken"]


class World:
    """A clock, a pause, dice and a client, all in one: time only passes in exchanges and pauses."""

    def __init__(self, answering: Answering, *, exchange_s: float = 0.005) -> None:
        self.time = 100.0
        self.skews: list[float] = []
        self.renewals = 0
        self.can_renew = False
        self.pauses: list[float] = []
        self.longest: list[float] = []
        self.rounds: list[list[list[str]]] = []
        self._answering, self._exchange_s = answering, exchange_s
        self.credentials = self

    def reader(self) -> BatchReader:
        return BatchReader(TABLE, self, clock=lambda: self.time, sleep=self.sleep, uniform=self.uniform)  # type: ignore

    def uniform(self, low: float, high: float) -> float:
        assert low == 0
        self.longest.append(high)
        return high

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.pauses.append(seconds)
        self.time += seconds

    def exchange(
        self, action: str, bodies: Sequence[bytes], *, deadline: float, hedge: Any = None
    ) -> list[Reply | Broken]:
        assert action == "BatchGetItem" and self.time < deadline and 0 < len(bodies) <= module.CONNECTIONS
        asked = [
            [key["k"]["S"] for key in orjson.loads(body)["RequestItems"][TABLE.physical]["Keys"]] for body in bodies
        ]
        self.rounds.append(asked)
        self.time = min(self.time + self._exchange_s, deadline)
        return [self._answering(keys) for keys in asked]

    def resync(self, server_time: float) -> None:
        self.skews.append(server_time)

    def renew(self) -> bool:
        self.renewals += 1
        return self.can_renew


def everything(keys: list[str]) -> Reply:
    return reply(answer(*map(item, keys)))


def refused(code: str, status: int = 400, **headers: str) -> Reply:
    return reply({"__type": PREFIX + code, "message": "Signature expired"}, status, **headers)


def test_keys_travel_in_calls_of_a_hundred_and_rounds_of_eight() -> None:
    world = World(everything)
    keys = [str(i) for i in range(1850)]
    batch = world.reader().read(keys, deadline=110.0)
    assert [[len(call) for call in calls] for calls in world.rounds] == [[100] * 8, [100] * 8, [100, 100, 50]]
    assert [key for calls in world.rounds for call in calls for key in call] == keys
    assert list(batch.values) == keys and not batch.pending and not world.pauses


def test_absent_keys_are_asked_for_once() -> None:
    world = World(lambda keys: reply(answer()))
    batch = world.reader().read(["a", "b"], deadline=110.0)
    assert batch.values == {} and batch.pending == [] and len(world.rounds) == 1


def test_what_was_left_over_is_asked_for_again_and_nothing_else() -> None:
    world = World(lambda keys: reply(answer(item(keys[0]), left=keys[1:])))
    batch = world.reader().read(["a", "b", "c"], deadline=110.0)
    assert world.rounds == [[["a", "b", "c"]], [["b", "c"]], [["c"]]]
    assert set(batch.values) == {"a", "b", "c"} and len(world.pauses) == 2


def test_left_over_keys_that_were_never_asked_for_are_not_asked_for() -> None:
    world = World(lambda keys: reply(answer(*map(item, keys), left=["stray"])))
    batch = world.reader().read(["a"], deadline=110.0)
    assert len(world.rounds) == 1 and set(batch.values) == {"a"} and not batch.pending


def test_pauses_double_up_to_a_limit_and_are_drawn_from_zero() -> None:
    world = World(lambda keys: refused("ThrottlingException"), exchange_s=0.0001)
    world.reader().read(["a"], deadline=101.0)
    assert world.longest[:6] == pytest.approx([0.01, 0.02, 0.04, 0.08, 0.16, 0.2])
    assert max(world.longest) == module.LONGEST_PAUSE_S


@pytest.mark.parametrize(
    "failure", [Broken("reset"), refused("InternalServerError", 500), refused("ThrottlingException")]
)
def test_the_deadline_ends_a_failure_that_does_not_end(failure: Any) -> None:
    world = World(lambda keys: failure)
    batch = world.reader().read(["a", "b"], deadline=101.0)
    assert batch.pending == ["a", "b"] and not batch.values
    assert world.time <= 101.0 + 1e-9 and len(world.rounds) > 5


def test_a_clock_that_stands_still_does_not_make_the_loop_endless() -> None:
    world = World(lambda keys: Broken("reset"), exchange_s=0.0)
    world.sleep = lambda seconds: None  # type: ignore[method-assign]
    assert world.reader().read(["a"], deadline=101.0).pending == ["a"]
    assert len(world.rounds) == module.MAX_PAUSES


def test_one_failed_call_of_a_round_is_repeated_alone() -> None:
    keys = [str(i) for i in range(250)]
    failed: list[list[str]] = []

    def answering(asked: list[str]) -> Reply | Broken:
        if "100" in asked and not failed:
            failed.append(asked)
            return Broken("reset")
        return everything(asked)

    world = World(answering)
    assert len(world.reader().read(keys, deadline=110.0).values) == 250
    assert world.rounds[1:] == [failed]


def test_credentials_that_cannot_be_had_in_time_leave_rows_unread() -> None:
    world = World(everything)

    def nothing(action: str, bodies: Sequence[bytes], *, deadline: float, hedge: Any) -> list[Reply | Broken]:
        world.time += 0.1
        raise Broken("the credentials endpoint answered 500")

    world.exchange = nothing  # type: ignore[method-assign]
    assert world.reader().read(["a"], deadline=101.0).pending == ["a"]


def test_a_refused_date_is_corrected_once_without_a_pause() -> None:
    answers = [refused("InvalidSignatureException", date="Thu, 01 Jan 2026 00:00:07 GMT")]
    world = World(lambda keys: answers.pop() if answers else everything(keys))
    assert world.reader().read(["a"], deadline=110.0).values
    assert world.skews == [1_767_225_607.0] and not world.pauses
    world = World(lambda keys: refused("InvalidSignatureException", date="Thu, 01 Jan 2026 00:00:07 GMT"))
    with pytest.raises(StoreUnavailable, match="InvalidSignatureException"):
        world.reader().read(["a"], deadline=110.0)
    assert len(world.rounds) == 2


@pytest.mark.parametrize(("can_renew", "rounds"), [(True, 2), (False, 1)])
def test_expired_credentials_are_renewed_once_where_that_can_be(can_renew: bool, rounds: int) -> None:
    world = World(lambda keys: refused("ExpiredTokenException"))
    world.can_renew = can_renew
    with pytest.raises(StoreUnavailable, match="ExpiredTokenException"):
        world.reader().read(["a"], deadline=110.0)
    assert len(world.rounds) == rounds and world.renewals == 1
    answers = [refused("ExpiredTokenException")]
    world = World(lambda keys: answers.pop() if answers else everything(keys))
    world.can_renew = True
    assert world.reader().read(["a"], deadline=110.0).values


@pytest.mark.parametrize(
    ("code", "error"), [("ResourceNotFoundException", TableMismatch), ("AccessDeniedException", StoreUnavailable)]
)
def test_what_asking_again_cannot_help_ends_the_read(code: str, error: type[Exception]) -> None:
    world = World(lambda keys: refused(code))
    with pytest.raises(error):
        world.reader().read(["a"], deadline=110.0)
    assert len(world.rounds) == 1


@settings(max_examples=300, deadline=None)
@given(
    n=st.integers(0, 900),
    plan=st.lists(st.sampled_from(["all", "half", "none", "throttle", "error", "broken", "stray"]), max_size=30),
    wait=st.floats(0, 2),
)
def test_every_key_ends_as_read_absent_or_pending_within_the_deadline(n: int, plan: list[str], wait: float) -> None:
    keys = [f"k{i}" for i in range(n)]
    present = set(keys[::2])
    steps = iter(plan)

    def answering(asked: list[str]) -> Reply | Broken:
        step = next(steps, "all")
        if step == "broken":
            return Broken("reset")
        if step in ("throttle", "error"):
            return refused("ThrottlingException", 400 if step == "throttle" else 500)
        kept = {"half": len(asked) // 2, "none": 0}.get(step, len(asked))
        found = [item(key) for key in asked[:kept] if key in present]
        return reply(answer(*found[::-1], *([item("stray")] if step == "stray" else []), left=asked[kept:]))

    world = World(answering)
    batch = world.reader().read(keys, deadline=100.0 + wait)
    assert world.time <= 100.0 + wait + 1e-9 or not world.rounds
    assert set(batch.values) <= present and not set(batch.values) & set(batch.pending)
    assert len(batch.pending) == len(set(batch.pending)) and set(batch.pending) <= set(keys)
    assert present <= set(batch.values) | set(batch.pending)
    assert all(batch.values[key] == vector(key).astype("<f4").tobytes() for key in batch.values)
