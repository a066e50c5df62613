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


def _batch(golden: Golden, manifest: Manifest) -> Message:
    return Message(orjson.dumps({"requests": [{"arguments": row} for row in rows(golden)]}))


def _results(answer: Message) -> list[dict[str, Any]]:
    """The records' results. Raises ParityError with the message of a record that was refused."""
    responses = orjson.loads(answer.body)["responses"]
    for row, response in enumerate(responses):
        if "results" not in response:
            raise ParityError(f"candidate {row} was refused: {response.get('message')}")
    return [response["results"] for response in responses]


def _batch_scores(answer: Message) -> list[float]:
    return numbers([list(results.values())[-1] for results in _results(answer)])


def _batch_outputs(answer: Message) -> Mapping[str, list[Any]]:
    results = _results(answer)
    return {name: [one[name] for one in results] for name in list(results[0])[:-1]} if results else {}


def _table(golden: Golden, manifest: Manifest) -> Message:
    shared = {name: [value] * len(golden.scores) for name, value in once(golden).items()}
    columns = {**shared, **golden.items}
    return Message(write([list(map(_cell, column)) for column in columns.values()], header=list(columns)))


def _cell(value: Any) -> Any:
    """Numbers as JSON writes them."""
    return value if value is None or isinstance(value, str) else orjson.dumps(value).decode()


def _fits(golden: Golden, manifest: Manifest) -> bool:
    """A table has no lists, and its empty texts are missing ones."""
    columns = [*([value] for value in once(golden).values()), *golden.items.values()]
    values = [value for column in columns for value in column]
    return bool(columns) and not any(value == "" or isinstance(value, list | dict | bool) for value in values)


def _table_scores(answer: Message) -> list[float]:
    _, *lines = csv.reader(io.StringIO(answer.body.decode(), newline=""))
    return numbers([float(line[-1]) if line[-1] else None for line in lines])


FORMS: Mapping[str, Form] = {
    "openscoring-batch": Form(BATCH, JSON, _batch, _batch_scores, _batch_outputs),
    "openscoring-csv": Form(TABLE, "text/plain", _table, _table_scores, fits=_fits),
}
