"""The thread that asks for events is kept, in the real awslambdaric; what is unknown is left alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import types
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from awslambdaric import lambda_runtime_client
from awslambdaric.lambda_runtime_client import LambdaRuntimeClient
from awslambdaric.lambda_runtime_exception import FaultException

from ranklet_runtime import polling


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[LambdaRuntimeClient]:
    """The stock client, made before the handler is imported as Lambda does; ours installed after it."""
    made = LambdaRuntimeClient("127.0.0.1:1", use_thread_for_polling_next=True)
    assert made.ThreadPoolExecutor is ThreadPoolExecutor
    assert polling.install()
    yield made
    delattr(LambdaRuntimeClient, polling.EXECUTOR)


def answering(monkeypatch: pytest.MonkeyPatch, answer: Any) -> list[int]:
    """Make the client's poll answer; the threads in which it was asked."""
    threads: list[int] = []

    def following() -> Any:
        threads.append(threading.get_ident())
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(lambda_runtime_client, "runtime_client", types.SimpleNamespace(next=following))
    return threads


def test_every_event_is_asked_for_in_one_other_thread(
    client: LambdaRuntimeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads = answering(
        monkeypatch, (b"{}", {"Lambda-Runtime-Aws-Request-Id": "7", "Content-Type": "application/json"})
    )
    found = [client.wait_next_invocation() for _ in range(3)]
    assert [one.invoke_id for one in found] == ["7"] * 3
    assert [one.event_body for one in found] == [b"{}"] * 3
    assert len(set(threads)) == 1
    assert threading.get_ident() not in threads


def test_a_poll_that_fails_raises_as_before(client: LambdaRuntimeClient, monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, OSError("gone"))
    with pytest.raises(FaultException, match="Failed to get next invocation: gone"):
        client.wait_next_invocation()
    answering(monkeypatch, (b"[]", {}))
    assert client.wait_next_invocation().event_body == b"[]"


def test_something_is_done_before_each_question_in_the_main_thread(
    client: LambdaRuntimeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = answering(monkeypatch, (b"{}", {}))
    done: list[tuple[int, int]] = []
    assert polling.before_each(lambda: done.append((threading.get_ident(), len(asked))))
    for _ in range(3):
        client.wait_next_invocation()
    assert done == [(threading.get_ident(), number) for number in range(3)]


def test_where_the_thread_is_not_kept_nothing_can_be_done_before() -> None:
    assert not polling.before_each(lambda: None)


def test_installing_twice_changes_nothing_more(client: LambdaRuntimeClient) -> None:
    kept = client.ThreadPoolExecutor
    assert polling.install()
    assert client.ThreadPoolExecutor is kept


def test_the_client_of_many_requests_at_a_time_is_left_alone(client: LambdaRuntimeClient) -> None:
    class Other(lambda_runtime_client.BaseLambdaRuntimeClient):  # type: ignore[misc]
        pass

    assert Other("127.0.0.1:1", use_thread_for_polling_next=True).ThreadPoolExecutor is ThreadPoolExecutor


@pytest.mark.parametrize(
    "module",
    [
        None,
        types.SimpleNamespace(),
        types.SimpleNamespace(LambdaRuntimeClient=type("LambdaRuntimeClient", (), {})),
        types.SimpleNamespace(
            LambdaRuntimeClient=type("LambdaRuntimeClient", (), {"wait_next_invocation": lambda self: None})
        ),
    ],
)
def test_an_unknown_client_is_left_alone(module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, polling.CLIENT, module)
    before = dict(vars(module.LambdaRuntimeClient)) if hasattr(module, "LambdaRuntimeClient") else None
    assert not polling.install()
    if before is not None:
        assert dict(vars(module.LambdaRuntimeClient)) == before


WAITING = textwrap.dedent("""
    import atexit, signal, sys, threading, time, types
    from awslambdaric import lambda_runtime_client
    from awslambdaric.lambda_runtime_client import LambdaRuntimeClient
    from ranklet_runtime import polling
    client = LambdaRuntimeClient("127.0.0.1:1", use_thread_for_polling_next=True)
    assert polling.install()
    lambda_runtime_client.runtime_client = types.SimpleNamespace(next=threading.Event().wait)
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(7))
    atexit.register(print, "ended", flush=True)
    threading.Timer(0.1, print, ("waits",), {"flush": True}).start()
    client.wait_next_invocation()
""")


def test_a_signal_reaches_the_main_thread_while_it_waits_and_the_process_can_end() -> None:
    with subprocess.Popen([sys.executable, "-c", WAITING], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "waits\n"
        os.kill(process.pid, signal.SIGTERM)
        assert process.stdout.read() == "ended\n"
        assert process.wait(20) == 7
