"""KServe's InferenceRESTClient of V2, unmodified, asks the local cloud: `python tests/oracles.py kserve_v2_client`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from clients_kit import Row
from kserve_v2_kit import check, request

pytestmark = pytest.mark.oracle


def run(ask: Callable[[Any], Awaitable[Any]]) -> Any:
    """What a coroutine function gives for a client of V2."""
    from kserve import InferenceRESTClient
    from kserve.inference_client import RESTConfig

    async def asked() -> Any:
        async with InferenceRESTClient(RESTConfig(protocol="v2")) as client:
            return await ask(client)

    return asyncio.run(asked())


def test_server_and_model_are_ready(served: str) -> None:
    for model in ("films", "shelves"):
        base = f"{served}/{model}"
        assert run(lambda client, base=base: client.is_server_live(base))
        assert run(lambda client, base=base: client.is_server_ready(base))
        for at in (base, served):
            assert run(lambda client, at=at, model=model: client.is_model_ready(at, model))
        assert not run(lambda client, base=base: client.is_model_ready(base, "other"))


@pytest.mark.parametrize("binary", [False, True])
def test_json_and_bytes_give_the_golden_scores(served: str, golden: list[Row], binary: bool) -> None:
    async def ask(client: Any) -> None:
        for row in golden:
            for base in (f"{served}/{row.model}", served):
                check(await client.infer(base, request(row, binary=binary), model_name=row.model), row)

    run(ask)


def test_refusals_are_told_with_their_place(served: str, golden: list[Row]) -> None:
    import httpx

    asked = request(golden[0], binary=False)
    asked.inputs = [one for one in asked.inputs if one.name != "price"]
    with pytest.raises(httpx.HTTPStatusError, match=r"\$\.inputs\.price: missing.*400"):
        run(lambda client: client.infer(f"{served}/films", asked, model_name="films"))
