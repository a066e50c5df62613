"""The ranker as every peer serves it: V2 tensors in, onnxruntime with one thread, scores out.

It runs in the peer's own environment, from a folder that holds the graph too.
"""

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

NAME = "ranker"
HERE = Path(__file__).resolve().parent
KINDS = {"INT64": np.int64, "FP32": np.float32}


def opened(name: str = NAME, folder: Path = HERE) -> Any:
    """A session over one of the graphs."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(str(folder / f"{name}.onnx"), options, providers=["CPUExecutionProvider"])


def feeds(inputs: list[dict[str, Any]]) -> dict[str, Any]:
    """The graph's tensors out of those of a V2 request."""
    return {one["name"]: np.array(one["data"], KINDS[one["datatype"]]).reshape(one["shape"]) for one in inputs}


def scores(session: Any, tensors: dict[str, Any]) -> Any:
    """float32 [n]."""
    return session.run(None, tensors)[0].reshape(-1)


def answered(session: Any, inputs: list[dict[str, Any]]) -> dict[str, Any]:
    """A V2 answer as an object."""
    found = scores(session, feeds(inputs))
    output = {"name": "score", "datatype": "FP32", "shape": list(found.shape), "data": found.tolist()}
    return {"model_name": NAME, "outputs": [output]}
