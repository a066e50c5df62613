"""What TensorFlow Serving says of a model's signatures: GetModelMetadataResponse as JSON.

`serving_default` has the raw features, `serving_tensors` the model's own tensors, which callers may send instead;
`classification` and `regression` take tf.Examples of the raw features.
Source: tensorflow/serving `apis/get_model_metadata.proto`, tensorflow `core/protobuf/meta_graph.proto`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ranklet_features.spec import Input
from ranklet_runtime.dialects.flat import required
from ranklet_runtime.manifest import Told
from ranklet_runtime.served import Served

DTYPES = {
    "int": "DT_INT64",
    "float": "DT_DOUBLE",
    "string": "DT_STRING",
    "int64": "DT_INT64",
    "float64": "DT_DOUBLE",
    "float32": "DT_FLOAT",
    "bool": "DT_BOOL",
}
OPENVINO = "/versions/0/metadata"
"""OpenVINO's clients ask for version 0 where they mean the one that is served, and read names as its server spells
them: those of protobuf's JSON, where TensorFlow Serving keeps the messages' own."""

Spelling = Callable[[str], str]


def metadata(served: Served, path: str) -> dict[str, Any]:
    """The document. path: that of the request."""
    spelt: Spelling = _camel if path.endswith(OPENVINO) else str
    predicted = {served.score: _info(served.score, "float32", ())}
    predicted |= {name: _info(name, _told(one), ()) for name, one in served.manifest.told.items()}
    raw = {name: _info(name, one.type, _sizes(one)) for name, one in served.inputs.items()}
    tensors = {name: _info(name, one.dtype, one.shape) for name, one in required(served).items()}
    example = {"inputs": _info("input_example_tensor", "string", ())}
    scores = {"scores": _info("scores", "float32", (None,)), "classes": _info("classes", "string", (None,))}
    signatures = {
        "serving_default": _signature(raw, predicted, "predict", spelt),
        "serving_tensors": _signature(tensors, predicted, "predict", spelt),
        "classification": _signature(example, scores, "classify", spelt),
        "regression": _signature(example, {"outputs": _info("outputs", "float32", ())}, "regress", spelt),
    }
    manifest = served.manifest
    return {
        spelt("model_spec"): {"name": manifest.model, spelt("signature_name"): "", "version": manifest.version},
        "metadata": {"signature_def": {spelt("signature_def"): signatures}},
    }


Info = tuple[str, str, tuple[int, ...]]
"""Name, data type and sizes, -1 for any."""


def _info(name: str, kind: str, sizes: Sequence[int | None]) -> Info:
    return name, DTYPES[kind], (-1, *(-1 if size is None else size for size in sizes))


def _signature(inputs: Mapping[str, Info], outputs: Mapping[str, Info], verb: str, spelt: Spelling) -> dict[str, Any]:
    def tensor(info: Info) -> dict[str, Any]:
        name, dtype, sizes = info
        dims = [{"size": str(size), "name": ""} for size in sizes]
        shape = {"dim": dims, spelt("unknown_rank"): False}
        return {"dtype": dtype, spelt("tensor_shape"): shape, "name": f"{name}:0"}

    return {
        "inputs": {name: tensor(info) for name, info in inputs.items()},
        "outputs": {name: tensor(info) for name, info in outputs.items()},
        spelt("method_name"): f"tensorflow/serving/{verb}",
    }


def _sizes(declared: Input) -> tuple[int | None, ...]:
    if declared.list:
        return (None,)
    return () if declared.length is None else (declared.length,)


def _told(one: Told) -> str:
    """The kind of an output: numbers, unless its codes have labels of another kind."""
    kinds = {type(label) for label in one.labels or (0.0,)}
    if kinds == {bool}:
        return "bool"
    return "int" if kinds == {int} else "float" if kinds <= {int, float} else "string"


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)
