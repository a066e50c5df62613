"""Stand-ins for the stages of a funnel: exact retrieval and scores that can be told beforehand."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ranklet_runtime.funnel.messages import Asked, Found, Id, Scored
from ranklet_runtime.funnel.plan import Limits, Plan, Stage

CATALOGUE = tuple(range(1, 41))


@dataclass
class Clock:
    """Seconds that pass when somebody says so."""

    now: float = 100.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Retriever:
    """Finds the catalogue in its order, without what is denied or was seen. fault: raised instead."""

    clock: Clock
    seconds: float = 0.0
    catalogue: Sequence[Id] = CATALOGUE
    fault: Exception | None = None
    asked: list[tuple[Asked, int, float]] = field(default_factory=list)

    def retrieve(self, asked: Asked, count: int, deadline: float) -> Found:
        self.asked.append((asked, count, deadline))
        self.clock.now += self.seconds
        if self.fault is not None:
            raise self.fault
        out = {*(asked.seen or ()), *((asked.filter or {}).get("deny", ()))}
        ids = [one for one in self.catalogue if one not in out][:count]
        return Found(ids, np.linspace(2, 1, len(ids), dtype=np.float32), {})

    def similar(self, asked: Asked, count: int, deadline: float) -> Found:
        like = asked.like or {}
        return self.retrieve(Asked({}, {}, filter={"deny": [like.get("item")]}), count, deadline)


def backwards(one: Id) -> float:
    """The later in the catalogue, the better."""
    return float(one)


@dataclass
class Ranker:
    """Scores by id. seconds: that a call takes. fault: raised at the call with this number, from 1."""

    clock: Clock
    score: Callable[[Id], float] = backwards
    seconds: float = 0.0
    fault: Exception | None = None
    at: int = 1
    degraded: Mapping[str, int] = field(default_factory=dict)
    calls: list[list[Id]] = field(default_factory=list)

    def rank(self, asked: Asked, ids: list[Id], deadline: float, *, best: int) -> Scored:
        self.calls.append(ids)
        self.clock.now += self.seconds
        if self.fault is not None and len(self.calls) >= self.at:
            raise self.fault
        return Scored(np.array([self.score(one) for one in ids], np.float32), self.degraded)


def stage(name: str, k: int, **fields: Any) -> Stage:
    """A stage whose model has its name, with 100 ms."""
    return Stage(**{"name": name, "model": f"m-{name}", "version": "3", "k": k, "deadline_ms": 100, **fields})


def plan(*stages: Stage, deadline_ms: int = 500) -> Plan:
    """A funnel of these stages."""
    return Plan("films", "2", stages, limits=Limits(items=50, deadline_ms=deadline_ms))
