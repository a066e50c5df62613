"""A client of served models, for programs that call: `from ranklet.client import Client, AsyncClient`.

It stands alone: nothing else of ranklet is imported, so that a backend pays for httpx, NumPy and msgpack only.

    errors    what can go wrong
    messages  the values: a request, a reply, `Ranked`
    columns   the caller's columns as they travel          bodies    JSON and msgpack, compressed or not
    splitting candidates above the limit, and one answer   limits    what a model takes, from its document or a 413
    retries   what is tried again, and when                auth      SigV4, bearer tokens, API keys
    calls     the logic of a call, without I/O             setup     what both clients are made with
    finding   the same of models that find items           preparing a user's token
    funnels   the same of funnels
    threads, tasks   the two transports: httpx with threads, httpx with asyncio
"""

try:
    import httpx as _httpx
except ModuleNotFoundError as error:
    if error.name != "httpx":
        raise
    raise ModuleNotFoundError(
        'ranklet.client needs httpx: pip install -e ".[client]" (or pip install "httpx>=0.28")', name="httpx"
    ) from error

from ranklet.client.auth import ApiKey, Bearer, SigV4
from ranklet.client.errors import (
    BadAnswer,
    BadCall,
    ClientError,
    DeadlineExceeded,
    Refused,
    Unavailable,
    Unsigned,
)
from ranklet.client.messages import Explored, Item, Prepared, Ranked, Recommended, Retrieved, Stage
from ranklet.client.retries import Retries
from ranklet.client.tasks import AsyncClient
from ranklet.client.threads import Client

__all__ = [
    "ApiKey",
    "AsyncClient",
    "BadAnswer",
    "BadCall",
    "Bearer",
    "Client",
    "ClientError",
    "DeadlineExceeded",
    "Explored",
    "Item",
    "Prepared",
    "Ranked",
    "Recommended",
    "Refused",
    "Retries",
    "Retrieved",
    "SigV4",
    "Stage",
    "Unavailable",
    "Unsigned",
]
del _httpx
