"""The logic of a call to a model that finds items, without I/O: one request, one answer, and retries as of any call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ranklet.client import bodies
from ranklet.client.calls import Call, exchange
from ranklet.client.errors import BadCall
from ranklet.client.messages import Request, Retrieved, Steps


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be found. verb: `retrieve` or `similar`. document: the request."""

    verb: str
    document: Mapping[str, Any]

    @classmethod
    def users(cls, user: Any, context: Any, **asked: Any) -> Wanted:
        """Items for a user. Raises BadCall."""
        for name, side in (("user", user), ("context", context)):
            if side is not None and not isinstance(side, Mapping):
                raise BadCall(f"must map names to values, not be {type(side).__name__}", f"$.{name}")
        return cls("retrieve", {"user": user or {}, "context": context or {}, **_asked(**asked)})

    @classmethod
    def like(cls, item: Any, items: Any, **asked: Any) -> Wanted:
        """Items like others. Raises BadCall."""
        if (item is None) == (items is None):
            raise BadCall("give one item, or several as items", "$.item")
        named = {"item": _plain(item)} if items is None else {"items": _ids(items, "$.items")}
        return cls("similar", {**named, **_asked(**asked)})


def find(call: Call, wanted: Wanted) -> Steps[Retrieved]:
    """The items and their scores."""
    setup = call.setup
    body, headers = bodies.written(wanted.document, setup.format, setup.compress)
    reply = yield from exchange(call, Request("POST", setup.verb_url(wanted.verb), headers, body))
    return bodies.retrieved(reply)


def _asked(*, k: Any, filter: Any, seen: Any) -> dict[str, Any]:
    """What was given of it."""
    if k is not None and (type(k) is not int or k < 1):
        raise BadCall(f"must be a whole number of 1 or more, not {k!r}", "$.k")
    found: dict[str, Any] = {} if k is None else {"k": k}
    if filter is not None:
        found["filter"] = _filter(filter)
    return found if seen is None else {**found, "seen": _ids(seen, "$.seen")}


def _filter(given: Any) -> dict[str, Any]:
    if not isinstance(given, Mapping):
        raise BadCall(f"must map allow, deny and where to values, not be {type(given).__name__}", "$.filter")
    found = dict(given)
    for name in ("allow", "deny"):
        if found.get(name) is not None:
            found[name] = _ids(found[name], f"$.filter.{name}")
    if isinstance(where := found.get("where"), Mapping):
        found["where"] = {name: _ids(values, f"$.filter.where.{name}") for name, values in where.items()}
    return found


def _ids(given: Any, path: str) -> list[Any]:
    """A list of ids, an array, a set: as a list. Raises BadCall."""
    if hasattr(given, "__array__"):
        given = np.asarray(given).reshape(-1).tolist()
    if isinstance(given, set | frozenset):
        given = sorted(given)
    if not isinstance(given, Sequence) or isinstance(given, str | bytes):
        raise BadCall(f"must be a list, not {type(given).__name__}", path)
    return [_plain(one) for one in given]


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
