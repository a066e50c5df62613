"""`ranklet.client` against the real handler of a model that finds items."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from typing import Any

import httpx
import numpy as np
import pytest
from retrieving_kit import Catalogue, golden_row, toml, user_vector

from ranklet import pipeline
from ranklet.client import AsyncClient, BadCall, Client, Refused
from ranklet.local.event_v2 import event_v2
from ranklet_runtime.function import Function

URL = "https://api.example.com"


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return Catalogue(50)


@pytest.fixture(scope="module")
def answering(
    tmp_path_factory: pytest.TempPathFactory, catalogue: Catalogue
) -> Callable[[httpx.Request], httpx.Response]:
    """The model's function behind HTTP."""
    folder = tmp_path_factory.mktemp("client")
    place = catalogue.write(folder / "films", model=toml("films"))
    (place / "golden.jsonl").write_text(golden_row({"user": {"age": 1.0}, "k": 5}, catalogue.best(user_vector(1.0), 5)))
    function = Function.open(pipeline.build(place, out=folder / "out").folder, {})

    def answer(request: httpx.Request) -> httpx.Response:
        event = event_v2(request.method, request.url.path, headers=dict(request.headers), body=request.content)
        found = function(event, None)
        body = base64.b64decode(found["body"]) if found["isBase64Encoded"] else found["body"].encode()
        return httpx.Response(found["statusCode"], headers=found["headers"], content=body)

    return answer


@pytest.mark.parametrize("form", ["msgpack", "json"])
def test_client_retrieves_and_finds_similar(
    answering: Callable[[httpx.Request], httpx.Response], catalogue: Catalogue, form: Any
) -> None:
    seen, allow = set(catalogue.ids[:9]), np.array(catalogue.ids[:30])
    kept = {"allow": allow, "where": {"available": [True]}}
    with (
        httpx.Client(transport=httpx.MockTransport(answering)) as http,
        Client(URL, "films", http=http, format=form) as client,
    ):
        found = client.retrieve(user={"age": 2.0}, k=6, filter=kept, seen=seen)
        items, scores = catalogue.best(
            user_vector(2.0), 6, allow=catalogue.ids[:30], deny=[*seen], where={"available": [True]}
        )
        assert list(found.items) == items and len(found) == len(items)
        assert found.scores.tolist() == pytest.approx(scores, rel=1e-6)
        one = catalogue.ids[4]
        like = catalogue.best(catalogue.vectors[4], 3, deny=[one])[0]
        assert list(client.similar(item=one, k=3).items) == like
        assert list(client.at(1).similar(items=[one], k=3).items) == like
        with pytest.raises(Refused, match="catalogue") as refused:
            client.similar(item=-1)
        assert (refused.value.status, refused.value.path) == (404, "$.item")


def test_client_refuses_what_cannot_be_asked(answering: Callable[[httpx.Request], httpx.Response]) -> None:
    with Client(URL, "films", http=httpx.Client(transport=httpx.MockTransport(answering))) as client:
        for asked in ({"k": 0}, {"k": True}, {"seen": "abc"}, {"filter": [1]}, {"user": [1]}):
            with pytest.raises(BadCall):
                client.retrieve(**asked)
        for asked in ({}, {"item": 1, "items": [1]}, {"items": 5}):
            with pytest.raises(BadCall):
                client.similar(**asked)


def test_async_client_does_the_same(answering: Callable[[httpx.Request], httpx.Response], catalogue: Catalogue) -> None:
    async def ask() -> list[Any]:
        async with (
            httpx.AsyncClient(transport=httpx.MockTransport(answering)) as http,
            AsyncClient(URL, "films", http=http) as client,
        ):
            found = await client.retrieve(user={"age": 1.0}, k=4)
            like = await client.similar(item=catalogue.ids[0], k=2)
            return [list(found.items), list(like.items)]

    first, second = asyncio.run(ask())
    assert first == catalogue.best(user_vector(1.0), 4)[0]
    assert second == catalogue.best(catalogue.vectors[0], 2, deny=[catalogue.ids[0]])[0]
