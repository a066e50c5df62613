"""Whose requests: credentials from the environment, or from the container endpoint that SnapStart functions have.

A restored snapshot cannot carry credentials that expire, so Lambda gives those functions a loopback endpoint instead:
https://docs.aws.amazon.com/lambda/latest/dg/snapstart-activate.html, and for its form
https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import Any, Protocol

import orjson

from ranklet_features.errors import StoreUnavailable
from ranklet_features.stores.aws.connection import Broken, Connection, Reply
from ranklet_features.stores.aws.endpoint import Endpoint, parse
from ranklet_features.stores.aws.sigv4 import Credentials

REFRESH_S = 300.0
"""Credentials are renewed this long before they expire; until then a failure to renew does no harm."""

FULL_URI, TOKEN = "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN"


class Provider(Protocol):
    """Gives credentials that are valid now."""

    def current(self, *, deadline: float) -> Credentials:
        """Raises Broken when they cannot be had in time, StoreUnavailable when they are refused."""
        ...

    def renew(self) -> bool:
        """Forget what was given, because AWS says it has expired; False where there is nothing else to give."""
        ...


def provider(environ: Mapping[str, str]) -> Provider:
    """What the environment offers, in botocore's order. Raises StoreUnavailable where it offers nothing."""
    if environ.get("AWS_ACCESS_KEY_ID"):
        return EnvironmentCredentials(environ)
    if environ.get(FULL_URI):
        return ContainerCredentials(environ[FULL_URI], environ.get(TOKEN))
    raise StoreUnavailable(f"no AWS credentials: neither AWS_ACCESS_KEY_ID nor {FULL_URI} is set")


class EnvironmentCredentials:
    """AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN: valid as long as the environment lives."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        if not environ.get("AWS_SECRET_ACCESS_KEY"):
            raise StoreUnavailable("AWS_ACCESS_KEY_ID is set, AWS_SECRET_ACCESS_KEY is not; set both or neither")
        self._credentials = checked(
            Credentials(
                environ["AWS_ACCESS_KEY_ID"],
                environ["AWS_SECRET_ACCESS_KEY"],
                environ.get("AWS_SESSION_TOKEN") or None,
            )
        )

    def current(self, *, deadline: float) -> Credentials:
        return self._credentials

    def renew(self) -> bool:
        return False


class ContainerCredentials:
    """Fetched from a URL and renewed before they expire."""

    def __init__(self, url: str, token: str | None, *, now: Callable[[], float] = time.time) -> None:
        self._endpoint, path = _split(url)
        self._now = now
        authorization = f"Authorization: {_header(TOKEN, token)}\r\n" if token else ""
        self._request = (
            f"GET {path} HTTP/1.1\r\nHost: {self._endpoint.host_header}\r\n{authorization}"
            "Accept: application/json\r\nConnection: close\r\n\r\n"
        ).encode("ascii")
        self._credentials: Credentials | None = None

    def current(self, *, deadline: float) -> Credentials:
        known = self._credentials
        if known is not None and (known.expires is None or self._now() < known.expires - REFRESH_S):
            return known
        try:
            self._credentials = self._fetch(deadline)
        except Broken:
            if known is None or known.expires is None or self._now() >= known.expires:
                raise
            return known
        return self._credentials

    def renew(self) -> bool:
        self._credentials = None
        return True

    def _fetch(self, deadline: float) -> Credentials:
        with closing(Connection(self._endpoint)) as connection:
            connection.send(self._request, deadline=deadline)
            return _parsed(connection.receive(deadline=deadline))


def checked(credentials: Credentials) -> Credentials:
    """Refuse what cannot stand in a header: it would be sent as a header of its own."""
    _header("the access key id", credentials.access_key)
    if credentials.token is not None:
        _header("the session token", credentials.token)
    return credentials


def _parsed(reply: Reply) -> Credentials:
    if reply.status >= 500:
        raise Broken(f"the credentials endpoint answered {reply.status}")
    if reply.status != 200:
        raise StoreUnavailable(f"the credentials endpoint answered {reply.status}; check {TOKEN}")
    # Imported here, as below: functions without SnapStart have their credentials in variables.
    from datetime import datetime

    try:
        document: Any = orjson.loads(reply.body)
        expiration = document.get("Expiration")
        expires = datetime.fromisoformat(expiration).timestamp() if expiration else None
        return checked(
            Credentials(document["AccessKeyId"], document["SecretAccessKey"], document.get("Token"), expires)
        )
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise StoreUnavailable(f"the credentials endpoint's answer cannot be read: {type(error).__name__}") from error


def _split(url: str) -> tuple[Endpoint, str]:
    """Origin and path. Only https, or http that never leaves the machine, may carry secrets."""
    from urllib.parse import urlsplit

    parts = urlsplit(url)
    origin = parse(f"{parts.scheme}://{parts.netloc}", FULL_URI)
    if origin.scheme != "https" and not _is_loopback(origin.host):
        raise StoreUnavailable(f"{FULL_URI} has host {origin.host!r}; allowed: https, or http to a loopback address")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return origin, _header(FULL_URI, path)


def _is_loopback(host: str) -> bool:
    import ipaddress

    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _header(name: str, value: str) -> str:
    if not (value.isascii() and value.isprintable()) or value != value.strip():
        raise StoreUnavailable(f"{name} holds a character that no header may have")
    return value
