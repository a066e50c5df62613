"""KServe's InferenceRESTClient of the V1 protocol, unmodified: `python tests/oracles.py kserve_client`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from clients_kit import Row
from kserve_kit import bodies, check

pytestmark = pytest.mark.oracle


def run(ask: Callable[[Any], Awaitable[Any]]) -> Any:
    """What a coroutine function gives for a client of V1."""
    from kserve import InferenceRESTClient
    from kserve.inference_client import RESTConfig

    async def asked() -> Any:
        async with InferenceRESTClient(RESTConfig(protocol="v1")) as client:
            return await ask(client)

    return asyncio.run(asked())


def test_it_is_alive_and_the_model_is_ready(served: str) -> None:
    for model in ("films", "shelves"):
        for base in (f"{served}/{model}", f"{served}/{model}/"):
            assert run(lambda client, base=base: client.is_server_live(base))
        for base in (f"{served}/{model}", served):
            assert run(lambda client, base=base, model=model: client.is_model_ready(base, model))


def test_both_forms_give_the_golden_scores(served: str, golden: list[Row]) -> None:
    async def ask(client: Any) -> None:
        for row in golden:
            for base in (f"{served}/{row.model}", served):
                for body in bodies(row).values():
                    check(await client.infer(base, body, model_name=row.model), row)
                    bytes_ = {"content-type": "application/octet-stream"}
                    check(await client.infer(base, body, model_name=row.model, headers=bytes_), row)

    run(ask)


def test_what_else_a_document_says_is_not_minded(served: str, golden: list[Row]) -> None:
    row = golden[0]
    document = {"model_name": "films", "parameters": {}, "instances": row.rows}
    check(run(lambda client: client.infer(f"{served}/films", document, model_name="films")), row)


def test_errors_are_told_with_their_place(served: str, golden: list[Row]) -> None:
    import httpx

    body = {"instances": [{**golden[0].rows[0], "price": "x"}]}
    with pytest.raises(httpx.HTTPStatusError, match=r"\$\.instances\[0\]\.price: a number is expected.*400"):
        run(lambda client: client.infer(f"{served}/films", body, model_name="films"))
    with pytest.raises(httpx.HTTPStatusError, match=r"404"):
        run(lambda client: client.is_model_ready(f"{served}/films", "films/versions/9"))
