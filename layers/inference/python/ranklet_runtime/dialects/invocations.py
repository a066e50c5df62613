"""POST /invocations, which SageMaker's containers and MLflow's scoring server share: every body that either reads.

    application/json        exactly one of
      {"instances": […]}            rows: objects by name, lists by position, or {"features": […]} as SageMaker's own
                                    algorithms take them, and answered as by them: {"predictions": [{"score": 0.25}]}
      {"inputs": …}                 columns by name, where one value stands for all rows; or rows
      {"dataframe_split": {"columns": […], "data": [[…]]}}, {"dataframe_records": […]}
      {"items": {…}, …}             ranklet's own form, answered in its own way
    application/jsonlines   such a row on each line; answered by a line each, unless Accept says otherwise
    text/csv                the first line is a header where most of it are names of inputs (see `csv_rows`)
    application/x-npy       [n, columns] by position, or a structured array by name

The answer is that of `predictions`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import orjson

from ranklet_features.errors import InputError
from ranklet_features.spec import ValueType
from ranklet_runtime.bodies import JSON, MSGPACK, media_type, printable, read_json_with_nan, write_json
from ranklet_runtime.dialects import predictions, tabular
from ranklet_runtime.dialects.base import Call
from ranklet_runtime.dialects.flat import Column, column_place, row_place
from ranklet_runtime.dialects.flat import request as flat_request
from ranklet_runtime.dialects.predictions import CSV, JSONLINES, NPY, READ
from ranklet_runtime.dialects.tabular import by_position, columns_of, rows, settled
from ranklet_runtime.errors import BadRequest, PayloadTooLarge, RequestFault, UnsupportedMediaType
from ranklet_runtime.messages import HttpRequest, HttpResponse, RankRequest, RankResult
from ranklet_runtime.served import Served

if TYPE_CHECKING:
    from ranklet_runtime.dialects.native import Native

INSTANCES, INPUTS, SPLIT, RECORDS = "instances", "inputs", "dataframe_split", "dataframe_records"
KEYS = (INSTANCES, INPUTS, SPLIT, RECORDS)
LINES, ROWS = "lines", "rows"
"""Notes of how a request was written, beside the keys themselves."""
FEATURES = "[].features"
"""Follows these where the rows are those of SageMaker's own algorithms."""
NATIVE, OWN = "items", (JSON, MSGPACK)
"""What tells ranklet's own form, and its notes."""

Found = tuple[str, Mapping[str, Column]]
T = TypeVar("T")


def decode(request: HttpRequest, call: Call, served: Served, *, header: bool | None = None) -> RankRequest:
    """Read a body. header: whether CSV has a header line; None is told by its names.

    Raises BadRequest, PayloadTooLarge or UnsupportedMediaType.
    """
    kind = _kind(request)
    if kind is JSON:
        document = read_json_with_nan(request.body)
        if isinstance(document, dict) and NATIVE in document and not document.keys() & set(KEYS):
            return _native().decode(request, call, served)
        form, columns = _document(document, served)
    elif kind is JSONLINES:
        form, columns = _rows(_lines(request.body, served.manifest.limits.items), served, LINES)
    elif kind is CSV:
        form, columns = ROWS, _csv(request, served, header)
    else:
        from ranklet_runtime.dialects import npy

        form, columns = ROWS, npy.columns(request.body, served)
    return flat_request(settled(columns, served), served, form)


def encode(result: RankResult, *, asked: RankRequest, request: HttpRequest, call: Call, served: Served) -> HttpResponse:
    """Write the predictions; ranklet's own form is answered as itself."""
    if asked.form in OWN:
        return _native().encode(result, asked=asked, request=request, call=call, served=served)
    otherwise = JSONLINES if asked.form.startswith(LINES) else JSON
    return predictions.encode(result, request, served, otherwise=otherwise, named=asked.form.endswith(FEATURES))


def place(error: InputError, asked: RankRequest) -> str:
    """`$.instances[3].price`, `$.inputs.price[3]`, `$.rows[3].price` of CSV and npy."""
    if asked.form in OWN:
        return _native().place(error, asked)
    if asked.form == INPUTS:
        return column_place(error, asked, INPUTS)
    return row_place(error, asked, asked.form.partition("[")[0] if asked.form != SPLIT else f"{SPLIT}.data")


def fault(fault: RequestFault) -> HttpResponse:
    """`{"error_code": …, "message": …}`, as MLflow's clients read errors; SageMaker passes on whatever it is."""
    return HttpResponse(
        fault.status,
        write_json({"error_code": ERROR_CODES.get(fault.status, "BAD_REQUEST"), "message": printable(str(fault))}),
    )


ERROR_CODES = {
    403: "PERMISSION_DENIED",
    404: "ENDPOINT_NOT_FOUND",
    500: "INTERNAL_ERROR",
    503: "TEMPORARILY_UNAVAILABLE",
}
"""MLflow's names (databricks_pb2.ErrorCode); every other fault here is the caller's."""


def health(served: Served) -> HttpResponse:
    """A function that answers has opened its model; clients look at the status alone."""
    document = {"status": "ok", "model": served.manifest.model, "version": served.manifest.version}
    return HttpResponse(200, write_json(document))


def _kind(request: HttpRequest) -> str:
    named = media_type(request.headers.get("content-type"))
    if named not in READ:
        raise UnsupportedMediaType(
            f"Content-Type {named[:80]!r} is not read here; send {JSON}, {JSONLINES}, {CSV} or {NPY}"
        )
    return READ[named] or (NPY if request.body[:1] == b"\x93" else JSON)


def _native() -> Native:
    # Imported here: a function that does not serve that dialect seldom needs it.
    from ranklet_runtime.dialects.native import Native

    return Native()


def _document(document: Any, served: Served) -> Found:
    """The note and the columns of a JSON document."""
    named = [key for key in KEYS if key in document] if isinstance(document, dict) else []
    if len(named) != 1:
        raise BadRequest(f"the body must be an object with exactly one of {', '.join(f'`{key}`' for key in KEYS)}")
    key = named[0]
    found = document[key]
    if key == SPLIT:
        return key, _split(found, served)
    if key == INPUTS and isinstance(found, dict):
        return key, {name: _column(values, name) for name, values in found.items()}
    return _rows(found, served, key)


def _rows(found: Any, served: Served, key: str) -> Found:
    vectors = tabular.vectors(found, served, f"$.{key}")
    if vectors is not None:
        return f"{key}{FEATURES}", rows(vectors, served, f"$.{key}")
    return (f"{key}[]" if key == INPUTS else key), rows(found, served, f"$.{key}")


def _column(values: Any, name: str) -> list[Any]:
    """A list is a column; a bare value stands for all rows."""
    if isinstance(values, dict):
        raise BadRequest("must be a list, one value for all or one a candidate", path=f"$.{INPUTS}.{name}")
    return values if isinstance(values, list) else [values]


def _split(frame: Any, served: Served) -> Mapping[str, Column]:
    """A data frame as pandas' `to_dict(orient="split")` writes it; its index is nobody's feature."""
    if not isinstance(frame, dict) or "data" not in frame or not frame.keys() <= {"columns", "data", "index"}:
        raise BadRequest("must be an object with `data`, and perhaps `columns` and `index`", path=f"$.{SPLIT}")
    data, names = frame["data"], frame.get("columns")
    place = f"$.{SPLIT}.data"
    if not isinstance(data, list):
        raise BadRequest("must be a list of rows", path=place)
    if len(data) > (limit := served.manifest.limits.items):
        raise PayloadTooLarge(f"{len(data)} rows; this model takes {limit} in one request", path=place)
    columns = columns_of(data, place) if data else [[] for _ in (names or served.inputs)]
    if names is None or names == list(range(len(columns))):
        return by_position(columns, served, place) if data else {name: [] for name in served.inputs}
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise BadRequest("must be a list of names", path=f"$.{SPLIT}.columns")
    if len(names) != len(columns):
        raise BadRequest(f"{len(names)} names for {len(columns)} columns", path=f"$.{SPLIT}.columns")
    return _named(names, columns, f"$.{SPLIT}.columns")


def _named(names: list[str], columns: Sequence[T], place: str) -> dict[str, T]:
    if len(set(names)) != len(names):
        twice = next(name for i, name in enumerate(names) if name in names[:i])
        raise BadRequest(f"{twice[:80]!r} is there twice", path=place)
    return dict(zip(names, columns, strict=True))


def _lines(body: bytes, limit: int) -> list[Any]:
    """The value on each line; blank lines are none."""
    lines = [line for line in body.split(b"\n") if line and not line.isspace()]
    if not lines:
        raise BadRequest("the body is empty")
    if len(lines) > limit:
        raise PayloadTooLarge(f"{len(lines)} rows; this model takes {limit} in one request")
    try:
        return list(map(orjson.loads, lines))
    except orjson.JSONDecodeError:
        return [_line(line, i) for i, line in enumerate(lines)]


def _line(line: bytes, number: int) -> Any:
    try:
        return read_json_with_nan(line)
    except BadRequest as error:
        raise BadRequest(error.message.replace("the body", "this line"), path=f"$.{LINES}[{number}]") from error


def _csv(request: HttpRequest, served: Served, header: bool | None) -> Mapping[str, Column]:
    from ranklet_runtime.dialects import csv_rows

    limit = served.manifest.limits.items
    found = csv_rows.records(request.body, limit=limit)
    first = [cell.strip() for cell in found[0]]
    has_header = _has_header(request, first, served) if header is None else header
    if len(found) - has_header > limit:
        raise PayloadTooLarge(f"{len(found) - has_header} rows; this model takes {limit} in one request")
    cells: list[Sequence[str]] = list(zip(*found[has_header:], strict=True)) or [()] * len(first)
    if has_header:
        texts = _named(first, cells, "$.lines[0]")
        return {name: csv_rows.column(name, column, _type(name, served)) for name, column in texts.items()}
    kinds = [(name, one.type) for name, one in served.inputs.items() for _ in range(one.length or 1)]
    if len(kinds) != len(cells):  # a tensor's, or too many: said by `by_position`
        kinds = [(str(i), "float") for i in range(len(cells))]
    columns = [csv_rows.column(name, column, kind) for (name, kind), column in zip(kinds, cells, strict=True)]
    return by_position(columns, served, f"$.{ROWS}")


def _has_header(request: HttpRequest, first: list[str], served: Served) -> bool:
    """RFC 4180's parameter says it, or the first line: names of inputs are seldom values of them."""
    told = (request.headers.get("content-type") or "").lower().replace(" ", "")
    if "header=present" in told or "header=absent" in told:
        return "header=present" in told
    return 2 * sum(name in served.inputs or name in served.tensors for name in first) >= len(first)


def _type(name: str, served: Served) -> ValueType:
    """What the texts of a column are. Raises BadRequest for what has no column of its own."""
    declared = served.inputs.get(name)
    if declared is not None and (declared.list or declared.length is not None):
        raise BadRequest(f"{name!r} has several values a row, which a column of CSV cannot hold; send JSON")
    if declared is not None:
        return declared.type
    tensor = served.tensors.get(name)
    return "string" if tensor is None else "int" if tensor.dtype == "int64" else "float"
