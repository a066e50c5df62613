"""The demo's funnel: built of the models' bundles, served beside them, called over HTTP."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from ranklet.demo.calls import Client, document
from ranklet.demo.movielens import MovieLens
from ranklet.demo.page import FUNNEL
from ranklet.demo.people import Person, people
from ranklet.funnels import building
from ranklet.funnels.building import BuiltFunnel
from ranklet.project import Project

TOP = 10
WARM_REQUESTS = 100
ATTEMPTS = 5
"""Of a request of which a stage was late: that is its affair, and no fault of its answer."""

LIKE = 50
"""The film of which similar ones are asked for."""

RECOMMEND, SIMILAR = (f"/{FUNNEL}/v1/funnels/{FUNNEL}:{verb}" for verb in ("recommend", "similar"))


@dataclass
class FunnelOutcome:
    """What `ranklet demo --json` says of the funnel; faults says what failed, in words.

    stages: name, model, version, how many go on, and the median of milliseconds that it took.
    """

    layout: str
    stages: list[dict[str, Any]] = field(default_factory=list)
    rows: int = 0
    max_abs_diff: float = 0.0
    cold_ms: float = 0.0
    warm_p50_ms: float = 0.0
    requests: int = 0
    late: int = 0
    faults: list[str] = field(default_factory=list)
    top: list[dict[str, Any]] = field(default_factory=list)
    similar: list[dict[str, Any]] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether everything was answered as it must be."""
        return not self.faults and self.rows > 0 and len(self.top) == 3

    def document(self) -> dict[str, Any]:
        """The funnel's part of the document."""
        return {
            "funnel": FUNNEL,
            "layout": self.layout,
            "stages": self.stages,
            "golden": {"rows": self.rows, "max_abs_diff": self.max_abs_diff},
            "cold_ms": round(self.cold_ms, 1),
            "warm_p50_ms": round(self.warm_p50_ms, 2),
            "requests": self.requests,
            "late": self.late,
            "failures": len(self.faults),
            "top": self.top,
            "similar": self.similar,
            "faults": self.faults,
        }


def build(here: Project, progress: Callable[[str], None]) -> BuiltFunnel:
    """Its bundle, and those of the stages that are not built yet."""
    return building.build(here, here.functions / FUNNEL, progress=lambda what: progress(f"{FUNNEL}: {what}"))


def call(built: BuiltFunnel, data: MovieLens, client: Client) -> FunnelOutcome:
    """Ask it for its golden requests, for three people, for films like one, and for the same again and again."""
    outcome = FunnelOutcome(built.plan.layout)
    path = built.folder.with_name(f"{built.folder.name}.{building.ANSWERS}")
    rows: list[Mapping[str, Any]] = orjson.loads(path.read_bytes())
    _golden(outcome, built, rows, client)
    for person in people(data):
        _recommend(outcome, built, person, data, client)
    _similar(outcome, data, client)
    _warm(outcome, built, rows[0]["request"], client)
    return outcome


def _ask(outcome: FunnelOutcome, path: str, body: Any, client: Client) -> tuple[int, Any, float]:
    """Status, answer and milliseconds; asked again while a stage is late."""
    for _ in range(ATTEMPTS):
        status, raw, took = client.post(path, orjson.dumps(body), "application/json")
        outcome.requests += 1
        answer = document(raw)
        if status != 200 or not any(stage["late"] for stage in answer["stages"]):
            break
        outcome.late += 1
    return status, answer, took


def _golden(outcome: FunnelOutcome, built: BuiltFunnel, rows: Sequence[Mapping[str, Any]], client: Client) -> None:
    for number, row in enumerate(rows, start=1):
        status, answer, _ = _ask(outcome, RECOMMEND, row["request"], client)
        values = [one["score"] for one in answer["items"]] if status == 200 else []
        gap = _gap(values, row["values"]) if status == 200 else float("inf")
        if gap > built.certificate.bound:
            outcome.faults.append(f"golden request {number}: status {status}, difference {gap:.1e}")
        outcome.rows += 1
        outcome.max_abs_diff = max(outcome.max_abs_diff, gap)


def _gap(found: Sequence[float], wanted: Sequence[float]) -> float:
    if len(found) != len(wanted):
        return float("inf")
    return max((abs(one - other) for one, other in zip(found, wanted, strict=True)), default=0.0)


def _recommend(outcome: FunnelOutcome, built: BuiltFunnel, person: Person, data: MovieLens, client: Client) -> None:
    known = {name for stage in built.plan.stages for name in stage.user}
    body = {
        "user": {name: value for name, value in person.user.items() if name in known},
        "context": {"timestamp": person.now},
        "k": TOP,
        "seen": sorted(set(data.items) - set(person.unseen)),
    }
    status, answer, _ = _ask(outcome, RECOMMEND, body, client)
    if status != 200 or len(answer["items"]) != TOP:
        outcome.faults.append(f"{person.label}: status {status}, {answer}")
        return
    if again := sorted({one["id"] for one in answer["items"]} - set(person.unseen)):
        outcome.faults.append(f"{person.label}: {again} were seen already")
    items = [{**one, "title": data.items[one["id"]].title} for one in answer["items"]]
    outcome.top.append({"user": person.label, "items": items})


def _similar(outcome: FunnelOutcome, data: MovieLens, client: Client) -> None:
    status, answer, _ = _ask(outcome, SIMILAR, {"item": LIKE, "k": TOP}, client)
    if status != 200 or len(answer["items"]) != TOP:
        outcome.faults.append(f"films like {LIKE}: status {status}, {answer}")
        return
    outcome.similar = [
        {"id": one["id"], "title": data.items[one["id"]].title, "score": one["score"]} for one in answer["items"]
    ]


def _warm(outcome: FunnelOutcome, built: BuiltFunnel, body: Any, client: Client) -> None:
    times: list[float] = []
    inside: dict[str, list[float]] = {stage.name: [] for stage in built.plan.stages}
    for _ in range(WARM_REQUESTS):
        status, answer, took = _ask(outcome, RECOMMEND, body, client)
        if status != 200:
            outcome.faults.append(f"warm request: status {status}, {answer}")
            continue
        times.append(took)
        for stage in answer["stages"]:
            inside[stage["name"]].append(stage["ms"])
    outcome.warm_p50_ms = statistics.median(times) if times else 0.0
    outcome.stages = [
        {
            "name": stage.name,
            "model": stage.model,
            "version": stage.version,
            "k": stage.k,
            "ms": round(statistics.median(inside[stage.name]), 3) if times else 0.0,
        }
        for stage in built.plan.stages
    ]
