"""A stage in a function of its own, invoked directly: no API between, no wait beyond the stage's time.

What goes over is the event that API Gateway would make of the same request in the native form, so that a stage's
function is any model's, and its answer anybody's. The connection is kept, and signed for by the front's own role.

https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import numpy as np
import orjson
from numpy.typing import NDArray

from ranklet_features.errors import StoreUnavailable
from ranklet_features.stores.aws.connection import Broken, Late, Reply
from ranklet_runtime.elsewhere import FUNCTIONS
from ranklet_runtime.errors import (
    BadRequest,
    ManifestError,
    NotFound,
    PayloadTooLarge,
    RequestFault,
    Unprocessable,
    UnsupportedMediaType,
)
from ranklet_runtime.funnel.facts import Facts, of_known
from ranklet_runtime.funnel.messages import Asked, Found, Id, Invoke, Scored, StageFailed, StageLate
from ranklet_runtime.funnel.plan import Stage
from ranklet_runtime.funnel.sides import sides
from ranklet_runtime.service import Service

VARIABLE = "RANKLET_STAGES"
"""The environment variable with the ARN of each stage's alias: `{"<model>": "arn:…"}`."""

REFUSED = {one.status: one for one in (BadRequest, NotFound, PayloadTooLarge, UnsupportedMediaType, Unprocessable)}
TICK_S = 0.0005


class Lambdas:
    """The functions of the stages.

    Raises StoreUnavailable without a region or credentials, ManifestError where no ARNs are told.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._service = Service(environ, "lambda")
        self._places = {model: _place(arn) for model, arn in _told(environ).items()}

    def invoke(self, model: str, event: dict[str, Any], deadline: float) -> Mapping[str, Any]:
        """What the function of a model answers to an event."""
        path, query = self._places[model]
        reply = self._send(path, query, orjson.dumps(event), deadline)
        if reply.status == 429:
            raise StageFailed("its function has no capacity left")
        if reply.status != 200:
            raise StageFailed(f"Lambda answered {reply.status}")
        if "x-amz-function-error" in reply.headers:
            raise StageFailed("its function failed")
        answer: Mapping[str, Any] = orjson.loads(reply.body)
        return answer

    def renew(self) -> None:
        """Let go of connection and credentials."""
        self._service.renew()

    def _send(self, path: str, query: str, body: bytes, deadline: float) -> Reply:
        left = deadline - time.monotonic()
        if left <= TICK_S:
            raise StageLate("no time is left")
        patience = deadline - TICK_S
        try:
            # A kept connection gets half of the deadline before what was sent is sent again, as it may be dead: that
            # half is all the time there is, and an answer that has not begun by then is not asked for twice.
            return self._service.call("POST", path, query=query, body=body, deadline=deadline + left, patience=patience)
        except Late as error:
            raise StageLate("no answer in time") from error
        except (Broken, StoreUnavailable) as error:
            if time.monotonic() >= patience:
                raise StageLate("no answer in time") from error
            raise StageFailed("its function cannot be reached") from error


def _told(environ: Mapping[str, str]) -> dict[str, str]:
    try:
        found: dict[str, str] = orjson.loads(environ[VARIABLE])
    except (KeyError, orjson.JSONDecodeError) as error:
        raise ManifestError(f"{VARIABLE} does not name the functions of the stages; deploy the funnel again") from error
    return found


def _place(arn: str) -> tuple[str, str]:
    """Path and query of an invocation, of `arn:aws:lambda:<region>:<account>:function:<name>:<alias>`.

    The ARN itself would do, but for its colons, which are signed in another way than they are sent.
    """
    parts = arn.split(":")
    if len(parts) != 8:
        raise ManifestError(f"{VARIABLE} has {arn!r}, which is no alias of a function; deploy the funnel again")
    return f"{FUNCTIONS}/{quote(parts[6], safe='')}/invocations", f"Qualifier={parts[7]}"


class _Native:
    """A model that is asked in the native form."""

    def __init__(self, stage: Stage, invoke: Invoke) -> None:
        self._stage, self._invoke = stage, invoke

    def ask(self, verb: str, document: Mapping[str, Any], deadline: float) -> Mapping[str, Any]:
        """The answer's document. Raises RequestFault for what the caller did wrong, StageFailed for all else."""
        path = f"/v1/models/{self._stage.model}:{verb}"
        event = {
            "version": "2.0",
            "rawPath": path,
            "requestContext": {"http": {"method": "POST", "path": path}, "stage": "$default"},
            "headers": {"content-type": "application/json"},
            "body": orjson.dumps(document).decode(),
            "isBase64Encoded": False,
        }
        answer = self._invoke(self._stage.model, event, deadline)
        try:
            status, told = int(answer["statusCode"]), orjson.loads(answer["body"])
        except (KeyError, TypeError, ValueError) as error:
            raise StageFailed("its function answers something else") from error
        if status == 200:
            return dict(told)
        if status in REFUSED:
            raise _refusal(REFUSED[status], told)
        raise StageFailed(f"its function answers {status}")


class RetrieverThere:
    """A retrieving stage."""

    def __init__(self, stage: Stage, invoke: Invoke) -> None:
        self._stage, self._model = stage, _Native(stage, invoke)

    def retrieve(self, asked: Asked, count: int, deadline: float) -> Found:
        """See `Retriever`."""
        user, context = sides(asked, self._stage)
        document = {"user": user, "context": context, "k": count, **_narrowed(asked)}
        return _found(self._model.ask("retrieve", document, deadline))

    def similar(self, asked: Asked, count: int, deadline: float) -> Found:
        """See `Retriever`."""
        document = {**(asked.like or {}), "k": count, **_narrowed(asked)}
        return _found(self._model.ask("similar", document, deadline))


class RankerThere:
    """A ranking stage."""

    def __init__(self, stage: Stage, invoke: Invoke, facts: Facts) -> None:
        self._stage, self._model, self._facts = stage, _Native(stage, invoke), facts

    def rank(self, asked: Asked, ids: list[Id], deadline: float, *, best: int) -> Scored:
        """See `Ranker`; NaN for what is not known."""
        return of_known(self._stage, self._facts, ids, lambda items: self._scored(asked, items, deadline, best))

    def _scored(self, asked: Asked, items: Mapping[str, Any], deadline: float, best: int) -> Scored:
        user, context = sides(asked, self._stage)
        document = {"user": user, "context": context, "items": items}
        if self._stage.orders:
            return self._ordered(self._model.ask("rank", {**document, "top_k": best}, deadline), items)
        answer = self._model.ask("rank", document, deadline)
        return Scored(_floats(answer["scores"]), dict(answer.get("degraded", {})))

    def _ordered(self, answer: Mapping[str, Any], items: Mapping[str, Any]) -> Scored:
        """Of a model that makes a list, not only scores: who is in it, and where."""
        places = {one: at for at, one in enumerate(items[self._stage.key])}
        order = np.array([places[one] for one in answer["items"]], np.intp)
        scores = np.full(len(places), np.nan, np.float32)
        scores[order] = _floats(answer["scores"])
        return Scored(scores, dict(answer.get("degraded", {})), order)


def _narrowed(asked: Asked) -> dict[str, Any]:
    given = {"filter": asked.filter, "seen": asked.seen}
    return {name: value for name, value in given.items() if value is not None}


def _floats(values: Sequence[float | None]) -> NDArray[np.float32]:
    return np.array([np.nan if one is None else one for one in values], np.float32)


def _found(answer: Mapping[str, Any]) -> Found:
    return Found(list(answer["items"]), np.array(answer["scores"], np.float32), dict(answer.get("degraded", {})))


def _refusal(kind: type[RequestFault], told: Any) -> RequestFault:
    """The stage's refusal, in its own words: its request has the places of the funnel's, but for the candidates."""
    message, place = str(told.get("error", "refused")), told.get("path")
    if place is not None and str(place).startswith("$.items"):
        raise StageFailed(f"its model refuses a candidate: {message}")
    return kind(message.removeprefix(f"{place}: "), path=place)
