"""What travels between the stages of a funnel."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ranklet_features.lean import dataclass, field

Id = int | str


@dataclass(frozen=True, slots=True)
class Asked:
    """What a caller wants: items for a user, or items like some.

    user, context: raw features of all stages by name. k: how many items, None for as many as the last stage gives.
    filter and seen: as the first stage's model reads them, None where they are not given. like: for similar items,
    `{"item": id}` or `{"items": [id, …]}`.
    """

    user: Mapping[str, Any]
    context: Mapping[str, Any]
    k: int | None = None
    filter: Mapping[str, Any] | None = None
    seen: list[Any] | None = None
    like: Mapping[str, Any] | None = None
    form: str = ""


@dataclass(frozen=True, slots=True)
class Scored:
    """scores: float32 [n], one a candidate, in their order, NaN for none. degraded: what was defaulted, by reason.

    order: which candidates are best, best first, where the model makes a list by more than its scores.
    """

    scores: NDArray[np.float32]
    degraded: Mapping[str, int]
    order: NDArray[np.intp] | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """What retrieval gave, best first. scores: float32 [n]."""

    ids: list[Id]
    scores: NDArray[np.float32]
    degraded: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Item:
    """A recommended item. score: by which it stands where it does. scores: by stage, None of those that gave none."""

    id: Id
    score: float
    scores: Mapping[str, float | None]


@dataclass(frozen=True, slots=True)
class Report:
    """What a stage did. count_in: candidates that came; scored: of these, those it scored; count_out: that went on.

    late: whether its time ended before it was done. failed: why it gave nothing, None where it did.
    """

    name: str
    model: str
    version: str
    count_in: int | None
    scored: int
    count_out: int
    ms: float
    late: bool = False
    failed: str | None = None


@dataclass(frozen=True, slots=True)
class Recommended:
    """The answer: best first, and what each stage did. degraded: of all stages together, by reason."""

    items: tuple[Item, ...]
    reports: tuple[Report, ...]
    degraded: Mapping[str, int] = field(default_factory=dict)


Invoke = Callable[[str, dict[str, Any], float], Mapping[str, Any]]
"""Model, event and deadline → what the model's handler answers. Raises StageFailed and StageLate."""


class Retriever(Protocol):
    """The first stage: finds candidates."""

    def retrieve(self, asked: Asked, count: int, deadline: float) -> Found:
        """At most `count` items, best first. Raises RequestFault for what the caller did wrong, StageFailed."""
        ...

    def similar(self, asked: Asked, count: int, deadline: float) -> Found:
        """As `retrieve`, items like those of `asked.like`."""
        ...


class Ranker(Protocol):
    """A later stage: scores candidates."""

    def rank(self, asked: Asked, ids: list[Id], deadline: float, *, best: int) -> Scored:
        """One score for each; best: how many go on, for a model that makes a list.

        Raises RequestFault for what the caller did wrong, StageFailed and StageLate.
        """
        ...


class StageFailed(Exception):
    """A stage gave no answer for a reason of its own; the message is for the answer's reader."""


class StageLate(StageFailed):
    """A stage gave none in time."""
