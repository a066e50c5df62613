"""The client for asyncio; parts of a call that is split are tasks side by side."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from copy import copy
from types import TracebackType
from typing import Any, Self, TypeVar, Unpack

import httpx

from ranklet.client import calls, finding, funnels, preparing
from ranklet.client.calls import Asked, Call
from ranklet.client.finding import Wanted
from ranklet.client.messages import Failed, Prepared, Ranked, Recommended, Reply, Retrieved, Send, Sleep, Steps
from ranklet.client.setup import ANSWER_BYTES, Options, Setup, failed, timeouts

T = TypeVar("T")


class AsyncClient:
    """Calls one model, as `Client` does, within one event loop. Close it, or use it with `async with`.

    url: of the API, its stage included. model: its name. options: see `Options`. http: a client of your own, for
    proxies and certificates; it stays open.
    """

    def __init__(
        self, url: str, model: str, *, http: httpx.AsyncClient | None = None, **options: Unpack[Options]
    ) -> None:
        self._setup, self._owned = Setup.of(url, model, options), AsyncExitStack()
        self._http = httpx.AsyncClient() if http is None else http
        if http is None:
            self._owned.push_async_callback(self._http.aclose)
        self._slots = asyncio.Semaphore(self._setup.parallel)

    async def rank(
        self,
        *,
        user: Mapping[str, Any] | None = None,
        context: Mapping[str, Any] | None = None,
        items: Mapping[str, Any],
        top_k: int | None = None,
        token: str | Prepared | None = None,
        explore: bool | None = None,
        seed: int | None = None,
        deadline: float | None = None,
    ) -> Ranked:
        """Score N candidates for one user; arguments, answer and errors as `Client.rank`."""
        asked = Asked.of(user, context, items, top_k=top_k, token=token, explore=explore, seed=seed)
        return await self._run(calls.rank(Call.begin(self._setup, deadline), asked))

    async def prepare(
        self,
        *,
        user: Mapping[str, Any] | None = None,
        context: Mapping[str, Any] | None = None,
        deadline: float | None = None,
    ) -> Prepared:
        """As `Client.prepare`."""
        return await self._run(preparing.prepare(Call.begin(self._setup, deadline), user, context))

    async def retrieve(
        self,
        *,
        user: Mapping[str, Any] | None = None,
        context: Mapping[str, Any] | None = None,
        k: int | None = None,
        filter: Mapping[str, Any] | None = None,
        seen: Any = None,
        deadline: float | None = None,
    ) -> Retrieved:
        """As `Client.retrieve`."""
        wanted = Wanted.users(user, context, k=k, filter=filter, seen=seen)
        return await self._run(finding.find(Call.begin(self._setup, deadline), wanted))

    async def similar(
        self,
        *,
        item: Any = None,
        items: Any = None,
        k: int | None = None,
        filter: Mapping[str, Any] | None = None,
        seen: Any = None,
        deadline: float | None = None,
    ) -> Retrieved:
        """As `Client.similar`."""
        wanted = Wanted.like(item, items, k=k, filter=filter, seen=seen)
        return await self._run(finding.find(Call.begin(self._setup, deadline), wanted))

    async def recommend(
        self,
        *,
        user: Mapping[str, Any] | None = None,
        context: Mapping[str, Any] | None = None,
        k: int | None = None,
        filter: Mapping[str, Any] | None = None,
        seen: Any = None,
        deadline: float | None = None,
    ) -> Recommended:
        """As `Client.recommend`."""
        wanted = Wanted.users(user, context, k=k, filter=filter, seen=seen)
        return await self._run(funnels.recommend(Call.begin(self._setup, deadline), wanted))

    async def health(self, *, deadline: float | None = None) -> dict[str, Any]:
        """As `Client.health`."""
        return await self._run(calls.fetch(Call.begin(self._setup, deadline), self._setup.health_url))

    async def metadata(self, *, deadline: float | None = None) -> dict[str, Any]:
        """As `Client.metadata`."""
        return await self._run(calls.fetch(Call.begin(self._setup, deadline), self._setup.document_url))

    def at(self, version: str | int) -> Self:
        """As `Client.at`."""
        return self._selecting("versions", str(version))

    def labelled(self, label: str) -> Self:
        """As `Client.labelled`."""
        return self._selecting("labels", label)

    async def close(self) -> None:
        """Give back the connections. What `at` and `labelled` gave is closed by this one alone."""
        await self._owned.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def _selecting(self, kind: str, name: str) -> Self:
        other = copy(self)
        other._setup, other._owned = self._setup.selecting(kind, name), AsyncExitStack()
        return other

    async def _run(self, steps: Steps[T]) -> T:
        outcome: Any = None
        try:
            while True:
                wish = steps.send(outcome)
                if isinstance(wish, Send):
                    outcome = await self._send(wish)
                elif isinstance(wish, Sleep):
                    await asyncio.sleep(wish.seconds)
                else:
                    outcome = await self._together(wish.steps)
        except StopIteration as end:
            result: T = end.value
            return result
        finally:
            steps.close()

    async def _together(self, steps: Sequence[Steps[Any]]) -> list[Any]:
        tasks = [asyncio.create_task(self._run(one)) for one in steps]
        try:
            return await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _send(self, wish: Send) -> Reply | Failed:
        try:
            async with asyncio.timeout(wish.timeout), self._slots:
                return await self._exchange(wish)
        except TimeoutError:
            return Failed("no answer in time", "late")
        except httpx.HTTPError as error:
            return failed(error, wish.timeout)

    async def _exchange(self, wish: Send) -> Reply | Failed:
        request, setup = wish.request, self._setup
        async with self._http.stream(
            request.method,
            request.url,
            headers={**setup.headers, **request.headers},
            content=request.body or None,
            auth=setup.auth or httpx.USE_CLIENT_DEFAULT,
            timeout=timeouts(wish.timeout),
            follow_redirects=False,
        ) as response:
            body = bytearray()
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > ANSWER_BYTES:
                    return Failed(f"more than {ANSWER_BYTES} bytes", "answer")
            return Reply(response.status_code, response.headers, bytes(body))
