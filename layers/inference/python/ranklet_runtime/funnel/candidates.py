"""The candidates of a request on their way through the stages: who stands where, by which scores, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ranklet_features.lean import dataclass, field
from ranklet_runtime.after.blend import NAME as BLEND
from ranklet_runtime.after.blend import Blend
from ranklet_runtime.funnel.messages import Found, Id, Item, Recommended, Report, Scored
from ranklet_runtime.funnel.plan import Stage

FAILED, LATE = "failed", "late"
"""What reasons in `degraded` begin with."""


@dataclass
class Done:
    """How far a stage came. scores: NaN for those that it did not score; count: of the others, which come first."""

    scores: NDArray[np.float32]
    count: int = 0
    late: bool = False
    failed: str | None = None
    degraded: Counter[str] = field(default_factory=Counter)
    order: NDArray[np.intp] | None = None

    def add(self, scored: Scored) -> None:
        """The next portion."""
        self.order = scored.order
        self.scores[self.count : self.count + len(scored.scores)] = scored.scores
        self.count += len(scored.scores)
        self.degraded.update(scored.degraded)


@dataclass
class Page:
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
        """What retrieval gave."""
        self.ids, self.scores = found.ids, {self.first: found.scores}
        self.values = found.scores.astype(np.float64)
        self.degraded.update(found.degraded)

    def ranked(self, stage: str, done: Done, count: int, order: Blend | None) -> None:
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
        """What a stage did. came: candidates, None of the first stage; left: that went on."""
        ms = round(seconds * 1000, 3)
        self.reports.append(Report(stage.name, stage.model, stage.version, came, scored, left, ms, late, failed))
        if failed is not None:
            self.degraded[f"{FAILED}:{stage.name}"] += 1
        elif late:
            self.degraded[f"{LATE}:{stage.name}"] += 1

    def answer(self, count: int | None) -> Recommended:
        """The best of those that are left, all for None."""
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
