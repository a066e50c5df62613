"""The values that travel from the event to the answer: HTTP in, request, result, HTTP out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One request, whichever API Gateway payload format carried it.

    path: without the stage, percent-decoded. headers: names in lower case. body: base64 and compression undone.
    query: parameters by name.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    query: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """One answer; `body` is sent base64-encoded when `content_type` is not text."""

    status: int
    body: bytes
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RankRequest:
    """What a dialect decoded: raw columns by input name, not yet checked against the spec.

    items: every column has N values (a list, or a 1-D or 2-D numpy array).
    user, context: single values by name, or, with `per_row`, columns of N like the items' (a row-form
    request whose rows belong to different users).
    form: the dialect's own note of how the request was written and what it wants told, for its `encode` and `place`.
    tensors: the names are those of the model's tensors, and no feature is made of them.
    each: a candidate that is refused does not fail the others.
    """

    user: Mapping[str, Any]
    context: Mapping[str, Any]
    items: Mapping[str, Any]
    per_row: bool = False
    top_k: int | None = None
    form: Any = ""
    tensors: bool = False
    each: bool = False


@dataclass(frozen=True, slots=True)
class RankResult:
    """scores: float32 [N], in the order of the candidates.

    degraded: what had to be defaulted, by reason (`missing_rows:movies`, `unavailable_rows:movies`) → how many.
    counts: further numbers for telemetry, by metric. outputs: what is told beside the scores, a column of N each.
    refused: candidate → why it has no score, where each is taken by itself; the N are the others, in order.
    """

    scores: NDArray[np.float32]
    degraded: Mapping[str, int]
    counts: Mapping[str, int] = field(default_factory=dict)
    outputs: Mapping[str, NDArray[Any] | list[Any]] = field(default_factory=dict)
    refused: Mapping[int, Exception] = field(default_factory=dict)
