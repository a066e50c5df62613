"""From a file to a checked ModelProto with all weights inside, and from there to reproducible bytes.

External data is the one part of ONNX that names other files. A location is read only below the model's
folder, at an offset and length inside its file, and as many bytes as the tensor's shape asks for.
"""

from __future__ import annotations

import math
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError

from ranklet.errors import ImportRefused
from ranklet.importers import files
from ranklet.importers.onnx.walk import every, messages

ONNXRUNTIME = "1.32.0"
"""The version in layers/onnx/requirements.txt, whose limits these are."""

MAX_IR = 14
OPSETS = {"": (7, 28), "ai.onnx": (7, 28), "ai.onnx.ml": (1, 5), "com.microsoft": (1, 1)}
"""Oldest and newest operator set of a domain that it runs."""

_REFUSALS = (onnx.checker.ValidationError, onnx.shape_inference.InferenceError, ValueError)
"""ValueError: types that do not exist, and text that is not UTF-8."""


def read(folder: Path, name: str) -> onnx.ModelProto:
    """The model in `folder / name`, external data taken in.

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
    budget = files.MAX_BYTES - path.stat().st_size
    for tensor in every(onnx.TensorProto, model):
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            budget -= _take_in(tensor, path, budget)
    try:
        onnx.checker.check_model(model, full_check=True)
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


def _take_in(tensor: onnx.TensorProto, model: Path, budget: int) -> int:
    """Replace a tensor's external data by its bytes, at most `budget`; returns how many."""
    place = {entry.key: entry.value for entry in tensor.external_data}
    try:
        path = files.resolve(model.parent, place.get("location", ""))
        offset = int(place.get("offset", 0))
        length = int(place.get("length", path.stat().st_size - offset))
    except (ImportRefused, ValueError) as error:
        raise ImportRefused(f"external data of tensor {tensor.name!r}: {error}") from error
    if not 0 <= offset <= offset + length <= path.stat().st_size:
        raise ImportRefused(
            f"external data of tensor {tensor.name!r}: bytes {offset} to {offset + length} of {path.name}, "
            f"which has {path.stat().st_size}; export the model again"
        )
    if length > budget:
        raise ImportRefused("with its external data it exceeds 2 GB; move large embeddings to [tables]")
    with path.open("rb") as file:
        file.seek(offset)
        tensor.raw_data = file.read(length)
    tensor.ClearField("data_location")
    tensor.ClearField("external_data")
    return length
