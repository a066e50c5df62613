"""The OpenAPI document of a funnel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from ranklet.dialects.base import JSON, MSGPACK
from ranklet.funnels.settings import Funnel
from ranklet.funnels.stages import inputs
from ranklet.openapi import schemas
from ranklet.openapi.base import SCORING, TELLING, Operation, Schema
from ranklet.openapi.document import of_operations
from ranklet_features.spec import Side
from ranklet_runtime.funnel.plan import Plan
from ranklet_runtime.manifest import Manifest

PACKED: Schema = {"type": "string", "format": "binary"}
FAULT = schemas.object_of({"error": {"type": "string"}, "path": {"type": "string"}}, ["error"])


def text(funnel: Funnel, plan: Plan, manifests: Sequence[Manifest]) -> bytes:
    """The document's bytes: same funnel, same bytes."""
    said = funnel.description or f"Items for users by the funnel {funnel.name}, served by ranklet."
    operations = _operations(plan, manifests)
    return orjson.dumps(of_operations(plan.funnel, plan.version, said, api=funnel.api, operations=operations))


def _operations(plan: Plan, manifests: Sequence[Manifest]) -> tuple[Operation, ...]:
    place = f"/v1/funnels/{plan.funnel}"
    answer = _answer(plan, manifests)
    return (
        Operation(
            "recommend",
            "POST",
            f"{place}:recommend",
            "The best items for a user, best first, and what each stage did",
            {JSON: answer, MSGPACK: PACKED},
            FAULT,
            request={JSON: _request(plan, manifests), MSGPACK: PACKED},
            faults=SCORING,
            tag="funnel",
        ),
        Operation(
            "similar",
            "POST",
            f"{place}:similar",
            "Items like one, or like several, by the first stage",
            {JSON: answer, MSGPACK: PACKED},
            FAULT,
            request={JSON: _similar(plan, manifests[0]), MSGPACK: PACKED},
            faults=SCORING,
            tag="funnel",
        ),
        Operation(
            "health", "GET", "/health", "Health, and the stages", {JSON: _health()}, FAULT, faults=TELLING, tag="funnel"
        ),
        Operation(
            "openapi",
            "GET",
            "/openapi.json",
            "This document",
            {JSON: {"type": "object"}},
            FAULT,
            faults=TELLING,
            tag="funnel",
        ),
    )


def _request(plan: Plan, manifests: Sequence[Manifest]) -> Schema:
    closed = plan.surplus == "refuse"
    named = {"user": _side(manifests, "user", closed), "context": _side(manifests, "context", closed)}
    needed = [name for name, one in named.items() if "required" in one]
    return schemas.object_of({**named, **_narrowed(plan, manifests[0])}, needed, closed=closed)


def _side(manifests: Sequence[Manifest], side: Side, closed: bool) -> dict[str, Any]:
    known = {name: one for name, one in inputs(manifests).items() if one.side == side}
    properties = {name: schemas.value(one) for name, one in known.items()}
    return schemas.object_of(
        properties, [name for name, one in known.items() if not schemas.optional(one)], closed=closed
    )


def _similar(plan: Plan, first: Manifest) -> Schema:
    one = _id(first)
    properties = {"item": one, "items": {**schemas.array(one), "minItems": 1}, **_narrowed(plan, first)}
    return {
        **schemas.object_of(properties, [], closed=plan.surplus == "refuse"),
        "oneOf": [{"required": ["item"]}, {"required": ["items"]}],
    }


def _narrowed(plan: Plan, first: Manifest) -> dict[str, Any]:
    ids = schemas.array(_id(first))
    attributes = {} if first.retrieve is None else first.retrieve.index.attributes
    types = {"string": "string", "int": "integer", "bool": "boolean"}
    where = schemas.object_of({name: schemas.array({"type": types[kind]}) for name, kind in attributes.items()}, [])
    return {
        "k": {"type": ["integer", "null"], "minimum": 1, "maximum": plan.limits.items},
        "filter": schemas.object_of({"allow": ids, "deny": ids, "where": where}, []),
        "seen": ids,
    }


def _answer(plan: Plan, manifests: Sequence[Manifest]) -> Schema:
    score = {"type": ["number", "null"]}
    item = schemas.object_of(
        {
            "id": _id(manifests[0]),
            "score": {"type": "number"},
            "scores": schemas.object_of({stage.name: score for stage in plan.stages}, []),
        },
        ["id", "score", "scores"],
    )
    told = {name: {"type": "string"} for name in ("name", "model", "version", "error")}
    counts = {"in": {"type": ["integer", "null"]}, "out": {"type": "integer"}, "scored": {"type": "integer"}}
    stage = schemas.object_of(
        {**told, **counts, "ms": {"type": "number"}, "late": {"type": "boolean"}},
        ["name", "model", "version", "in", "out", "ms", "late"],
    )
    return schemas.object_of(
        {"items": schemas.array(item), "stages": schemas.array(stage), "degraded": schemas.counts()},
        ["items", "stages"],
    )


def _health() -> Schema:
    texts = {name: {"type": "string"} for name in ("status", "model", "version")}
    stages = schemas.array({"type": "object"})
    return schemas.object_of({**texts, "stages": stages}, ["status", "model", "version", "stages"])


def _id(first: Manifest) -> dict[str, Any]:
    kind = first.retrieve.index.key if first.retrieve is not None else "string"
    return {"type": "integer", **schemas.INTEGERS} if kind == "int" else {"type": "string"}
