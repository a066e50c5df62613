"""ranklet's own form: the user's features travel once, the candidates' are columns.

    POST /v1/models/<model>:rank                        (and …/versions/<version>:rank, …/labels/<label>:rank)
    {"user": {"age": 25}, "context": {"hour": 20}, "items": {"id": [7, 9], "price": [3.5, 2]}, "top_k": 1}
    → {"scores": [0.25, 0.75]}, with top_k {"items": [9], "scores": [0.75]}

A model that tells more than scores answers with `outputs` beside them, a column each. A number that is not one, or is
infinite, is null in JSON, and itself in a buffer of msgpack. Where more than scores makes the list of the best ([after]
of model.toml), `ordered_by` names the steps, and `explored` has the seed and, for each place, its propensity.

JSON or msgpack, told by the Content-Type or, without one, by the first byte. In msgpack a column may be a raw buffer
(see `ranklet_runtime.buffers`); the answer's scores are one, and so are its items when their column was. The answer has
the request's format unless Accept names the other. `degraded` counts what had to be defaulted, when something was.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import msgpack
import numpy as np

from ranklet_features.errors import InputError
from ranklet_runtime import buffers
from ranklet_runtime.bodies import (
    JSON,
    MSGPACK,
    MSGPACK_TYPES,
    accepted,
    media_type,
    printable,
    read_json,
    read_msgpack,
    write_json,
)
from ranklet_runtime.dialects.base import Call, Route
from ranklet_runtime.errors import BadRequest, NotFound, RequestFault, UnsupportedMediaType
from ranklet_runtime.messages import HttpRequest, HttpResponse, More, Ordered, RankRequest, RankResult
from ranklet_runtime.ranking import ranked
from ranklet_runtime.served import Served
from ranklet_runtime.telling import chosen

OPENAPI = "openapi.json"
"""The document's name, in the bundle and in its path."""

FIELDS = frozenset({"user", "context", "items", "top_k"})
FORMATS = {JSON: JSON, "": None, "application/octet-stream": None, **dict.fromkeys(MSGPACK_TYPES, MSGPACK)}
"""Content-Type → format; None is told by the first byte, as API Gateway and some clients send no better type."""


class Native:
    """The native form."""

    routes: ClassVar[tuple[Route, ...]] = (
        Route("POST", "/v1/models/{model}:rank"),
        Route("POST", "/v1/models/{model}/versions/{version}:rank"),
        Route("POST", "/v1/models/{model}/labels/{label}:rank"),
        Route("GET", "/ping", scores=False),
        Route("GET", "/health", scores=False),
        Route("GET", f"/{OPENAPI}", scores=False),
    )

    def decode(self, request: HttpRequest, call: Call, served: Served) -> RankRequest:
        """Read a JSON or msgpack body; columns stay unchecked but for their names and buffers."""
        form = _format(request)
        document = read_msgpack(request.body) if form is MSGPACK else read_json(request.body)
        if not isinstance(document, dict):
            raise BadRequest("the body must be an object with `items` and, as the model needs, `user` and `context`")
        more = None if document.keys() <= FIELDS else _more(document, served)
        if "items" not in document:
            raise BadRequest("the candidates' columns are missing", path="$.items")
        user, context, items = (_side(document, name, form) for name in ("user", "context", "items"))
        return RankRequest(user, context, items, top_k=_top_k(document.get("top_k")), form=form, more=more)

    def encode(
        self, result: RankResult, *, asked: RankRequest, request: HttpRequest, call: Call, served: Served
    ) -> HttpResponse:
        """Write `scores`, or the best `items` and their scores, and `degraded`."""
        form = accepted(request.headers.get("accept")) or asked.form
        scores: Any = result.scores
        outputs = result.outputs
        answer: dict[str, Any] = {}
        if asked.top_k is not None:
            order = ranked(result, asked.top_k, nulls=served.manifest.nulls)
            scores, outputs = scores[order], chosen(outputs, order) if outputs else outputs
            answer["items"] = _items(asked.items.get(served.manifest.item_key or ""), order)
        answer["scores"] = scores
        if outputs:
            answer["outputs"] = dict(outputs)
        if result.ordered is not None:
            answer |= _list(result.ordered)
        if result.degraded:
            answer["degraded"] = dict(result.degraded)
        return HttpResponse(200, _write(answer, form), form)

    def describe(self, request: HttpRequest, call: Call, served: Served) -> HttpResponse:
        """Health: a function that answers has opened its model. And its OpenAPI document, as the build wrote it."""
        if call.route.path == f"/{OPENAPI}":
            return HttpResponse(200, _openapi(served))
        document = {"status": "ok", "model": served.manifest.model, "version": served.manifest.version}
        return HttpResponse(200, write_json(document))

    def place(self, error: InputError, asked: RankRequest) -> str:
        """`$.items.price[3]`."""
        side = "items" if error.side == "item" else error.side
        return f"$.{side}.{error.name}" + "".join(f"[{i}]" for i in error.index)

    def fault(self, fault: RequestFault, request: HttpRequest) -> HttpResponse:
        """`{"error": …}`, with `path` where the fault has a place. Always JSON."""
        document = {"error": printable(str(fault))}
        if fault.path:
            document["path"] = printable(fault.path)
        return HttpResponse(fault.status, write_json(document))


def _openapi(served: Served) -> bytes:
    try:
        if served.folder is not None:
            return (served.folder / OPENAPI).read_bytes()
    except FileNotFoundError:
        pass
    raise NotFound("this bundle has no OpenAPI document; build it again")


def _format(request: HttpRequest) -> str:
    """JSON or MSGPACK."""
    named = media_type(request.headers.get("content-type"))
    if named not in FORMATS:
        raise UnsupportedMediaType(f"Content-Type {named!r} is not read here; send {JSON} or {MSGPACK}")
    # No JSON text starts with a byte above 0x7f, and every msgpack map does.
    return FORMATS[named] or (MSGPACK if request.body[:1] >= b"\x80" else JSON)


def _side(document: Mapping[Any, Any], name: str, form: str) -> Mapping[str, Any]:
    """The columns or values of one side; msgpack's buffers are arrays afterwards."""
    values = document.get(name)
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise BadRequest(f"must be an object of features, not {type(values).__name__}", path=f"$.{name}")
    if form is JSON:
        return values
    if not set(map(type, values)) <= {str}:
        raise BadRequest("the names of features must be strings", path=f"$.{name}")
    return {
        key: _unpacked(value, f"$.{name}.{key}", column=name == "items") if isinstance(value, dict) else value
        for key, value in values.items()
    }


def _unpacked(buffer: Mapping[Any, Any], path: str, *, column: bool) -> Any:
    array = buffers.read(buffer, path)
    # A user's vector or history is one value: the features' own form of one value is a list.
    return array if column else array.tolist()


def _more(document: Mapping[Any, Any], served: Served) -> More | None:
    # Imported here: few requests say more.
    from ranklet_runtime.dialects.more import read

    return read(document, FIELDS, served)


def _list(ordered: Ordered) -> dict[str, Any]:
    """What made the list beside the scores, and what a caller needs who learns from exploration."""
    told: dict[str, Any] = {"ordered_by": list(ordered.steps)}
    if (explored := ordered.explored) is not None:
        told["explored"] = {
            "method": explored.method,
            "seed": explored.seed,
            "propensities": explored.propensities,
        }
    return told


def _top_k(value: Any) -> int | None:
    if value is not None and (type(value) is not int or value < 1):
        raise BadRequest("must be a whole number of 1 or more", path="$.top_k")
    return value


def _items(column: Any, order: np.ndarray[Any, np.dtype[np.intp]]) -> Any:
    """The ids of the best candidates in the form their column had; their positions where they have no ids."""
    if column is None:
        return order
    return column[order] if isinstance(column, np.ndarray) else [column[i] for i in order.tolist()]


def _write(answer: dict[str, Any], form: str) -> bytes:
    if form is JSON:
        return write_json(answer)
    packed: bytes = msgpack.packb({name: _packed(value) for name, value in answer.items()})
    return packed


def _packed(value: Any) -> Any:
    """Arrays as raw buffers, those of `outputs` as well."""
    if isinstance(value, np.ndarray):
        return buffers.write(value)
    return {name: _packed(one) for name, one in value.items()} if isinstance(value, dict) else value
