"""A small ranker, as a trainer would export it: ids of a user and of a candidate, a masked history, numbers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto as T
from onnx import helper, numpy_helper

USERS, ITEMS, LENGTH = 40, 60, 5
Save = Callable[..., Path]


def ranker() -> onnx.ModelProto:
    """score = Σ(user row · (item row + Σ history rows)) + price · 0.5 + mean(profile), [batch, 1]."""
    random = np.random.default_rng(7)
    weights = {
        "users": random.normal(size=(USERS, 4)).astype(np.float32),
        "items": random.normal(size=(ITEMS, 4)).astype(np.float32),
        "half": np.float32([0.5]),
        "last": np.int64([-1]),
        "one": np.int64([1]),
    }
    nodes = [
        helper.make_node("Gather", ["users", "user_id"], ["u"]),
        helper.make_node("Gather", ["items", "item_id"], ["i"]),
        helper.make_node("Gather", ["items", "hist_ids"], ["h"]),
        helper.make_node("Unsqueeze", ["hist_mask", "last"], ["m"]),
        helper.make_node("Mul", ["h", "m"], ["hm"]),
        helper.make_node("ReduceSum", ["hm", "one"], ["hs"], keepdims=0),
        helper.make_node("Add", ["i", "hs"], ["ih"]),
        helper.make_node("Mul", ["u", "ih"], ["p"]),
        helper.make_node("ReduceSum", ["p", "one"], ["dot"]),
        helper.make_node("Mul", ["price", "half"], ["money"]),
        helper.make_node("ReduceMean", ["profile", "one"], ["mean"]),
        helper.make_node("Add", ["dot", "money"], ["some"]),
        helper.make_node("Add", ["some", "mean"], ["score"]),
    ]
    inputs = [
        helper.make_tensor_value_info("user_id", T.INT64, ["n"]),
        helper.make_tensor_value_info("profile", T.FLOAT, ["n", 3]),
        helper.make_tensor_value_info("hist_ids", T.INT64, ["n", LENGTH]),
        helper.make_tensor_value_info("hist_mask", T.FLOAT, ["n", LENGTH]),
        helper.make_tensor_value_info("item_id", T.INT64, ["n"]),
        helper.make_tensor_value_info("price", T.FLOAT, ["n", 1]),
    ]
    outputs = [helper.make_tensor_value_info(name, T.FLOAT, ["n", 1]) for name in ("dot", "score")]
    graph = helper.make_graph(
        nodes, "ranker", inputs, outputs, [numpy_helper.from_array(value, name) for name, value in weights.items()]
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
