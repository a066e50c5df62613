"""golden.jsonl: requests with the trainer's own scores, one a line.

`{"request": {"user": {…}, "context": {…}, "items": {…}}, "scores": […]}`: the request in the native form, the
scores in the order of the candidates, as the trainer computed them. They are the only truth a build is held to.
Of a model that tells more than scores, `"outputs": {name: […]}` beside them holds those that are to be compared; a
score, or an output, that the model does not have is null. An output that is infinite is a number that doubles do not
have, `1e999`: an answer must be infinite too, or null where it is JSON. `"order": […]` has the positions of the best,
as the trainer's own code lists them without exploration, where steps after the scores decide that ([after]).

Of a model that finds items: `{"request": {"user": {…}, "k": 20, "filter": {…}}, "items": [ids], "scores": […]}`, best
first, or with `{"item": 7}` or `{"items": [3, 7]}` in the request for what is similar.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import orjson

from ranklet.errors import ModelError


@dataclass(frozen=True)
class Golden:
    """One request and the trainer's scores for its candidates; NaN for null. outputs: columns of the same length.

    asked: of a request for items, all of it but user and context; then `items` is empty, the trainer's are among the
    outputs, and the scores are theirs.
    order: the best candidates by position, best first, as the trainer's own code lists them; empty where it says none.
    """

    user: Mapping[str, Any]
    context: Mapping[str, Any]
    items: Mapping[str, Any]
    scores: tuple[float, ...]
    outputs: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    asked: Mapping[str, Any] | None = None
    order: tuple[int, ...] = ()


def read(path: Path) -> tuple[Golden, ...]:
    """Read a golden file.

    Raises ModelError with the line for what is not JSON, lacks a part, or has scores that are not as many finite
    numbers as candidates.
    """
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise ModelError(
            f"no {path.name}: without the trainer's scores for some requests nothing proves the package; "
            "write it from the trainer, one {request, scores} a line"
        ) from error
    rows = tuple(parsed(line, f"{path.name}:{number}") for number, line in enumerate(lines, start=1) if line.strip())
    if not rows:
        raise ModelError(f"{path.name} holds no request; a few dozen that cover the model's cases are needed")
    return rows


def line(golden: Golden) -> bytes:
    """A golden row as it stands in the file."""
    if golden.asked is not None:
        request = {"user": golden.user, "context": golden.context, **golden.asked}
        return orjson.dumps({"request": request, **golden.outputs, "scores": golden.scores}) + b"\n"
    document = {
        "request": {"user": golden.user, "context": golden.context, "items": golden.items},
        "scores": golden.scores,
        **(
            {"outputs": {name: list(map(_written, one)) for name, one in golden.outputs.items()}}
            if golden.outputs
            else {}
        ),
        **({"order": golden.order} if golden.order else {}),
    }
    return orjson.dumps(document) + b"\n"


def _written(value: Any) -> Any:
    if isinstance(value, float) and math.isinf(value):
        return orjson.Fragment(b"1e999" if value > 0 else b"-1e999")
    return value


def _document(line: bytes) -> Any:
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        if b"e999" not in line:
            raise
        return json.loads(line, parse_constant=_refused)  # which takes what is too large for infinite


def _refused(word: str) -> NoReturn:
    raise ValueError(f"{word} is not JSON")


def parsed(line: bytes, place: str) -> Golden:
    """A row from its line in the file. Raises ModelError, as `read` does, with its place."""
    try:
        document = _document(line)
        request, scores = document["request"], document["scores"]
        scores = tuple(math.nan if score is None else score for score in scores)
        once = (request.get("user", {}), request.get("context", {}))
        if "items" in document:
            asked = {name: value for name, value in request.items() if name not in ("user", "context")}
            row = Golden(*once, {}, scores, {"items": document["items"]}, asked)
        else:
            order = tuple(document.get("order", ()))
            row = Golden(*once, request["items"], scores, dict(document.get("outputs", {})), order=order)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(
            f"{place}: not {{request: {{user, context, items}}, scores}} ({type(error).__name__}: {error})"
        ) from error
    for position, score in enumerate(row.scores):
        if isinstance(score, bool) or not isinstance(score, int | float) or math.isinf(score):
            raise ModelError(f"{place}: scores[{position}] is {score!r}; a finite number is needed, or null for none")
    columns = {"items": row.items, "outputs": row.outputs}
    for side, name, column in ((side, *one) for side, named in columns.items() for one in named.items()):
        if not isinstance(column, list) or len(column) != len(row.scores):
            raise ModelError(f"{place}: {side}.{name} is no list of {len(row.scores)} values, one a score")
    if len(set(row.order)) != len(row.order) or not set(row.order) <= set(range(len(row.scores))):
        raise ModelError(f"{place}: order is no list of different positions from 0 to {len(row.scores) - 1}")
    return row
