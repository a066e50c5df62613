"""A model that adds two numbers, and servers in the place of its endpoint that answer as a test wants."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import orjson

from ranklet.dialects import FORMS
from ranklet.golden import Golden
from ranklet.load.plan import Candidates
from ranklet.load.requests import Asked, Checker, Prepared, prepare
from ranklet.local.http1.message import Request, Response
from ranklet.local.http1.server import Server
from ranklet_features.spec import FeatureSpec, Input
from ranklet_runtime.manifest import Manifest

FORM = FORMS["native-json"]
Answering = Callable[[Request], Awaitable[Response]]


def manifest() -> Manifest:
    """As far as requests and answers ask it."""
    inputs = {"a": Input("user"), "b": Input("item")}
    return Manifest(model="adding", version="1", spec=FeatureSpec(inputs, {}), steps=(), score="score")


def golden_rows(*counts: int) -> list[Asked]:
    """Requests with as many candidates, and their right scores."""
    rows = []
    for number, count in enumerate(counts):
        b = [float(one) / 4 for one in range(count)]
        rows.append(Asked(Golden({"a": float(number)}, {}, {"b": b}, tuple(number + one for one in b)), True))
    return rows


def prepared(*counts: int, candidates: str | None = None) -> list[Prepared]:
    wanted = Candidates.of(candidates) if candidates else Candidates()
    return prepare(golden_rows(*counts), FORM, manifest(), candidates=wanted, base="", seed=0)


def checker() -> Checker:
    return Checker(FORM, manifest(), 1e-6)


def scored(request: Request, *, off: float = 0.0, more: dict[str, Any] | None = None) -> Response:
    """The model's answer."""
    asked = orjson.loads(request.body)
    scores = [asked["user"]["a"] + b + off for b in asked["items"]["b"]]
    return Response(200, (("Content-Type", "application/json"),), orjson.dumps({"scores": scores, **(more or {})}))


async def right(request: Request) -> Response:
    return scored(request)


@contextmanager
def serving(answer: Answering) -> Iterator[str]:
    """An HTTP server in a thread of its own; its URL."""
    loop, server = asyncio.new_event_loop(), Server(answer)
    thread = threading.Thread(target=loop.run_forever, name="load-target")
    thread.start()
    try:
        port = asyncio.run_coroutine_threadsafe(server.start(), loop).result(10)
        yield f"http://127.0.0.1:{port}"
    finally:
        asyncio.run_coroutine_threadsafe(server.close(0.2), loop).result(20)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


@contextmanager
def raw(answers: Sequence[bytes]) -> Iterator[tuple[str, list[int]]]:
    """A server that writes these bytes, one after the other on each connection, and closes it then.

    The list grows by the number of each connection that a request came on.
    """
    loop, seen = asyncio.new_event_loop(), list[int]()
    opened = 0
    tasks: set[Any] = set()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal opened
        opened += 1
        number = opened
        tasks.add(asyncio.current_task())
        try:
            for answer in answers:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
                await reader.readexactly(length)
                seen.append(number)
                writer.write(answer)
                await writer.drain()
        except (EOFError, OSError):
            pass
        finally:
            writer.close()

    async def stop(listener: asyncio.Server) -> None:
        listener.close()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0.05)

    thread = threading.Thread(target=loop.run_forever, name="raw-target")
    thread.start()
    listener = asyncio.run_coroutine_threadsafe(asyncio.start_server(talk, "127.0.0.1", 0), loop).result(10)
    try:
        yield f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}", seen
    finally:
        asyncio.run_coroutine_threadsafe(stop(listener), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
