"""The values that travel from the event to the answer: HTTP in, request, result, HTTP out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranklet_features.lean import dataclass, field


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
class More:
    """What few requests say beside their columns.

    token: what `:prepare` answered, in the place of user and context. prepare: the request is for such a token, and has
    no candidates. explore: False leaves exploration out, where model.toml lets callers say so. seed: of exploration's
    random numbers, None draws one.
    """

    token: str | None = None
    prepare: bool = False
    explore: bool = True
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class RankRequest:
    """What a dialect decoded: raw columns by input name, not yet checked against the spec.

    items: every column has N values (a list, or a 1-D or 2-D numpy array).
    user, context: single values by name, or, with `per_row`, columns of N like the items' (a row-form
    request whose rows belong to different users).
    form: the dialect's own note of how the request was written and what it wants told, for its `encode` and `place`.
    tensors: the names are those of the model's tensors, and no feature is made of them.
    each: a candidate that is refused does not fail the others. more: None for nearly all.
    """

    user: Mapping[str, Any]
    context: Mapping[str, Any]
    items: Mapping[str, Any]
    per_row: bool = False
    top_k: int | None = None
    form: Any = ""
    tensors: bool = False
    each: bool = False
    more: More | None = None


@dataclass(frozen=True, slots=True)
class Explored:
    """What exploration did, for whoever learns from it (inverse propensities, off-policy evaluation).

    seed: with which the same request is answered the same again, below 2^53. propensities: float64 [K], for each place
    of the list the probability of the candidate that stands there, given the places before.
    """

    method: str
    seed: int
    propensities: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Ordered:
    """The list that the steps after the scores made of a request's candidates, where it asked for the best.

    places: intp [K], which candidates, best first; K is `top_k` or less. steps: which steps had a part in it.
    """

    places: NDArray[np.intp]
    steps: tuple[str, ...]
    explored: Explored | None = None


@dataclass(frozen=True, slots=True)
class Issued:
    """What `:prepare` answers. expires_in: seconds."""

    token: str
    expires_in: int


@dataclass(frozen=True, slots=True)
class RankResult:
    """scores: float32 [N], in the order of the candidates.

    degraded: what had to be defaulted, by reason (`missing_rows:movies`, `unavailable_rows:movies`) → how many.
    counts: further numbers for telemetry, by metric. outputs: what is told beside the scores, a column of N each.
    refused: candidate → why it has no score, where each is taken by itself; the N are the others, in order.
    ordered: the list of the best, where more than scores decides it; None otherwise (`ranking.ranked` reads both).
    issued: the answer to a request for a token, which has no scores.
    """

    scores: NDArray[np.float32]
    degraded: Mapping[str, int]
    counts: Mapping[str, int] = field(default_factory=dict)
    outputs: Mapping[str, NDArray[Any] | list[Any]] = field(default_factory=dict)
    refused: Mapping[int, Exception] = field(default_factory=dict)
    ordered: Ordered | None = None
    issued: Issued | None = None
