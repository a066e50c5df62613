"""The author's own rows as golden requests: one row a candidate, with the user's and the context's values beside it.

Rows that follow each other with the same user and context are candidates of one request.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Mapping
from itertools import groupby, islice
from pathlib import Path
from typing import Any

import orjson

from ranklet.errors import ModelError
from ranklet.model import Model
from ranklet_features.spec import Input

MOST_REQUESTS, MOST_CANDIDATES = 200, 100
"""More prove nothing more, and each is replayed in every form at every build."""

Row = dict[str, Any]
Request = tuple[Row, Row, dict[str, list[Any]]]


def requests(path: Path, described: Model) -> list[Request]:
    """Requests of the rows in a .csv, .jsonl or .parquet file; columns that are no inputs (labels) are left out.

    Raises ModelError for a file of another kind, for a column that is absent, and for a value that is not of its type.
    """
    if path.suffix not in READERS:
        raise ModelError(f"--rows {path.name} ends in {path.suffix!r}; rows are read from {', '.join(READERS)}")
    rows = [_typed(row, described, f"{path.name}:{number}") for number, row in _limited(path)]
    if not rows:
        raise ModelError(f"--rows {path.name} holds no rows")
    once = [name for name, declared in described.inputs.items() if declared.side != "item"]
    found = []
    for _, same in groupby(rows, lambda row: orjson.dumps([row[name] for name in once])):
        while chunk := list(islice(same, MOST_CANDIDATES)):
            found.append(request(chunk, described.inputs))
    return found[:MOST_REQUESTS]


def _limited(path: Path) -> Iterator[tuple[int, Row]]:
    try:
        yield from enumerate(islice(READERS[path.suffix](path), MOST_REQUESTS * MOST_CANDIDATES), start=1)
    except (OSError, ValueError, csv.Error) as error:
        raise ModelError(f"--rows {path.name} cannot be read: {error}") from error


def request(rows: list[Row], inputs: Mapping[str, Input]) -> Request:
    """One request of rows that agree on the user's and the context's values."""
    first = rows[0]
    user, context = (
        {name: first[name] for name, declared in inputs.items() if declared.side == side}
        for side in ("user", "context")
    )
    items = {name: [row[name] for row in rows] for name, declared in inputs.items() if declared.side == "item"}
    return user, context, items


def _typed(row: Row, described: Model, place: str) -> Row:
    """The inputs' values of a row. A text of a number is the number: CSV has nothing else."""
    if missing := [name for name in described.inputs if name not in row]:
        raise ModelError(f"--rows {place} has no column {missing[0]!r}; it has {', '.join(map(str, row))[:300]}")
    return {name: _value(row[name], declared, f"{place}: {name}") for name, declared in described.inputs.items()}


def _value(value: Any, declared: Input, place: str) -> Any:
    if value is None or (value == "" and declared.type != "string") or value != value:
        return None
    try:
        if declared.list or declared.length is not None:
            values = orjson.loads(value) if isinstance(value, str) else list(value)
            return [_one(one, declared.type) for one in values]
        return _one(value, declared.type)
    except (ValueError, TypeError) as error:
        kind = f"list of {declared.type}s" if declared.list or declared.length is not None else declared.type
        raise ModelError(f"--rows {place} is {str(value)[:60]!r}, no {kind}") from error


def _one(value: Any, kind: str) -> Any:
    if kind == "string":
        return str(value)
    if kind == "float":
        return None if value is None else _finite(float(value))
    return _whole(value)


def _finite(number: float) -> float | None:
    """NaN is a missing one, as pandas writes it; JSON has no infinity."""
    if math.isinf(number):
        raise ValueError(number)
    return None if math.isnan(number) else number


def _whole(value: Any) -> int:
    """Also of `3.0`, as which pandas writes the ints of a column with gaps; all 64 bits of a text of digits."""
    if isinstance(value, str) and value.strip().lstrip("+-").isdigit():
        return int(value)
    if isinstance(value, int):
        return int(value)
    number = float(value)
    if not number.is_integer():
        raise ValueError(value)
    return int(number)


def _csv(path: Path) -> Iterator[Row]:
    with path.open(newline="", encoding="utf-8") as file:
        yield from csv.DictReader(file)


def _jsonl(path: Path) -> Iterator[Row]:
    with path.open("rb") as file:
        for line in file:
            if line.strip():
                row = orjson.loads(line)
                if not isinstance(row, dict):
                    raise ValueError(f"a line is {str(row)[:40]!r}, no object")
                yield row


def _parquet(path: Path) -> Iterator[Row]:
    try:
        from pyarrow import parquet  # an extra
    except ImportError as error:
        raise ModelError("rows in Parquet need pyarrow: pip install 'ranklet[parquet]'") from error
    for batch in parquet.ParquetFile(path).iter_batches():
        yield from batch.to_pylist()


READERS = {".csv": _csv, ".jsonl": _jsonl, ".parquet": _parquet}
"""Ending → reader."""
