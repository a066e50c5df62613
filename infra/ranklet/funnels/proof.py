"""The proof of a funnel: its answers are those of its stages, asked one by one.

Each golden request goes through the funnel's handler, in every form; and through the handlers of the stages' own
bundles, each of which was proven to give its trainer's scores: what retrieval finds is handed to the rankers, the best
of each to the next. Both have to name the same items with the same scores. Items may stand in another order only where
their scores are equal within the bound. Time is no part of the proof: nobody is late here.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgpack
import numpy as np
import orjson
from numpy.typing import NDArray

from ranklet import proof
from ranklet.deployable import Deployable
from ranklet.errors import ParityError
from ranklet.funnels.golden import Request
from ranklet.local.event_v2 import event_v2
from ranklet.snapshots import BUCKET_VARIABLE
from ranklet_runtime.after.blend import Blend
from ranklet_runtime.bodies import JSON, MSGPACK
from ranklet_runtime.function import Function
from ranklet_runtime.funnel import opening
from ranklet_runtime.funnel.candidates import ordered
from ranklet_runtime.funnel.facts import Facts
from ranklet_runtime.funnel.function import FunnelFunction
from ranklet_runtime.funnel.plan import Limits, Plan, Stage
from ranklet_runtime.telemetry import Telemetry

PATIENT_MS = 600_000
FORMS = {"recommend-json": JSON, "recommend-msgpack": MSGPACK}

Scores = Mapping[str, float | None]


@dataclass(frozen=True)
class Told:
    """An answer: ids, best first, each one's score by stage, and the value by which it stands where it does."""

    ids: list[Any]
    scores: Sequence[Scores]
    values: Sequence[float]


@dataclass(frozen=True)
class Proven:
    """paths: form → the largest difference of a score from the stage's own. answers: to each golden request."""

    paths: dict[str, float]
    answers: list[Told]


def prove(
    bundle: Path, plan: Plan, models: Sequence[Deployable], rows: Sequence[Request], *, bound: float, staging: Path
) -> Proven:
    """Replay every request. Raises ParityError naming the request, the place and both items where answers differ."""
    with opened(bundle, plan, models, staging) as (funnel, alone):
        answers = [alone.answer(row, number) for number, row in enumerate(rows, start=1)]
        paths = {
            name: max(
                _compared(ask(funnel, plan, row, media, number), one, f"golden request {number} as {name}", bound)
                for number, (row, one) in enumerate(zip(rows, answers, strict=True), start=1)
            )
            for name, media in FORMS.items()
        }
    return Proven(paths, answers)


@contextmanager
def opened(
    bundle: Path, plan: Plan, models: Sequence[Deployable], staging: Path
) -> Iterator[tuple[FunnelFunction, OneByOne]]:
    """The funnel, whose stages are never late, and its stages by themselves, with their tables on this machine."""
    with ExitStack() as stack:
        environ = _environment(models, staging, stack)
        alone = {one.model.name: Function.open(one.bundle, environ) for one in {m.bundle: m for m in models}.values()}
        for one in alone.values():
            stack.callback(one.scorer.close)
        funnel = _function(bundle, patient(plan), alone, environ)
        stack.callback(funnel.scorer.close)
        yield funnel, OneByOne(plan, alone, Facts.open(bundle))


def patient(plan: Plan) -> Plan:
    """The same plan with all the time in the world."""
    stages = tuple(replace(stage, deadline_ms=PATIENT_MS) for stage in plan.stages)
    limits = Limits(plan.limits.items, plan.limits.body_bytes, PATIENT_MS)
    return replace(plan, stages=stages, limits=limits)


def ask(funnel: FunnelFunction, plan: Plan, row: Request, media: str, number: int) -> Told:
    """What the funnel answers to a request. Raises ParityError where it refuses it, or a stage fails."""
    body = orjson.dumps(row) if media == JSON else msgpack.packb(row)
    path = f"/{plan.funnel}/v1/funnels/{plan.funnel}:recommend"
    document = _answer(funnel(event_v2("POST", path, headers={"content-type": media}, body=body), None), number, media)
    for stage in document["stages"]:
        if stage["late"] or "error" in stage:
            raise ParityError(
                f"golden request {number}: the stage {stage['name']} gives nothing: {stage.get('error', 'late')}"
            )
    items = document["items"]
    return Told([one["id"] for one in items], [one["scores"] for one in items], [one["score"] for one in items])


class OneByOne:
    """The stages of a funnel, each asked by itself in its own form."""

    def __init__(self, plan: Plan, functions: Mapping[str, Function], facts: Facts) -> None:
        self._plan, self._functions, self._facts = plan, functions, facts

    def answer(self, row: Request, number: int, *, stages: int | None = None) -> Told:
        """What a funnel of the first `stages` stages should answer. Raises ParityError where one refuses."""
        first, *rest = self._plan.stages[:stages]
        asked = row.get("k") or 0
        narrowed = {name: row[name] for name in ("filter", "seen") if name in row}
        found = self._ask(first, "retrieve", {**_sides(row, first), **narrowed, "k": max(first.k, asked)}, number)
        told = Told(found["items"], [{first.name: score} for score in found["scores"]], found["scores"])
        for stage in rest:
            told = self._ranked(stage, row, told, number)
        wanted = len(told.ids) if "k" not in row else row["k"]
        return Told(told.ids[:wanted], told.scores[:wanted], told.values[:wanted])

    def _ranked(self, stage: Stage, row: Request, before: Told, number: int) -> Told:
        if not (ids := before.ids):
            return before
        known, columns = self._facts.of(ids, stage.facts) if stage.facts else (list(range(len(ids))), {})
        count = max(stage.k, row.get("k") or 0)
        found = np.full(len(ids), np.nan)
        listed = None
        if known:
            items = {stage.key: [ids[at] for at in known], **columns}
            document = {**_sides(row, stage), "items": items}
            if stage.orders:
                answer = self._ask(stage, "rank", {**document, "top_k": count}, number)
                listed = [ids.index(one) for one in answer["items"]]
                found[listed] = answer["scores"]
            else:
                told = self._ask(stage, "rank", document, number)["scores"]
                found[known] = [np.nan if one is None else one for one in told]
        every = [
            {**one, stage.name: None if np.isnan(score) else float(score)}
            for one, score in zip(before.scores, found, strict=True)
        ]
        values = found if not stage.order else _by(stage, every)
        order = listed if listed is not None else np.argsort(-values, kind="stable").tolist()
        stand = np.where(np.isnan(values), before.values, values)
        best = order[:count]
        return Told([ids[at] for at in best], [every[at] for at in best], [float(stand[at]) for at in best])

    def _ask(self, stage: Stage, verb: str, document: Mapping[str, Any], number: int) -> Any:
        path = f"/v1/models/{stage.model}:{verb}"
        headers = {"content-type": JSON}
        event = event_v2("POST", path, headers=headers, body=orjson.dumps(document))
        return _answer(self._functions[stage.model](event, None), number, JSON)


def _function(bundle: Path, plan: Plan, alone: Mapping[str, Function], environ: Mapping[str, str]) -> FunnelFunction:
    """The funnel as its layout has it; functions apart are those of the stages, invoked without Lambda between."""
    if plan.layout == "one":
        stages = opening.open_stages(plan, bundle, environ)
    else:
        stages = opening.of_functions(plan, lambda model, event, _: alone[model](event, None), Facts.open(bundle))
    return FunnelFunction(plan, stages, Telemetry(plan.funnel, plan.version), folder=bundle)


def _environment(models: Sequence[Deployable], staging: Path, stack: ExitStack) -> dict[str, str]:
    """By what functions find tables and what they fetch: wire servers, until the stack is left."""
    tables = {table.physical for one in models for table in one.tables}
    environ = proof.environment([staging / name for name in sorted(tables)], stack)
    shelved = sorted({name for one in models for name in one.shelved})
    if shelved:
        from ranklet.local.s3 import LocalS3  # most models fit into their package

        server = stack.enter_context(LocalS3())
        for name in shelved:
            server.load(staging / name)
        folder = stack.enter_context(TemporaryDirectory(prefix="fetched-"))
        named = {BUCKET_VARIABLE: server.bucket, "RANKLET_SNAPSHOT_FOLDER": folder, "RANKLET_SNAPSHOT_SECONDS": "600"}
        environ |= {"AWS_ENDPOINT_URL_S3": server.endpoint, **named, **proof.IDENTITY}
    return environ


def _sides(row: Request, stage: Stage) -> dict[str, Any]:
    names = {"user": stage.user, "context": stage.context}
    return {side: {k: v for k, v in row.get(side, {}).items() if k in known} for side, known in names.items()}


def _answer(answer: Mapping[str, Any], number: int, media: str) -> Any:
    raw = answer["body"]
    body = base64.b64decode(raw) if answer["isBase64Encoded"] else raw.encode()
    if answer["statusCode"] != 200:
        raise ParityError(f"golden request {number} was answered {answer['statusCode']}: {body[:500].decode()}")
    return msgpack.unpackb(body) if media == MSGPACK else orjson.loads(body)


def _compared(told: Told, wanted: Told, what: str, bound: float) -> float:
    """The largest difference of a score. Raises ParityError above the bound, and for an item that does not belong."""
    if len(told.ids) != len(wanted.ids):
        raise ParityError(f"{what}: {len(told.ids)} items, the stages one by one give {len(wanted.ids)}")
    known = dict(zip(wanted.ids, wanted.scores, strict=True))
    largest = 0.0
    for place, (ours, one) in enumerate(zip(told.ids, told.scores, strict=True)):
        theirs, other = wanted.ids[place], wanted.scores[place]
        # Two items whose scores are equal within the bound may change places, the one at the edge with one beyond it.
        gap = max(_apart(one, known.get(ours, one)), _gap(told.values[place], wanted.values[place]))
        if not gap <= bound:
            raise ParityError(
                f"{what}: place {place} has {ours!r} with {dict(one)}, the stages one by one say {theirs!r} with "
                f"{dict(other)}: {gap:.2e} apart, above {bound:.0e}"
            )
        largest = max(largest, gap)
    return largest


def _apart(one: Scores, other: Scores) -> float:
    return max(_gap(one[name], other[name]) for name in one)


def _by(stage: Stage, scores: Sequence[Scores]) -> NDArray[np.float64]:
    columns = {name: np.array([one[name] for one in scores], np.float32) for name in scores[0]}
    return ordered(Blend(stage.order), columns)


def _gap(one: float | None, other: float | None) -> float:
    if one is None or other is None:
        return 0.0 if one is other else float("inf")
    return abs(one - other) / max(1.0, abs(other))
