"""The demo's stages: build and prove, synthesise, serve, call; each failure is counted, none is hidden.

What is printed was measured in this run: golden differences over HTTP, cold start as the time from the start of
the runtime client's process to its first request for work, warm requests as the caller sees them.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from ranklet import app, golden, model, pipeline
from ranklet.demo import funnel, movielens, vectors
from ranklet.demo.calls import Client, document
from ranklet.demo.funnel import FunnelOutcome
from ranklet.demo.page import FUNNEL
from ranklet.demo.people import people, request
from ranklet.dialects import FORMS
from ranklet.dialects.base import Message
from ranklet.local.cloud import LocalCloud
from ranklet.local.logs import LogLine, to_stderr
from ranklet.pipeline import Built
from ranklet.project import Project
from ranklet.replay import difference

MODELS = ("movie-ftrl", "movie-two-tower", "movie-deepfm", "movie-din", "movie-gbdt-pmml")
CONVERTED = {"movie-gbdt-pmml": "pmml"}
"""What `ranklet import` made a step of: the build sees only what it became."""
WARM_REQUESTS = 200
TOP_K = 10

REFUSED = {"bad-body": 400}
"""Events that must be refused, and how; every other event must be answered 200."""


@dataclass
class Outcome:
    """One model's line of `ranklet demo --json`; faults says what failed, in words."""

    model: str
    format: str
    engine: str
    rows: int = 0
    max_abs_diff: float = 0.0
    cold_ms: float = 0.0
    warm_p50_ms: float = 0.0
    requests: int = 0
    faults: list[str] = field(default_factory=list)
    top: list[dict[str, Any]] = field(default_factory=list)

    @property
    def failures(self) -> int:
        """How many checks failed."""
        return len(self.faults)

    def document(self) -> dict[str, Any]:
        """The fields that DESIGN.md fixes, and what failed."""
        return {
            "model": self.model,
            "format": self.format,
            "engine": self.engine,
            "golden": {"rows": self.rows, "max_abs_diff": self.max_abs_diff},
            "cold_ms": round(self.cold_ms, 1),
            "warm_p50_ms": round(self.warm_p50_ms, 2),
            "requests": self.requests,
            "failures": self.failures,
            "top": self.top,
            "faults": self.faults,
        }


@dataclass(frozen=True)
class Ran:
    """What came of all models, and of the funnel."""

    models: list[Outcome]
    funnel: FunnelOutcome

    @property
    def ok(self) -> bool:
        """Whether everything was answered as it must be."""
        fine = (one.failures == 0 and one.rows > 0 and len(one.top) == 3 for one in self.models)
        return all(fine) and self.funnel.ok

    def document(self) -> dict[str, Any]:
        """As `ranklet demo --json` prints it."""
        models = [one.document() for one in self.models]
        return {"ok": self.ok, "models": models, "funnel": self.funnel.document()}


def run(here: Project, *, progress: Callable[[str], None]) -> Ran:
    """Run the whole demo in `here`; raises only where going on makes no sense (no data, no build, no cloud)."""
    progress("fetching MovieLens-100K")
    data = movielens.load()
    built = [_build(folder, here, progress) for folder in here.models(MODELS)]
    joined = funnel.build(here, progress)
    progress("synthesising the CloudFormation templates (layers are built once)")
    assembly = app.synthesise(here, out=here.build / "demo.out", context={"models": ",".join((*MODELS, FUNNEL))})
    progress("starting the local cloud")
    cloud = LocalCloud(assembly, tables=here.build / "tables", log=_quiet)
    with cloud.running(), Client(cloud.url) as client:
        outcomes = []
        for one in built:
            progress(f"calling {one.model}")
            outcomes.append(_call(one, here, data, client))
            outcomes[-1].cold_ms = cloud.stats()[one.model].init_ms
        progress(f"calling {FUNNEL}")
        found = funnel.call(joined, data, client)
        found.cold_ms = cloud.stats()[FUNNEL].init_ms
    return Ran(outcomes, found)


def _quiet(line: LogLine) -> None:
    """Only what a function itself says is wrong: a request a line would hide what the demo shows."""
    if '"level":"ERROR"' in line.text or "Traceback" in line.text:
        to_stderr(line)


def _build(folder: Path, here: Project, progress: Callable[[str], None]) -> Built:
    return pipeline.build(folder, out=here.build, progress=lambda what: progress(f"{folder.name}: {what}"))


def _call(built: Built, here: Project, data: movielens.MovieLens, client: Client) -> Outcome:
    source = model.load(here.functions / built.model)
    outcome = Outcome(
        built.model,
        format=CONVERTED.get(built.model) or "+".join(dict.fromkeys(step.format for step in source.steps)),
        engine="+".join(step.engine for step in built.manifest.steps if step.candidates != "few"),
    )
    rows = golden.read(here.functions / built.model / source.golden.file)
    _golden(outcome, built, rows, client)
    _events(outcome, here.events / built.model, client)
    _recommend(outcome, built, data, client, tables=here.build / "tables")
    _warm(outcome, built, rows[0], client)
    return outcome


def _golden(outcome: Outcome, built: Built, rows: Sequence[golden.Golden], client: Client) -> None:
    form = FORMS["native-json"]
    for number, row in enumerate(rows, start=1):
        sent = form.request(row, built.manifest)
        status, answer, _ = client.send("POST", form.url(built.manifest), sent.body, sent.headers)
        outcome.requests += 1
        gap = difference(form.decode(Message(answer)), row) if status == 200 else float("inf")
        if gap > built.certificate.bound:
            outcome.faults.append(f"golden row {number}: status {status}, difference {gap:.1e}")
        outcome.rows += 1
        outcome.max_abs_diff = max(outcome.max_abs_diff, gap)


def _events(outcome: Outcome, folder: Path, client: Client) -> None:
    for path in sorted(folder.glob("*.json")):
        status, answer, _ = client.event(orjson.loads(path.read_bytes()))
        outcome.requests += 1
        if status != REFUSED.get(path.stem, 200):
            outcome.faults.append(f"event {path.name}: status {status}, {document(answer)}")


def _recommend(outcome: Outcome, built: Built, data: movielens.MovieLens, client: Client, *, tables: Path) -> None:
    path = FORMS["native-json"].url(built.manifest)
    for person in people(data):
        body = request(person, data, built.manifest.spec.inputs, top_k=TOP_K)
        status, answer, _ = client.post(path, orjson.dumps(body), "application/json")
        outcome.requests += 1
        ranked = document(answer)
        if status != 200 or len(ranked["items"]) != TOP_K:
            outcome.faults.append(f"{person.label}: status {status}, {ranked}")
            continue
        way = vectors.way(built, person.user, tables)
        outcome.top.append({"user": person.label, "items": _titled(ranked, data), "vector": way})
        if way is not None:
            again, bare, _ = client.post(path, orjson.dumps(vectors.bare(built.manifest, body)), "application/json")
            outcome.requests += 1
            if again != 200 or (document(bare) == ranked) != (way == "stored"):
                outcome.faults.append(f"{person.label}: the vector is not {way}; without a profile: {document(bare)}")


def _titled(ranked: Mapping[str, Any], data: movielens.MovieLens) -> list[dict[str, Any]]:
    pairs = zip(ranked["items"], ranked["scores"], strict=True)
    return [{"id": film, "title": data.items[film].title, "score": score} for film, score in pairs]


def _warm(outcome: Outcome, built: Built, row: golden.Golden, client: Client) -> None:
    form = FORMS["native-json"]
    sent, times = form.request(row, built.manifest), []
    for _ in range(WARM_REQUESTS):
        status, answer, took = client.send("POST", form.url(built.manifest), sent.body, sent.headers)
        outcome.requests += 1
        times.append(took)
        if status != 200:
            outcome.faults.append(f"warm request: status {status}, {document(answer)}")
    outcome.warm_p50_ms = statistics.median(times)
