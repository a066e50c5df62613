"""The page on a front whose funnel has stand-ins for its stages: no process, no layer, the real wire."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any

import orjson
from funnel_kit import Clock, Ranker, Retriever, plan, stage

from ranklet.local.function import Invoked
from ranklet.local.gateway import Gateway
from ranklet.local.pages import Page
from ranklet.local.routes import Route
from ranklet_runtime.funnel.function import FunnelFunction
from ranklet_runtime.funnel.opening import Opened
from ranklet_runtime.telemetry import Telemetry

USER = ("age", "gender", "occupation", "history")
STAGES = (
    stage("retrieve", 30, user=USER, context=("timestamp",), deadline_ms=9000),
    stage("rank", 20, user=USER, deadline_ms=9000),
)
GENRES = ("Drama", "War")


def told() -> dict[str, Any]:
    """What the page shows: 40 films, two people."""
    profile = {"age": 24, "gender": "F", "occupation": "student"}
    other = {"age": 49, "gender": "M", "occupation": "writer"}
    return {
        "functions": [{"name": "films", "kind": "funnel", "url": "/films"}],
        "now": 893286638,
        "funnel": {
            "name": "films",
            "url": "/films",
            "description": "Films",
            "inputs": {"user": list(USER), "context": ["timestamp"]},
            "attributes": {"genre": list(GENRES)},
        },
        "items": {
            str(one): {"title": f"Film {one} <b>&", "year": 1950 + one, "genres": [GENRES[one % 2]]}
            for one in range(1, 41)
        },
        "people": [
            {"label": "somebody new", "user": profile, "liked": [], "seen": []},
            {"label": "user 196: writer, 49", "user": other, "liked": [3, 4], "seen": [40, 39, 30]},
        ],
    }


class Front:
    """requests: the bodies that the funnel got, by verb."""

    def __init__(self) -> None:
        clock = Clock()
        self.first = Retriever(clock)
        found = plan(*STAGES, deadline_ms=20_000)
        function = FunnelFunction(found, Opened(self.first, (Ranker(clock),)), Telemetry("films", "2"))
        self.requests: list[tuple[str, Any]] = []

        async def invoke(name: str, event: bytes, trace: str) -> Invoked:
            document = orjson.loads(event)
            self.requests.append((document["rawPath"].rpartition(":")[2], orjson.loads(document["body"])))
            return Invoked(200, orjson.dumps(function(document, None)), "id")

        route = Route("ANY /films/{proxy+}", "films")
        self.gateway = Gateway([route], invoke, page=Page(told()), log=lambda line: None)
        self.url = ""


@contextmanager
def front() -> Iterator[Front]:
    """A front that listens until the block is left."""
    one, loop = Front(), asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever, daemon=True)
    thread.start()
    one.url = asyncio.run_coroutine_threadsafe(one.gateway.start(), loop).result(30)
    try:
        yield one
    finally:
        asyncio.run_coroutine_threadsafe(one.gateway.close(), loop).result(30)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(30)
        loop.close()
