"""What callers of a funnel send and get, in JSON or msgpack.

    POST /v1/funnels/<funnel>:recommend
    {"user": {…}, "context": {…}, "k": 20, "filter": {"deny": [7], "where": {"genre": ["Drama"]}}, "seen": [50, 96]}
    → {"items": [{"id": 313, "score": 0.81, "scores": {"retrieve": 1.7, "pre-rank": 0.74, "rank": 0.81}}, …],
       "stages": [{"name": "retrieve", "model": "movie-recall", "version": "1", "in": null, "out": 200, "ms": 0.9,
                   "late": false}, …]}

    POST /v1/funnels/<funnel>:similar   {"item": 50, "k": 20}, or "items" of many; a filter and what was seen as above

`scores` are those of each stage, null where it gave none; `score` is the one by which the item stands there. A stage
that did not score all that came says how many it `scored`, one that failed has an `error`. `degraded` counts what had
to be defaulted, with `late:<stage>` and `failed:<stage>`. What the first stage's model reads of filters, and of what
was seen, is its affair (`ranklet_runtime.dialects.retrieval`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgpack

from ranklet_runtime import buffers
from ranklet_runtime.bodies import JSON, MSGPACK, accepted, media_type, read_json, read_msgpack, write_json
from ranklet_runtime.dialects.native import FORMATS
from ranklet_runtime.errors import BadRequest, UnsupportedMediaType
from ranklet_runtime.funnel.messages import Asked, Item, Recommended, Report
from ranklet_runtime.funnel.plan import Plan
from ranklet_runtime.messages import HttpRequest, HttpResponse

FIELDS = {
    "recommend": frozenset({"user", "context", "k", "filter", "seen"}),
    "similar": frozenset({"item", "items", "k", "filter", "seen"}),
}
BUFFER = {"dtype", "shape", "data"}
SIMILAR = 20
"""How many similar items, where nobody says."""


def decode(request: HttpRequest, verb: str, plan: Plan) -> Asked:
    """The request of a body. Raises BadRequest naming the place, UnsupportedMediaType."""
    form = _form(request)
    document = read_msgpack(request.body) if form is MSGPACK else read_json(request.body)
    if not isinstance(document, dict):
        raise BadRequest(f"the body must be an object with {', '.join(sorted(FIELDS[verb]))} as needed")
    _refuse_unknown(document, FIELDS[verb], "$", plan)
    if form is MSGPACK:
        document = {name: _without_buffers(value, f"$.{name}") for name, value in document.items()}
    user, context = (_object(document, name) or {} for name in ("user", "context"))
    for name, values, known in (("user", user, _known(plan, "user")), ("context", context, _known(plan, "context"))):
        _refuse_unknown(values, known, f"$.{name}", plan)
    return Asked(
        user,
        context,
        k=_count(document.get("k"), plan),
        filter=_object(document, "filter"),
        seen=_list(document, "seen"),
        like=_like(document) if verb == "similar" else None,
        form=form,
    )


def encode(answer: Recommended, asked: Asked, request: HttpRequest) -> HttpResponse:
    """The answer in the form of the request, unless Accept names the other."""
    form = accepted(request.headers.get("accept")) or asked.form
    document = {"items": [_item(one) for one in answer.items], "stages": [_report(one) for one in answer.reports]}
    if answer.degraded:
        document["degraded"] = dict(answer.degraded)  # type: ignore[assignment]
    if form is MSGPACK:
        packed: bytes = msgpack.packb(document)
        return HttpResponse(200, packed, MSGPACK)
    return HttpResponse(200, write_json(document), JSON)


def _item(one: Item) -> dict[str, Any]:
    return {"id": one.id, "score": one.score, "scores": dict(one.scores)}


def _report(one: Report) -> dict[str, Any]:
    told: dict[str, Any] = {"name": one.name, "model": one.model, "version": one.version}
    told |= {"in": one.count_in, "out": one.count_out, "ms": one.ms, "late": one.late}
    if one.count_in is not None and one.scored < one.count_in:
        told["scored"] = one.scored
    return told if one.failed is None else {**told, "error": one.failed}


def _form(request: HttpRequest) -> str:
    named = media_type(request.headers.get("content-type"))
    if named not in FORMATS:
        raise UnsupportedMediaType(f"Content-Type {named!r} is not read here; send {JSON} or {MSGPACK}")
    # No JSON text starts with a byte above 0x7f, and every msgpack map does.
    return FORMATS[named] or (MSGPACK if request.body[:1] >= b"\x80" else JSON)


def _without_buffers(value: Any, path: str, depth: int = 2) -> Any:
    """A field of msgpack with its raw buffers as lists: a user's history, ids of a filter."""
    if not isinstance(value, dict) or not depth:
        return value
    if value.keys() == BUFFER:
        return buffers.read(value, path).tolist()
    return {name: _without_buffers(one, f"{path}.{name}", depth - 1) for name, one in value.items()}


def _known(plan: Plan, side: str) -> frozenset[str]:
    return frozenset(name for one in plan.stages for name in (one.user if side == "user" else one.context))


def _refuse_unknown(document: Mapping[Any, Any], known: frozenset[str], place: str, plan: Plan) -> None:
    if plan.surplus == "refuse" and not document.keys() <= known:
        name = min(str(one) for one in document.keys() - known)
        allowed = ", ".join(sorted(known)) or "none"
        raise BadRequest(f"no such field; allowed: {allowed}", path=f"{place}.{name}")


def _object(document: Mapping[Any, Any], name: str) -> dict[str, Any] | None:
    value = document.get(name)
    if value is not None and not (isinstance(value, dict) and all(isinstance(one, str) for one in value)):
        raise BadRequest(f"must be an object, not {type(value).__name__}", path=f"$.{name}")
    return value


def _list(document: Mapping[Any, Any], name: str) -> list[Any] | None:
    value = document.get(name)
    if value is not None and not isinstance(value, list):
        raise BadRequest(f"must be a list of ids, not {type(value).__name__}", path=f"$.{name}")
    return value


def _like(document: Mapping[Any, Any]) -> dict[str, Any]:
    given = {name: document[name] for name in ("item", "items") if document.get(name) is not None}
    if len(given) != 1:
        raise BadRequest("give one of item and items", path="$.item")
    return given


def _count(value: Any, plan: Plan) -> int | None:
    if value is not None and (type(value) is not int or value < 1):
        raise BadRequest("must be a whole number of 1 or more", path="$.k")
    if value is not None and value > plan.limits.items:
        raise BadRequest(f"must be at most {plan.limits.items}", path="$.k")
    return value
