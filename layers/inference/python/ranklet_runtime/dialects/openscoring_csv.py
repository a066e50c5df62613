"""Openscoring's tables: a header line names the fields, each line after it is a record; the answer is such a table.

The first column names the rows and comes back when it is called `id`, in letters of any size. The delimiter is the
query's `delimiterChar`, or the first of comma, semicolon and tab that cuts the first eleven lines alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from ranklet_runtime.bodies import media_type
from ranklet_runtime.dialects import csv_rows
from ranklet_runtime.dialects.flat import request as flat_request
from ranklet_runtime.dialects.openscoring import TABLE, Written
from ranklet_runtime.dialects.openscoring_values import fields
from ranklet_runtime.errors import BadRequest, PayloadTooLarge, UnsupportedMediaType
from ranklet_runtime.messages import HttpRequest, HttpResponse, RankRequest
from ranklet_runtime.served import Served

READ = frozenset({"", "text/plain", "text/csv", "application/csv", "application/octet-stream"})
TYPE = "text/plain; charset=UTF-8"
DELIMITERS, LOOKED_AT = (",", ";", "\t"), 11
ESCAPED = {"\\t": "\t", "\\'": "'", '\\"': '"'}


def decode(request: HttpRequest, served: Served) -> RankRequest:
    """The table's columns by the names in its header. Raises BadRequest with the line of what cannot be read."""
    named = media_type(request.headers.get("content-type"))
    if named not in READ:
        raise UnsupportedMediaType(f"Content-Type {named!r} is not read here; send text/plain")
    limit = served.manifest.limits.items
    delimiter, quote = _format(request)
    header, *rows = csv_rows.records(request.body, limit=limit, delimiter=delimiter, quote=quote)
    if len(rows) > limit:
        raise PayloadTooLarge(f"{len(rows)} rows; this model takes {limit} in one request")
    if len(set(header)) < len(header):
        raise BadRequest("two columns have the same name", path="$.lines[0]")
    cells = list(zip(*rows, strict=True)) if rows else [()] * len(header)
    table = {name: [cell or None for cell in column] for name, column in zip(header, cells, strict=True)}
    first = header[0] if header[0].lower() == "id" else None
    # A model's own field of that name is sent and comes back.
    ids = () if first is None else table[first] if first in served.inputs else table.pop(first)
    note = Written(TABLE, ids, first=first, delimiter=delimiter, quote=quote)
    return flat_request(fields(table, len(rows), served), served, note)


def encode(columns: Mapping[str, Any], note: Written, headers: Mapping[str, str]) -> HttpResponse:
    """The outputs as a table in the request's format, the rows' ids first."""
    ids = {} if note.first is None else {note.first: list(note.ids)}
    # An output of that name stays: the ids would hide what the model tells.
    table = {**ids, **columns}
    body = csv_rows.write(list(table.values()), header=list(table), delimiter=note.delimiter, quote=note.quote)
    return HttpResponse(200, body, TYPE, headers)


def _format(request: HttpRequest) -> tuple[str, str]:
    """The table's delimiter and quote character."""
    delimiter, quote = (_asked(request, name) for name in ("delimiterChar", "quoteChar"))
    if delimiter is not None:
        return delimiter, '"' if quote is None else quote
    lines = b"\n".join(request.body.split(b"\n", LOOKED_AT)[:LOOKED_AT])
    for found in DELIMITERS:
        with suppress(BadRequest):
            if len(csv_rows.records(lines, limit=LOOKED_AT, delimiter=found)[0]) > 1:
                return found, '"'
    return ",", '"'


def _asked(request: HttpRequest, name: str) -> str | None:
    given = request.query.get(name) if isinstance(request.query, Mapping) else None
    return ESCAPED.get(given, given) if isinstance(given, str) else None
