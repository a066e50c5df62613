"""Connections: kept, replaced when the server closed them, read by length, chunks or their end, and never hung."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from load_kit import raw, scored, serving

from ranklet.errors import LoadError
from ranklet.load.wire import Answer, Garbled, Target, Wire, written
from ranklet.local.http1.message import Request, Response

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Some:  thing \r\n\r\nok"


def asking(url: str, work: Callable[[Wire, bytes], Coroutine[Any, Any, Any]], *, most: int = 4) -> Any:
    async def main() -> Any:
        target = Target(url)
        wire = Wire(target, most=most)
        try:
            return await work(wire, written(target, "/x", {"content-type": "text/plain"}, b"body"))
        finally:
            wire.close()
            await asyncio.sleep(0.01)

    return asyncio.run(main())


async def once(wire: Wire, request: bytes) -> Answer:
    return await wire.exchange(request)


async def four_in_turn(wire: Wire, request: bytes) -> list[Answer]:
    return [await wire.exchange(request) for _ in range(4)]


def test_a_request_is_what_the_server_expects() -> None:
    seen: list[Request] = []

    async def answer(request: Request) -> Response:
        seen.append(request)
        return Response(200, (), b"fine")

    with serving(answer) as url:
        assert asking(f"{url}/stage", once).body == b"fine"
    (request,) = seen
    assert (request.method, request.target, request.body) == ("POST", "/x", b"body")
    assert request.header("content-type") == "text/plain"
    assert request.header("host") == url.removeprefix("http://")


def test_one_connection_serves_one_request_after_the_other() -> None:
    with raw([OK] * 4) as (url, seen):
        answers = asking(url, four_in_turn)
    assert seen == [1, 1, 1, 1]
    assert {answer.headers["x-some"] for answer in answers} == {"thing"}


def test_requests_at_the_same_time_have_a_connection_each_up_to_the_most() -> None:
    busy = most = 0

    async def answer(request: Request) -> Response:
        nonlocal busy, most
        busy += 1
        most = max(most, busy)
        await asyncio.sleep(0.02)
        busy -= 1
        return Response(200)

    async def nine(wire: Wire, request: bytes) -> tuple[int, int]:
        await asyncio.gather(*(wire.exchange(request) for _ in range(9)))
        return wire.opened, wire.waited

    with serving(answer) as url:
        assert asking(url, nine, most=3) == (3, 6)
    assert most == 3


def test_what_was_closed_while_idle_is_opened_anew_and_no_request_is_lost() -> None:
    async def slowly(wire: Wire, request: bytes) -> int:
        for _ in range(4):
            assert (await wire.exchange(request)).status == 200
            await asyncio.sleep(0.02)
        return wire.opened

    with raw([OK, OK]) as (url, seen):
        assert asking(url, slowly) == 2
    assert seen == [1, 1, 2, 2]


def test_connection_close_is_heeded() -> None:
    with raw([OK.replace(b"X-Some:  thing ", b"Connection: close")] * 4) as (url, seen):
        asking(url, four_in_turn)
    assert seen == [1, 2, 3, 4]


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n3;x=y\r\ncde\r\n0\r\nT: t\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nabcde",
        b"HTTP/1.1 200\r\ncontent-length: 5\r\n\r\nabcde",
    ],
)
def test_bodies_end_where_they_say(answer: bytes) -> None:
    with raw([answer, OK]) as (url, seen):

        async def two(wire: Wire, request: bytes) -> list[Answer]:
            return [await wire.exchange(request) for _ in range(2)]

        first, second = asking(url, two)
    assert (first.status, first.body, second.body) == (200, b"abcde", b"ok")
    assert seen == [1, 1]


def test_a_body_without_a_length_ends_with_the_connection() -> None:
    with raw([b"HTTP/1.1 200 OK\r\n\r\nto the end"]) as (url, _):
        assert asking(url, once).body == b"to the end"


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000,
    ],
)
def test_what_is_no_answer_is_said_to_be_none(answer: bytes) -> None:
    with raw([answer]) as (url, _), pytest.raises(Garbled):
        asking(url, once)


def test_an_answer_that_breaks_off_is_none() -> None:
    with raw([b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"]) as (url, seen), pytest.raises(EOFError):
        asking(url, once)
    assert seen == [1]


def test_nobody_who_listens_is_an_error_of_the_system() -> None:
    with raw([]) as (url, _):
        pass
    with pytest.raises(OSError, match=r"."):
        asking(url, once)


@pytest.mark.parametrize(
    "url", ["ftp://host", "host:80", "http://", "http://host:port", "http://host/?a=b", "http://h/#x"]
)
def test_a_url_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(LoadError):
        Target(url)


def test_the_path_of_a_stage_stays_and_a_port_is_that_of_the_scheme() -> None:
    plain, tls = Target("http://host/stage/"), Target("https://host")
    assert (plain.path, plain.port, plain.tls) == ("/stage", 80, None)
    assert (tls.path, tls.port) == ("", 443)
    assert tls.tls is not None and tls.tls.check_hostname


def test_the_kit_answers_what_the_model_would() -> None:
    body = b'{"user": {"a": 1.0}, "items": {"b": [0.5]}}'
    assert scored(Request("POST", "/", "HTTP/1.1", (), body)).body == b'{"scores":[1.5]}'
