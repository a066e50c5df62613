"""The graph as a model of MLflow's own ONNX flavour, in a folder for `mlflow models serve`."""

import mlflow
import numpy as np
import onnx
import scoring
from mlflow.models import ModelSignature
from mlflow.types import Schema, TensorSpec

SHAPES = {
    "user": (np.int64, (-1,)),
    "profile": (np.float32, (-1, 8)),
    "item": (np.int64, (-1,)),
    "group": (np.int64, (-1,)),
    "offer": (np.float32, (-1, 6)),
}


if __name__ == "__main__":
    inputs = Schema([TensorSpec(np.dtype(kind), shape, name) for name, (kind, shape) in SHAPES.items()])
    mlflow.onnx.save_model(
        onnx.load(scoring.HERE / f"{scoring.NAME}.onnx"),
        scoring.HERE / "saved",
        signature=ModelSignature(inputs=inputs),
        onnx_execution_providers=["CPUExecutionProvider"],
        onnx_session_options={"intra_op_num_threads": 1, "inter_op_num_threads": 1},
        pip_requirements=[],
    )
