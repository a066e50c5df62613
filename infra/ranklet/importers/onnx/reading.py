"""From a file to a checked ModelProto with all weights inside, and from there to reproducible bytes.

External data is the one part of ONNX that names other files. A location is read only below the model's
folder, at an offset and length inside its file, and as many bytes as the tensor's shape asks for.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError

from ranklet.errors import ImportRefused
from ranklet.importers import files
from ranklet.importers.onnx.walk import every, messages

ONNXRUNTIME = "1.32.0"
"""The version in layers/onnx/requirements.txt, whose limits these are."""

OUTSIDE = 64 << 20
"""Bytes of a weight that may stay in a file of its own."""

MAX_OUTSIDE = 1 << 44
"""Of such a file: far above what a table of DynamoDB is filled with from one machine."""

MAX_IR = 14
OPSETS = {"": (7, 28), "ai.onnx": (7, 28), "ai.onnx.ml": (1, 5), "com.microsoft": (1, 1)}
"""Oldest and newest operator set of a domain that it runs."""

_REFUSALS = (onnx.checker.ValidationError, onnx.shape_inference.InferenceError, ValueError)
"""ValueError: types that do not exist, and text that is not UTF-8."""


def read(folder: Path, name: str) -> onnx.ModelProto:
    """The model in `folder / name`, external data taken in; where all of it is more than a protobuf holds, tensors of
    OUTSIDE bytes stay in their files, as embedding tables that the build will cut.

    Raises ImportRefused for a file that is no valid ONNX, is of a newer format than the onnxruntime in
    the layer reads, or whose external data is not where it may be.
    """
    path = files.resolve(folder, name)
    try:
        model = onnx.load_model_from_string(path.read_bytes())
    except DecodeError as error:
        raise ImportRefused(f"no ONNX file: {error}; export the model again") from error
    _check_versions(model)
    del model.training_info[:]  # never run
    _take_all_in(model, path)
    try:
        onnx.checker.check_model(_inside(model), full_check=True)
    except _REFUSALS as error:
        raise ImportRefused(f"onnx.checker refuses it: {error}") from error
    return model


def pack(model: onnx.ModelProto) -> bytes:
    """The model's bytes without what exporters add for debuggers: comments, stack traces, paths of their machine."""
    for message in messages(model):
        for field in ("doc_string", "metadata_props"):
            if field in message.DESCRIPTOR.fields_by_name:
                message.ClearField(field)
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def _check_versions(model: onnx.ModelProto) -> None:
    if not model.HasField("graph"):
        raise ImportRefused("no ONNX file: it holds no graph; export the model again")
    if model.ir_version > MAX_IR:
        raise ImportRefused(
            f"its IR version is {model.ir_version}, onnxruntime {ONNXRUNTIME} reads up to {MAX_IR}; "
            "export with an older onnx, or set model.ir_version and save again"
        )
    for opset in model.opset_import:
        oldest, newest = OPSETS.get(opset.domain, (0, math.inf))
        if not oldest <= opset.version <= newest:
            raise ImportRefused(
                f"it uses opset {opset.version} of {opset.domain or 'ai.onnx'}, onnxruntime {ONNXRUNTIME} runs "
                f"{oldest} to {newest}; export with opset_version={newest}, or convert with onnx.version_converter"
            )


def outside(model: onnx.ModelProto) -> tuple[onnx.TensorProto, ...]:
    """The weights that stay in their files."""
    return tuple(one for one in model.graph.initializer if one.data_location == onnx.TensorProto.EXTERNAL)


def _inside(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model with inputs in place of weights that stay outside: a checker looks for files where it runs."""
    away = outside(model)
    if not away:
        return model
    known = onnx.ModelProto()
    known.CopyFrom(model)
    names = {tensor.name for tensor in away}
    kept = [tensor for tensor in known.graph.initializer if tensor.name not in names]
    del known.graph.initializer[:]
    known.graph.initializer.extend(kept)
    given = {value.name for value in known.graph.input}
    known.graph.input.extend(
        onnx.helper.make_tensor_value_info(tensor.name, tensor.data_type, list(tensor.dims))
        for tensor in away
        if tensor.name not in given
    )
    return known


def _take_all_in(model: onnx.ModelProto, path: Path) -> None:
    away = [one for one in every(onnx.TensorProto, model) if one.data_location == onnx.TensorProto.EXTERNAL]
    places = [_place(tensor, path) for tensor in away]
    budget = files.MAX_BYTES - path.stat().st_size
    whole = sum(place.length for place in places) <= budget
    stay = set() if whole else {tensor.name for tensor in model.graph.initializer}
    for tensor, place in zip(away, places, strict=True):
        if tensor.name in stay and place.length >= OUTSIDE:
            continue
        if place.length > budget:
            raise ImportRefused("with its external data it exceeds 2 GB; move large embeddings to [tables]")
        budget -= place.length
        _take_in(tensor, place)


@dataclass(frozen=True)
class _Place:
    """Where a tensor's bytes are."""

    path: Path
    offset: int
    length: int


def _place(tensor: onnx.TensorProto, model: Path) -> _Place:
    place = {entry.key: entry.value for entry in tensor.external_data}
    try:
        path = files.resolve(model.parent, place.get("location", ""), limit=MAX_OUTSIDE)
        offset = int(place.get("offset", 0))
        length = int(place.get("length", path.stat().st_size - offset))
    except (ImportRefused, ValueError) as error:
        raise ImportRefused(f"external data of tensor {tensor.name!r}: {error}") from error
    if not 0 <= offset <= offset + length <= path.stat().st_size:
        raise ImportRefused(
            f"external data of tensor {tensor.name!r}: bytes {offset} to {offset + length} of {path.name}, "
            f"which has {path.stat().st_size}; export the model again"
        )
    return _Place(path, offset, length)


def _take_in(tensor: onnx.TensorProto, place: _Place) -> None:
    """Replace a tensor's external data by its bytes."""
    with place.path.open("rb") as file:
        file.seek(place.offset)
        tensor.raw_data = file.read(place.length)
    tensor.ClearField("data_location")
    tensor.ClearField("external_data")
