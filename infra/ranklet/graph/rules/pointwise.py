"""Element-wise ops act on the parts of a Cat, so that the Cat stays lazy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from ranklet.graph.expr import Cat, Expr, Leaf, Lit, Sum, merge, sides_of
from ranklet.graph.forms import Form
from ranklet.graph.placing import lazy_out, leaf_of, loose
from ranklet.graph.rules.sums import floating, terms_of, total

if TYPE_CHECKING:
    from ranklet.graph.split import Work


def unary(work: Work, node: ir.Node, forms: Sequence[Form]) -> list[Expr] | None:
    """an element-wise op acts on every side's features alone"""
    assert node.inputs[0] is not None
    expr = work.exprs[node.inputs[0]]
    if not isinstance(expr, Cat):
        return None
    parts = tuple(part_of(work, node, [part], part.form) for part in expr.parts)
    return [Cat(expr.axis, parts, expr.index, forms[0])]


def binary(work: Work, node: ir.Node, forms: Sequence[Form]) -> list[Expr] | None:
    """an element-wise op of two concatenations acts part by part"""
    left, right = (work.exprs[value] for value in node.inputs if value is not None)
    cat = left if isinstance(left, Cat) else right
    if not isinstance(cat, Cat) or cat.form.shapes != forms[0].shapes:
        return None
    columns = [_aligned(work, cat, expr) for expr in (left, right)]
    if any(column is None for column in columns):
        return None
    found = []
    for place, part in enumerate(cat.parts):
        operands = [column[place] for column in columns if column is not None]
        found.append(part_of(work, node, operands, part.form))
    return [Cat(cat.axis, tuple(found), cat.index, forms[0])]


def _aligned(work: Work, cat: Cat, expr: Expr) -> list[Expr] | None:
    """The operand that meets each part of the cat; None where it cannot be cut the same way."""
    if isinstance(expr, Cat):
        same = expr.axis == cat.axis and expr.sizes == cat.sizes and np.array_equal(expr.index, cat.index)
        return list(expr.parts) if same and expr.form.shapes == cat.form.shapes else None
    if isinstance(expr, Lit):
        return _cut(work, cat, expr)
    if isinstance(expr, Leaf | Sum) and expr.form.rank == cat.form.rank and cat.index.ndim == 1:
        return [expr] * len(cat.parts) if set(expr.form.sizes(cat.axis)) == {1} else None
    return None


def _cut(work: Work, cat: Cat, literal: Lit) -> list[Expr] | None:
    if literal.form.batch is not None or literal.lazy:
        return None
    axis = cat.axis - cat.form.rank + literal.form.rank
    if literal.array.size == 1 and literal.form.rank <= 1:
        return [literal] * len(cat.parts)
    if cat.index.ndim != 1 or literal.form.rank > cat.form.rank:
        return None
    if axis < 0 or literal.array.shape[axis] == 1:
        return [literal] * len(cat.parts)
    if len(set(cat.index.tolist())) != sum(cat.sizes):
        return None
    whole = np.take(literal.array, np.argsort(cat.index), axis)
    pieces = np.split(whole, np.cumsum(cat.sizes)[:-1], axis)
    return [Lit(piece, Form((piece.shape,) * work.points, None)) for piece in pieces]


def part_of(work: Work, node: ir.Node, exprs: Sequence[Expr], form: Form) -> Leaf | Sum:
    """The op on one part; additions of several sides stay a Sum."""
    side = merge(frozenset().union(*(sides_of(expr) for expr in exprs)))
    if side == "cross" and node.op_type in ("Add", "Sub") and floating(work, node):
        terms = [terms_of(work, expr, form) for expr in exprs]
        signs = (1.0, 1.0 if node.op_type == "Add" else -1.0)
        if all(term is not None for term in terms):
            flat = [(leaf, c * s) for term, s in zip(terms, signs, strict=True) for leaf, c in term or ()]
            made = total(work, flat, form)
            assert isinstance(made, Leaf | Sum)
            return made
    exprs = [leaf_of(work, expr) if isinstance(expr, Cat | Sum) else expr for expr in exprs]
    builder = work.builders[side]
    values = [loose(work, expr, side) for expr in exprs]
    value = builder.adopt(ir.Node(node.domain, node.op_type, values, node.attributes.values()), node.op_type)
    work.dtypes[value] = work.trace.dtypes[node.outputs[0].name or ""]
    return Leaf(side, value, form, lazy_out(exprs, form))
