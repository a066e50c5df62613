"""The stages in their order: each scores what the one before let through, the best go on.

A funnel answers in time with what it has. Each stage has its own time, and all together theirs:

- A stage that begins too late, or whose next portion would end too late, leaves the rest unscored. Unscored candidates
  stand behind the scored ones, in the order of the stage before, so that nobody is lost who is needed to fill the page.
- `truncate` scores the best of the stage before first, a portion at a time; `skip` all of them or none.
- A stage that fails is left out, as if it were late, and says so. Without the first one there is nothing to rank:
  its failure is the request's.

What a model computes is never cut off in the middle; a result that comes late is used, as the time is gone anyhow.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ranklet_features.lean import dataclass, field
from ranklet_runtime.after.blend import NAME as BLEND
from ranklet_runtime.after.blend import Blend
from ranklet_runtime.errors import RequestFault, Unavailable
from ranklet_runtime.funnel.messages import (
    Asked,
    Found,
    Id,
    Item,
    Ranker,
    Recommended,
    Report,
    Retriever,
    Scored,
    StageFailed,
    StageLate,
)
from ranklet_runtime.funnel.plan import Plan, Stage

Failed = Callable[[Stage, Exception], None]
"""Told of a stage that failed, for the log."""

FAILED, LATE = "failed", "late"
"""What reasons in `degraded` begin with."""


def _silent(stage: Stage, error: Exception) -> None:
    """Nobody is told."""


class Cascade:
    """The stages of one funnel, opened. failed: told of each stage that fails."""

    def __init__(
        self,
        plan: Plan,
        first: Retriever,
        others: Sequence[Ranker],
        *,
        clock: Callable[[], float] = time.monotonic,
        failed: Failed = _silent,
    ) -> None:
        self._first, self._clock, self._failed = first, clock, failed
        self._stage, *rest = plan.stages
        self._later = tuple(zip(rest, others, strict=True))
        self._orders = {stage.name: Blend(stage.order) for stage in rest if stage.order}

    def run(self, asked: Asked, ends: float) -> Recommended:
        """The best items. ends: on the clock, when the whole answer is due.

        Raises RequestFault for what the caller did wrong, Unavailable and InternalFault where the first stage fails.
        """
        page = _Page(self._stage.name)
        began = self._clock()
        found = self._retrieved(asked, self._until(self._stage, began, ends))
        page.found(found)
        now = self._clock()
        count = len(found.ids)
        late = now > self._until(self._stage, began, ends)
        page.told(self._stage, None, count, count, seconds=now - began, late=late)
        for stage, ranker in self._later:
            self._ranked(page, stage, ranker, asked, ends)
        return page.answer(asked.k)

    def similar(self, asked: Asked, count: int, ends: float) -> Recommended:
        """Items like others: the first stage alone."""
        began = self._clock()
        until = self._until(self._stage, began, ends)
        page = _Page(self._stage.name)
        found = self._asked(lambda: self._first.similar(asked, count, until))
        page.found(found)
        seconds = self._clock() - began
        page.told(self._stage, None, len(found.ids), len(found.ids), seconds=seconds)
        return page.answer(count)

    def _until(self, stage: Stage, began: float, ends: float) -> float:
        return min(began + stage.deadline_ms / 1000, ends)

    def _retrieved(self, asked: Asked, until: float) -> Found:
        count = max(self._stage.k, asked.k or 0)
        return self._asked(lambda: self._first.retrieve(asked, count, until))

    def _asked(self, ask: Callable[[], Found]) -> Found:
        try:
            return ask()
        except StageFailed as error:
            self._failed(self._stage, error)
            headers = {"retry-after": str(Unavailable.retry_after_s)}
            raise Unavailable(
                f"the stage {self._stage.name!r} gives no candidates: {error}", headers=headers
            ) from error

    def _ranked(self, page: _Page, stage: Stage, ranker: Ranker, asked: Asked, ends: float) -> None:
        began = self._clock()
        until = self._until(stage, began, ends)
        came = len(page.ids)
        done = _Done(np.full(came, np.nan, np.float32))
        best = max(stage.k, asked.k or 0)
        self._score(done, page.ids, stage, lambda some: ranker.rank(asked, some, until, best=best), until)
        seconds = self._clock() - began
        late = done.late or (done.failed is None and seconds > until - began)
        page.degraded.update(done.degraded)
        page.ranked(stage.name, done, best, self._orders.get(stage.name))
        page.told(stage, came, done.count, len(page.ids), seconds=seconds, late=late, failed=done.failed)

    def _score(
        self, done: _Done, ids: list[Id], stage: Stage, score: Callable[[list[Id]], Scored], until: float
    ) -> None:
        """Score the candidates, portion by portion, while there is time for one more."""
        size = len(ids) if stage.on_late == "skip" or stage.orders else stage.portion
        took = 0.0
        while done.count < len(ids):
            began = self._clock()
            if began >= until or began + took > until:
                done.late = True
                return
            try:
                done.add(score(ids[done.count : done.count + size]))
            except StageLate:
                done.late = True
                return
            except RequestFault as fault:
                if fault.status < 500:
                    raise
                done.failed = self._fault(stage, fault)
                return
            except Exception as error:  # whatever a model does, the stage before it has an answer
                done.failed = self._fault(stage, error)
                return
            took = self._clock() - began

    def _fault(self, stage: Stage, error: Exception) -> str:
        self._failed(stage, error)
        return str(error) if isinstance(error, StageFailed) else "it failed; the function's log says why"


@dataclass
class _Done:
    """How far a stage came. scores: NaN for those that it did not score; count: of the others, which come first."""

    scores: NDArray[np.float32]
    count: int = 0
    late: bool = False
    failed: str | None = None
    degraded: Counter[str] = field(default_factory=Counter)
    order: NDArray[np.intp] | None = None

    def add(self, scored: Scored) -> None:
        self.order = scored.order
        self.scores[self.count : self.count + len(scored.scores)] = scored.scores
        self.count += len(scored.scores)
        self.degraded.update(scored.degraded)


@dataclass
class _Page:
    """The candidates on their way, best first.

    scores: stage → their scores, NaN for none. values: by which they stand where they do.
    """

    first: str
    ids: list[Id] = field(default_factory=list)
    scores: dict[str, NDArray[np.float32]] = field(default_factory=dict)
    values: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    reports: list[Report] = field(default_factory=list)
    degraded: Counter[str] = field(default_factory=Counter)

    def found(self, found: Found) -> None:
        self.ids, self.scores = found.ids, {self.first: found.scores}
        self.values = found.scores.astype(np.float64)
        self.degraded.update(found.degraded)

    def ranked(self, stage: str, done: _Done, count: int, order: Blend | None) -> None:
        """Put the candidates into a stage's order, equal ones as they were, and keep the best."""
        columns = {**self.scores, stage: done.scores}
        values = done.scores.astype(np.float64) if order is None else ordered(order, columns)
        if done.order is not None:
            places = done.order[:count]
        elif done.count:
            # A score that a model does not have is none: such a candidate stands with those who were not asked for.
            places = np.argsort(-values, kind="stable")[:count]
        else:
            places = np.arange(min(count, len(self.ids)))
        self.values = np.where(np.isnan(values), self.values, values)[places]
        self.scores = {name: column[places] for name, column in columns.items()}
        self.ids = [self.ids[at] for at in places.tolist()]

    def told(
        self,
        stage: Stage,
        came: int | None,
        scored: int,
        left: int,
        *,
        seconds: float,
        late: bool = False,
        failed: str | None = None,
    ) -> None:
        ms = round(seconds * 1000, 3)
        self.reports.append(Report(stage.name, stage.model, stage.version, came, scored, left, ms, late, failed))
        if failed is not None:
            self.degraded[f"{FAILED}:{stage.name}"] += 1
        elif late:
            self.degraded[f"{LATE}:{stage.name}"] += 1

    def answer(self, count: int | None) -> Recommended:
        wanted = len(self.ids) if count is None else min(count, len(self.ids))
        columns = {name: column[:wanted].tolist() for name, column in self.scores.items()}
        items = tuple(
            Item(one, value, {name: _told(column[at]) for name, column in columns.items()})
            for at, (one, value) in enumerate(zip(self.ids[:wanted], self.values[:wanted].tolist(), strict=True))
        )
        return Recommended(items, tuple(self.reports), dict(self.degraded))


def ordered(order: Blend, scores: Mapping[str, NDArray[np.float32]]) -> NDArray[np.float64]:
    """What a stage's formula makes of the scores so far, NaN where that is no number. A name's `-` is `_` there."""
    heads = {name.replace("-", "_"): column.astype(np.float64) for name, column in scores.items()}
    with np.errstate(all="ignore"):
        found = order.run(heads)[BLEND]
    return np.where(np.isfinite(found), found, np.nan)


def _told(score: float) -> float | None:
    return None if score != score else score
