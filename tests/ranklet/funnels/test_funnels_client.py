"""A funnel asked by both clients: what arrives, and what they make of the answer."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import httpx
import numpy as np
import pytest
from funnel_kit import Clock, Ranker, Retriever, plan, stage

from ranklet.client import AsyncClient, BadAnswer, BadCall, Client, Recommended, Refused, Retries
from ranklet.local.event_v2 import event_v2
from ranklet_runtime.funnel.function import FunnelFunction
from ranklet_runtime.funnel.opening import Opened
from ranklet_runtime.telemetry import Telemetry

STAGES = (
    stage("retrieve", 10, user=("age", "history"), deadline_ms=10_000),
    stage("rank", 4, context=("hour",), deadline_ms=10_000),
)


class Served:
    """A funnel with stand-ins for its stages, behind httpx. answer: given instead of the funnel's own."""

    def __init__(self) -> None:
        self.first = Retriever(Clock())
        opened = Opened(self.first, (Ranker(Clock()),))
        self.function = FunnelFunction(plan(*STAGES, deadline_ms=20_000), opened, Telemetry("films", "2"))
        self.answer: httpx.Response | None = None

    def handle(self, request: httpx.Request) -> httpx.Response:
        if self.answer is not None:
            return self.answer
        event = event_v2("POST", request.url.path, headers=dict(request.headers), body=request.content)
        told = self.function(event, None)
        body = base64.b64decode(told["body"]) if told["isBase64Encoded"] else told["body"].encode()
        return httpx.Response(told["statusCode"], headers=told["headers"], content=body)


def ask(served: Served, how: str, form: str, **arguments: Any) -> Recommended:
    transport = httpx.MockTransport(served.handle)
    options: Any = {"format": form, "retries": Retries(first=0.0, longest=0.0)}
    if how == "threads":
        with httpx.Client(transport=transport) as http, Client("http://x", "films", http=http, **options) as client:
            return client.recommend(**arguments)

    async def call() -> Recommended:
        http = httpx.AsyncClient(transport=transport)
        async with http, AsyncClient("http://x", "films", http=http, **options) as client:
            return await client.recommend(**arguments)

    return asyncio.run(call())


@pytest.mark.parametrize("how", ["threads", "tasks"])
@pytest.mark.parametrize("form", ["json", "msgpack"])
def test_items_come_best_first_with_what_each_stage_did(how: str, form: str) -> None:
    served = Served()
    found = ask(
        served,
        how,
        form,
        user={"age": 3, "history": np.array([4, 5])},
        context={"hour": 2},
        k=2,
        filter={"deny": [10]},
        seen={9},
    )
    assert [one.id for one in found.items] == [12, 11]
    assert found.items[0].score == found.items[0].scores["rank"] == 12.0
    assert [(one.name, one.model, one.version, one.count_in, one.count_out, one.late) for one in found.stages] == [
        ("retrieve", "m-retrieve", "3", None, 10, False),
        ("rank", "m-rank", "3", 10, 4, False),
    ]
    assert found.degraded == {}
    asked = served.first.asked[0][0]
    assert (asked.user, asked.seen, asked.filter) == ({"age": 3, "history": [4, 5]}, [9], {"deny": [10]})


def test_a_refusal_has_its_place_and_a_wrong_call_is_not_sent() -> None:
    served = Served()
    with pytest.raises(Refused, match="no such field") as refused:
        ask(served, "threads", "json", user={"name": 3})
    assert (refused.value.status, refused.value.path) == (400, "$.user.name")
    with pytest.raises(BadCall, match="whole number"):
        ask(served, "threads", "json", k=0)


@pytest.mark.parametrize(
    "body", ['{"items": [{"id": 1}], "stages": []}', '{"scores": []}', '{"items": 3, "stages": []}']
)
def test_another_answer_is_none(body: str) -> None:
    served = Served()
    served.answer = httpx.Response(200, headers={"content-type": "application/json"}, content=body)
    with pytest.raises(BadAnswer, match="no funnel's"):
        ask(served, "threads", "json")
