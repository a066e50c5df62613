"""Who calls: AWS Signature Version 4 (`[api] auth = "iam"`), a bearer token (`"jwt"`), or a key of a gateway.

All are `httpx.Auth`, so that each attempt is signed anew, and any other one may take their place.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Callable, Generator
from typing import Any

import httpx

from ranklet.client.errors import Unsigned

SIGNED = ("host", "content-type")
"""Headers that are signed beside those of the signature; a proxy may change any other."""
HOST = re.compile(r"\.(?:execute-api|lambda-url)\.([a-z0-9-]+)\.(?:amazonaws\.com(?:\.cn)?|on\.aws)$")


def service_of(host: str) -> str:
    """The service for which calls to a host are signed."""
    return "lambda" if ".lambda-url." in host else "execute-api"


class Bearer(httpx.Auth):
    """`Authorization: Bearer …`. token: the token, or what gives the current one."""

    def __init__(self, token: str | Callable[[], str]) -> None:
        self._token = token

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Add the token."""
        token = self._token if isinstance(self._token, str) else self._token()
        request.headers["authorization"] = f"Bearer {token}"
        yield request


class ApiKey(httpx.Auth):
    """`x-api-key`, as usage plans of API Gateway want it."""

    def __init__(self, key: str, header: str = "x-api-key") -> None:
        self._key, self._header = key, header

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Add the key."""
        request.headers[self._header] = self._key
        yield request


class SigV4(httpx.Auth):
    """Signs with the credentials that boto3 would find, and renews them when they end.

    region: by default that of the URL's host, else the session's. profile: of ~/.aws/config. service: by default
    `lambda` for a function's URL, else `execute-api`. credentials: botocore's own, instead of those of a session.
    """

    requires_request_body = True

    def __init__(
        self,
        *,
        region: str | None = None,
        profile: str | None = None,
        service: str | None = None,
        credentials: Any = None,
    ) -> None:
        self._region, self._profile, self._service = region, profile, service
        self._found, self._session = credentials, None

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Sign the request."""
        self._sign(request, self._credentials())
        yield request

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Sign the request; credentials are looked for in a thread, since that may read files and ask servers."""
        await request.aread()
        self._sign(request, await asyncio.to_thread(self._credentials))
        yield request

    def _credentials(self) -> Any:
        """Credentials as they are now. Raises Unsigned."""
        # Imported here: 60 ms and 20 MB that other ways to authorise do without.
        from botocore.exceptions import BotoCoreError

        try:
            if self._found is None:
                self._found = self._opened().get_credentials()
            if self._found is not None:
                return self._found.get_frozen_credentials()
        except BotoCoreError as error:
            raise Unsigned(f"no credentials to sign with: {error}") from error
        raise Unsigned("no credentials to sign with; set AWS_PROFILE or what else boto3 reads, or give another auth")

    def _opened(self) -> Any:
        if self._session is None:
            from botocore.session import Session

            self._session = Session(profile=self._profile)
        return self._session

    def _sign(self, request: httpx.Request, credentials: Any) -> None:
        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest

        region = self._region or self._region_of(request.url.host)
        headers = {name: request.headers[name] for name in SIGNED if name in request.headers}
        signed = AWSRequest(request.method, str(request.url), headers=headers, data=request.content)
        SigV4Auth(credentials, self._service or service_of(request.url.host), region).add_auth(signed)
        for name in ("Authorization", "X-Amz-Date", "X-Amz-Security-Token"):
            if name in signed.headers:
                request.headers[name] = signed.headers[name]

    def _region_of(self, host: str) -> str:
        if found := HOST.search(host):
            return found[1]
        if region := self._opened().get_config_variable("region"):
            return str(region)
        raise Unsigned(f"no region to sign for: {host!r} names none; say SigV4(region=…)")
