"""TensorFlow Serving's REST API, so that a client moves by changing its URL.

    POST /v1/models/<model>:predict                     (and …/versions/<version>:predict)
    rows:    {"instances": [{"age": 25, "id": 7}, {"age": 25, "id": 9}]}  → {"predictions": [0.25, 0.75]}
    columns: {"inputs": {"age": [25], "id": [7, 9]}}                      → {"outputs": [0.25, 0.75]}
    GET  /v1/models/<model>                             (and …/versions/<version>)

The inputs are the model's raw features, of all sides under one roof (see `flat`).
Source: www.tensorflow.org/tfx/serving/api_rest and tensorflow/serving `util/json_tensor.cc`: bare NaN and Infinity are
legal, `{"b64": …}` is a string, one output loses its name.
"""

from __future__ import annotations

import json
from binascii import a2b_base64
from typing import Any, ClassVar

import orjson

from ranklet_features.errors import InputError
from ranklet_features.spec import Input
from ranklet_runtime.bodies import JSON, media_type, printable, read_json, write_json
from ranklet_runtime.dialects.base import Call, Route
from ranklet_runtime.dialects.flat import Lists, column_place, degraded, row_place, transposed
from ranklet_runtime.dialects.flat import request as flat_request
from ranklet_runtime.errors import BadRequest, PayloadTooLarge, RequestFault, UnsupportedMediaType
from ranklet_runtime.messages import HttpRequest, HttpResponse, RankRequest, RankResult
from ranklet_runtime.served import Served

ROWS, COLUMNS = "instances", "inputs"
SIGNATURE = "serving_default"
READ = frozenset({"", JSON, "application/octet-stream", "application/x-www-form-urlencoded", "text/plain"})
"""JSON under the types that clients of TensorFlow Serving send it with: none at all, and what `curl -d` says."""


class TfServing:
    """The predict and model status parts of TensorFlow Serving."""

    routes: ClassVar[tuple[Route, ...]] = (
        Route("POST", "/v1/models/{model}:predict"),
        Route("POST", "/v1/models/{model}/versions/{version}:predict"),
        Route("GET", "/v1/models/{model}", scores=False),
        Route("GET", "/v1/models/{model}/versions/{version}", scores=False),
    )

    def decode(self, request: HttpRequest, call: Call, served: Served) -> RankRequest:
        """Read the row or the column form."""
        named = media_type(request.headers.get("content-type"))
        if named not in READ:
            raise UnsupportedMediaType(f"Content-Type {named!r} is not read here; send {JSON}")
        document = _read(request.body)
        if not isinstance(document, dict) or (ROWS in document) == (COLUMNS in document):
            raise BadRequest(f"the body must be an object with exactly one of `{ROWS}` and `{COLUMNS}`")
        if (signature := document.get("signature_name") or SIGNATURE) != SIGNATURE:
            raise BadRequest(f'Serving signature name: "{signature}" not found in signature def')
        form = ROWS if ROWS in document else COLUMNS
        columns = _rows(document[ROWS], served) if form == ROWS else _columns(document[COLUMNS], served)
        plain = {name: _plain(column, served.inputs.get(name)) for name, column in columns.items()}
        return flat_request(plain, served, form)

    def encode(
        self, result: RankResult, *, asked: RankRequest, request: HttpRequest, call: Call, served: Served
    ) -> HttpResponse:
        """Write the scores; what was defaulted is counted in a header, as the body has no place for it."""
        key = "predictions" if asked.form == ROWS else "outputs"
        return HttpResponse(200, write_json({key: result.scores}), headers=degraded(result))

    def describe(self, request: HttpRequest, call: Call, served: Served) -> HttpResponse:
        """GetModelStatusResponse; `ready` is what KServe's V1 clients read at the same address."""
        version = {
            "version": served.manifest.version,
            "state": "AVAILABLE",
            "status": {"error_code": "OK", "error_message": ""},
        }
        return HttpResponse(200, write_json({"model_version_status": [version], "ready": True}))

    def place(self, error: InputError, asked: RankRequest) -> str:
        """`$.instances[3].price` or `$.inputs.price[3]`."""
        if asked.form == ROWS:
            return row_place(error, asked, ROWS)
        return column_place(error, asked, COLUMNS)

    def fault(self, fault: RequestFault, request: HttpRequest) -> HttpResponse:
        """`{"error": …}` and nothing else."""
        return HttpResponse(fault.status, write_json({"error": printable(str(fault))}))


def _read(body: bytes) -> Any:
    """JSON in which NaN, Infinity and -Infinity may stand bare."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        if b"NaN" not in body and b"Infinity" not in body:
            return read_json(body)
    # The standard library reads those; it is slower, so it comes second, and only for such bodies.
    try:
        return json.loads(body.decode())
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"the body is not valid JSON: {error}") from error


def _rows(rows: Any, served: Served) -> Lists:
    """The columns of `instances`: objects by name, or bare values where the model has one input."""
    if not isinstance(rows, list):
        raise BadRequest("must be a list of rows", path=f"$.{ROWS}")
    if len(rows) > served.manifest.limits.items:
        raise PayloadTooLarge(f"{len(rows)} rows; this model takes {served.manifest.limits.items}", path=f"$.{ROWS}")
    if not rows:
        return {name: [] for name in served.inputs}
    if set(map(type, rows)) == {dict}:
        return transposed(rows)
    if len(served.inputs) == 1 and dict not in set(map(type, rows)):
        return {next(iter(served.inputs)): rows}
    wrong = next(i for i, row in enumerate(rows) if not isinstance(row, dict))
    raise BadRequest("a row must be an object of named features", path=f"$.{ROWS}[{wrong}]")


def _columns(inputs: Any, served: Served) -> Lists:
    """The columns of `inputs`: an object by name, or a bare list where the model has one input."""
    if isinstance(inputs, list) and len(served.inputs) == 1:
        return {next(iter(served.inputs)): inputs}
    if not isinstance(inputs, dict):
        raise BadRequest("must be an object of named columns", path=f"$.{COLUMNS}")
    for name, column in inputs.items():
        if not isinstance(column, list):
            raise BadRequest("must be a list, one value for all or one a candidate", path=f"$.{COLUMNS}.{name}")
    return inputs


def _plain(column: list[Any], declared: Input | None) -> list[Any]:
    """Values as the features take them: [v] of a [n, 1] tensor is v, and {"b64": …} is its text."""
    if declared is None:
        return column
    kinds = set(map(type, column))
    if list in kinds and not declared.list and declared.length is None:
        column = [value[0] if isinstance(value, list) and len(value) == 1 else value for value in column]
        kinds = set(map(type, column))
    if declared.type == "string" and (dict in kinds or list in kinds):
        column = [_text(value) for value in column]
    return column


def _text(value: Any) -> Any:
    """A string, or a flat list of strings, in which {"b64": …} stands for its text; anything else as it is."""
    if isinstance(value, list):
        return [_unboxed(part) for part in value] if dict in set(map(type, value)) else value
    return _unboxed(value)


def _unboxed(value: Any) -> Any:
    if not isinstance(value, dict) or value.keys() != {"b64"}:
        return value
    try:
        return a2b_base64(value["b64"], strict_mode=True).decode()
    except (TypeError, ValueError) as error:
        raise BadRequest('a {"b64": …} here must be base64 of UTF-8 text') from error
