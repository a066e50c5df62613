"""Lambda's Invoke: by a function's name, with its limits and invocation types, over the pools.

https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html. An `Event` is accepted at once and run once in the
background; Lambda's two retries and its dead-letter queues are not played.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping
from typing import Literal

import orjson

from ranklet.errors import LocalError
from ranklet.local import verdicts
from ranklet.local.call import new_trace_id
from ranklet.local.function import REQUEST_LIMIT, Invoked
from ranklet.local.pool import Pool
from ranklet.local.runtime_api import Invocation
from ranklet.local.stats import Stats
from ranklet.local.versions import Versions

InvocationType = Literal["RequestResponse", "Event", "DryRun"]


class Lambdas:
    """All functions of the cloud. pools: by function name."""

    def __init__(self, pools: Mapping[str, Pool]) -> None:
        self._functions = {name: Versions(pool) for name, pool in pools.items()}
        self._events: set[asyncio.Task[Invoked]] = set()

    @property
    def names(self) -> tuple[str, ...]:
        """The functions, in template order."""
        return tuple(self._functions)

    async def start(self) -> None:
        """Start every provisioned environment. Raises LocalError when one cannot be initialised."""
        await asyncio.gather(*(pool.start() for pool in self._every))

    def versions(self, name: str) -> Versions:
        """The versions of a function. Raises LocalError for a name that is no function."""
        if name not in self._functions:
            raise LocalError(f"no function {name!r} runs here; there are {', '.join(self._functions) or 'none'}")
        return self._functions[name]

    async def close(self) -> None:
        """Drop events that wait, end every environment. Raises LocalError when a child could not be ended."""
        for event in self._events:
            event.cancel()
        await asyncio.gather(*self._events, return_exceptions=True)
        results = await asyncio.gather(*(pool.close() for pool in self._every), return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result

    async def invoke(
        self,
        name: str,
        payload: bytes,
        *,
        kind: InvocationType = "RequestResponse",
        qualifier: str | None = None,
        trace_id: str | None = None,
        client_context: str | None = None,
    ) -> Invoked:
        """Run one event that may come from anywhere. qualifier: an alias or a version, None for what is live.

        Status 200 with the function's answer (`error` is set when it failed), 202 for an `Event`, 204 for a `DryRun`,
        400 when the payload is not JSON, 413 when it is above 6 MB, 429 above the cap. Raises LocalError for a name
        that is no function, and for a qualifier that is none of its versions.
        """
        request_id = str(uuid.uuid4())
        pool = self.versions(name).at(qualifier)
        if len(payload) > REQUEST_LIMIT:
            return Invoked(413, verdicts.request_too_large(len(payload)), request_id)
        try:
            orjson.loads(payload)
        except orjson.JSONDecodeError as error:
            return Invoked(400, verdicts.invalid_json(str(error)), request_id)
        if kind == "DryRun":
            return Invoked(204, b"", request_id)
        invocation = self._invocation(pool, payload, request_id, trace_id, client_context)
        if kind == "RequestResponse":
            return await pool.invoke(invocation)
        event = asyncio.ensure_future(pool.invoke(invocation))
        self._events.add(event)
        event.add_done_callback(self._events.discard)
        return Invoked(202, b"", request_id)

    async def deliver(self, name: str, payload: bytes, trace_id: str) -> Invoked:
        """Run one event that the front has made: JSON and within the limits for sure."""
        pool = self.versions(name).live
        return await pool.invoke(self._invocation(pool, payload, str(uuid.uuid4()), trace_id, None))

    def stats(self) -> dict[str, Stats]:
        """Function name → its figures so far."""
        return {name: versions.stats() for name, versions in self._functions.items()}

    @property
    def pids(self) -> tuple[int, ...]:
        """The process ids of all children."""
        return tuple(pid for pool in self._every for pid in pool.pids)

    @property
    def _every(self) -> list[Pool]:
        return [pool for versions in self._functions.values() for pool in versions]

    def _invocation(
        self, pool: Pool, payload: bytes, request_id: str, trace_id: str | None, client_context: str | None
    ) -> Invocation:
        return Invocation(
            request_id=request_id,
            payload=payload,
            arn=pool.arn,
            trace_id=trace_id or new_trace_id(),
            client_context=client_context,
        )
