"""Requests whose answers are known, as they were held out of training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from ranklet.errors import ModelError


@dataclass(frozen=True)
class Query:
    """request: as a funnel takes it. relevant: ids that the user turned out to like, which the whole catalogue is
    searched for; none where the request is for its judged items alone. judged: id → whether the user liked it.
    """

    request: Mapping[str, Any]
    relevant: frozenset[Any]
    judged: Mapping[Any, bool]


def read(path: Path) -> list[Query]:
    """A file of queries: `{"request": {…}, "relevant": [ids], "judged": {"items": [ids], "labels": [0 or 1]}}` a line.

    Raises ModelError naming the line that is none.
    """
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise ModelError(f"{path.name}: {error.strerror}; it holds a query a line") from error
    found = [_query(line, f"{path.name}:{number}") for number, line in enumerate(lines, start=1) if line.strip()]
    if not found:
        raise ModelError(f"{path.name} holds no query")
    return found


def _query(line: bytes, place: str) -> Query:
    try:
        document = orjson.loads(line)
        judged = document.get("judged", {"items": [], "labels": []})
        pairs = zip(judged["items"], map(bool, judged["labels"]), strict=True)
        return Query(dict(document["request"]), frozenset(document.get("relevant", ())), dict(pairs))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(
            f"{place}: not {{request, relevant, judged: {{items, labels}}}} ({type(error).__name__}: {error})"
        ) from error
