"""JSON lines: one object a line, UTF-8; blank lines are passed over."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from ranklet.tables.sources import columns
from ranklet.tables.sources.base import Asked, Batch, Chunk, Places, expand

BATCH_ROWS = 4096


def read(asked: Asked) -> Iterator[Chunk]:
    """As `sources.read` says."""
    return columns.read(asked, batches)


def batches(asked: Asked, path: Path, wanted: Sequence[str]) -> Iterator[Batch]:
    """Columns of JSON values. Patterns (`v*`) are those of the first line; a field that a line lacks is refused."""
    try:
        with path.open("rb") as file:
            numbered = ((number, line) for number, line in enumerate(file, start=1) if line.strip())
            names: list[str] | None = None
            while part := list(islice(numbered, BATCH_ROWS)):
                rows = [_object(asked, path, number, line) for number, line in part]
                names = names or expand(asked, wanted, list(rows[0]), path.name)
                places = Places(path.name, np.fromiter((number for number, _ in part), np.int64, len(part)), "line")
                yield Batch({name: _column(asked, rows, name, places) for name in names}, places)
    except OSError as error:
        raise asked.error(f"cannot read {path.name}: {error}") from error


def _object(asked: Asked, path: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        found = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise asked.error(f"line {number} of {path.name} is no JSON: {error}") from error
    if not isinstance(found, dict):
        raise asked.error(f'line {number} of {path.name} is no object; write {{"key": …, "vector": […]}}')
    return found


def _column(asked: Asked, rows: Sequence[dict[str, Any]], name: str, places: Places) -> list[Any]:
    try:
        return [row[name] for row in rows]
    except KeyError as error:
        absent = next(row for row, fields in enumerate(rows) if name not in fields)
        raise asked.error(f"{places[absent]} has no {name!r}") from error
