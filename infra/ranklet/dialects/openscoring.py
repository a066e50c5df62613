"""Openscoring's batches and tables, which tell all outputs by name, the score last."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from typing import Any

import orjson

from ranklet.dialects.base import JSON, Form, Message, cell, cells, numbers, once, rows
from ranklet.errors import ParityError
from ranklet.golden import Golden
from ranklet.openapi import schemas
from ranklet.openapi.base import SCORING, TELLING, Operation, Schema
from ranklet_runtime.dialects.csv_rows import write
from ranklet_runtime.manifest import Manifest
from ranklet_runtime.served import Served

MODEL = "/model/{model}"
BATCH, TABLE = f"{MODEL}/batch", f"{MODEL}/csv"
TEXT = "text/plain"
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


def _table_outputs(answer: Message) -> Mapping[str, list[Any]]:
    names, *lines = csv.reader(io.StringIO(answer.body.decode(), newline=""))
    return {name: [cell(line[at]) for line in lines] for at, name in enumerate(names[:-1])}


FORMS: Mapping[str, Form] = {
    "openscoring-batch": Form(BATCH, JSON, _batch, _batch_scores, _batch_outputs),
    "openscoring-csv": Form(TABLE, TEXT, _table, _table_scores, _table_outputs, cells, fits=_fits),
}


ID: Schema = {"type": ["string", "number", "boolean", "null"]}
NAMED: Schema = {"type": "string"}
FAULTS = tuple(status for status in SCORING if status != 422)
FAULT = schemas.object_of({"message": NAMED}, ["message"])
FORMAT: Mapping[str, Schema] = dict.fromkeys(("delimiterChar", "quoteChar"), NAMED)


def operations(manifest: Manifest) -> tuple[Operation, ...]:
    """Evaluation, what is told of the model, and what is refused."""
    path, tag = MODEL.format(model=manifest.model), "openscoring"
    record = schemas.object_of({"id": ID, "arguments": _arguments(manifest)}, ["arguments"], closed=False)
    batch = schemas.object_of({"id": ID, "requests": schemas.array(record)}, ["requests"], closed=False)
    found = schemas.object_of({"id": NAMED, "results": _told(manifest)}, ["results"])
    each = schemas.object_of({"id": NAMED, "results": _told(manifest), "message": NAMED}, [])
    all_found = schemas.object_of({"id": NAMED, "responses": schemas.array(each)}, ["responses"])
    model = schemas.object_of({"id": NAMED}, ["id"], closed=False)
    models = schemas.object_of({"responses": schemas.array(model)}, ["responses"])
    table: Mapping[str, Schema] = {TEXT: NAMED}

    def scoring(id: str, where: str, summary: str, request: Mapping[str, Schema], answer: Mapping[str, Schema],
                query: Mapping[str, Schema]) -> Operation:  # fmt: skip
        return Operation(id, "POST", where, summary, answer, FAULT, request, faults=FAULTS, query=query, tag=tag)

    def telling(id: str, method: str, where: str, summary: str, answer: Mapping[str, Schema]) -> Operation:
        faults = TELLING if method == "GET" else (403, *TELLING)
        return Operation(id, method, where, summary, answer, FAULT, faults=faults, tag=tag)

    return (
        scoring("evaluate", path, "All outputs of one record", {JSON: record}, {JSON: found}, {}),
        scoring("evaluateBatch", f"{path}/batch", "Records, each by itself", {JSON: batch}, {JSON: all_found}, {}),
        scoring("evaluateCsv", f"{path}/csv", "A table with a header, all or nothing", table, table, FORMAT),
        telling("models", "GET", "/model", "The model's summary, in a list", {JSON: models}),
        telling("model", "GET", path, "The model's fields, their types and values", {JSON: model}),
        telling("pmml", "GET", f"{path}/pmml", "The PMML document, where there is one", {"application/xml": NAMED}),
        telling("deploy", "PUT", path, "Refused: the build deploys", {JSON: model}),
        telling("undeploy", "DELETE", path, "Refused: the build removes", {JSON: model}),
    )


def _arguments(manifest: Manifest) -> dict[str, Any]:
    """Named fields of a record; names that are no field are passed over."""
    inputs = {name: one for name, one in manifest.spec.inputs.items() if not one.unread}
    needed = [name for name, one in inputs.items() if not schemas.optional(one)]
    return schemas.object_of({name: schemas.value(one) for name, one in inputs.items()}, needed, closed=False)


def _told(manifest: Manifest) -> dict[str, Any]:
    told = {name: schemas.told(one) for name, one in manifest.told.items()}
    scores = {Served(manifest).score: schemas.score(manifest)} if manifest.ranks else {}
    return schemas.object_of({**told, **scores}, [])
