"""Push-downs: how a node acts on values that were not made yet.

A rule is asked when a node's rows are proven independent and some of its data is lazy or of several sides. It answers
with the outputs' expressions, or None where it does not apply; then the lazy forms are made real and the node is
placed as any other. One file per family of rules, one line here per op.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import onnx_ir as ir

from ranklet.graph.expr import Expr
from ranklet.graph.forms import Form
from ranklet.graph.rowwise import REDUCTIONS, UNARY
from ranklet.graph.rules import bilinear, joins, linear, moves, pairs, pointwise, sums

if TYPE_CHECKING:
    from ranklet.graph.split import Work

Rule = Callable[["Work", ir.Node, Sequence[Form]], list[Expr] | None]

RULES: Mapping[str, tuple[Rule, ...]] = {
    **dict.fromkeys(UNARY, (pointwise.unary,)),
    **dict.fromkeys(REDUCTIONS, (sums.reduce,)),
    "Add": (sums.add, pointwise.binary),
    "BatchNormalization": (linear.batch_norm,),
    "Concat": (joins.concat,),
    "Div": (sums.scale, pointwise.binary),
    "Expand": (moves.expand,),
    "Flatten": (moves.reshape,),
    "Gather": (moves.gather,),
    "GatherND": (moves.gather_nd,),
    "Gemm": (linear.gemm,),
    "MatMul": (linear.matmul, pairs.interaction),
    "Mul": (sums.scale, pointwise.binary, bilinear.multiply),
    "Neg": (sums.negate, pointwise.unary),
    "Pow": (pointwise.binary,),
    "Reshape": (moves.reshape,),
    "Slice": (moves.slices,),
    "Split": (moves.split,),
    "Squeeze": (moves.reshape,),
    "Sub": (sums.subtract, pointwise.binary),
    "Sum": (sums.add,),
    "Tile": (moves.expand,),
    "Transpose": (moves.transpose,),
    "Unsqueeze": (moves.reshape,),
}


def apply(work: Work, node: ir.Node, forms: Sequence[Form]) -> list[Expr] | None:
    """The first rule's answer."""
    for rule in RULES.get(node.op_type, ()):
        found = rule(work, node, forms)
        if found is not None:
            work.notes.pushed[f"{node.op_type} {node.outputs[0].name}"] = (rule.__doc__ or "").splitlines()[0]
            return found
    return None
