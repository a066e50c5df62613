"""The real awslambdaric asks and answers through our socket; what is unknown, or told to, is left alone."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import textwrap
import threading
import types
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from awslambdaric import bootstrap
from awslambdaric import lambda_runtime_client as stock
from awslambdaric.lambda_runtime_client import LambdaMultiConcurrentRuntimeClient, LambdaRuntimeClient
from awslambdaric.lambda_runtime_exception import FaultException
from runtime_kit import write_bundle
from scripted_kit import CLOSE, DONE, Scripted, event, scripted

from ranklet_runtime import polling, wire

FAILED = event().replace(b"200 OK", b"500 Broken")
TOLD = [
    b"Lambda-Runtime-Trace-Id: Root=1",
    b"Lambda-Runtime-Client-Context: {}",
    b'Lambda-Runtime-Cognito-Identity: {"a": 1}',
    b"Lambda-Runtime-Aws-Tenant-Id: blue",
    b"Lambda-Runtime-Invocation-Id: inv-1",
    b"Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:films",
    b"Lambda-Runtime-Deadline-Ms: 1795984083085",
]


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """The client is the stock one, before and after."""
    original, update = stock.runtime_client, bootstrap.update_xray_env_variable
    assert not isinstance(original, wire.RuntimeApi)
    yield
    bootstrap.update_xray_env_variable = update
    bootstrap.update_xray_env_variable(None)
    ours, stock.runtime_client = stock.runtime_client, original
    if isinstance(ours, wire.RuntimeApi):
        ours._close()
    if polling.EXECUTOR in vars(LambdaRuntimeClient):
        delattr(LambdaRuntimeClient, polling.EXECUTOR)


def untouched() -> bool:
    """Whether nothing is installed."""
    return not isinstance(stock.runtime_client, wire.RuntimeApi) and polling.EXECUTOR not in vars(LambdaRuntimeClient)


def installed(server: Scripted, *, thread: bool = True) -> LambdaRuntimeClient:
    """The stock client, made before the handler is imported as Lambda does; ours installed after it."""
    made = LambdaRuntimeClient(server.address, use_thread_for_polling_next=thread)
    assert polling.install({polling.ADDRESS: server.address})
    return made


def in_c() -> bytes | None:
    """The trace id as C's getenv tells it."""
    getenv = ctypes.CDLL(None).getenv
    getenv.restype = ctypes.c_char_p
    found: bytes | None = getenv(polling.TRACE.encode())
    return found


def test_trace_ids_stand_in_os_environ_alone_as_c_would_never_free_them() -> None:
    before = bootstrap.update_xray_env_variable
    with scripted() as server:
        installed(server)
    assert bootstrap.update_xray_env_variable is not before
    for trace in ("Root=1;Parent=2", "Root=é", None, None, "Root=3"):
        bootstrap.update_xray_env_variable(trace)
        assert os.environ.get(polling.TRACE) == os.getenv(polling.TRACE) == trace
        assert (polling.TRACE in os.environ) == (trace is not None)
        assert in_c() is None
    before("Root=4")
    assert (os.environ[polling.TRACE], in_c()) == ("Root=4", b"Root=4")


@pytest.mark.parametrize("told", [{polling.SWITCH: polling.STOCK}, {polling.SEVERAL: "8"}])
def test_trace_ids_are_left_alone_where_the_client_is(told: dict[str, str]) -> None:
    before = bootstrap.update_xray_env_variable
    assert not polling.install({polling.ADDRESS: "127.0.0.1:1", **told})
    assert bootstrap.update_xray_env_variable is before


def test_a_loop_that_sets_trace_ids_otherwise_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def another(trace_id: str, more: str) -> None:
        """With another argument."""

    monkeypatch.setattr(bootstrap, "update_xray_env_variable", another)
    with scripted() as server:
        installed(server)
    assert bootstrap.update_xray_env_variable is another


@pytest.mark.parametrize("thread", [True, False])
def test_the_stock_client_asks_and_answers_over_one_connection_without_a_thread(thread: bool) -> None:
    threads: list[list[threading.Thread]] = []
    here = threading.enumerate()
    asked: list[Any] = [lambda: threads.append(threading.enumerate()), event(b'{"a": 1}', *TOLD)]
    with scripted(asked, DONE, asked, DONE) as server:
        client = installed(server, thread=thread)
        for result in ('{"é": 1}', b"bytes"):
            found = client.wait_next_invocation()
            client.post_invocation_result(found.invoke_id, result, "application/x", found.invocation_id)
    assert vars(found) == {
        "invoke_id": "8476",
        "x_amzn_trace_id": "Root=1",
        "invoked_function_arn": "arn:aws:lambda:films",
        "deadline_time_in_ms": 1795984083085,
        "client_context": "{}",
        "cognito_identity": '{"a": 1}',
        "tenant_id": "blue",
        "content_type": "application/json",
        "event_body": b'{"a": 1}',
        "invocation_id": "inv-1",
    }
    assert server.connections == [0] * 4
    assert [body for _, _, body in server.requests] == [b"", '{"é": 1}'.encode(), b"", b"bytes"]
    agent = f"User-Agent: {stock._user_agent()}".encode()
    for _, head, _ in server.requests:
        assert agent in head.split(b"\r\n")
    assert [len(one) for one in threads] == [len(here) + 1] * 2  # the server's


def test_a_poll_that_fails_raises_as_before() -> None:
    with scripted(FAILED, [CLOSE], [CLOSE], event(b"[]")) as server:
        client = installed(server)
        for reason in ("Failed to get next: 500", "the Runtime API: closed without an answer"):
            with pytest.raises(FaultException, match=f"Failed to get next invocation: {reason}") as raised:
                client.wait_next_invocation()
            assert raised.value.exception_type == FaultException.LAMBDA_RUNTIME_CLIENT_ERROR
        assert client.wait_next_invocation().event_body == b"[]"


def test_a_poll_without_a_thread_that_fails_raises_as_before() -> None:
    with scripted(FAILED) as server, pytest.raises(RuntimeError, match="Failed to get next"):
        installed(server, thread=False).wait_next_invocation()


def test_an_answer_that_is_refused_raises_as_before() -> None:
    with (
        scripted(event(), DONE.replace(b"202", b"413")) as server,
        pytest.raises(RuntimeError, match="Failed to post invocation response: 413"),
    ):
        client = installed(server)
        client.post_invocation_result(client.wait_next_invocation().invoke_id, "{}")


def test_errors_are_posted_by_the_original(monkeypatch: pytest.MonkeyPatch) -> None:
    posted: list[tuple[str, ...]] = []
    original = types.SimpleNamespace(post_error=lambda *arguments: posted.append(arguments))
    monkeypatch.setattr(stock, "runtime_client", original)
    with scripted() as server:
        installed(server).post_invocation_error("8476", "{}", "fault", "inv-1")
    assert posted == [("8476", "{}", "fault", "inv-1")]
    assert server.requests == []


@pytest.mark.parametrize("thread", [True, False])
def test_something_is_done_before_each_question_in_the_main_thread(thread: bool) -> None:
    done: list[tuple[int, int]] = []
    with scripted(*[event()] * 3) as server:
        client = installed(server, thread=thread)
        assert polling.before_each(lambda: done.append((threading.get_ident(), len(server.requests))))
        for _ in range(3):
            client.wait_next_invocation()
    assert done == [(threading.get_ident(), number) for number in range(3)]


def test_where_the_client_is_the_stock_one_nothing_can_be_done_before(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not polling.before_each(lambda: None)
    monkeypatch.delitem(sys.modules, "ranklet_runtime.wire")
    assert not polling.before_each(lambda: None)
    monkeypatch.delitem(sys.modules, polling.CLIENT)
    assert not polling.before_each(lambda: None)


def test_installing_twice_changes_nothing_more() -> None:
    with scripted(event()) as server:
        client = installed(server)
        ours, executor = stock.runtime_client, client.ThreadPoolExecutor
        assert polling.install({polling.ADDRESS: server.address})
        assert stock.runtime_client is ours
        assert client.ThreadPoolExecutor is executor
        client.ThreadPoolExecutor = ThreadPoolExecutor  # which is what a client does that is made only now
        assert client.ThreadPoolExecutor is executor


def test_a_client_that_is_made_later_asks_through_us_as_well() -> None:
    with scripted(event(b"1")) as server:
        installed(server)
        later = LambdaRuntimeClient(server.address, use_thread_for_polling_next=True)
        assert later.wait_next_invocation().event_body == b"1"


ADDRESS = {polling.ADDRESS: "127.0.0.1:1"}


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {polling.ADDRESS: ""},
        {**ADDRESS, "AWS_LAMBDA_MAX_CONCURRENCY": "8"},
        {**ADDRESS, "AWS_LAMBDA_MAX_CONCURRENCY": ""},
        {**ADDRESS, "RANKLET_RUNTIME_CLIENT": "stock"},
    ],
)
def test_without_an_address_with_several_at_a_time_or_by_the_switch_it_is_left_alone(environ: dict[str, str]) -> None:
    assert not polling.install(environ)
    assert untouched()


def test_a_switch_that_says_something_else_changes_nothing() -> None:
    assert polling.install({**ADDRESS, "RANKLET_RUNTIME_CLIENT": "ours"})


def test_the_client_of_many_requests_at_a_time_keeps_its_executor() -> None:
    assert polling.install(ADDRESS)
    many = LambdaMultiConcurrentRuntimeClient("127.0.0.1:1", use_thread_for_polling_next=True)
    assert many.ThreadPoolExecutor is ThreadPoolExecutor


@pytest.mark.parametrize("absent", ["module", "class", "original", "agent"])
def test_where_a_part_of_the_client_is_absent_it_is_left_alone(absent: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if absent == "module":
        monkeypatch.delitem(sys.modules, polling.CLIENT)
    elif absent == "class":
        monkeypatch.delattr(stock, polling.SINGLE)
    elif absent == "original":
        monkeypatch.setattr(stock, polling.ORIGINAL, None)  # as where the module in C++ could not be imported
    else:
        monkeypatch.delattr(stock, "_user_agent")
    assert not polling.install(ADDRESS)
    assert untouched()


@pytest.mark.parametrize("method", polling.KNOWN)
@pytest.mark.parametrize("other", [None, lambda self: None, print])
def test_a_client_that_looks_different_is_left_alone(
    method: str, other: Callable[..., object] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LambdaRuntimeClient, method, other, raising=True)
    assert not polling.install(ADDRESS)
    assert untouched()


WAITING = textwrap.dedent("""
    import atexit, signal, sys
    from awslambdaric.lambda_runtime_client import LambdaRuntimeClient
    from ranklet_runtime import polling
    client = LambdaRuntimeClient(sys.argv[1], use_thread_for_polling_next=sys.argv[2] == "True")
    assert polling.install({polling.ADDRESS: sys.argv[1]})
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(7))
    signal.signal(signal.SIGALRM, lambda number, frame: print("handled", flush=True))
    atexit.register(print, "ended", flush=True)
    while True:
        print(client.wait_next_invocation().event_body, flush=True)
""")


@pytest.mark.parametrize("thread", [True, False])
def test_signals_are_handled_while_it_waits_and_the_process_can_end(thread: bool) -> None:
    asked, go = threading.Event(), threading.Event()
    waiting: list[Any] = [asked.set, lambda: go.wait(20), event(b"1")]
    with scripted(waiting, [asked.set, lambda: go.wait(20)]) as server:
        command = [sys.executable, "-c", WAITING, server.address, str(thread)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            try:
                assert asked.wait(20)
                for _ in range(3):
                    process.send_signal(signal.SIGALRM)
                    assert process.stdout.readline() == "handled\n"
                asked.clear()
                go.set()
                assert process.stdout.readline() == "b'1'\n"
                go.clear()
                assert asked.wait(20)
                process.send_signal(signal.SIGTERM)
                assert process.stdout.read() == "ended\n"
                assert process.wait(20) == 7
            finally:
                process.kill()
                go.set()


HANDLER = textwrap.dedent("""
    import importlib, sys
    from unittest.mock import MagicMock
    from awslambdaric import lambda_runtime_client
    module, function, name = sys.argv[1:]
    setattr(getattr(importlib.import_module(function), name), "open", MagicMock())
    importlib.import_module(module)
    print(type(lambda_runtime_client.runtime_client).__name__)
""")


@pytest.mark.parametrize(("switch", "client"), [("", "RuntimeApi"), ("stock", "module")])
@pytest.mark.parametrize("package", ["ranklet_runtime", "ranklet_runtime.funnel"])
def test_both_handlers_have_it_installed(package: str, switch: str, client: str, tmp_path: Path) -> None:
    name = "FunnelFunction" if package.endswith("funnel") else "Function"
    done = subprocess.run(
        [sys.executable, "-c", HANDLER, f"{package}.handler", f"{package}.function", name],
        env={**os.environ, **ADDRESS, polling.SWITCH: switch, "LAMBDA_TASK_ROOT": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, f"{client}\n"), done.stderr


@pytest.mark.parametrize("switch", ["", "stock"])
def test_awslambdaric_itself_serves_through_us_unless_told_otherwise(switch: str, tmp_path: Path) -> None:
    bundle = write_bundle(tmp_path / "bundle")
    answered = threading.Event()
    with scripted(event(b'{"Records": []}', *TOLD), [DONE, answered.set], [CLOSE], [CLOSE]) as server:
        environ = {polling.ADDRESS: server.address, polling.SWITCH: switch, "LAMBDA_TASK_ROOT": str(bundle)}
        process = subprocess.Popen(
            [sys.executable, "-m", "awslambdaric", "ranklet_runtime.handler.handler"],
            env={**os.environ, **environ, "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            assert answered.wait(50)
            process.communicate(timeout=30)  # a Runtime API that is gone ends it
            assert process.returncode == 1
        finally:
            process.kill()
            process.communicate(timeout=30)
    (_, asked, _), (_, posted, body), *_ = server.requests
    assert [b"accept:" in head.lower() for head in (asked, posted)] == [switch == "stock"] * 2  # as libcurl says
    assert b"lambda-runtime-invocation-id: inv-1" in posted.lower()
    assert b'"statusCode":400' in body.replace(b" ", b"")
