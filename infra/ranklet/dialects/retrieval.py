"""The form of models that find items, in JSON and in msgpack.

A golden row names the trainer's items, best first. Ours agree where each of them has the score that the trainer gave
it: two items that are closer than the bound may change places, and nothing else may.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgpack
import numpy as np
import orjson

from ranklet.dialects.base import JSON, MSGPACK, Form, Message, numbers
from ranklet.dialects.native import operations as native_operations
from ranklet.golden import Golden
from ranklet.openapi import schemas
from ranklet.openapi.base import SCORING, Operation, of_label, of_version
from ranklet_runtime.manifest import Manifest
from ranklet_runtime.retrieval import Retrieve

MODEL = "/v1/models/{model}"
RETRIEVE, SIMILAR = f"{MODEL}:retrieve", f"{MODEL}:similar"


def _path(golden: Golden) -> str:
    return SIMILAR if similar(golden) else RETRIEVE


def similar(golden: Golden) -> bool:
    """Whether a golden row asks for items like others."""
    return golden.asked is not None and not {"item", "items"}.isdisjoint(golden.asked)


def document(golden: Golden) -> dict[str, Any]:
    """A golden row's request; of similar items it has no user."""
    once = {} if similar(golden) else {"user": golden.user, "context": golden.context}
    return {**once, **(golden.asked or {})}


def _json(golden: Golden, manifest: Manifest) -> Message:
    return Message(orjson.dumps(document(golden)))


def _msgpack(golden: Golden, manifest: Manifest) -> Message:
    packed = document(golden)
    if manifest.retrieve is not None and manifest.retrieve.index.key == "int" and packed.get("seen"):
        seen = np.asarray(packed["seen"], "<i8")
        packed["seen"] = {"dtype": seen.dtype.str, "shape": list(seen.shape), "data": seen.tobytes()}
    return Message(msgpack.packb(packed))


def _scores(answer: Message) -> list[float]:
    return numbers(orjson.loads(answer.body)["scores"])


def _packed_scores(answer: Message) -> list[float]:
    return numbers(_unpacked(msgpack.unpackb(answer.body)["scores"]))


def _items(answer: Message) -> Mapping[str, list[Any]]:
    return {"items": orjson.loads(answer.body)["items"]}


def _packed_items(answer: Message) -> Mapping[str, list[Any]]:
    return {"items": _unpacked(msgpack.unpackb(answer.body)["items"])}


def _unpacked(column: Any) -> list[Any]:
    if isinstance(column, list):
        return column
    found: list[Any] = np.frombuffer(column["data"], dtype=column["dtype"]).tolist()
    return found


def disagreement(scores: Sequence[float], outputs: Mapping[str, list[Any]], golden: Golden, bound: float) -> str:
    """What is wrong with the items of an answer whose scores are the trainer's, place by place; "" for nothing."""
    known = dict(zip(golden.outputs["items"], golden.scores, strict=True))
    last = min(golden.scores, default=0.0)
    items = outputs.get("items", [])
    if len(set(items)) != len(items):
        return f"an item stands twice among {items[:10]}"
    for place, (item, score) in enumerate(zip(items, scores, strict=True)):
        # What the trainer does not name may stand at the end, as good as the last one that it names.
        wanted = known.get(item, last)
        if not abs(score - wanted) <= bound:
            said = f"the trainer gives it {wanted!r}" if item in known else "the trainer does not name it"
            right = golden.outputs["items"][place]
            return f"item {item!r} at place {place} has {score!r}, {said}; the trainer's is {right!r}"
    return ""


FORMS: Mapping[str, Form] = {
    "retrieve-json": Form(RETRIEVE, JSON, _json, _scores, _items, at=_path, agrees=disagreement),
    "retrieve-msgpack": Form(RETRIEVE, MSGPACK, _msgpack, _packed_scores, _packed_items, at=_path, agrees=disagreement),
}


def operations(manifest: Manifest) -> tuple[Operation, ...]:
    """`retrieve`, `similar`, the health of the function, and this document."""
    what = manifest.retrieve
    if what is None:
        return ()
    users = what.query is not None or what.history is not None
    once = {"user": schemas.side(manifest, "user"), "context": schemas.side(manifest, "context")}
    needed = [name for name, schema in once.items() if schema.get("required")]
    one, several = _id(what), _ids(what)
    verbs = [
        *([_operation(manifest, "retrieve", "The best items for a user", once, needed)] if users else []),
        _operation(manifest, "similar", "Items like one, or like several", {"item": one, "items": several}, []),
    ]
    described = [other for other in native_operations(manifest) if other.method == "GET"]
    return (*(form for verb in verbs for form in _forms(manifest, verb)), *described)


def _forms(manifest: Manifest, verb: Operation) -> tuple[Operation, ...]:
    model = MODEL.format(model=manifest.model)
    return (
        verb,
        of_version(verb, f"{model}/versions/{{version}}:{verb.id}", manifest.version),
        of_label(verb, f"{model}/labels/{{label}}:{verb.id}"),
    )


def _operation(
    manifest: Manifest, verb: str, summary: str, asked: Mapping[str, Mapping[str, Any]], needed: list[str]
) -> Operation:
    what = manifest.retrieve
    assert what is not None, "of a model that finds items"
    k = {"type": ["integer", "null"], "minimum": 1, "maximum": manifest.limits.items, "default": what.k}
    properties = {**asked, "k": k, "filter": _filter(what), "seen": _optional(_ids(what))}
    request = schemas.object_of(properties, needed)
    answer = schemas.object_of(
        {"items": _ids(what), "scores": schemas.array({"type": "number"}), "degraded": schemas.counts()},
        ["items", "scores"],
    )
    fault = schemas.object_of({"error": {"type": "string"}, "path": {"type": "string"}}, ["error"])
    packed = {"type": "string", "format": "binary"}
    return Operation(
        verb,
        "POST",
        f"{MODEL.format(model=manifest.model)}:{verb}",
        f"{summary}, best first",
        {JSON: answer, MSGPACK: packed},
        fault,
        request={JSON: request, MSGPACK: packed},
        faults=SCORING,
        tag="retrieval",
    )


def _filter(what: Retrieve) -> dict[str, Any]:
    where = {name: schemas.array({"type": TYPES[kind]}) for name, kind in what.index.attributes.items()}
    several = _optional(_ids(what))
    properties = {"allow": several, "deny": several, "where": _optional(schemas.object_of(where, []))}
    return _optional(schemas.object_of(properties, []))


TYPES: Mapping[str, str] = {"string": "string", "int": "integer", "bool": "boolean"}


def _optional(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {**schema, "type": [schema["type"], "null"]}


def _id(what: Retrieve) -> dict[str, Any]:
    return dict(schemas.TYPES[what.index.key])


def _ids(what: Retrieve) -> dict[str, Any]:
    return schemas.array(_id(what))
