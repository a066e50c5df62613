"""A golden row as the model's own tensors, which clients of other servers send: what its features make of the row."""

from __future__ import annotations

from typing import Any

from ranklet.golden import Golden
from ranklet_runtime.function import Function
from ranklet_runtime.messages import RankRequest


def assembled(golden: Golden, function: Function) -> Golden:
    """The row with tensors in place of features, by the function's own tables."""
    made = function.scorer.features(RankRequest(golden.user, golden.context, golden.items)).tensors
    sides: dict[str, dict[str, Any]] = {"user": {}, "context": {}, "item": {}}
    for name, tensor in function.served.tensors.items():
        values = made[name].tolist()
        sides[tensor.side][name] = values if tensor.side == "item" else values[0]
    return Golden(sides["user"], sides["context"], sides["item"], golden.scores, golden.outputs)
