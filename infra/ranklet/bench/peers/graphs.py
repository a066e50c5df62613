"""The ranker's graph as peers serve it, and as a trainer writes it: one matrix over user and item side by side."""

from __future__ import annotations

from typing import Any

from ranklet.bench.dialects import ranker

ONCE = ("user", "profile")


def served() -> bytes:
    """The factored graph, the user's inputs of one row: else onnxruntime warns of sizes with every request."""
    model = _ranker()
    for one in model.graph.input:
        if one.name in ONCE:
            one.type.tensor_type.shape.dim[0].dim_value = 1
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def unsplit() -> bytes:
    """The same weights and scores with the user in every row: the sum of two dense layers is one over both inputs."""
    import numpy as np
    import onnx  # as slow to import as onnxruntime

    model = _ranker()
    weights = {one.name: onnx.numpy_helper.to_array(one) for one in model.graph.initializer}
    made = {node.output[0]: node for node in model.graph.node}
    total = next(node for node in made.values() if [made[name].op_type for name in node.input if name in made] == TWO)
    user, item = (made[name] for name in total.input)
    both = {
        "both_w": np.concatenate([weights[user.input[1]], weights[item.input[1]]]),
        "both_b": weights[user.input[2]] + weights[item.input[2]],
    }
    model.graph.initializer.extend(onnx.numpy_helper.from_array(array, name) for name, array in both.items())
    total.CopyFrom(onnx.helper.make_node("Gemm", ["both", *both], list(total.output)))
    item.CopyFrom(onnx.helper.make_node("Concat", [user.input[0], item.input[0]], ["both"], axis=1))
    model.graph.node.remove(user)
    content: bytes = model.SerializeToString(deterministic=True)
    return content


TWO = ["Gemm", "Gemm"]
"""What the first layer adds."""


def _ranker() -> Any:
    import onnx  # as above

    return onnx.load_model_from_string(ranker.graph())
