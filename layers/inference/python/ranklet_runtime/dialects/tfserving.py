"""TensorFlow Serving's REST API, so that a client moves by changing its URL.

    POST /v1/models/<model>:predict
      rows:    {"instances": [{"age": 25, "id": 7}, {"age": 25, "id": 9}]}  → {"predictions": [0.25, 0.75]}
      columns: {"inputs": {"age": [25], "id": [7, 9]}}                      → {"outputs": [0.25, 0.75]}
    POST /v1/models/<model>:classify, :regress
      {"context": {"age": 25}, "examples": [{"id": 7}, {"id": 9}]}          → {"results": [0.25, 0.75]}
    GET  /v1/models/<model>, and /metadata below it

each also with /versions/<version> or /labels/<label> behind the model. The inputs are the model's raw features, of all
sides under one roof, or its own tensors (see `flat`); `signature_name` may say which. What comes once, in `context` or
as a column of one, is computed once. KServe's V1 clients take the same paths, and ask `GET /<model>/` for a sign of
life.
Source: www.tensorflow.org/tfx/serving/api_rest and tensorflow/serving `util/json_tensor.cc`: bare NaN and Infinity are
legal, `{"b64": …}` is a string, one output loses its name, shapes that disagree are an invalid argument (400).
"""

from __future__ import annotations

import json
from typing import Any, ClassVar, NamedTuple

import orjson

from ranklet_features.errors import InputError
from ranklet_runtime.bodies import JSON, media_type, printable, read_json, write_json
from ranklet_runtime.dialects.base import Call, Route
from ranklet_runtime.dialects.flat import (
    Lists,
    are_tensors,
    column_place,
    degraded,
    required,
    row_place,
    shared_place,
    transposed,
)
from ranklet_runtime.dialects.flat import request as flat_request
from ranklet_runtime.dialects.tfserving_answers import OUTPUTS, PREDICTIONS, classes, predictions, regressions
from ranklet_runtime.dialects.tfserving_values import feature, plain
from ranklet_runtime.errors import BadRequest, PayloadTooLarge, RequestFault, Unprocessable, UnsupportedMediaType
from ranklet_runtime.messages import HttpRequest, HttpResponse, RankRequest, RankResult
from ranklet_runtime.served import Served

PREDICT, CLASSIFY, REGRESS = "predict", "classify", "regress"
PATHS = (
    "/v1/models/{model}",
    "/v1/models/{model}/versions/{version}",
    "/v1/models/{model}/labels/{label}",
)
METADATA, ALIVE = "/metadata", "/"

ROWS, COLUMNS, EXAMPLES, CONTEXT = "instances", "inputs", "examples", "context"
READ = frozenset({"", JSON, "application/octet-stream", "application/x-www-form-urlencoded", "text/plain"})
"""JSON under the types that clients of TensorFlow Serving send it with: none at all, and what `curl -d` says."""

DEFAULT, TENSORS = "serving_default", "serving_tensors"
SIGNATURES = {
    TENSORS: PREDICT,
    "classification": CLASSIFY,
    "regression": REGRESS,
    **{f"tensorflow/serving/{verb}": verb for verb in (PREDICT, CLASSIFY, REGRESS)},
}
"""Signature → its verb, as Estimators named theirs; the default one goes with all."""

KINDS = {PREDICT: "prediction", CLASSIFY: "classification", REGRESS: "regression"}


class Shared(NamedTuple):
    """The note of a request in `examples`: the features that its `context` gives to all of them."""

    names: frozenset[str]


class TfServing:
    """TensorFlow Serving's prediction, model status and metadata."""

    routes: ClassVar[tuple[Route, ...]] = (
        *(Route("POST", f"{path}:{verb}") for verb in (PREDICT, CLASSIFY, REGRESS) for path in PATHS),
        *(Route("GET", f"{path}{rest}", scores=False) for rest in ("", METADATA) for path in PATHS),
        Route("GET", ALIVE, scores=False),
    )

    def decode(self, request: HttpRequest, call: Call, served: Served) -> RankRequest:
        """Read rows, columns or examples."""
        named = media_type(request.headers.get("content-type"))
        if named not in READ:
            raise UnsupportedMediaType(f"Content-Type {named!r} is not read here; send {JSON}")
        document = _read(request.body)
        if not isinstance(document, dict):
            raise BadRequest("JSON Value is not object; the body must be one")
        verb = _verb(call)
        tensors = _signature(document.get("signature_name"), verb)
        if verb != PREDICT:
            return _examples(document, served)
        if (ROWS in document) == (COLUMNS in document):
            raise BadRequest(f"the body must have exactly one of the keys '{COLUMNS}' and '{ROWS}'")
        form = ROWS if ROWS in document else COLUMNS
        read = _rows if form == ROWS else _columns
        columns, tensors = read(document[form], served, tensors)
        if tensors is None:
            tensors = are_tensors(columns, served)
        if not tensors:
            columns = {name: plain(column, served.inputs.get(name)) for name, column in columns.items()}
        return flat_request(columns, served, form, tensors=tensors)

    def encode(
        self, result: RankResult, *, asked: RankRequest, request: HttpRequest, call: Call, served: Served
    ) -> HttpResponse:
        """Write what the model tells; what was defaulted is counted in a header, as the body has no place for it."""
        verb = _verb(call)
        if verb == PREDICT:
            body = predictions(result, served, PREDICTIONS if asked.form == ROWS else OUTPUTS)
        else:
            body = classes(result, served) if verb == CLASSIFY else regressions(result)
        return HttpResponse(200, body, headers=degraded(result))

    def describe(self, request: HttpRequest, call: Call, served: Served) -> HttpResponse:
        """GetModelStatusResponse, GetModelMetadataResponse, and KServe's sign of life."""
        if call.route.path == ALIVE:
            return HttpResponse(200, write_json({"status": "alive"}))
        if call.route.path.endswith(METADATA):
            # Imported here: only clients that find their way ask for it.
            from ranklet_runtime.dialects.tfserving_metadata import metadata

            return HttpResponse(200, write_json(metadata(served, request.path)))
        version = {
            "version": served.manifest.version,
            "state": "AVAILABLE",
            "status": {"error_code": "OK", "error_message": ""},
        }
        # `ready` is what KServe's V1 clients read at the same address.
        return HttpResponse(200, write_json({"model_version_status": [version], "ready": True}))

    def place(self, error: InputError, asked: RankRequest) -> str:
        """`$.instances[3].price`, `$.inputs.price[3]`, `$.examples[3].price` or `$.context.age`."""
        if asked.form == COLUMNS:
            return column_place(error, asked, COLUMNS)
        if asked.form == ROWS:
            return row_place(error, asked, ROWS)
        if error.name in asked.form.names:
            return shared_place(error, asked, CONTEXT)
        return row_place(error, asked, EXAMPLES)

    def fault(self, fault: RequestFault, request: HttpRequest) -> HttpResponse:
        """`{"error": …}` and nothing else."""
        status = BadRequest.status if isinstance(fault, Unprocessable) else fault.status
        return HttpResponse(status, write_json({"error": printable(str(fault))}))


def _verb(call: Call) -> str:
    return call.route.path.rpartition(":")[2]


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


def _signature(name: Any, verb: str) -> bool | None:
    """Whether a signature's inputs are tensors; None where names decide. Raises BadRequest in TF Serving's words."""
    if name is None or name in ("", DEFAULT):
        return None
    if not isinstance(name, str):
        raise BadRequest("'signature_name' key must be a string value", path="$.signature_name")
    method = SIGNATURES.get(name)
    if method is None:
        raise BadRequest(f'Serving signature name: "{name}" not found in signature def')
    if method != verb:
        wanted, found = (f"tensorflow/serving/{one}" for one in (verb, method))
        raise BadRequest(f"Expected {KINDS[verb]} signature method_name to be {wanted}. Was: {found}")
    return True if name == TENSORS else None


def _rows(rows: Any, served: Served, tensors: bool | None) -> tuple[Lists, bool | None]:
    """The columns of `instances`: objects by name, or bare values where there is one input."""
    _check_rows(rows, ROWS, served)
    if not rows:
        return {name: [] for name in served.inputs}, False
    bare = not isinstance(rows[0], dict) or (rows[0].keys() == {"b64"} and "b64" not in served.inputs)
    if bare and (only := _only(served, tensors)) is not None:
        return {only[0]: rows}, only[1]
    if set(map(type, rows)) == {dict}:
        return transposed(rows), tensors
    wrong = next(i for i, row in enumerate(rows) if not isinstance(row, dict))
    raise BadRequest("a row must be an object of named features", path=f"$.{ROWS}[{wrong}]")


def _check_rows(rows: Any, key: str, served: Served) -> None:
    if not isinstance(rows, list):
        raise BadRequest("must be a list of rows", path=f"$.{key}")
    if len(rows) > served.manifest.limits.items:
        raise PayloadTooLarge(f"{len(rows)} rows; this model takes {served.manifest.limits.items}", path=f"$.{key}")


def _columns(inputs: Any, served: Served, tensors: bool | None) -> tuple[Lists, bool | None]:
    """The columns of `inputs`: an object by name, or a bare list where there is one input."""
    if isinstance(inputs, list) and (only := _only(served, tensors)) is not None:
        return {only[0]: inputs}, only[1]
    if not isinstance(inputs, dict):
        raise BadRequest("must be an object of named columns", path=f"$.{COLUMNS}")
    for name, column in inputs.items():
        if not isinstance(column, list):
            raise BadRequest("must be a list, one value for all or one a candidate", path=f"$.{COLUMNS}.{name}")
    return inputs, tensors


def _only(served: Served, tensors: bool | None) -> tuple[str, bool] | None:
    """The one input of the model, else its one tensor, and which of both it is."""
    if not tensors and len(served.inputs) == 1:
        return next(iter(served.inputs)), False
    if tensors is not False and len(needed := required(served)) == 1:
        return next(iter(needed)), True
    return None


def _examples(document: dict[str, Any], served: Served) -> RankRequest:
    """The request of `examples` and the `context` that they share, where an example does not say otherwise."""
    rows: Any = document.get(EXAMPLES)
    shared: Any = document.get(CONTEXT) or {}
    _check_rows(rows, EXAMPLES, served)
    if not isinstance(shared, dict):
        raise BadRequest("must be an object of features", path=f"$.{CONTEXT}")
    if (wrong := next((i for i, row in enumerate(rows) if not isinstance(row, dict)), None)) is not None:
        raise BadRequest("Example must be JSON object", path=f"$.{EXAMPLES}[{wrong}]")
    if not rows:
        return flat_request({name: [] for name in served.inputs}, served, Shared(frozenset()))
    columns = {name: list(column) for name, column in transposed(rows).items()}
    for name, value in shared.items():
        own = columns.get(name)
        columns[name] = [value] if own is None else [value if one is None else one for one in own]
    note = Shared(frozenset(name for name in shared if len(columns[name]) == 1))
    tensors = are_tensors(columns, served)
    if not tensors:
        columns = {name: feature(column, served.inputs.get(name)) for name, column in columns.items()}
    return flat_request(columns, served, note, tensors=tensors, rows=len(rows))
