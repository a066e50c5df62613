"""A funnel's golden.jsonl: requests, one a line: `{"request": {"user", "context", "k", "filter", "seen"}}`.

There are no scores in it: the truth that a funnel is held to is what its stages answer one by one, each of which was
held to its trainer's scores before.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from ranklet.errors import ModelError
from ranklet_runtime.funnel.wire import FIELDS

Request = Mapping[str, Any]


def read(path: Path) -> tuple[Request, ...]:
    """The requests. Raises ModelError with the line for what is none."""
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise ModelError(
            f"no {path.name}: a funnel is proven by requests, one {{request: {{user, context, k}}}} a line"
        ) from error
    rows = tuple(_request(line, f"{path.name}:{number}") for number, line in enumerate(lines, start=1) if line.strip())
    if not rows:
        raise ModelError(f"{path.name} holds no request; a few dozen that cover the users' kinds are needed")
    return rows


def _request(line: bytes, place: str) -> Request:
    try:
        request = orjson.loads(line)["request"]
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise ModelError(
            f"{place}: not {{request: {{user, context, k, …}}}} ({type(error).__name__}: {error})"
        ) from error
    if not isinstance(request, dict) or not request.keys() <= FIELDS["recommend"]:
        raise ModelError(f"{place}: a request has {', '.join(sorted(FIELDS['recommend']))}, and no other field")
    return request
