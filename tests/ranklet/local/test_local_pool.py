"""The pool: reuse, growth, the cap, provisioned environments, replacement, and an end without leftovers."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from local_helpers import eventually, gone, invocation

from ranklet.errors import LocalError
from ranklet.local.environment import Launch
from ranklet.local.function import Invoked
from ranklet.local.logs import LogLine
from ranklet.local.pool import Pool

Launcher = Callable[..., Launch]


def with_pool(launch: Launch, scenario: Callable[[Pool], Awaitable[Any]], **settings: Any) -> None:
    """Run a scenario on a started pool; afterwards every process that it ever had is gone."""
    pids: set[int] = set()

    async def run() -> None:
        pool = Pool(launch, **settings)

        async def note() -> None:
            for _ in range(100_000):
                pids.update(pool.pids)
                await asyncio.sleep(0.005)

        noting = asyncio.ensure_future(note())
        try:
            async with asyncio.timeout(60):
                await pool.start()
                await scenario(pool)
        finally:
            await pool.close()
            noting.cancel()

    asyncio.run(run())
    assert pids and [pid for pid in pids if not gone(pid)] == []


async def ask(pool: Pool, event: Any = None) -> Invoked:
    return await pool.invoke(invocation(event))


def test_environment_is_started_once_and_used_again(launch: Launcher) -> None:
    async def scenario(pool: Pool) -> None:
        answers = [await ask(pool) for _ in range(5)]
        assert len({answer.payload for answer in answers}) == 1
        assert answers[0].init_ms is not None and answers[0].init_ms > 0
        assert [answer.init_ms for answer in answers[1:]] == [None] * 4
        stats = pool.stats()
        assert (stats.invocations, stats.cold_starts, stats.environments, stats.busy) == (5, 1, 1, 0)
        assert stats.inits_ms == (stats.init_ms,) == (answers[0].init_ms,)
        assert len(stats.warm_ms) == 4
        assert stats.warm_p50_ms > 0

    with_pool(launch("tiny.pid"), scenario)


def test_events_at_once_get_an_environment_each_up_to_the_cap(launch: Launcher, lines: list[LogLine]) -> None:
    async def scenario(pool: Pool) -> None:
        running = [asyncio.ensure_future(ask(pool, 1.0)) for _ in range(3)]
        await eventually(lambda: pool.stats().busy == 3)
        refused = await ask(pool, 0)
        assert refused.status == 429
        assert json.loads(refused.payload) == {
            "Reason": "ConcurrentInvocationLimitExceeded",
            "Type": "User",
            "message": "Rate Exceeded.",
        }
        answers = await asyncio.gather(*running)
        assert len({answer.payload for answer in answers}) == 3
        assert {answer.status for answer in answers} == {200}
        assert (await ask(pool, 0)).status == 200
        stats = pool.stats()
        assert (stats.throttled, stats.cold_starts, stats.environments, stats.cap) == (1, 3, 3, 3)

    with_pool(launch("tiny.sleep"), scenario, cap=3)
    assert any(line.text.startswith("429 TooManyRequestsException") for line in lines)


def test_reserved_concurrency_stands_below_the_cap(launch: Launcher) -> None:
    async def scenario(pool: Pool) -> None:
        running = asyncio.ensure_future(ask(pool, 0.5))
        await eventually(lambda: pool.stats().busy == 1)
        refused = await ask(pool, 0)
        assert json.loads(refused.payload)["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"
        await running

    with_pool(launch("tiny.sleep", reserved=1), scenario, cap=5)


def test_environment_used_last_is_used_first(launch: Launcher) -> None:
    async def scenario(pool: Pool) -> None:
        slow, quick = asyncio.ensure_future(ask(pool, 0.8)), asyncio.ensure_future(ask(pool, 0.4))
        last = (await slow).payload
        assert (await quick).payload != last
        assert [(await ask(pool, 0)).payload for _ in range(3)] == [last] * 3

    with_pool(launch("tiny.sleep"), scenario)


def test_provisioned_environments_are_ready_before_the_first_event(launch: Launcher) -> None:
    async def scenario(pool: Pool) -> None:
        assert len(pool.pids) == 2
        assert len(pool.stats().inits_ms) == 2
        assert json.loads((await ask(pool)).payload)["AWS_LAMBDA_INITIALIZATION_TYPE"] == "provisioned-concurrency"
        stats = pool.stats()
        assert (stats.invocations, stats.cold_starts, len(stats.warm_ms)) == (1, 0, 1)

    with_pool(launch("tiny.environ", provisioned=2), scenario)


def test_events_above_the_provisioned_ones_spill_over(launch: Launcher) -> None:
    async def scenario(pool: Pool) -> None:
        answers = await asyncio.gather(*(ask(pool, 0.3) for _ in range(2)))
        assert sorted(answer.init_ms is None for answer in answers) == [False, True]

    with_pool(launch("tiny.sleep", provisioned=1), scenario)


def test_provisioned_environment_that_cannot_start_stops_the_start(launch: Launcher) -> None:
    async def run() -> None:
        pool = Pool(launch("broken.handler", provisioned=2))
        with pytest.raises(LocalError, match=r"tiny cannot be initialised.*the weights are missing"):
            await pool.start()
        await pool.close()

    asyncio.run(run())


@pytest.mark.parametrize("event", [1, 0])
def test_environment_that_broke_is_followed_by_another(launch: Launcher, event: int) -> None:
    async def scenario(pool: Pool) -> None:
        first, second = await ask(pool, event), await ask(pool, event)
        assert first.error == second.error == "Unhandled"
        assert second.init_ms is not None
        assert (pool.stats().cold_starts, pool.stats().errors) == (2, 2)

    with_pool(launch("tiny.leave"), scenario)


def test_provisioned_environment_that_broke_is_replaced(launch: Launcher) -> None:
    async def scenario(pool: Pool) -> None:
        before = pool.pids
        assert (await ask(pool, 1)).error == "Unhandled"
        assert await eventually(lambda: len(pool.stats().inits_ms) == 2)
        assert len(pool.pids) == 1 and pool.pids != before
        assert pool.stats().busy == 0

    with_pool(launch("tiny.leave", provisioned=1), scenario)


def test_idle_environment_that_was_killed_is_not_given_an_event(launch: Launcher) -> None:
    async def scenario(pool: Pool) -> None:
        first = int((await ask(pool)).payload)
        os.kill(first, signal.SIGKILL)
        assert await asyncio.to_thread(gone, first)
        await asyncio.sleep(0.1)  # the kernel lets go of its last thread a moment after it calls the process dead
        second = await ask(pool)
        assert second.error is None
        assert int(second.payload) != first

    with_pool(launch("tiny.pid"), scenario)


def test_idle_environments_are_ended_after_a_while_provisioned_ones_are_not(launch: Launcher) -> None:
    async def scenario(pool: Pool) -> None:
        await asyncio.gather(*(ask(pool, 0.2) for _ in range(3)))
        assert len(pool.pids) == 3
        assert await eventually(lambda: len(pool.pids) == 1)
        assert (await ask(pool, 0)).init_ms is None

    with_pool(launch("tiny.sleep", provisioned=1), scenario, idle_s=0.3)


def test_function_that_cannot_be_initialised_is_told_with_every_event(launch: Launcher) -> None:
    async def scenario(pool: Pool) -> None:
        for _ in range(2):
            answer = await ask(pool)
            assert (answer.status, answer.error) == (200, "Unhandled")
            assert json.loads(answer.payload)["errorMessage"] == "the weights are missing"
        assert (pool.stats().errors, pool.stats().environments) == (2, 0)

    with_pool(launch("broken.handler"), scenario)


def test_initialisation_is_not_the_functions_time(launch: Launcher) -> None:
    async def scenario(pool: Pool) -> None:
        answer = await ask(pool)
        assert answer.error is None
        assert 0 < json.loads(answer.payload) <= 1000

    with_pool(launch("slow.left_ms", timeout_s=1.0), scenario)


def test_slow_initialisation_is_repeated_within_the_invocation(launch: Launcher, lines: list[LogLine]) -> None:
    async def scenario(pool: Pool) -> None:
        answer = await ask(pool)
        assert (answer.payload, answer.error) == (b'"late"', None)

    with_pool(launch("slow.handler", timeout_s=8.0), scenario, init_s=0.5)
    assert any("repeated within the invocation" in line.text for line in lines)


def test_initialisation_that_is_too_slow_twice_is_a_timeout(launch: Launcher) -> None:
    async def scenario(pool: Pool) -> None:
        answer = await ask(pool)
        assert json.loads(answer.payload)["errorType"] == "Sandbox.Timedout"
        assert "after 0.40 seconds" in json.loads(answer.payload)["errorMessage"]

    with_pool(launch("slow.handler", timeout_s=0.4), scenario, init_s=0.2)


def test_event_that_runs_when_the_pool_closes_is_answered_as_an_exit(launch: Launcher) -> None:
    answers: list[asyncio.Future[Invoked]] = []

    async def scenario(pool: Pool) -> None:
        answers.append(asyncio.ensure_future(ask(pool, 30)))
        assert await eventually(lambda: pool.stats().busy == 1 and len(pool.stats().inits_ms) == 1)
        await asyncio.sleep(0.1)

    with_pool(launch("tiny.sleep", timeout_s=60.0), scenario)
    assert json.loads(answers[0].result().payload)["errorType"] == "Runtime.ExitError"


def test_pool_that_closes_while_an_environment_starts_leaves_no_process(launch: Launcher) -> None:
    async def scenario(pool: Pool) -> None:
        asking = asyncio.ensure_future(ask(pool))
        assert await eventually(lambda: bool(pool.pids))
        answers.append(asking)

    answers: list[asyncio.Future[Invoked]] = []
    with_pool(launch("slow.handler"), scenario)
    assert answers[0].result().error == "Unhandled"


def test_caller_that_gives_up_costs_the_environment(launch: Launcher) -> None:
    async def scenario(pool: Pool) -> None:
        asking = asyncio.ensure_future(ask(pool, 30))
        assert await eventually(lambda: len(pool.stats().inits_ms) == 1)
        await asyncio.sleep(0.1)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert pool.stats().environments == 0

    with_pool(launch("tiny.sleep", timeout_s=60.0), scenario)
