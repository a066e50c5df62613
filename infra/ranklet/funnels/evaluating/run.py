"""Ask a funnel, its first stages, and each of its models alone for the same held-out requests, and measure the answers.

A model alone ranks the whole catalogue, which is what a funnel saves: retrieval by its own scores, a ranker every item
that retrieval can find. So the price of each way stands beside its quality: milliseconds of this machine for a request
to open functions, whose tables' rows are in their caches.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from ranklet.deployable import Deployable
from ranklet.errors import ModelError
from ranklet.funnels import proof
from ranklet.funnels.evaluating import measures
from ranklet.funnels.evaluating.held_out import Query
from ranklet_runtime.errors import RequestFault
from ranklet_runtime.funnel.cascade import Cascade
from ranklet_runtime.funnel.messages import Asked, Id, Ranker, Recommended, StageFailed
from ranklet_runtime.funnel.opening import Opened
from ranklet_runtime.funnel.plan import Plan

Progress = Callable[[str], None]

PATIENT_S = 3600.0


@dataclass
class Way:
    """One way to answer. stages: what it runs. ms: of each request."""

    name: str
    stages: tuple[str, ...]
    ndcg: list[float] = field(default_factory=list)
    recall: list[float] = field(default_factory=list)
    ms: list[float] = field(default_factory=list)

    def document(self, at: int) -> dict[str, Any]:
        """Means over all requests, and the median of the time."""
        return {
            "way": self.name,
            "stages": list(self.stages),
            f"ndcg@{at}": round(float(np.mean(self.ndcg)), 4),
            f"recall@{at}": round(float(np.mean(self.recall)), 4),
            "ms": round(float(np.median(self.ms)), 2),
        }


@dataclass
class Judged:
    """What a stage's model says of items whose label is known, all requests together; and what the funnel says."""

    name: str
    model: str
    labels: list[bool] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)

    def add(self, label: bool, score: float | None) -> None:
        """One more item, unless it has no score."""
        if score is not None:
            self.labels.append(label)
            self.scores.append(score)

    def document(self) -> dict[str, Any]:
        """auc is null where all labels are the same."""
        found = measures.auc(np.array(self.labels), np.array(self.scores))
        return {
            "stage": self.name,
            "model": self.model,
            "auc": None if found is None else round(found, 4),
            "judged": len(self.labels),
        }


@dataclass(frozen=True)
class Evaluated:
    """ways: the funnel, its beginnings, each model alone. judged: by stage. requests: with a relevant item."""

    ways: Sequence[Way]
    judged: Sequence[Judged]
    requests: int
    at: int

    def document(self) -> dict[str, Any]:
        """As `ranklet evaluate --json` prints it."""
        return {
            "requests": self.requests,
            "ways": [one.document(self.at) for one in self.ways],
            "auc": [one.document() for one in self.judged],
        }


def evaluate(
    bundle: Path,
    plan: Plan,
    models: Sequence[Deployable],
    queries: Sequence[Query],
    *,
    staging: Path,
    at: int = 10,
    progress: Progress = lambda what: None,
) -> Evaluated:
    """Ask all queries. Raises ModelError where a request is refused, or none has a relevant item."""
    plan = proof.patient(plan)
    with proof.opened(bundle, plan, models, staging) as (funnel, _):
        asking = _Asking(plan, funnel.scorer)
        ways = asking.ways()
        judged = [*(Judged(one.name, one.model) for one in plan.stages), Judged("funnel", plan.funnel)]
        searched = [query for query in queries if query.relevant]
        if not searched:
            raise ModelError("no query has a relevant item; nothing can be measured")
        for number, query in enumerate(searched):
            if number % 50 == 0:
                progress(f"request {number} of {len(searched)}")
            asking.search(query, ways, at=at)
        for number, query in enumerate(queries):
            if number % 500 == 0:
                progress(f"judged items of request {number} of {len(queries)}")
            asking.judge(query, judged)
    return Evaluated(ways, judged, len(searched), at)


class _Asking:
    """A funnel and its stages, opened."""

    def __init__(self, plan: Plan, opened: Opened) -> None:
        self._plan, self._opened = plan, opened
        self._names = [stage.name for stage in plan.stages]
        self._cascades = [
            Cascade(replace(plan, stages=plan.stages[:count]), opened.first, opened.others[: count - 1])
            for count in range(1, len(plan.stages) + 1)
        ]

    def ways(self) -> list[Way]:
        """All of them, nothing measured yet."""
        last = len(self._names)
        found = [
            Way("funnel" if count == last else " → ".join(self._names[:count]), tuple(self._names[:count]))
            for count in range(last, 0, -1)
        ]
        return [*found, *(Way(f"{name} alone", (name,)) for name in self._names[1:])]

    def search(self, query: Query, ways: Sequence[Way], *, at: int) -> None:
        """Ask every way for one query's items."""
        asked = _asked(query)
        count = len(self._names)
        calls: list[Callable[[], list[Id]]] = [
            lambda cascade=cascade: [  # type: ignore[misc]
                one.id for one in cascade.run(asked, _soon()).items
            ]
            for cascade in reversed(self._cascades)
        ]
        calls += [lambda ranker=ranker: self._alone(ranker, asked, at) for ranker in self._opened.others]  # type: ignore[misc]
        assert len(calls) == len(ways) == 2 * count - 1
        for call in (calls[0], calls[-1]):
            _refused(call, "funnel")  # what is read from tables is the first's to wait for, whichever that is
        for way, call in zip(ways, calls, strict=True):
            begun = time.perf_counter()
            ranked = _refused(call, way.name)
            took = (time.perf_counter() - begun) * 1000
            way.ms.append(took)
            way.ndcg.append(measures.ndcg(ranked, query.relevant, at))
            way.recall.append(measures.recall(ranked, query.relevant, at))

    def judge(self, query: Query, judged: Sequence[Judged]) -> None:
        """Score the items of one query whose label is known, by every stage's model and by the funnel's order."""
        if not query.judged:
            return
        ids = list(query.judged)
        asked = replace(_asked(query), seen=None, filter={"allow": ids}, k=len(ids))
        found: Recommended = _refused(lambda: self._cascades[-1].run(asked, _soon()), "funnel")
        for one in found.items:
            label = query.judged[one.id]
            for stage in judged[:-1]:
                stage.add(label, one.scores[stage.name])
            judged[-1].add(label, one.score)

    def _alone(self, ranker: Ranker, asked: Asked, at: int) -> list[Id]:
        """The best of everything that retrieval can find, by one ranker."""
        found = self._opened.first.retrieve(asked, self._plan.limits.items, _soon())
        scored = ranker.rank(asked, found.ids, _soon(), best=at)
        order = scored.order if scored.order is not None else np.argsort(-scored.scores, kind="stable")
        return [found.ids[place] for place in order[:at].tolist()]


def _soon() -> float:
    """A deadline that nothing here reaches."""
    return time.monotonic() + PATIENT_S


def _asked(query: Query) -> Asked:
    request = query.request
    return Asked(
        request.get("user", {}), request.get("context", {}), filter=request.get("filter"), seen=request.get("seen")
    )


def _refused(call: Callable[[], Any], what: str) -> Any:
    try:
        return call()
    except (RequestFault, StageFailed) as error:
        raise ModelError(f"{what}: a held-out request is refused: {error}") from error
