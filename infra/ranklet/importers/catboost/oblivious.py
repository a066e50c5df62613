"""Symmetric trees as a graph of gathers, several times as fast as walking each: all of a level asks one question.

The features stand in rows, so that each gather copies whole rows. Each split is asked once for all trees; a tree's
answers, the last split first, are the bits of its leaf's number; leaves are doubles, and so are their sums. Trees come
in groups, which bounds the memory of a request.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper, numpy_helper

from ranklet.importers.catboost.features import Turn
from ranklet.importers.catboost.trees import Symmetric
from ranklet.importers.trees.links import LINKS
from ranklet.importers.trees.lowering import IR, OPSET, SCORE
from ranklet.importers.trees.records import Ensemble

INPUT = "features"
GROUP = 256
"""Trees whose leaves are found together."""

Parts = Iterator[NodeProto | TensorProto]


def lower(trees: Sequence[Symmetric], ensemble: Ensemble, *, column: int) -> bytes:
    """A graph of features float32 [n, width] → score float64 [n]. ensemble: the same trees, for all that they have in
    common. column: of the outputs, the one that is the score."""
    parts = [*_sums(trees, ensemble), *_tail(ensemble, column)]
    graph = helper.make_graph(
        [part for part in parts if isinstance(part, NodeProto)],
        "trees",
        [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, ["n", ensemble.width])],
        [helper.make_tensor_value_info(SCORE, TensorProto.DOUBLE, ["n"])],
        [part for part in parts if isinstance(part, TensorProto)],
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR, producer_name="ranklet"
    )
    onnx.checker.check_model(model, full_check=True)
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def _sums(trees: Sequence[Symmetric], ensemble: Ensemble) -> Parts:
    """From the features to `sum0` … and their total, `raw` [n, targets]."""
    asked = sorted({turn for tree in trees for turn in tree.turns}, key=lambda turn: (turn.nan, *turn))
    yield helper.make_node("Transpose", [INPUT], ["rows"], perm=[1, 0])
    yield from _answers(asked)
    places = {turn: at for at, turn in enumerate(asked)}
    total = "base"
    yield _constant("base", np.array([ensemble.base]))
    yield _constant("two", np.array(2, np.int32))
    yield _constant("first", np.array([0]))
    for group, begin in enumerate(range(0, len(trees), GROUP)):
        yield from _group(trees[begin : begin + GROUP], places, str(group))
        yield helper.make_node("Add", [total, f"sum{group}"], [f"total{group}"])
        total = f"total{group}"
    yield _constant("scale", np.array(ensemble.scale))
    yield helper.make_node("Mul", [total, "scale"], ["scaled"])
    yield from LINKS[ensemble.link].nodes("scaled", "linked", "float64")


def _answers(asked: Sequence[Turn]) -> Parts:
    """`answers` int32 [splits + 1, n], the last row of zeros, for trees of fewer levels."""
    made = []
    for nan in (False, True):
        turns = [turn for turn in asked if turn.nan is nan]
        if not turns:
            continue
        name = f"nan_{nan}".lower()
        yield _constant(f"{name}_columns", np.array([turn.column for turn in turns]))
        yield _constant(f"{name}_borders", np.array([[turn.border] for turn in turns], np.float32))
        yield helper.make_node("Gather", ["rows", f"{name}_columns"], [f"{name}_rows"])
        compared = [f"{name}_rows", f"{name}_borders"]
        if nan:
            yield helper.make_node("LessOrEqual", compared, [f"{name}_not"])
            yield helper.make_node("Not", [f"{name}_not"], [name])
        else:
            yield helper.make_node("Greater", compared, [name])
        made.append(name)
    yield _constant("one_row", np.array([0]))
    yield helper.make_node("Gather", ["rows", "one_row"], ["any_row"])
    yield helper.make_node("Less", ["any_row", "any_row"], ["nothing"])
    yield helper.make_node("Concat", [*made, "nothing"], ["bits"], axis=0)
    yield helper.make_node("Cast", ["bits"], ["answers"], to=TensorProto.INT32)


def _group(trees: Sequence[Symmetric], places: dict[Turn, int], name: str) -> Parts:
    """From the answers to the sum of some trees, `sum<name>` [n, targets]."""
    depth = max(1, *(len(tree.turns) for tree in trees))
    asked = np.full((depth, len(trees)), len(places))
    for at, tree in enumerate(trees):
        for bit, turn in enumerate(tree.turns):
            asked[bit, at] = places[turn]
    number = f"leaf{name}_{depth}"
    for bit in reversed(range(depth)):
        yield _constant(f"asked{name}_{bit}", asked[bit])
        answer = f"answer{name}_{bit}"
        yield helper.make_node("Gather", ["answers", f"asked{name}_{bit}"], [answer])
        if bit == depth - 1:
            number = answer
            continue
        yield helper.make_node("Mul", [number, "two"], [f"twice{name}_{bit}"])
        number = f"leaf{name}_{bit}"
        yield helper.make_node("Add", [f"twice{name}_{bit}", answer], [number])
    sizes = [len(tree.leaves) for tree in trees]
    yield _constant(f"starts{name}", (np.cumsum(sizes) - sizes).astype(np.int32)[:, None])
    yield _constant(f"leaves{name}", np.concatenate([tree.leaves for tree in trees]))
    yield helper.make_node("Add", [number, f"starts{name}"], [f"places{name}"])
    yield helper.make_node("Gather", [f"leaves{name}", f"places{name}"], [f"values{name}"])
    yield helper.make_node("ReduceSum", [f"values{name}", "first"], [f"sum{name}"], keepdims=0)


def _tail(ensemble: Ensemble, column: int) -> Parts:
    yield _constant("column", np.array(column))
    yield helper.make_node("Gather", ["linked", "column"], [SCORE], axis=1)


def _constant(name: str, values: NDArray[np.generic]) -> TensorProto:
    return numpy_helper.from_array(values, name)
