"""Sums stay apart by side: Add, Sub, a constant factor, and reductions over features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from ranklet.graph.expr import Cat, Expr, Leaf, Lit, Sum, merge, sides_of
from ranklet.graph.forms import Form
from ranklet.graph.placing import dense, leaf_of
from ranklet.graph.records import Array
from ranklet.graph.sizes import Unavailable

if TYPE_CHECKING:
    from ranklet.graph.split import Work

Terms = tuple[tuple[Leaf, float], ...]


def total(work: Work, terms: Sequence[tuple[Leaf, float]], form: Form) -> Expr:
    """The sum; equal leaves are counted once, and a sum of one side is made at once."""
    counted: dict[tuple[object, frozenset[int]], tuple[Leaf, float]] = {}
    for leaf, coefficient in terms:
        key = (leaf.value, leaf.lazy)
        before = counted[key][1] if key in counted else 0.0
        counted[key] = (leaf, before + coefficient)
    kept = tuple(term for term in counted.values() if term[1] != 0) or tuple(counted.values())[:1]
    made = Sum(kept, form)
    if len(sides_of(made)) == 1:
        leaf = kept[0][0]
        if len(kept) == 1 and kept[0][1] == 1 and leaf.form == form:
            return leaf
        return leaf_of(work, made)
    return made


def terms_of(work: Work, expr: Expr, form: Form) -> Terms | None:
    """The expression as terms that broadcast to `form`, None where it cannot be one."""
    if isinstance(expr, Sum):
        found: Terms = expr.terms
    elif isinstance(expr, Leaf):
        found = ((expr, 1.0),)
    elif isinstance(expr, Cat):
        found = ((leaf_of(work, expr), 1.0),)
    else:
        return None
    batch = form.batch
    if batch is None:
        return None
    aligned = [leaf.form.batch is not None and leaf.form.batch.axis + form.rank - leaf.form.rank == batch.axis
               and leaf.form.batch.at(batch.axis) == batch for leaf, _ in found]  # fmt: skip
    return found if all(aligned) else None


def add(work: Work, node: ir.Node, forms: Sequence[Form]) -> list[Expr] | None:
    """terms of several sides are added only where something needs their sum"""
    return _combine(work, node, forms[0], [1.0] * len(node.inputs))


def subtract(work: Work, node: ir.Node, forms: Sequence[Form]) -> list[Expr] | None:
    """terms of several sides are subtracted only where something needs the difference"""
    return _combine(work, node, forms[0], [1.0, -1.0])


def _combine(work: Work, node: ir.Node, form: Form, signs: Sequence[float]) -> list[Expr] | None:
    exprs = [work.exprs[value] for value in node.inputs if value is not None]
    if not floating(work, node) or (any(isinstance(expr, Cat) for expr in exprs) and len(exprs) == 2 and _catty(exprs)):
        return None
    literals = [expr for expr in exprs if isinstance(expr, Lit)]
    if len(merge_all(exprs)) < 2:
        return None
    terms: list[tuple[Leaf, float]] = []
    shift: list[tuple[Lit, float]] = []
    for expr, sign in zip(exprs, signs, strict=True):
        if isinstance(expr, Lit):
            shift.append((expr, sign))
            continue
        found = terms_of(work, expr, form)
        if found is None:
            return None
        terms += [(leaf, coefficient * sign) for leaf, coefficient in found]
    for literal, sign in shift:
        shifted = shift_terms(work, terms, literal, sign, form)
        if shifted is None:
            return None
        terms = shifted
    del literals
    return [total(work, terms, form)]


def _catty(exprs: Sequence[Expr]) -> bool:
    """A Cat and something that can follow its parts: left to the pointwise rule."""
    return all(isinstance(expr, Cat | Lit) for expr in exprs)


def merge_all(exprs: Sequence[Expr]) -> frozenset[str]:
    return frozenset[str]().union(*(sides_of(expr) for expr in exprs))


def shift_terms(
    work: Work, terms: Sequence[tuple[Leaf, float]], literal: Lit, sign: float, form: Form
) -> list[tuple[Leaf, float]] | None:
    """A constant joins one term, the user's where there is one."""
    if literal.form.batch is not None or literal.lazy:
        return None
    order = sorted(range(len(terms)), key=lambda n: ("user", "item", "cross").index(terms[n][0].side))
    place = next((n for n in order if not terms[n][0].lazy), order[0])
    leaf, coefficient = terms[place]
    builder = work.builders[leaf.side]
    array = np.asarray(literal.array * (sign / coefficient), literal.array.dtype)
    if array.size == 1:
        array = array.reshape(())
    if not _fits(array, leaf, form):
        return None
    value = work.typed(builder.op("Add", [leaf.value, builder.literal(array)]), leaf.value)
    changed = list(terms)
    changed[place] = (replace(leaf, value=value), coefficient)
    return changed


def _fits(array: Array, leaf: Leaf, form: Form) -> bool:
    """The constant broadcasts to the leaf without making it larger."""
    if array.ndim > leaf.form.rank:
        return False
    for back in range(1, array.ndim + 1):
        axis = leaf.form.rank - back
        if array.shape[-back] != 1 and (axis in leaf.lazy or leaf.form.fixed(axis) != array.shape[-back]):
            return False
    return leaf.form.rank == form.rank


def floating(work: Work, node: ir.Node) -> bool:
    """Whether the node's first output holds floats: integer arithmetic is not re-associated."""
    dtype = work.trace.dtypes.get(node.outputs[0].name or "")
    return dtype is not None and dtype.kind == "f"


def negate(work: Work, node: ir.Node, forms: Sequence[Form]) -> list[Expr] | None:
    """a sign is carried by the terms"""
    expr = work.exprs[node.inputs[0]] if node.inputs[0] is not None else None
    if not isinstance(expr, Sum):
        return None
    return [Sum(tuple((leaf, -coefficient) for leaf, coefficient in expr.terms), forms[0])]


def scale(work: Work, node: ir.Node, forms: Sequence[Form]) -> list[Expr] | None:
    """a constant factor goes to every term"""
    left, right = (work.exprs[value] for value in node.inputs if value is not None)
    if isinstance(left, Lit) and node.op_type == "Mul":
        left, right = right, left
    if not (isinstance(left, Sum) and isinstance(right, Lit) and floating(work, node)):
        return None
    if right.array.size == 1 and right.form.rank <= left.form.rank:
        factor = float(right.array.item())
        factor = 1 / factor if node.op_type == "Div" else factor
        return [Sum(tuple((leaf, coefficient * factor) for leaf, coefficient in left.terms), forms[0])]
    return None


def reduce(work: Work, node: ir.Node, forms: Sequence[Form]) -> list[Expr] | None:
    """a sum over features is one sum per side"""
    if node.op_type not in ("ReduceSum", "ReduceMean") or not floating(work, node):
        return None
    assert node.inputs[0] is not None
    expr = work.exprs[node.inputs[0]]
    if isinstance(expr, Sum):
        return _reduced(work, node, expr.terms, expr.form, forms[0])
    if isinstance(expr, Cat) and expr.index.ndim == 1:
        return _reduced_cat(work, node, expr, forms[0])
    return None


def _axes(work: Work, node: ir.Node, rank: int) -> list[int]:
    if "axes" in node.attributes:
        found = [int(axis) for axis in node.attributes["axes"].as_ints()]
    else:
        literal = work.exprs[node.inputs[1]] if len(node.inputs) > 1 and node.inputs[1] is not None else None
        found = [int(axis) for axis in literal.array.ravel()] if isinstance(literal, Lit) else []
    return [axis % rank for axis in found]


def _reduced(work: Work, node: ir.Node, terms: Terms, form: Form, out: Form) -> list[Expr] | None:
    if any(leaf.form.rank != form.rank for leaf, _ in terms):
        return None
    axes = _axes(work, node, form.rank)
    try:
        found = [(_reduce_leaf(work, node, spread_to(leaf, form), axes, out), c) for leaf, c in terms]
    except Unavailable:
        return None
    return [total(work, found, out)]


def spread_to(leaf: Leaf, form: Form) -> Leaf:
    """The term with the sum's own logical shape."""
    grown = {a for a in range(form.rank) if leaf.form.sizes(a) != form.sizes(a)}
    return replace(leaf, form=form, lazy=leaf.lazy | frozenset(grown))


def _reduce_leaf(work: Work, node: ir.Node, leaf: Leaf, axes: Sequence[int], out: Form) -> Leaf:
    builder = work.builders[leaf.side]
    value = dense(work, leaf, leaf.side) if leaf.lazy & set(axes) else leaf.value
    inputs: list[ir.Value | None] = [value]
    if len(node.inputs) > 1:
        inputs.append(builder.literal(np.asarray(axes, np.int64)))
    attributes = {"keepdims": node.attributes.get_int("keepdims", 1)}
    if len(node.inputs) == 1:
        attributes["axes"] = list(axes)  # type: ignore[assignment]
    made = work.typed(builder.op(node.op_type, inputs, attributes), leaf.value)
    lazy = frozenset[int]() if leaf.lazy & set(axes) else leaf.lazy
    if not attributes["keepdims"]:
        lazy = frozenset(a - sum(b < a for b in axes) for a in lazy)
    return Leaf(leaf.side, made, out, lazy)


def _reduced_cat(work: Work, node: ir.Node, cat: Cat, out: Form) -> list[Expr] | None:
    axes = _axes(work, node, cat.form.rank)
    counts = np.bincount(cat.index, minlength=sum(cat.sizes))
    if cat.axis not in axes or (counts != 1).any():
        return None
    share = 1.0 / len(cat.index) if node.op_type == "ReduceMean" else 1.0
    terms: list[tuple[Leaf, float]] = []
    for part, size in zip(cat.parts, cat.sizes, strict=True):
        form = cat.form.resized(cat.axis, size)
        inner = part.terms if isinstance(part, Sum) else ((part, 1.0),)
        try:
            made = [(_reduce_leaf(work, node, spread_to(leaf, form), axes, out), c) for leaf, c in inner]
        except Unavailable:
            return None
        weight = share * size if node.op_type == "ReduceMean" else 1.0
        terms += [(leaf, coefficient * weight) for leaf, coefficient in made]
    return [total(work, terms, out)]


__all__ = ["add", "floating", "merge", "negate", "reduce", "scale", "subtract", "total"]
