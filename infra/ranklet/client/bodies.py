"""Bodies: msgpack or JSON out, compressed if asked for; and what comes back, checked before anybody relies on it."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from typing import Any, Literal

import msgpack
import numpy as np
from numpy.typing import NDArray

from ranklet.client.columns import listed, packed, unpacked
from ranklet.client.errors import BadAnswer, BadCall
from ranklet.client.messages import Column, Explored, Prepared, Ranked, Reply, Retrieved

Format = Literal["msgpack", "json"]
Compress = bool | Literal["gzip", "zstd"]
JSON = "application/json"
TYPES: Mapping[str, str] = {"msgpack": "application/msgpack", "json": JSON}
WORTH = 4096
"""Bytes below which nothing is compressed: it would take longer than it saves."""
SHOWN = 200
"""Characters of an answer that an error repeats."""


def written(document: Mapping[str, Any], form: Format, compress: Compress) -> tuple[bytes, dict[str, str]]:
    """A request's body and its headers.

    document: `user`, `context` and `items` with their values, perhaps `top_k`. Raises BadCall for what the format
    cannot carry.
    """
    shaped = packed if form == "msgpack" else listed
    sides = {
        side: {name: shaped(value) for name, value in values.items()} if isinstance(values, Mapping) else values
        for side, values in document.items()
    }
    headers = {"content-type": TYPES[form], "accept": TYPES[form]}
    try:
        body: bytes = msgpack.packb(sides) if form == "msgpack" else json.dumps(sides, allow_nan=False).encode()
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise BadCall(f"{_place(sides, form)} does not travel in {form}: {error}") from error
    if compress and len(body) >= WORTH:
        body, headers["content-encoding"] = _compressed(body, compress)
    return body, headers


def _place(sides: Mapping[str, Any], form: Format) -> str:
    """The first value that cannot be written."""
    for side, values in sides.items():
        for name, value in values.items() if isinstance(values, dict) else ():
            try:
                _ = msgpack.packb({name: value}) if form == "msgpack" else json.dumps({name: value}, allow_nan=False)
            except (TypeError, ValueError, OverflowError, RecursionError):
                return f"$.{side}.{name}"
    return "the request"


def _compressed(body: bytes, compress: Compress) -> tuple[bytes, str]:
    module = None if compress == "gzip" else zstd()
    if module is not None:
        shorter: bytes = module.compress(body)
        return shorter, "zstd"
    if compress == "zstd":
        raise BadCall("zstd is not here: pip install backports.zstd, or say compress='gzip'")
    return gzip.compress(body, 6, mtime=0), "gzip"


def zstd() -> Any:
    """Python's own module from 3.14 on, before it the package that brings the same; None without either."""
    try:
        from compression import zstd
    except ImportError:
        try:
            from backports import zstd
        except ImportError:
            return None
    return zstd


def document(reply: Reply) -> dict[Any, Any]:
    """The map that an answer holds, in the format that its Content-Type names. Raises BadAnswer."""
    named = reply.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        if named == TYPES["msgpack"]:
            value = msgpack.unpackb(reply.body)
        elif named == JSON:
            value = json.loads(reply.body)
        else:
            raise BadAnswer(f"{reply.status} with Content-Type {named!r} is no answer of a model: {shown(reply)}")
    except (ValueError, RecursionError, msgpack.UnpackException) as error:
        hint = "; an API that passes no binary bodies wants format='json'" if named != JSON else ""
        raise BadAnswer(f"the answer is not valid {named}{hint}: {shown(reply)}") from error
    if not isinstance(value, dict):
        raise BadAnswer(f"the answer is no object: {shown(reply)}")
    return value


def retrieved(reply: Reply) -> Retrieved:
    """The answer of a model that finds items. Raises BadAnswer."""
    answer = document(reply)
    scores, items = _scores(answer.get("scores")), unpacked(answer.get("items"), "items")
    if len(items) != len(scores):
        raise BadAnswer(f"`items` of the answer has {len(items)} values, `scores` {len(scores)}")
    return Retrieved(items, scores, _degraded(answer))


def _degraded(answer: Mapping[Any, Any]) -> dict[str, int]:
    degraded = answer.get("degraded", {})
    if not isinstance(degraded, dict) or not all(type(amount) is int for amount in degraded.values()):
        raise BadAnswer("`degraded` of the answer must be an object of counts")
    return {str(reason): amount for reason, amount in degraded.items()}


def ranked(reply: Reply, expected: int | None, *, top: bool) -> Ranked:
    """The answer to a request of candidates. expected: how many scores, None if unknown. Raises BadAnswer."""
    answer = document(reply)
    scores = _scores(answer.get("scores"))
    items = unpacked(answer.get("items"), "items") if top else None
    outputs, degraded = answer.get("outputs", {}), answer.get("degraded", {})
    if not isinstance(outputs, dict) or not isinstance(degraded, dict):
        raise BadAnswer("`outputs` and `degraded` of the answer must be objects")
    if not all(type(amount) is int for amount in degraded.values()):
        raise BadAnswer("`degraded` of the answer must hold counts")
    told = {str(name): unpacked(column, f"outputs.{name}") for name, column in outputs.items()}
    columns: dict[str, Column] = {"scores": scores, **({} if items is None else {"items": items}), **told}
    ordered_by, explored = _ordered(answer)
    # A list that is made of more than scores may end early.
    wanted = len(scores) if expected is None or (ordered_by and len(scores) < expected) else expected
    for name, column in columns.items():
        if len(column) != wanted:
            raise BadAnswer(f"`{name}` of the answer has {len(column)} values, must be {wanted}")
    counted = {str(reason): amount for reason, amount in degraded.items()}
    if explored is not None and len(explored.propensities) != len(scores):
        raise BadAnswer("`explored` of the answer has not a propensity for each place")
    return Ranked(scores, items, told, counted, ordered_by, explored)


def prepared(reply: Reply) -> Prepared:
    """The answer to a request for a token. Raises BadAnswer."""
    answer = document(reply)
    token, seconds = answer.get("token"), answer.get("expires_in")
    if not isinstance(token, str) or type(seconds) is not int:
        raise BadAnswer("the answer has no `token` and `expires_in`")
    return Prepared(token, seconds, _degraded(answer))


def _ordered(answer: Mapping[Any, Any]) -> tuple[tuple[str, ...], Explored | None]:
    """What made a list beside the scores. Raises BadAnswer."""
    steps, found = answer.get("ordered_by", []), answer.get("explored")
    if not isinstance(steps, list) or not all(isinstance(one, str) for one in steps):
        raise BadAnswer("`ordered_by` of the answer must be a list of names")
    if found is None:
        return tuple(steps), None
    if not isinstance(found, dict) or not isinstance(found.get("method"), str) or type(found.get("seed")) is not int:
        raise BadAnswer("`explored` of the answer must have a method, a seed and propensities")
    try:
        propensities = np.asarray(unpacked(found.get("propensities"), "explored.propensities"), np.float64)
    except (TypeError, ValueError) as error:
        raise BadAnswer("`explored.propensities` of the answer are no numbers") from error
    return tuple(steps), Explored(found["method"], found["seed"], propensities)


def _scores(value: Any) -> NDArray[np.float32]:
    column = unpacked(value, "scores")
    try:
        scores = np.asarray(column, np.float32)  # null is NaN
    except (TypeError, ValueError) as error:
        raise BadAnswer("`scores` of the answer are no numbers") from error
    if scores.ndim != 1:
        raise BadAnswer("`scores` of the answer must be one number a candidate")
    return scores


def words(reply: Reply) -> tuple[str, str | None]:
    """What a refusal says, and the place that it names. API Gateway writes `message`, a model `error` and `path`."""
    try:
        said = json.loads(reply.body)
        said = said if isinstance(said, dict) else {}
    except (ValueError, RecursionError):
        said = {}
    message, path = said.get("error") or said.get("message"), said.get("path")
    path = path if isinstance(path, str) else None
    return message.removeprefix(f"{path}: ") if isinstance(message, str) else shown(reply), path


def shown(reply: Reply) -> str:
    """The beginning of an answer."""
    text = reply.body[: SHOWN * 4].decode("utf-8", "replace")
    return repr(text[:SHOWN] + "…" if len(text) > SHOWN else text) if text else "an empty body"
