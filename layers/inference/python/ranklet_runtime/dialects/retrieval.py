"""Retrieval: the best items of the whole catalogue for a user, or those like some items.

    POST /v1/models/<model>:retrieve                    (and …/versions/<version>:retrieve, …/labels/<label>:retrieve)
    {"user": {"age": 25}, "context": {"hour": 20}, "k": 2, "seen": [64],
     "filter": {"allow": [7, 9, 12], "deny": [12], "where": {"genre": ["Drama"], "available": [true]}}}
    → {"items": [9, 7], "scores": [0.75, 0.5]}

    POST /v1/models/<model>:similar                     (and of a version or a label)
    {"item": 7, "k": 2}    or    {"items": [3, 7], "k": 2}    → the same answer, without the items that were named

Best first, equal scores in the order of the catalogue, which is that of the ids. `k`, `filter` and `seen` may be left
out. Fewer than k items come back only where the filter leaves no more. JSON or msgpack, as in the native form: in
msgpack, integer ids may be raw buffers, the answer's scores are one, and so are its items where ids are integers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from ranklet_features.values import describe
from ranklet_runtime import buffers
from ranklet_runtime.bodies import MSGPACK, accepted, read_json, read_msgpack
from ranklet_runtime.dialects.base import Call, Route
from ranklet_runtime.dialects.native import OPENAPI, Native, _format, _side, _write
from ranklet_runtime.errors import BadRequest, InternalFault
from ranklet_runtime.messages import HttpRequest, HttpResponse, RankRequest, RankResult
from ranklet_runtime.retrieval import EVERYTHING, NONE, Filter, Ids, Retrieve, RetrieveRequest, RetrieveResult
from ranklet_runtime.served import Served

RETRIEVE, SIMILAR = ":retrieve", ":similar"
FIELDS = {
    RETRIEVE: frozenset({"user", "context", "k", "filter", "seen"}),
    SIMILAR: frozenset({"item", "items", "k", "filter", "seen"}),
}
FILTERS = frozenset({"allow", "deny", "where"})
LOW, HIGH = -(1 << 63), (1 << 63) - 1
VALUES: Mapping[str, type] = {"string": str, "int": int, "bool": bool}


class Retrieval(Native):
    """The form of models that find items; health and documents are the native form's."""

    routes: ClassVar[tuple[Route, ...]] = (
        *(
            Route("POST", f"/v1/models/{{model}}{place}{verb}")
            for verb in (RETRIEVE, SIMILAR)
            for place in ("", "/versions/{version}", "/labels/{label}")
        ),
        Route("GET", "/ping", scores=False),
        Route("GET", "/health", scores=False),
        Route("GET", f"/{OPENAPI}", scores=False),
    )

    def decode(self, request: HttpRequest, call: Call, served: Served) -> RankRequest:
        """Read a JSON or msgpack body; ids, k and the filter are checked, the user's features are not yet."""
        form = _format(request)
        document = read_msgpack(request.body) if form is MSGPACK else read_json(request.body)
        verb = SIMILAR if call.route.path.endswith(SIMILAR) else RETRIEVE
        if not isinstance(document, dict):
            raise BadRequest(f"the body must be an object of {', '.join(sorted(FIELDS[verb]))}")
        # A word of a filter that is not known would let through what the caller means to keep out.
        _refuse_surplus(document, FIELDS[verb], "$")
        what = _settings(served)
        like = _similar(document, what) if verb == SIMILAR else None
        return RetrieveRequest(
            _side(document, "user", form),
            _side(document, "context", form),
            {},
            form=form,
            k=_k(document.get("k"), what, served.manifest.limits.items),
            filter=_filter(document.get("filter"), what),
            seen=_ids(document.get("seen"), what, "$.seen"),
            similar=like,
            single="item" in document,
        )

    def encode(
        self, result: RankResult, *, asked: RankRequest, request: HttpRequest, call: Call, served: Served
    ) -> HttpResponse:
        """Write `items` and their `scores`, best first, and `degraded`."""
        assert isinstance(result, RetrieveResult), "a retriever answers"
        form = accepted(request.headers.get("accept")) or asked.form
        answer: dict[str, Any] = {"items": result.items, "scores": result.scores}
        if result.degraded:
            answer["degraded"] = dict(result.degraded)
        return HttpResponse(200, _write(answer, form), form)


def _settings(served: Served) -> Retrieve:
    if (found := served.manifest.retrieve) is None:
        raise InternalFault("a bundle without [retrieve] has the dialect of retrieval; build it again")
    return found


def _refuse_surplus(document: Mapping[Any, Any], allowed: frozenset[str], place: str) -> None:
    if not document.keys() <= allowed:
        surplus = min(str(name) for name in document.keys() - allowed)
        raise BadRequest(f"no such field; allowed: {', '.join(sorted(allowed))}", path=f"{place}.{surplus[:80]}")


def _similar(document: Mapping[Any, Any], what: Retrieve) -> Ids:
    """The items that are named, of which there is one at least."""
    if ("item" in document) == ("items" in document):
        raise BadRequest("name one `item`, or several as `items`", path="$.item")
    if "item" in document:
        return _ids([document["item"]], what, "$.item", single=True)
    found = _ids(document["items"], what, "$.items")
    if not len(found):
        raise BadRequest("one item at least is needed", path="$.items")
    return found


def _k(value: Any, what: Retrieve, most: int) -> int:
    if value is None:
        return min(what.k, most)
    if type(value) is not int or not 1 <= value <= most:
        raise BadRequest(f"a whole number from 1 to {most} is expected, not {describe(value)}", path="$.k")
    return value


def _filter(value: Any, what: Retrieve) -> Filter:
    if value is None:
        return EVERYTHING
    if not isinstance(value, dict):
        raise BadRequest(f"must be an object of allow, deny and where, not {describe(value)}", path="$.filter")
    _refuse_surplus(value, FILTERS, "$.filter")
    allow = value.get("allow")
    return Filter(
        None if allow is None else _ids(allow, what, "$.filter.allow"),
        _ids(value.get("deny"), what, "$.filter.deny"),
        _where(value.get("where"), what),
    )


def _where(value: Any, what: Retrieve) -> Mapping[str, Sequence[Any]]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise BadRequest(f"must be an object of attributes, not {describe(value)}", path="$.filter.where")
    known = what.index.attributes
    for name, values in value.items():
        path = f"$.filter.where.{str(name)[:80]}"
        if name not in known:
            raise BadRequest(f"no such attribute; there are: {', '.join(known) or 'none'}", path=path)
        if not isinstance(values, list):
            raise BadRequest(f"must be a list of {known[name]}s, not {describe(values)}", path=path)
        for place, one in enumerate(values):
            if type(one) is not VALUES[known[name]]:
                raise BadRequest(f"{_noun(known[name])} is expected, not {describe(one)}", path=f"{path}[{place}]")
    return value


def _ids(value: Any, what: Retrieve, path: str, *, single: bool = False) -> Ids:
    """Ids of the catalogue's type. Raises BadRequest with the place of the first that is another."""
    if value is None:
        return NONE
    key = what.index.key
    if isinstance(value, dict) and key == "int":
        array = buffers.read(value, path)
        if array.ndim != 1 or array.dtype.kind not in "iu":
            raise BadRequest("integers [n] are expected", path=path)
        return array.astype(np.int64)
    if not isinstance(value, list):
        raise BadRequest(f"must be a list of ids, not {describe(value)}", path=path)
    is_id = IS_ID[key]
    for place, one in enumerate(value):
        if not is_id(one):
            at = path if single else f"{path}[{place}]"
            raise BadRequest(f"an id is {_noun(key)}, not {describe(one)}", path=at)
    return np.array(value, np.int64) if key == "int" else value


def _is_int(value: Any) -> bool:
    return type(value) is int and LOW <= value <= HIGH


def _is_text(value: Any) -> bool:
    return type(value) is str


IS_ID: Mapping[str, Callable[[Any], bool]] = {"int": _is_int, "string": _is_text}


def _noun(kind: str) -> str:
    return {"int": "an integer of 64 bits", "string": "a string", "bool": "true or false"}[kind]
