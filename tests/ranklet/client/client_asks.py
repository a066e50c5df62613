"""Asking by either client, so that what one test says holds for both."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx

from ranklet.client import AsyncClient, Client, Ranked, Retries

Ask = Callable[..., Ranked]
"""`ask(url, options=…, user=…, items=…)`: by one of the clients."""

AT_ONCE = Retries(first=0.0, longest=0.0)


def ask_with_threads(url: str, *, options: dict[str, Any] | None = None, **arguments: Any) -> Ranked:
    # Certificates take a tenth of a second to load, and nothing here has one.
    chosen = {"retries": AT_ONCE, **(options or {})}
    with httpx.Client(verify=False) as http, Client(url, "films", http=http, **chosen) as client:
        return client.rank(**arguments)


def ask_with_tasks(url: str, *, options: dict[str, Any] | None = None, **arguments: Any) -> Ranked:
    async def call() -> Ranked:
        chosen = {"retries": AT_ONCE, **(options or {})}
        async with httpx.AsyncClient(verify=False) as http, AsyncClient(url, "films", http=http, **chosen) as client:
            return await client.rank(**arguments)

    return asyncio.run(call())
