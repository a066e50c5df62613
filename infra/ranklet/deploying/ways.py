"""How a caller is let in, by `[api] auth`, and how a stand-in for AWS is reached instead of AWS."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ranklet.deploying.smoke import Way
from ranklet.errors import DeployError

if TYPE_CHECKING:
    import httpx

EXECUTE_API = re.compile(r"^([a-z0-9]+)\.execute-api\..+$")


def way(
    url: str, auth: str, *, token: str | None = None, region: str | None = None, endpoint: str | None = None
) -> Way:
    """The way to a deployed API. auth: of model.toml. token: what `jwt` and `lambda` look at, or the API key of `key`.

    endpoint: of a stand-in, which takes requests for all hosts. Raises DeployError without what is needed.
    """
    require()
    from ranklet.client import ApiKey, Bearer, SigV4

    if not url:
        raise DeployError("the stack tells no URL to ask (output Rank)")
    if endpoint is not None:
        url = _there(url, endpoint)
    if auth == "none":
        return Way(url, None, _through(endpoint))
    if auth == "iam":
        return Way(url, SigV4(region=region), _through(endpoint))
    if not token:
        raise DeployError(f'[api] auth = "{auth}": give --token or RANKLET_TOKEN, or --no-smoke')
    return Way(url, ApiKey(token) if auth == "key" else Bearer(token), _through(endpoint))


def require() -> None:
    """Raise DeployError where the client's library is absent."""
    try:
        import httpx  # noqa: F401
    except ModuleNotFoundError as error:
        raise DeployError('the smoke test needs httpx: pip install -e ".[client]", or --no-smoke') from error


def _there(url: str, endpoint: str) -> str:
    """The URL as a stand-in knows it: its APIs are below `execute-api.localhost`."""
    parts, there = urlsplit(url), urlsplit(endpoint)
    host = EXECUTE_API.sub(r"\1.execute-api.localhost", parts.netloc)
    return parts._replace(scheme=there.scheme, netloc=f"{host}:{there.port}").geturl()


def _through(endpoint: str | None) -> httpx.Client | None:
    """A client that sends everything to the endpoint; the host that was meant stays in the signed header."""
    if endpoint is None:
        return None
    import httpx

    there = urlsplit(endpoint)

    class Through(httpx.HTTPTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            request.url = request.url.copy_with(scheme=there.scheme, host=there.hostname, port=there.port)
            return super().handle_request(request)

    return httpx.Client(transport=Through())
