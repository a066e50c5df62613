"""A server that is closed at any turn of the event loop after a client connected leaves no socket open."""

from __future__ import annotations

import asyncio
import gc
import socket
from collections.abc import Awaitable, Callable

import pytest

from ranklet.local.dynamodb.faults import Dice, Faults
from ranklet.local.dynamodb.wire import Wire
from ranklet.local.http1.message import Request, Response
from ranklet.local.http1.server import HOST, Server

Closing = Callable[[], Awaitable[None]]


async def _http() -> tuple[int, Closing]:
    async def application(request: Request) -> Response:
        return Response(200, (), request.body)

    server = Server(application)
    return await server.start(), server.close


async def _dynamodb() -> tuple[int, Closing]:
    wire = Wire(lambda head, body: body, lambda: Dice(Faults()), lambda: 0.0)
    listener = await asyncio.start_server(wire.accept, HOST, 0)
    return listener.sockets[0].getsockname()[1], lambda: wire.close(listener)


@pytest.mark.parametrize("start", [_http, _dynamodb])
@pytest.mark.parametrize("turns", range(8))
def test_no_connection_outlives_its_server(start: Callable[[], Awaitable[tuple[int, Closing]]], turns: int) -> None:
    async def life() -> None:
        port, close = await start()
        with socket.create_connection((HOST, port)), socket.create_connection((HOST, port)):
            for _ in range(turns):
                await asyncio.sleep(0)
            await close()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        assert not left

    asyncio.run(life(), debug=False)
    gc.collect()  # an open socket warns when it is collected, and a warning is an error here
