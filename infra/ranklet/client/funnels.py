"""The logic of a call to a funnel, without I/O: one request, one answer, and retries as of any call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ranklet.client import bodies
from ranklet.client.calls import Call, exchange
from ranklet.client.errors import BadAnswer
from ranklet.client.finding import Wanted
from ranklet.client.messages import Item, Recommended, Reply, Request, Stage, Steps


def recommend(call: Call, wanted: Wanted) -> Steps[Recommended]:
    """The items and what each stage did."""
    setup = call.setup
    body, headers = bodies.written(wanted.document, setup.format, setup.compress)
    reply = yield from exchange(call, Request("POST", setup.funnel_url, headers, body))
    return _recommended(reply)


def _recommended(reply: Reply) -> Recommended:
    """Raises BadAnswer."""
    answer = bodies.document(reply)
    try:
        items = tuple(_item(one) for one in answer["items"])
        stages = tuple(_stage(one) for one in answer["stages"])
        degraded = {str(reason): int(count) for reason, count in answer.get("degraded", {}).items()}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadAnswer(
            f"the answer is no funnel's ({type(error).__name__}: {error}): {bodies.shown(reply)}"
        ) from error
    return Recommended(items, stages, degraded)


def _item(one: Mapping[str, Any]) -> Item:
    scores = {str(name): None if score is None else float(score) for name, score in one["scores"].items()}
    return Item(one["id"], float(one["score"]), scores)


def _stage(one: Mapping[str, Any]) -> Stage:
    came = one["in"]
    return Stage(
        name=str(one["name"]),
        model=str(one["model"]),
        version=str(one["version"]),
        count_in=None if came is None else int(came),
        count_out=int(one["out"]),
        ms=float(one["ms"]),
        late=bool(one["late"]),
        error=one.get("error"),
    )
