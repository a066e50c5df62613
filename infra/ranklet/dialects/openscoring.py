"""Openscoring's batches and tables, which tell all outputs by name, the score last."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from typing import Any

import orjson

from ranklet.dialects.base import JSON, Form, Message, numbers, once, rows
from ranklet.errors import ParityError
from ranklet.golden import Golden
from ranklet_runtime.dialects.csv_rows import write
from ranklet_runtime.manifest import Manifest

BATCH, TABLE = "/model/{model}/batch", "/model/{model}/csv"
SCORED = "scored"


def _batch(golden: Golden, manifest: Manifest) -> Message:
    # The id comes back, and says whether the last result is the score.
    name = SCORED if manifest.ranks else None
    return Message(orjson.dumps({"id": name, "requests": [{"arguments": row} for row in rows(golden)]}))


def _results(answer: Message) -> tuple[list[dict[str, Any]], bool]:
    """The records' results, and whether a score is among them. Raises ParityError with the message of a refused one."""
    document = orjson.loads(answer.body)
    responses = document["responses"]
    for row, response in enumerate(responses):
        if "results" not in response:
            raise ParityError(f"candidate {row} was refused: {response.get('message')}")
    return [response["results"] for response in responses], document.get("id") == SCORED


def _batch_scores(answer: Message) -> list[float]:
    results, scored = _results(answer)
    return numbers([list(one.values())[-1] if scored else None for one in results])


def _batch_outputs(answer: Message) -> Mapping[str, list[Any]]:
    results, scored = _results(answer)
    names = list(results[0]) if results else []
    return {name: [one[name] for one in results] for name in (names[:-1] if scored else names)}


def _table(golden: Golden, manifest: Manifest) -> Message:
    shared = {name: [value] * len(golden.scores) for name, value in once(golden).items()}
    columns = {**shared, **golden.items}
    return Message(write([list(map(_cell, column)) for column in columns.values()], header=list(columns)))


def _cell(value: Any) -> Any:
    """Numbers as JSON writes them."""
    return value if value is None or isinstance(value, str) else orjson.dumps(value).decode()


def _fits(golden: Golden, manifest: Manifest) -> bool:
    """A table has no lists, its empty texts are missing ones, and here its last column is the score."""
    columns = [*([value] for value in once(golden).values()), *golden.items.values()]
    values = [value for column in columns for value in column]
    return (
        manifest.ranks
        and bool(columns)
        and not any(value == "" or isinstance(value, list | dict | bool) for value in values)
    )


def _table_scores(answer: Message) -> list[float]:
    _, *lines = csv.reader(io.StringIO(answer.body.decode(), newline=""))
    return numbers([float(line[-1]) if line[-1] else None for line in lines])


FORMS: Mapping[str, Form] = {
    "openscoring-batch": Form(BATCH, JSON, _batch, _batch_scores, _batch_outputs),
    "openscoring-csv": Form(TABLE, "text/plain", _table, _table_scores, fits=_fits),
}
