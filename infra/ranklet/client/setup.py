"""What both clients are made with, and the addresses that follow from it."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Self, TypedDict
from urllib.parse import quote

import httpx

from ranklet.client.bodies import TYPES, Compress, Format
from ranklet.client.errors import BadCall
from ranklet.client.limits import DOCUMENT, Known
from ranklet.client.messages import Failed
from ranklet.client.retries import Retries

CONNECT_S = 3.0
"""A connection that takes longer is given up and tried again, as long as the deadline allows it."""
LONGEST_S = 3600
ANSWER_BYTES = 64 * 1024 * 1024
"""Ten times of what Lambda answers: above it, what answers is something else."""


class Options(TypedDict, total=False):
    """Keyword arguments of `Client` and `AsyncClient`.

    auth: SigV4(), Bearer(…), ApiKey(…) or any httpx.Auth. headers: sent with every request.
    format: `msgpack` (default) or `json`. deadline: seconds that a call may take in all (10).
    compress: bodies of 4 KB or more; True for zstd where Python has it, else gzip, which alone a REST API with
    compression of its own lets through. retries: `Retries(most=3, first=0.1, longest=2.0)`.
    limit: candidates of one request; by default asked of the model's OpenAPI document, or learned from a 413.
    item_key: the item column that names candidates, "" where none does; by default the document says it. Only needed
    for `top_k` of more candidates than the limit. parallel: requests at a time.
    """

    auth: httpx.Auth | None
    headers: Mapping[str, str]
    format: Format
    compress: Compress
    deadline: float
    retries: Retries
    limit: int | None
    item_key: str | None
    parallel: int


@dataclass(frozen=True, slots=True)
class Setup:
    """Options, checked. base: the model's own prefix. selector: of a version or a label, below the model's path."""

    base: str
    model: str
    selector: str = ""
    auth: httpx.Auth | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    format: Format = "msgpack"
    compress: Compress = False
    deadline: float = 10.0
    retries: Retries = field(default_factory=Retries)
    limit: int | None = None
    item_key: str | None = None
    parallel: int = 8
    known: Known = field(default_factory=Known)
    clock: Callable[[], float] = time.monotonic
    draw: Callable[[], float] = random.random

    @classmethod
    def of(cls, url: str, model: str, options: Options) -> Self:
        """From what a client was given. Raises BadCall."""
        setup = cls(f"{_base(url)}/{_segment(model)}", model, **options)
        setup.known.limit, setup.known.item_key = setup.limit, setup.item_key
        if setup.limit is not None and setup.limit < 1:
            raise BadCall(f"limit must be 1 or more, not {setup.limit}")
        if setup.format not in TYPES:
            raise BadCall(f"format must be one of {', '.join(TYPES)}, not {setup.format!r}")
        if setup.parallel < 1:
            raise BadCall(f"parallel must be 1 or more, not {setup.parallel}")
        checked_deadline(setup.deadline)
        return setup

    def selecting(self, kind: str, name: str) -> Self:
        """The same for one version or label, whose limit may be another."""
        return replace(self, selector=f"/{kind}/{_segment(name)}", known=Known(self.limit, self.item_key))

    @property
    def rank_url(self) -> str:
        """Where candidates are ranked."""
        return f"{self.base}/v1/models/{_segment(self.model)}{self.selector}:rank"

    def verb_url(self, verb: str) -> str:
        """Where something else is asked: `retrieve` or `similar` of a model that finds items, `prepare`."""
        return f"{self.base}/v1/models/{_segment(self.model)}{self.selector}:{verb}"

    @property
    def funnel_url(self) -> str:
        """Where a funnel recommends."""
        return f"{self.base}/v1/funnels/{_segment(self.model)}:recommend"

    @property
    def document_url(self) -> str:
        """The model's OpenAPI document."""
        return f"{self.base}/{DOCUMENT}"

    @property
    def health_url(self) -> str:
        """Answers when the model has been opened."""
        return f"{self.base}/health"


def checked_deadline(deadline: float) -> float:
    """The deadline. Raises BadCall."""
    if not 0 < deadline <= LONGEST_S:
        raise BadCall(f"a deadline is a number of seconds above 0, at most {LONGEST_S}, not {deadline}")
    return deadline


def timeouts(seconds: float) -> httpx.Timeout:
    """No wait for the network is longer than what is left."""
    return httpx.Timeout(seconds, connect=min(seconds, CONNECT_S))


def failed(error: httpx.HTTPError, timeout: float) -> Failed:
    """What an exception of httpx means for the call."""
    reason = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    if isinstance(error, httpx.TimeoutException):
        early = isinstance(error, httpx.ConnectTimeout) and timeout > CONNECT_S
        return Failed(f"no answer in time ({type(error).__name__})", "network" if early else "late")
    if isinstance(error, httpx.NetworkError | httpx.RemoteProtocolError | httpx.ProxyError):
        return Failed(reason)
    return Failed(reason, "answer" if isinstance(error, httpx.DecodingError) else "call")


def _base(url: str) -> str:
    """The fleet's URL without a slash at its end. Raises BadCall."""
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, TypeError) as error:
        raise BadCall(f"{url!r} is no URL: {error}") from error
    if parsed.scheme not in ("http", "https") or not parsed.host or parsed.query or parsed.fragment:
        raise BadCall(f"the URL must be https://<host>[/<stage>], the API's own, not {url!r}")
    return url.rstrip("/")


def _segment(name: str) -> str:
    """One segment of a path."""
    if not name or name in (".", ".."):
        raise BadCall(f"a model, version or label has a name, not {name!r}")
    return quote(name, safe="")
