"""What a model takes and tells, as V2's model metadata; few requests ask for it."""

from __future__ import annotations

from typing import Any

from ranklet_features.kinds.base import Tensor
from ranklet_features.spec import Input
from ranklet_runtime.dialects.tensors import kind_of
from ranklet_runtime.dialects.v2_inputs import TYPES
from ranklet_runtime.manifest import Told
from ranklet_runtime.served import Served

DTYPES = {"float32": "FP32", "float64": "FP64", "int64": "INT64", "bool": "BOOL"}


def metadata(served: Served) -> dict[str, Any]:
    """Raw features as the inputs; the tensors that may be sent instead in `parameters`, where MLServer has extras."""
    told = served.manifest.told.items()
    return {
        "name": served.manifest.model,
        "versions": [served.manifest.version],
        "platform": "ranklet",
        "inputs": [_raw(name, one) for name, one in served.inputs.items()],
        "outputs": [
            {"name": served.score, "datatype": "FP32", "shape": [-1]},
            *({"name": name, "datatype": _label(one), "shape": [-1]} for name, one in told),
        ],
        "parameters": {"tensors": [_own(name, one) for name, one in served.tensors.items()]},
    }


def _raw(name: str, one: Input) -> dict[str, Any]:
    """A raw feature. side: of `user` and `context` one row does for all candidates. optional: may be left out."""
    nested = one.list or one.length is not None
    optional = one.default is not None or one.unread or (one.nan == "allow" and not one.list)
    return {
        "name": name,
        "datatype": TYPES[one.type],
        "shape": [-1, one.length or -1] if nested else [-1],
        "parameters": {"side": one.side, "optional": optional},
    }


def _own(name: str, one: Tensor) -> dict[str, Any]:
    shape = [-1, *(-1 if size is None else size for size in one.shape)]
    return {"name": name, "datatype": DTYPES[one.dtype], "shape": shape, "parameters": {"side": one.side}}


def _label(one: Told) -> str:
    return "FP64" if one.labels is None else kind_of(one.labels).name
