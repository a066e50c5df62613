"""Calls of AWS's own APIs by a function, over one connection that is kept: signed, and nothing more.

The AWS SDK would do it too, for some hundred milliseconds of every cold start.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from types import MappingProxyType

from ranklet_features.stores.aws.connection import Connection, Reply
from ranklet_features.stores.aws.credentials import provider
from ranklet_features.stores.aws.endpoint import endpoint, region
from ranklet_features.stores.aws.sigv4 import Signer

NO_HEADERS: Mapping[str, str] = MappingProxyType({})


class Service:
    """One service of the function's region (`lambda`). Raises StoreUnavailable without a region or credentials."""

    def __init__(self, environ: Mapping[str, str], service: str) -> None:
        where = region(environ)
        self._endpoint = endpoint(environ, where, service)
        self._connection, self._signer = Connection(self._endpoint), Signer(where, service)
        self._credentials = provider(environ)

    def renew(self) -> None:
        """Let go of connection and credentials; the next call makes new ones."""
        self._connection.close()
        self._credentials.renew()

    def call(
        self,
        method: str,
        path: str,
        *,
        query: str = "",
        body: bytes = b"",
        headers: Mapping[str, str] = NO_HEADERS,
        deadline: float,
        patience: float | None = None,
    ) -> Reply:
        """What the service answers, whatever its status. deadline, and patience: on the clock of `time.monotonic()`.

        Raises Broken for a connection that failed, StoreUnavailable where it could not be made in time, and Late where
        no answer has begun at the time of `patience`.
        """
        credentials = self._credentials.current(deadline=deadline)
        headers = {"host": self._endpoint.host_header, "content-length": str(len(body)), **headers}
        signed = self._signer.sign(headers, body, credentials, now=time.time(), method=method, path=path, query=query)
        lines = [f"{name}: {value}" for name, value in signed.items()]
        target = f"{path}?{query}" if query else path
        head = "\r\n".join([f"{method} {target} HTTP/1.1", *lines, "user-agent: ranklet", "\r\n"])
        self._connection.send(head.encode("ascii") + body, deadline=deadline)
        return self._connection.receive(deadline=deadline, patience=patience)

    def close(self) -> None:
        """Give the connection back."""
        self._connection.close()
