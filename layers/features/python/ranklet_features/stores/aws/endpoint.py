"""Where a service is: the region's own endpoint, or the one that the environment names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from ranklet_features.errors import StoreUnavailable

PORTS = {"http": 80, "https": 443}


class Endpoint(NamedTuple):
    """An HTTP or HTTPS origin. host_header: the host as signed and sent, with its port unless it is the default."""

    scheme: str
    host: str
    port: int
    host_header: str


def region(environ: Mapping[str, str]) -> str:
    """The region whose name signs the requests. Raises StoreUnavailable where none is given or it is no name."""
    name = environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or ""
    if not re.fullmatch(r"[a-zA-Z0-9-]{1,63}", name):
        raise StoreUnavailable(f"no AWS region: AWS_REGION is {name!r}; Lambda sets it, elsewhere set it yourself")
    return name


def endpoint(environ: Mapping[str, str], region: str, service: str = "dynamodb") -> Endpoint:
    """AWS_ENDPOINT_URL_<SERVICE>, AWS_ENDPOINT_URL, or the region's public endpoint, in this order."""
    host = f"{service}.{domain(region)}"
    return custom(environ, service) or Endpoint("https", host, PORTS["https"], host)


def custom(environ: Mapping[str, str], service: str) -> Endpoint | None:
    """The endpoint that the environment names for a service; None where it names none."""
    for name in (f"AWS_ENDPOINT_URL_{service.upper()}", "AWS_ENDPOINT_URL"):
        if url := environ.get(name):
            return parse(url, name)
    return None


def domain(region: str) -> str:
    """What a service's public host name ends in."""
    return f"{region}.amazonaws.com.cn" if region.startswith("cn-") else f"{region}.amazonaws.com"


def parse(url: str, name: str) -> Endpoint:
    """An origin from its URL; `name` says where it was given. Raises StoreUnavailable for anything but an origin."""
    # Imported here: a function in AWS is given none.
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise StoreUnavailable(f"{name}={url!r} is not a URL: {error}") from error
    if parts.scheme not in PORTS or not parts.hostname or parts.path not in ("", "/") or parts.query or "@" in url:
        raise StoreUnavailable(f"{name}={url!r} is not an endpoint; allowed: http(s)://host[:port]")
    default = PORTS[parts.scheme]
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    header = host if port in (None, default) else f"{host}:{port}"
    return Endpoint(parts.scheme, parts.hostname, default if port is None else port, header)
