"""MatMul, Gemm and BatchNorm over lazy forms: one matrix product per side, weights permuted instead of data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from ranklet.graph.expr import Cat, Expr, Leaf, Lit, Sum, width
from ranklet.graph.forms import Form
from ranklet.graph.placing import bring, dense, joined, leaf_of
from ranklet.graph.records import Array, Side
from ranklet.graph.rules import bilinear
from ranklet.graph.rules.bilinear import Weighted
from ranklet.graph.rules.sums import shift_terms, total

if TYPE_CHECKING:
    from ranklet.graph.split import Work


def matmul(work: Work, node: ir.Node, forms: Sequence[Form]) -> list[Expr] | None:
    """a matrix product over features of several sides is one product per side"""
    left, right = (work.exprs[value] for value in node.inputs if value is not None)
    if not _matrix(right):
        return None
    assert isinstance(right, Lit)
    if isinstance(left, Cat) and left.axis + left.index.ndim < left.form.rank and work.variant == "A":
        return _partwise(work, node, left, right, forms[0])
    return _product(work, left, right.array, None, forms[0])


def _partwise(work: Work, node: ir.Node, cat: Cat, right: Lit, form: Form) -> list[Expr]:
    """Fields or tokens are joined along another axis than the product's: every part has its own."""
    size = right.array.shape[1]
    parts = []
    for part in (leaf_of(work, part) for part in cat.parts):
        full = part
        if part.form.rank - 1 in part.lazy:
            full = replace(part, value=dense(work, part, part.side), lazy=frozenset())
        builder = work.builders[part.side]
        value = builder.op("MatMul", [full.value, builder.literal(right.array)], name="product")
        shape = full.form.resized(full.form.rank - 1, size)
        parts.append(Leaf(part.side, work.typed(value, part.value), shape, full.lazy))
    return [Cat(cat.axis, tuple(parts), cat.index, form)]


def gemm(work: Work, node: ir.Node, forms: Sequence[Form]) -> list[Expr] | None:
    """a dense layer over features of several sides is one product per side, the bias with the user's"""
    left, right, *rest = (work.exprs[value] for value in node.inputs if value is not None)
    if not _matrix(right) or node.attributes.get_int("transA", 0) != 0:
        return None
    bias = rest[0] if rest else None
    if bias is not None and not isinstance(bias, Lit):
        return None
    assert isinstance(right, Lit)
    weights = right.array.T if node.attributes.get_int("transB", 0) else right.array
    weights = weights * weights.dtype.type(node.attributes.get_float("alpha", 1.0))
    if bias is not None:
        beta = node.attributes.get_float("beta", 1.0)
        bias = replace(bias, array=bias.array * bias.array.dtype.type(beta))
    return _product(work, left, weights, bias, forms[0])


def _matrix(expr: Expr | None) -> bool:
    return isinstance(expr, Lit) and expr.form.rank == 2 and expr.form.batch is None and not expr.lazy


def _product(work: Work, left: Expr, weights: Array, bias: Lit | None, form: Form) -> list[Expr] | None:
    found = _weighted(work, left, weights)
    if found is None or form.batch is None:
        return None
    terms = _terms(work, found, form)
    if bias is not None:
        shifted = shift_terms(work, terms, bias, 1.0, form)
        if shifted is None:
            return None
        terms = shifted
    return [total(work, terms, form)]


def _weighted(work: Work, left: Expr, weights: Array) -> Weighted | None:
    """Which rows of the weights meet which leaf; a leaf that occurs twice has its weights added."""
    found: Weighted = {}
    if isinstance(left, Sum):
        if any(leaf.side == "cross" for leaf, _ in left.terms) or not _wide(left, left.form):
            return None
        for leaf, coefficient in left.terms:
            _meet(found, leaf, weights * weights.dtype.type(coefficient))
        return found
    if not isinstance(left, Cat) or left.index.ndim != 1 or left.axis != left.form.rank - 1:
        return None
    starts = np.cumsum([0, *left.sizes])
    for part, start, stop in zip(left.parts, starts[:-1], starts[1:], strict=True):
        chosen = np.flatnonzero((left.index >= start) & (left.index < stop))
        rows = np.zeros((int(stop - start), weights.shape[1]), weights.dtype)
        np.add.at(rows, left.index[chosen] - start, weights[chosen])
        if isinstance(part, Sum) and not _wide(part, part.form):
            part = leaf_of(work, part)
        for leaf, coefficient in part.terms if isinstance(part, Sum) else ((part, 1.0),):
            _meet(found, leaf, rows * rows.dtype.type(coefficient))
    return found


def _wide(total_: Sum, form: Form) -> bool:
    """Every term spans the axis that is summed over."""
    axis = form.rank - 1
    return all(
        leaf.form.rank == form.rank and leaf.form.sizes(axis) == form.sizes(axis) and axis not in leaf.lazy
        for leaf, _ in total_.terms
    )


def _meet(found: Weighted, leaf: Leaf, rows: Array) -> None:
    key = (leaf.value, leaf.lazy)
    found[key] = (leaf, found[key][1] + rows if key in found else rows)


def _terms(work: Work, found: Weighted, form: Form) -> list[tuple[Leaf, float]]:
    """One product per side and kind of laziness. In variant B what is stored is the item's vector, not its product."""
    crossed, found = bilinear.factored(work, found, form)
    groups: dict[tuple[Side, frozenset[int], frozenset[int]], list[tuple[Leaf, Array]]] = {}
    for leaf, rows in found.values():
        if leaf.side == "item" and work.variant == "B":
            leaf = replace(leaf, side="cross", value=work.typed(bring(work, leaf, "cross"), leaf.value))
        narrow = frozenset(a for a in range(form.rank - 1) if leaf.form.sizes(a) != form.sizes(a))
        groups.setdefault((leaf.side, leaf.lazy, narrow), []).append((leaf, rows))
    terms = [(leaf, 1.0) for leaf in crossed]
    for (side, lazy, narrow), members in groups.items():
        leaf = joined(work, [member for member, _ in members], form.rank - 1)
        stacked = np.concatenate([rows for _, rows in members])
        builder = work.builders[side]
        value = work.typed(builder.op("MatMul", [leaf.value, builder.literal(stacked)], name="product"), leaf.value)
        if form.rank == 2:
            work.flat.add(value)
        terms.append((Leaf(side, value, form, lazy | narrow), 1.0))
    return terms


def batch_norm(work: Work, node: ir.Node, forms: Sequence[Form]) -> list[Expr] | None:
    """inference statistics scale and shift every side alone"""
    expr, *parameters = (work.exprs[value] for value in node.inputs if value is not None)
    arrays = [parameter.array for parameter in parameters if isinstance(parameter, Lit)]
    if not isinstance(expr, Cat | Sum) or len(arrays) != 4 or forms[0].batch is None:
        return None
    scale, bias, mean, variance = (array.astype(np.float64) for array in arrays)
    factor = scale / np.sqrt(variance + node.attributes.get_float("epsilon", 1e-5))
    shift = bias - mean * factor
    dtype = arrays[0].dtype
    if isinstance(expr, Sum):
        return _scaled_sum(work, expr, factor.astype(dtype), shift.astype(dtype), forms[0])
    if expr.axis != 1 or expr.index.ndim != 1 or len(set(expr.index.tolist())) != len(expr.index):
        return None
    inverse = np.full(sum(expr.sizes), -1)
    inverse[expr.index] = np.arange(len(expr.index))
    parts: list[Leaf | Sum] = []
    for part, size, start in zip(expr.parts, expr.sizes, np.cumsum([0, *expr.sizes]), strict=False):
        chosen = inverse[start : start + size]
        made = _scaled_sum(work, part, factor[chosen].astype(dtype), shift[chosen].astype(dtype), part.form)
        if made is None or not isinstance(made[0], Leaf | Sum):
            return None
        parts.append(made[0])
    return [Cat(expr.axis, tuple(parts), expr.index, forms[0])]


def _scaled_sum(work: Work, expr: Leaf | Sum, factor: Array, shift: Array, form: Form) -> list[Expr] | None:
    terms = expr.terms if isinstance(expr, Sum) else ((expr, 1.0),)
    if any(1 in leaf.lazy or leaf.form.rank != form.rank or width(leaf.form, 1) != len(factor) for leaf, _ in terms):
        return None
    tall = (len(factor), *(1,) * (form.rank - 2))
    scaled = []
    for leaf, coefficient in terms:
        scaled.append((replace(leaf, value=_scaled(work, leaf, factor, tall)), coefficient))
    literal = Lit(shift.reshape(tall), Form((tall,) * work.points, None))
    shifted = shift_terms(work, scaled, literal, 1.0, form)
    return None if shifted is None else [total(work, shifted, form)]


def _scaled(work: Work, leaf: Leaf, factor: Array, tall: tuple[int, ...]) -> ir.Value:
    """The leaf times a factor per channel, which a product of matrices takes into its weights."""
    builder, node = work.builders[leaf.side], leaf.value.producer()
    if leaf.value in work.flat and node is not None and node.inputs[1] is not None and node.inputs[1].const_value:
        weights = node.inputs[1].const_value.numpy() * factor
        value = builder.op("MatMul", [node.inputs[0], builder.literal(weights)], name="product")
        work.flat.add(value)
    else:
        value = builder.op("Mul", [leaf.value, builder.literal(factor.reshape(tall))])
    return work.typed(value, leaf.value)
