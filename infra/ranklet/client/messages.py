"""The values of a call: HTTP out and in, and what a caller gets."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

Column = list[Any] | NDArray[Any]


@dataclass(frozen=True, slots=True)
class Explored:
    """What exploration did: for each place the probability of the candidate that stands there, given those before.

    propensities: float64 [K]. seed: with which the same request is answered the same again.
    """

    method: str
    seed: int
    propensities: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A token for a user, which `rank` takes. expires_in: seconds from when it was made. degraded: as of `Ranked`."""

    token: str
    expires_in: int
    degraded: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ranked:
    """Scores of candidates.

    scores: float32 [N] in the order of the candidates, or [K] with `top_k`, best first; NaN where the model has none.
    items: with `top_k` the K candidates by the model's item key, or by position where it has none; else None.
    outputs: what the model tells beside the scores, a column each in the order of `scores`: an array of numbers, or a
    list of words and None (in JSON always a list).
    degraded: what the server had to default, by reason; empty when nothing was.
    ordered_by: what made the list of the best beside the scores, which then need not fall. explored: None without.
    """

    scores: NDArray[np.float32]
    items: Column | None = None
    outputs: Mapping[str, Column] = field(default_factory=dict)
    degraded: Mapping[str, int] = field(default_factory=dict)
    ordered_by: tuple[str, ...] = ()
    explored: Explored | None = None

    def __len__(self) -> int:
        return len(self.scores)


@dataclass(frozen=True, slots=True)
class Retrieved:
    """The best items of a catalogue: their ids, best first, and their scores, float32 [n]; n ≤ k.

    items: an int64 array, or a list of strings (in JSON always a list). degraded: what the server had to default.
    """

    items: Column
    scores: NDArray[np.float32]
    degraded: Mapping[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.scores)


@dataclass(frozen=True, slots=True)
class Item:
    """An item that a funnel recommends. score: by which it stands where it does. scores: by stage, None for none."""

    id: int | str
    score: float
    scores: Mapping[str, float | None]


@dataclass(frozen=True, slots=True)
class Stage:
    """What a stage of a funnel did. count_in: candidates that came, None of the first stage; count_out: that went on.

    late: whether its time ended before it was done. error: why it gave nothing, None where it did.
    """

    name: str
    model: str
    version: str
    count_in: int | None
    count_out: int
    ms: float
    late: bool
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Recommended:
    """The answer of a funnel. items: best first. degraded: what had to be defaulted or left out, by reason."""

    items: tuple[Item, ...]
    stages: tuple[Stage, ...]
    degraded: Mapping[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.items)


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Reply:
    """One HTTP answer. headers: names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Failed:
    """No answer, and whose fault that is: the `network`'s (try again), `late` (the time of the attempt ran out), the
    `call`'s (it cannot be sent) or the `answer`'s (it cannot be read)."""

    reason: str
    fault: Literal["network", "late", "call", "answer"] = "network"


@dataclass(frozen=True, slots=True)
class Send:
    """A wish of `calls`: send this within so many seconds. Comes back as a Reply or Failed."""

    request: Request
    timeout: float


@dataclass(frozen=True, slots=True)
class Sleep:
    """A wish of `calls`: go on after so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Together:
    """A wish of `calls`: do these at the same time. Comes back as the list of what they return."""

    steps: tuple[Generator[Any, Any, Any], ...]


T = TypeVar("T")
Steps = Generator[Send | Sleep | Together, Any, T]
"""Logic that asks for I/O by what it yields, and is sent the outcome: the same for threads and for asyncio."""
