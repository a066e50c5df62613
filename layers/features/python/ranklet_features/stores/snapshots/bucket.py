"""Signed GETs of ranges of objects, some of them on their way at the same time.

Addresses: https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html. AWS wants the bucket in the host
name; a bucket whose name has dots would not match the certificate's wildcard there, and local servers know no such
hosts: for those it is the path's first part.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple
from urllib.parse import quote

from ranklet_features.errors import StoreUnavailable
from ranklet_features.stores.aws.connection import Broken, Connection, Reply, kept
from ranklet_features.stores.aws.credentials import Provider, provider
from ranklet_features.stores.aws.endpoint import Endpoint, custom, domain, parse, region
from ranklet_features.stores.aws.sigv4 import Signer

BUCKET_VARIABLE = "RANKLET_SNAPSHOTS"
"""The environment variable that names the bucket."""

NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
NO_BODY = hashlib.sha256(b"").hexdigest()

IN_FLIGHT = 4
"""Ranges that are asked for before the first of them has come: S3 begins to answer after some 30 ms, in which a single
connection would carry nothing."""


class Address(NamedTuple):
    """prefix: what stands before a key in the path of a request."""

    endpoint: Endpoint
    prefix: str


class Span(NamedTuple):
    """Bytes [start, stop) of an object."""

    start: int
    stop: int


def address(bucket: str, environ: Mapping[str, str]) -> Address:
    """Where a bucket is. Raises StoreUnavailable for what is no bucket's name, no region, or no endpoint."""
    if not NAME.fullmatch(bucket):
        raise StoreUnavailable(f"{BUCKET_VARIABLE} is {bucket!r}, which is no bucket's name; the stack sets it")
    if (endpoint := custom(environ, "s3")) is not None:
        return Address(endpoint, f"/{bucket}/")
    public = f"s3.{domain(region(environ))}"
    if "." in bucket:
        return Address(parse(f"https://{public}", "AWS_REGION"), f"/{bucket}/")
    return Address(parse(f"https://{bucket}.{public}", "AWS_REGION"), "/")


class Bucket:
    """Reads objects of one bucket.

    skew: seconds by which AWS's clock is ahead of ours, added to every signature's date.
    """

    def __init__(
        self,
        name: str,
        address: Address,
        signer: Signer,
        credentials: Provider,
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.name, self.credentials = name, credentials
        self.skew = 0.0
        self._address, self._signer, self._now = address, signer, now
        self._connections = [Connection(address.endpoint) for _ in range(IN_FLIGHT)]

    @staticmethod
    def open(environ: Mapping[str, str]) -> Bucket:
        """The bucket that the environment names. Raises StoreUnavailable where something of it is missing."""
        name = environ.get(BUCKET_VARIABLE, "")
        return Bucket(name, address(name, environ), Signer(region(environ), "s3"), provider(environ))

    def get(self, key: str, spans: Iterable[Span], *, deadline: Callable[[], float]) -> Iterator[Reply | Broken]:
        """A reply for each span, in their order, or how the exchange failed.

        deadline: of each span, asked when its turn comes. Raises Broken when there are no credentials in time,
        StoreUnavailable when they are refused. What is on its way when the caller stops is dropped.
        """
        idle, awaited = deque(self._connections), deque[Connection]()
        left = iter(spans)
        while True:
            while idle and (span := next(left, None)) is not None:
                idle[0].send(self._request(key, span, deadline()), deadline=deadline())
                awaited.append(idle.popleft())
            if not awaited:
                return
            connection = awaited.popleft()
            try:
                yield connection.receive(deadline=deadline())
            except Broken as failure:
                yield kept(failure)
            idle.append(connection)

    def resync(self, server_time: float) -> None:
        """Sign by AWS's clock from now on. server_time: POSIX seconds."""
        self.skew = server_time - self._now()

    def close(self) -> None:
        """Close the connections."""
        for connection in self._connections:
            connection.close()

    def _request(self, key: str, span: Span, deadline: float) -> bytes:
        path = self._address.prefix + quote(key, safe="/-_.~")
        headers = {
            "host": self._address.endpoint.host_header,
            "range": f"bytes={span.start}-{span.stop - 1}",
            "x-amz-content-sha256": NO_BODY,
        }
        credentials = self.credentials.current(deadline=deadline)
        signed = self._signer.sign(headers, b"", credentials, now=self._now() + self.skew, method="GET", path=path)
        lines = [f"{name}: {value}" for name, value in signed.items()]
        return "\r\n".join([f"GET {path} HTTP/1.1", *lines, "user-agent: ranklet", "\r\n"]).encode("ascii")
