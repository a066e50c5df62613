"""The Open Inference Protocol V2, as clients of Triton, KServe and MLServer speak it, with Triton's binary extension.

    POST /v2/models/<model>/infer                       (and …/versions/<version>/infer)
    {"inputs": [{"name": "age", "datatype": "INT64", "shape": [1], "data": [25]},
                {"name": "id", "datatype": "INT64", "shape": [2, 1], "data": [7, 9]}]}
    → {"model_name": …, "outputs": [{"name": "score", "datatype": "FP32", "shape": [2], "data": [0.25, 0.75]}]}

The inputs are the model's raw features, or the tensors that it makes of them (see `flat`; the metadata names both). A
feature of one value has the shape [n] or [n, 1], a vector or a list [n, k]; the user's may have n = 1 beside candidates
of any n. Lists of different lengths, which no tensor can hold, are BYTES of the shape [n], a JSON text each.

A tensor's values stand in `data`, or as bytes after the JSON, whose length Inference-Header-Content-Length then tells;
an answer's do where `binary_data` or `binary_data_output` asks for it. Content-Type decides nothing, as in Triton, but
HTTP APIs spoil bytes that are called JSON.
Scores are FP32, further numbers FP64, labels what they are. What a model does not tell (null) is null in JSON, and so
is what is infinite; as bytes it is NaN or an empty text. Whole numbers and truth with such gaps are FP64, true is 1
there, as clients would take a gap in BOOL for false. What was defaulted is told in `parameters` and in a header.
Parameters that change no answer are let pass, those that would change it are refused.
Sources: kserve/open-inference-protocol `inference_rest.md`, triton-inference-server/server `extension_binary_data.md`.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from math import prod
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from ranklet_features.errors import InputError
from ranklet_runtime.bodies import printable, read_json, write_json
from ranklet_runtime.dialects import flat, tensors
from ranklet_runtime.dialects.base import Call, Route
from ranklet_runtime.dialects.tensors import BYTES, FP32, FP64, Datatype, Flat
from ranklet_runtime.dialects.v2_inputs import (
    INPUTS,
    as_column,
    as_tensor,
    check_parameters,
    head,
    named,
    plain,
    size_of,
)
from ranklet_runtime.errors import BadRequest, RequestFault
from ranklet_runtime.manifest import Told
from ranklet_runtime.messages import HttpRequest, HttpResponse, RankRequest, RankResult
from ranklet_runtime.served import Served

if TYPE_CHECKING:
    from ranklet_runtime.dialects.v2_numbers import Numbers, Tensor

SHORT = 8_000
"""Bytes of JSON that are read as quickly number by number."""

HEADER = "inference-header-content-length"
BINARY = "application/octet-stream"
REPLACED = "\ufffd".encode()
VERSION = "0.1.0"
"""Of the server, in its metadata."""


class Wanted(NamedTuple):
    """What a request wants told. outputs: name → whether as bytes, in the order of the answer."""

    id: str | None
    outputs: Mapping[str, bool]


class V2:
    """Inference, metadata and health."""

    routes: ClassVar[tuple[Route, ...]] = (
        Route("POST", "/v2/models/{model}/infer"),
        Route("POST", "/v2/models/{model}/versions/{version}/infer"),
        Route("GET", "/v2/models/{model}", scores=False),
        Route("GET", "/v2/models/{model}/versions/{version}", scores=False),
        Route("GET", "/v2/models/{model}/ready", scores=False),
        Route("GET", "/v2/models/{model}/versions/{version}/ready", scores=False),
        Route("GET", "/v2", scores=False),
        Route("GET", "/v2/", scores=False),
        Route("GET", "/v2/health/live", scores=False),
        Route("GET", "/v2/health/ready", scores=False),
    )

    def decode(self, request: HttpRequest, call: Call, served: Served) -> RankRequest:
        """Read the tensors; those in bytes stay where they are in the body."""
        inputs, limit = served.inputs, served.manifest.limits.items
        if HEADER not in request.headers and len(request.body) > SHORT and (numbers := _numbers()) is not None:
            read = numbers.read(request.body, limit)
            if read is not None:
                return _request(*read, served)
        document, start = _document(request)
        given = named(document.get(INPUTS), INPUTS)
        own = flat.are_tensors(given, served)
        columns: dict[str, Flat] = {}
        for name, one in given.items():
            declared = None if own else inputs.get(name)
            if declared is not None and (quick := plain(one, declared, request.body, start=start, limit=limit)):
                columns[name], start = quick
                continue
            path = f"$.{INPUTS}.{name}"
            kind, shape = head(one, limit, path=path)
            size = size_of(one, path)
            if size is None:
                values = tensors.read_json(kind, one.get("data"), shape, path=path)
            else:
                values = tensors.read_bytes(kind, request.body, prod(shape), start=start, size=size, path=path)
                start += size
            if declared is None:
                columns[name] = as_tensor(values, kind, shape, path=path)
            else:
                columns[name] = as_column(values, kind, shape, declared=declared, path=path)
        if start != len(request.body):
            raise BadRequest(f"{len(request.body) - start} bytes follow that belong to no input's binary_data_size")
        return flat.request(columns, served, wanted_of(document, served), tensors=own)

    def encode(
        self, result: RankResult, *, asked: RankRequest, request: HttpRequest, call: Call, served: Served
    ) -> HttpResponse:
        """Write the outputs that were asked for, in that order."""
        wanted: Wanted = asked.form
        manifest, headers = served.manifest, flat.degraded(result)
        answer: dict[str, Any] = {"model_name": manifest.model, "model_version": manifest.version}
        if wanted.id is not None:
            answer["id"] = wanted.id
        if headers:
            answer["parameters"] = {"degraded": headers["x-ranklet-degraded"]}
        columns = flat.told(result, served)
        outputs, parts = [], [b""]
        for name, binary in wanted.outputs.items():
            kind, column = _typed(columns[name], manifest.told.get(name))
            one: dict[str, Any] = {"name": name, "datatype": kind.name, "shape": [len(column)]}
            if binary:
                parts.append(tensors.write_bytes(kind, column))
                one["parameters"] = {"binary_data_size": len(parts[-1])}
            else:
                one["data"] = column
            outputs.append(one)
        answer["outputs"] = outputs
        parts[0] = write_json(answer)
        if len(parts) == 1:
            return HttpResponse(200, parts[0], headers=headers)
        return HttpResponse(200, b"".join(parts), BINARY, {**headers, HEADER: str(len(parts[0]))})

    def describe(self, request: HttpRequest, call: Call, served: Served) -> HttpResponse:
        """Server metadata, model metadata, and health: a function that answers has opened its model."""
        path = call.route.path
        document: dict[str, Any]
        if path.startswith("/v2/models/"):
            ready = {"name": served.manifest.model, "ready": True}
            document = ready if path.endswith("/ready") else _metadata(served)
        elif path.startswith("/v2/health/"):
            document = {"live": True} if path.endswith("/live") else {"live": True, "ready": True}
        else:
            document = {"name": "ranklet", "version": VERSION, "extensions": ["binary_tensor_data"]}
        return HttpResponse(200, write_json(document))

    def place(self, error: InputError, asked: RankRequest) -> str:
        """`$.inputs.price[3]`: tensors are called by their names here, as everywhere in this protocol."""
        return flat.column_place(error, asked, INPUTS)

    def fault(self, fault: RequestFault, request: HttpRequest) -> HttpResponse:
        """`{"error": …}` and nothing else; shapes that disagree are 400 to Triton and KServe."""
        status = 400 if fault.status == 422 else fault.status
        return HttpResponse(status, write_json({"error": printable(str(fault))}))


@cache
def _numbers() -> Numbers | None:
    """What reads plain tensors in JSON; None where a layer lacks its parser, which costs time and no request."""
    try:
        from ranklet_runtime.dialects.v2_numbers import Numbers
    except ImportError:
        return None
    return Numbers()


def _request(document: Mapping[str, Any], tensors: Mapping[str, Tensor], served: Served) -> RankRequest:
    """The request of tensors that were read already."""
    own, inputs = flat.are_tensors(tensors, served), served.inputs
    columns: dict[str, Flat] = {}
    for name, (kind, shape, values) in tensors.items():
        declared, path = None if own else inputs.get(name), f"$.{INPUTS}.{name}"
        if declared is None:
            columns[name] = as_tensor(values, kind, shape, path=path)
        else:
            columns[name] = as_column(values, kind, shape, declared=declared, path=path)
    return flat.request(columns, served, wanted_of(document, served), tensors=own)


def _document(request: HttpRequest) -> tuple[dict[str, Any], int]:
    """The JSON and where it ends."""
    length = request.headers.get(HEADER)
    end = len(request.body)
    if length is not None:
        if not (length.isascii() and length.isdigit()) or len(length) > 12 or int(length) > end:
            raise BadRequest(
                f"Inference-Header-Content-Length is the length of the JSON, from 0 to {end}, not {length[:20]!r}"
            )
        end = int(length)
        _refuse_mangled(request, end)
    document = read_json(request.body[:end])
    if not isinstance(document, dict):
        raise BadRequest("the body must be an object with `inputs`")
    return document, end


def _refuse_mangled(request: HttpRequest, end: int) -> None:
    """HTTP APIs hand on what calls itself JSON as text, in which U+FFFD replaces all bytes that are none."""
    named = request.headers.get("content-type")
    if named is None or named == BINARY or request.body.find(REPLACED, end) < 0:
        return
    with suppress(UnicodeDecodeError):
        request.body.decode()
        raise BadRequest(
            f"the bytes of its tensors were taken for text on the way, as Content-Type is {named[:40]!r}; send {BINARY}"
        )


def wanted_of(document: Mapping[str, Any], served: Served) -> Wanted:
    asked = document.get("id")
    if asked is not None and type(asked) is not str:
        raise BadRequest("must be a string", path="$.id")
    binary = _flag(document, "binary_data_output", default=False, path="$")
    allowed = (served.score, *served.manifest.told)
    outputs = document.get("outputs")
    if outputs is None or outputs == []:
        return Wanted(asked, dict.fromkeys(allowed, binary))
    found: dict[str, bool] = {}
    for name, one in named(outputs, "outputs").items():
        path = f"$.outputs.{name}"
        if name not in allowed:
            raise BadRequest(f"not an output of this model; outputs: {', '.join(allowed)}", path=path)
        found[name] = _flag(one, "binary_data", default=binary, path=path)
    return Wanted(asked, found)


def _flag(one: Mapping[str, Any], name: str, *, default: bool, path: str) -> bool:
    """A parameter of a request or an output."""
    if (parameters := one.get("parameters")) is None:
        return default
    check_parameters(parameters, path)
    value = parameters.get(name, default)
    if type(value) is not bool:
        raise BadRequest("must be true or false", path=f"{path}.parameters.{name}")
    return value


def _typed(column: flat.Column, told: Told | None) -> tuple[Datatype, Flat]:
    """An output and the datatype that holds all of its values. told: of what is no score."""
    if told is None or told.labels is None:
        return (FP32, column) if told is None else (FP64, np.asarray(column, np.float64))
    kind = tensors.kind_of(told.labels)
    if kind is BYTES:
        return kind, [word if word is None or type(word) is str else str(word) for word in column]
    if None in column:
        kind = FP64
    # None becomes NaN, which JSON has as null.
    return kind, np.array(column, kind.dtype)


def _metadata(served: Served) -> dict[str, Any]:
    # Imported here: few requests ask for it.
    from ranklet_runtime.dialects.v2_metadata import metadata

    return metadata(served)
