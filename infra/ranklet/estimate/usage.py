"""What is asked of a model: how many requests, how large, and for how long they keep a function busy."""

from __future__ import annotations

import base64
import time
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Any

import numpy as np

from ranklet.dialects.base import Form
from ranklet.errors import ModelError
from ranklet.golden import Golden
from ranklet.local.event_v2 import event_v2
from ranklet_runtime.function import Function

VCPU_MB = 1769
"""Memory for which a function has a whole vCPU; below it, the same work takes longer by that share."""
HOURS = 730
"""Of a month."""
CALLS = 30
READ_MS = 5.0
"""Of a request that waits for DynamoDB."""


@dataclass(frozen=True)
class Usage:
    """rps: requests a second, all month. candidates: of each. hit_rate: of keys that the function's cache knows.

    busy_ms: of one vCPU. memory_mb and architecture: of the function. request_bytes and answer_bytes: of a body.
    cold_share: requests that start an environment; init_ms: how long that takes.
    """

    rps: float
    candidates: int
    hit_rate: float
    busy_ms: float
    memory_mb: int
    architecture: str
    request_bytes: int = 0
    answer_bytes: int = 0
    cold_share: float = 0.0005
    init_ms: float = 400.0

    @property
    def requests(self) -> float:
        """In a month."""
        return self.rps * 3600 * HOURS

    @property
    def memory_gb(self) -> float:
        """As Lambda bills it."""
        return self.memory_mb / 1024

    def duration_s(self, *, reads: bool) -> float:
        """Billed seconds of a request. reads: whether it waits for DynamoDB."""
        computing = self.busy_ms / min(1.0, self.memory_mb / VCPU_MB)
        return (computing + (READ_MS if reads else 0.0)) / 1000


@dataclass(frozen=True)
class Measured:
    """One request of so many candidates here: milliseconds of CPU, and bytes of both bodies."""

    busy_ms: float
    request_bytes: int
    answer_bytes: int


def measure(function: Function, golden: Golden, form: Form, candidates: int) -> Measured:
    """The median of some requests through the real handler; the golden row's candidates are repeated to that number.

    Raises ModelError where the model takes fewer candidates, or refuses them.
    """
    limit = function.manifest.limits.items
    if candidates > limit:
        raise ModelError(f"{function.manifest.model} takes {limit} candidates in one request, not {candidates}")
    sent = form.request(stretched(golden, candidates), function.manifest)
    event = event_v2("POST", form.url(function.manifest, golden), headers=sent.headers, body=sent.body)
    answer, taken = function(event, None), []
    if answer["statusCode"] != 200:
        raise ModelError(f"{function.manifest.model} answers {answer['statusCode']}: {answer['body'][:300]}")
    for _ in range(CALLS):
        start = time.thread_time()
        function(event, None)
        taken.append((time.thread_time() - start) * 1000)
    body = base64.b64decode(answer["body"]) if answer["isBase64Encoded"] else answer["body"].encode()
    return Measured(float(np.median(taken)), len(sent.body), len(body))


def stretched(golden: Golden, candidates: int) -> Golden:
    """The row with its candidates repeated, or cut, to a number; one that brings none stays as it is."""
    if golden.asked is not None:
        return golden

    def filled(column: Any) -> list[Any]:
        return list(islice(cycle(column), candidates))

    items = {name: filled(column) for name, column in golden.items.items()}
    return Golden(golden.user, golden.context, items, tuple(filled(golden.scores)))
