"""golden.jsonl: requests with the trainer's own scores, one a line.

`{"request": {"user": {…}, "context": {…}, "items": {…}}, "scores": […]}`: the request in the native form, the
scores in the order of the candidates, as the trainer computed them. They are the only truth a build is held to.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from ranklet.errors import ModelError


@dataclass(frozen=True)
class Golden:
    """One request and the trainer's scores for its candidates."""

    user: Mapping[str, Any]
    context: Mapping[str, Any]
    items: Mapping[str, Any]
    scores: tuple[float, ...]


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
    rows = tuple(_row(line, f"{path.name}:{number}") for number, line in enumerate(lines, start=1) if line.strip())
    if not rows:
        raise ModelError(f"{path.name} holds no request; a few dozen that cover the model's cases are needed")
    return rows


def _row(line: bytes, place: str) -> Golden:
    try:
        document = orjson.loads(line)
        request, scores = document["request"], document["scores"]
        row = Golden(request.get("user", {}), request.get("context", {}), request["items"], tuple(scores))
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(
            f"{place}: not {{request: {{user, context, items}}, scores}} ({type(error).__name__}: {error})"
        ) from error
    for position, score in enumerate(row.scores):
        if isinstance(score, bool) or not isinstance(score, int | float) or not math.isfinite(score):
            raise ModelError(f"{place}: scores[{position}] is {score!r}; a finite number is needed")
    for name, column in row.items.items():
        if not isinstance(column, list) or len(column) != len(row.scores):
            raise ModelError(f"{place}: items.{name} is no list of {len(row.scores)} values, one a score")
    return row
