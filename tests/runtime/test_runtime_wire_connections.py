"""The Runtime API's connection: kept, replaced, broken off by signals, and to any kind of address."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time

import pytest
from scripted_kit import CLOSE, DONE, RESET, event, scripted
from wire_kit import BIG, WHOLE, Opened, clients, never_hangs  # noqa: F401  fixtures

from ranklet_runtime.wire import Broken


def test_bytes_after_the_answer_drop_the_connection(opened: Opened) -> None:
    with scripted(event(b"1") + b"HTTP/1.1 500 ", event(b"2")) as server:
        api = opened(server)
        assert [api.next()[0], api.next()[0]] == [b"1", b"2"]
    assert server.connections == [0, 1]


@pytest.mark.parametrize("end", [CLOSE, RESET])
def test_a_connection_that_died_idle_is_replaced_and_the_request_sent_again(end: str, opened: Opened) -> None:
    with scripted([event(b"1"), lambda: time.sleep(0.05), end], [DONE, end], event(b"2")) as server:
        api = opened(server)
        assert api.next()[0] == b"1"
        time.sleep(0.1)
        api.post_invocation_result("8476", b"body", "application/json")
        assert api.next()[0] == b"2"
    assert server.connections == [0, 1, 2]
    assert server.requests[1][2] == b"body"


@pytest.mark.parametrize("end", [CLOSE, RESET])
def test_a_connection_that_dies_of_a_request_is_replaced_once(end: str, opened: Opened) -> None:
    with scripted(event(b"1"), [end], DONE, [end], [end], event(b"2")) as server:
        api = opened(server)
        assert api.next()[0] == b"1"
        api.post_invocation_result("8476", BIG, "application/json")
        with pytest.raises(Broken, match="the Runtime API: "):
            api.next()
        assert api.next()[0] == b"2"
    assert server.connections == [0, 0, 1, 1, 2, 3]
    assert [body for _, head, body in server.requests if head.startswith(b"POST")] == [BIG, BIG]


@pytest.mark.parametrize("end", [CLOSE, RESET])
def test_a_new_connection_that_ends_without_an_answer_is_a_failure(end: str, opened: Opened) -> None:
    with scripted([end]) as server, pytest.raises(RuntimeError, match="the Runtime API: "):
        opened(server).next()
    assert server.connections == [0]


def test_an_answer_that_breaks_off_is_not_asked_for_again(opened: Opened) -> None:
    with scripted(event(b"1"), [event(b"{}")[:30], RESET], event(b"2")) as server:
        api = opened(server)
        api.next()
        with pytest.raises(Broken):
            api.next()
        assert api.next()[0] == b"2"
    assert server.connections == [0, 0, 1]


@pytest.mark.parametrize("name", [name for name in WHOLE if name != "no content"])
def test_an_answer_cut_short_at_any_byte_is_a_failure(name: str, opened: Opened) -> None:
    answer = WHOLE[name]
    with scripted(*([answer[:at], CLOSE] for at in range(1, len(answer)))) as server:
        for _ in range(1, len(answer)):
            api = opened(server)
            with pytest.raises(Broken, match="the Runtime API: "):
                api.next()
            assert api._socket is None


def test_the_default_timeout_of_sockets_does_not_end_the_wait(opened: Opened) -> None:
    socket.setdefaulttimeout(0.02)
    try:
        with scripted([lambda: time.sleep(0.2), event(b"1")]) as server:
            server._listener.settimeout(None)
            assert opened(server).next()[0] == b"1"
    finally:
        socket.setdefaulttimeout(None)


def test_a_signal_is_handled_while_the_question_waits(opened: Opened) -> None:
    handled = threading.Event()
    before = signal.signal(signal.SIGUSR1, lambda *_: handled.set())
    try:
        with scripted([event(b"1")[:9], _kill, handled.wait, event(b"1")[9:]]) as server:
            assert opened(server).next()[0] == b"1"
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert handled.is_set()


@pytest.mark.parametrize("kind", [ValueError, TimeoutError, KeyboardInterrupt])
def test_the_answer_to_a_question_that_a_signal_broke_off_is_not_taken_for_the_next_ones(
    kind: type[BaseException], opened: Opened
) -> None:
    def handler(*_: object) -> None:
        raise kind("of a handler")

    before = signal.signal(signal.SIGUSR1, handler)
    try:
        with scripted(event(b"1"), [_kill, lambda: time.sleep(0.1), event(b"2")], event(b"3")) as server:
            api = opened(server)
            assert api.next()[0] == b"1"
            with pytest.raises(Broken if kind is TimeoutError else kind, match="of a handler"):
                api.next()
            assert api.next()[0] == b"3"
    finally:
        signal.signal(signal.SIGUSR1, before)


def _kill() -> None:
    time.sleep(0.03)
    os.kill(os.getpid(), signal.SIGUSR1)


def test_the_host_may_be_a_name(opened: Opened) -> None:
    with scripted(event(b"1")) as server:
        assert opened(f"localhost:{server.port}").next()[0] == b"1"


def test_the_host_may_be_of_ipv6(opened: Opened) -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("no IPv6 here")
    with scripted(event(b"1"), host="::1") as server:
        assert opened(f"[::1]:{server.port}").next()[0] == b"1"
    assert f"Host: [::1]:{server.port}".encode() in server.requests[0][1]


@pytest.mark.parametrize(
    "address",
    [
        "no-such-host.invalid:80",
        "a" * 70 + ":80",
        "127.0.0.1",
        "",
        ":",
        "127.0.0.1:",
        "127.0.0.1:x",
        f"127.0.0.1:{1 << 70}",
    ],
)
def test_an_address_that_is_none_is_a_failure(address: str, opened: Opened) -> None:
    with pytest.raises(Broken, match=f"the Runtime API at {address}: "):
        opened(address).next()


def test_where_nobody_listens_is_a_failure(opened: Opened) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"127.0.0.1:{listener.getsockname()[1]}"
    with pytest.raises(Broken, match=f"the Runtime API at {address}: .*refused"):
        opened(address).next()
