"""Inputs of doubles that a graph rounds to 32 bits before it computes with them: floats feed them without loss."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection

import onnx
from onnx import NodeProto, TensorProto

MOVES = frozenset(
    ("Concat", "Flatten", "Gather", "Identity", "Reshape", "Slice", "Split", "Squeeze", "Transpose", "Unsqueeze")
)
"""Operations that hand on numbers as they are, from their first input (Concat: from each)."""


def rounded(content: bytes, names: Collection[str]) -> set[str]:
    """Those of the inputs of which every number becomes a float, and nothing else, wherever it is read."""
    graph = onnx.load_from_string(content).graph
    readers: dict[str, list[NodeProto]] = defaultdict(list)
    for node in graph.node:
        for name in node.input:
            readers[name].append(node)
    told = {one.name for one in graph.output}
    return {name for name in names if _all_rounded(name, readers, told)}


def _all_rounded(start: str, readers: dict[str, list[NodeProto]], told: set[str]) -> bool:
    left, seen = [start], {start}
    while left:
        name = left.pop()
        if name in told:
            return False
        for node in readers[name]:
            if node.op_type == "Cast" and _to(node) == TensorProto.FLOAT:
                continue
            if node.op_type not in MOVES or node.domain or (node.op_type != "Concat" and name in node.input[1:]):
                return False
            left += [one for one in node.output if one not in seen]
            seen |= set(node.output)
    return True


def _to(node: NodeProto) -> int:
    return next(int(one.i) for one in node.attribute if one.name == "to")
