"""Signed calls to one endpoint over a few kept connections.

Calls of one round are all sent before the first answer is read: DynamoDB works on them at the same time, and no
thread outlives a request. Stores with one endpoint and one identity share a client, hence its connections.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import overload

from ranklet_features.stores.aws.connection import Broken, Connection, Late, Reply, kept
from ranklet_features.stores.aws.credentials import FULL_URI, Provider, provider
from ranklet_features.stores.aws.endpoint import Endpoint, endpoint, region
from ranklet_features.stores.aws.sigv4 import Credentials, Signer
from ranklet_features.stores.dynamodb.hedge import Hedge, race

CONNECTIONS = 8
"""Calls at the same time, at most."""

_SHARED: dict[tuple[str | None, ...], Client] = {}


class Client:
    """Sends JSON bodies to DynamoDB actions and hands back the replies as they are.

    skew: seconds by which AWS's clock is ahead of ours, added to every signature's date.
    """

    def __init__(
        self, endpoint: Endpoint, signer: Signer, credentials: Provider, *, now: Callable[[], float] = time.time
    ) -> None:
        self.skew = 0.0
        self.credentials = credentials
        self._endpoint = endpoint
        self._signer = signer
        self._now = now
        self._connections = [Connection(endpoint)]
        self._users = 0

    @staticmethod
    def shared(environ: Mapping[str, str]) -> Client:
        """The client for an environment's region, endpoint and identity; `close` it as often as it was asked for.

        Raises StoreUnavailable where one of them is missing or malformed.
        """
        name = region(environ)
        address = endpoint(environ, name)
        names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", FULL_URI)
        identity = (name, str(address), *map(environ.get, names))
        client = _SHARED.get(identity)
        if client is None:
            client = _SHARED[identity] = Client(address, Signer(name), provider(environ))
        client._users += 1
        return client

    def exchange(
        self, action: str, bodies: Sequence[bytes], *, deadline: float, hedge: Hedge | None = None
    ) -> list[Reply | Broken]:
        """One reply per body (at most CONNECTIONS of them), or how the exchange failed.

        hedge: what decides whether calls that are slow are sent a second time.
        Raises Broken when there are no credentials in time, StoreUnavailable when they are refused.
        """
        credentials = self.credentials.current(deadline=deadline)
        used = self._take(0, len(bodies))
        requests = [self._request(action, body, credentials) for body in bodies]
        started = time.monotonic()
        for connection, request in zip(used, requests, strict=True):
            connection.send(request, deadline=deadline)
        if hedge is None:
            return [_received(connection, deadline) for connection in used]
        hedge.earn(len(used))
        outcomes = self._hedged(used, requests, deadline, hedge, started)
        if Broken not in map(type, outcomes):
            hedge.observe(time.monotonic() - started)
        return outcomes

    def _hedged(
        self, used: list[Connection], requests: list[bytes], deadline: float, hedge: Hedge, started: float
    ) -> list[Reply | Broken]:
        """Receive; what has not begun to come in the hedge's time is asked for once more and the first answer wins."""
        patience = started + hedge.threshold_s
        outcomes = [_received(connection, deadline, patience) for connection in used]
        if None in outcomes:
            late = [place for place, outcome in enumerate(outcomes) if outcome is None]
            repeated = hedge.repeat(late, deadline - time.monotonic())
            spare = self._take(len(used), len(repeated))
            for place, connection in zip(repeated, spare, strict=True):
                connection.send(requests[place], deadline=deadline)
            runners = {place: [used[place]] for place in late}
            for place, connection in zip(repeated, spare, strict=True):
                runners[place].append(connection)
            for place, (outcome, won) in race(runners, deadline=deadline).items():
                outcomes[place] = outcome
                hedge.counts.hedge_wins += won
        return [outcome for outcome in outcomes if outcome is not None]

    def _take(self, start: int, n: int) -> list[Connection]:
        """Connections `start` to `start + n`, made where there are not so many yet."""
        while len(self._connections) < start + n:
            self._connections.append(Connection(self._endpoint))
        return self._connections[start : start + n]

    def resync(self, server_time: float) -> None:
        """Sign by AWS's clock from now on. server_time: POSIX seconds."""
        self.skew = server_time - self._now()

    def renew(self) -> None:
        """Let go of connections, credentials and what is known of AWS's clock; the next call makes them anew."""
        self.skew = 0.0
        self.credentials.renew()
        for connection in self._connections:
            connection.close()

    def close(self) -> None:
        """Close the connections when the last store that shares them is closed."""
        self._users -= 1
        if self._users > 0:
            return
        for name in [name for name, client in _SHARED.items() if client is self]:
            del _SHARED[name]
        for connection in self._connections:
            connection.close()

    def _request(self, action: str, body: bytes, credentials: Credentials) -> bytes:
        headers = {
            "content-type": "application/x-amz-json-1.0",
            "host": self._endpoint.host_header,
            "x-amz-target": f"DynamoDB_20120810.{action}",
        }
        signed = self._signer.sign(headers, body, credentials, now=self._now() + self.skew)
        lines = [f"{name}: {value}" for name, value in signed.items()]
        head = "\r\n".join(["POST / HTTP/1.1", *lines, "user-agent: ranklet", f"content-length: {len(body)}", "\r\n"])
        return head.encode("ascii") + body


@overload
def _received(connection: Connection, deadline: float) -> Reply | Broken: ...
@overload
def _received(connection: Connection, deadline: float, patience: float) -> Reply | Broken | None: ...
def _received(connection: Connection, deadline: float, patience: float | None = None) -> Reply | Broken | None:
    """The reply, how it failed, or None where it is late."""
    try:
        return connection.receive(deadline=deadline, patience=patience)
    except Broken as failure:
        return kept(failure)
    except Late:
        return None
