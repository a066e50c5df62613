"""Openscoring's REST API: records of named fields in, records of named fields out.

    POST /model/<model>          {"id": "a", "arguments": {"age": 25}}           → {"id": "a", "results": {"y": 0.5}}
    POST /model/<model>/batch    {"requests": [{"id": …, "arguments": {…}}, …]}  → {"responses": [{"id": …, …}, …]}
    POST /model/<model>/csv      a table with a header line                      → a table, of equal rows
    GET  /model, /model/<model>  what there is; the fields in and out, their types and values (`openscoring_schema`)

A batch is one run of the model. A record of it that is wrong is answered with a `message`, all others with their
results; a single record and a table are answered whole or not at all. As there, arguments that no field is called are
passed over, text that is a number is one for a field of numbers, and what is told comes in the model's order, here
with the score last, if the model has one. Nobody deploys by a request: PUT and DELETE are forbidden.
Source: openscoring/openscoring `ModelResource.java`, `CsvUtil.java` and its README, version 2.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

from ranklet_features.errors import InputError
from ranklet_features.lean import dataclass
from ranklet_runtime.bodies import JSON, media_type, printable, read_json, write_json
from ranklet_runtime.dialects.base import Call, Route
from ranklet_runtime.dialects.flat import degraded, row_place, transposed
from ranklet_runtime.dialects.flat import request as flat_request
from ranklet_runtime.dialects.openscoring_values import fields
from ranklet_runtime.errors import BadRequest, Forbidden, NotFound, PayloadTooLarge, RequestFault, UnsupportedMediaType
from ranklet_runtime.messages import HttpRequest, HttpResponse, RankRequest, RankResult
from ranklet_runtime.served import Served

ONE, BATCH, TABLE = "arguments", "requests", "csv"
MODEL = "/model/{model}"
APPLICATION = {"x-application": "Openscoring/2.2"}
"""Clients refuse an answer without it."""


@dataclass(frozen=True, slots=True)
class Written:
    """How a request was written. kind: a record, a batch or a table. ids: of its records; id: of the batch.

    first, delimiter and quote: a table's first column, where it names the rows, and its format.
    """

    kind: str
    ids: Sequence[str | None] = ()
    id: str | None = None
    first: str | None = None
    delimiter: str = ","
    quote: str = '"'


NAMES = frozenset({str, type(None)})
READ = frozenset({"", JSON, "application/octet-stream"})
DOCUMENT = "model.pmml"
FIXED = "models are deployed and removed by the build, not by a request"


class Openscoring:
    """Evaluation, metadata and the refusals of deployment."""

    routes: ClassVar[tuple[Route, ...]] = (
        Route("POST", f"{MODEL}/batch"),
        Route("POST", MODEL),
        Route("POST", f"{MODEL}/csv"),
        Route("GET", "/model", scores=False),
        Route("GET", MODEL, scores=False),
        Route("GET", f"{MODEL}/pmml", scores=False),
        Route("PUT", MODEL, scores=False),
        Route("DELETE", MODEL, scores=False),
    )

    def decode(self, request: HttpRequest, call: Call, served: Served) -> RankRequest:
        """Read a record, a batch or a table; its rows' ids are the request's `names`."""
        if call.route.path.endswith("/csv"):
            # Imported here: so are the other forms without it.
            from ranklet_runtime.dialects import openscoring_csv

            return openscoring_csv.decode(request, served)
        named = media_type(request.headers.get("content-type"))
        if named not in READ:
            raise UnsupportedMediaType(f"Content-Type {named!r} is not read here; send {JSON}")
        document = read_json(request.body)
        if not isinstance(document, dict):
            raise BadRequest("the body must be an object")
        if not call.route.path.endswith("/batch"):
            note = Written(ONE, [_id(document.get("id"), "$")])
            return _request([_arguments(document, "$")], served, note)
        records = _records(document.get(BATCH), served.manifest.limits.items)
        ids = [record.get("id") for record in records]
        if not set(map(type, ids)) <= NAMES:
            ids = [_id(name, f"$.{BATCH}[{row}]") for row, name in enumerate(ids)]
        arguments: list[Any] = [record.get(ONE) for record in records]
        if not set(map(type, arguments)) <= {dict}:
            arguments = [_arguments(record, f"$.{BATCH}[{row}]") for row, record in enumerate(records)]
        asked = _request(arguments, served, Written(BATCH, ids, _id(document.get("id"), "$")))
        return replace(asked, each=True)

    def encode(
        self, result: RankResult, *, asked: RankRequest, request: HttpRequest, call: Call, served: Served
    ) -> HttpResponse:
        """Write `results`, `responses` or a table; what was defaulted is counted in a header."""
        columns: dict[str, Any] = dict(result.outputs)
        if served.manifest.ranks:
            columns[served.score] = result.scores
        headers = {**APPLICATION, **degraded(result)}
        note: Written = asked.form
        if note.kind == TABLE:
            from ranklet_runtime.dialects import openscoring_csv

            return openscoring_csv.encode(columns, note, headers)
        responses = _responses(columns, asked, result)
        document = responses[0] if note.kind == ONE else _response(note.id, {"responses": responses})
        return HttpResponse(200, write_json(document), headers=headers)

    def describe(self, request: HttpRequest, call: Call, served: Served) -> HttpResponse:
        """ModelResponse and BatchModelResponse, or the PMML document. Raises NotFound and Forbidden."""
        if call.route.method != "GET":
            raise Forbidden(FIXED)
        if call.route.path.endswith("/pmml"):
            return _document(served)
        # Imported here: it is asked for once, if ever.
        from ranklet_runtime.dialects import openscoring_schema

        found = openscoring_schema.summary(served)
        if call.route.path == MODEL:
            return HttpResponse(
                200, write_json({**found, "schema": openscoring_schema.schema(served)}), JSON, APPLICATION
            )
        return HttpResponse(200, write_json({"responses": [found]}), JSON, APPLICATION)

    def place(self, error: InputError, asked: RankRequest) -> str:
        """`$.requests[3].arguments.price`, `$.arguments.price` or, in a table, `$.rows[3].price`."""
        if asked.form.kind == TABLE:
            return row_place(error, asked, "rows")
        place = row_place(error, asked, BATCH)
        row, _, rest = place.partition("].")
        return f"$.{ONE}.{rest}" if asked.form.kind == ONE else f"{row}].{ONE}.{rest}"

    def fault(self, fault: RequestFault, request: HttpRequest) -> HttpResponse:
        """`{"message": …}` and nothing else. All that is wrong with values is 400 there."""
        status = 400 if fault.status == 422 else fault.status
        return HttpResponse(status, write_json({"message": printable(str(fault))}), JSON, APPLICATION)


def _request(arguments: list[dict[str, Any]], served: Served, note: Written) -> RankRequest:
    columns = transposed(arguments) if arguments else {}
    return flat_request(fields(columns, len(arguments), served), served, note)


def _records(requests: Any, limit: int) -> list[dict[str, Any]]:
    if not isinstance(requests, list):
        raise BadRequest("the records are missing; a list is expected", path=f"$.{BATCH}")
    if len(requests) > limit:
        raise PayloadTooLarge(f"{len(requests)} records; this model takes {limit} in one request", path=f"$.{BATCH}")
    if not set(map(type, requests)) <= {dict}:
        wrong = next(row for row, record in enumerate(requests) if not isinstance(record, dict))
        raise BadRequest("a record must be an object with `arguments`", path=f"$.{BATCH}[{wrong}]")
    return requests


def _arguments(record: dict[str, Any], place: str) -> dict[str, Any]:
    found = record.get(ONE)
    if isinstance(found, dict):
        return found
    # Null stands for a record of nothing in a batch, where only that record fails; one alone has to say what it is.
    if found is None and place != "$":
        return {}
    raise BadRequest("must be an object of named fields", path=f"{place}.{ONE}")


def _id(value: Any, place: str) -> str | None:
    """Ids are texts there; numbers are taken for such."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool | int | float):
        return write_json(value).decode()
    raise BadRequest("an id must be a string", path=f"{place}.id")


def _responses(columns: dict[str, Any], asked: RankRequest, result: RankResult) -> list[dict[str, Any]]:
    """A response for each record: its id, and results by name or a message."""
    lists = [column.tolist() if hasattr(column, "tolist") else column for column in columns.values()]
    rows = zip(*lists, strict=True)
    if not result.refused:
        named = zip(asked.form.ids, rows, strict=False)
        return [_response(name, {"results": dict(zip(columns, values, strict=True))}) for name, values in named]
    return [
        _response(name, {"message": _message(error, asked)})
        if (error := result.refused.get(row))
        else _response(name, {"results": dict(zip(columns, next(rows), strict=True))})
        for row, name in enumerate(asked.form.ids)
    ]


def _response(name: str | None, told: dict[str, Any]) -> dict[str, Any]:
    """The id comes first, as readers of JSON expect."""
    return told if name is None else {"id": name, **told}


def _message(error: Exception, asked: RankRequest) -> str:
    """What is wrong with one record, with the place in its arguments."""
    if not isinstance(error, InputError):
        return printable(str(error))
    _, _, place = row_place(error, asked, BATCH).partition("].")
    return printable(f"$.{ONE}.{place}: {error.message}")


def _document(served: Served) -> HttpResponse:
    path = None if served.folder is None else served.folder / DOCUMENT
    if path is None or not path.is_file():
        raise NotFound(f"the bundle of {served.manifest.model!r} has no PMML document; GET /model tells its fields")
    return HttpResponse(200, path.read_bytes(), "application/xml", APPLICATION)
