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
from collections.abc import Callable, Sequence

import numpy as np

from ranklet_runtime.after.blend import Blend
from ranklet_runtime.errors import RequestFault, Unavailable
from ranklet_runtime.funnel.candidates import Done, Page
from ranklet_runtime.funnel.messages import (
    Asked,
    Found,
    Id,
    Ranker,
    Recommended,
    Retriever,
    Scored,
    StageFailed,
    StageLate,
)
from ranklet_runtime.funnel.plan import Plan, Stage

Failed = Callable[[Stage, Exception], None]
"""Told of a stage that failed, for the log."""


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
        page = Page(self._stage.name)
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
        page = Page(self._stage.name)
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

    def _ranked(self, page: Page, stage: Stage, ranker: Ranker, asked: Asked, ends: float) -> None:
        began = self._clock()
        until = self._until(stage, began, ends)
        came = len(page.ids)
        done = Done(np.full(came, np.nan, np.float32))
        best = max(stage.k, asked.k or 0)
        self._score(done, page.ids, stage, lambda some: ranker.rank(asked, some, until, best=best), until)
        seconds = self._clock() - began
        late = done.late or (done.failed is None and seconds > until - began)
        page.degraded.update(done.degraded)
        page.ranked(stage.name, done, best, self._orders.get(stage.name))
        page.told(stage, came, done.count, len(page.ids), seconds=seconds, late=late, failed=done.failed)

    def _score(
        self, done: Done, ids: list[Id], stage: Stage, score: Callable[[list[Id]], Scored], until: float
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
