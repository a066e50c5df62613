"""Puts values into the three graphs: same-side nodes, lazy forms made real, and what crosses from one to another.

`loose` gives a value that broadcasts like the logical one (axes may be physically 1); `dense` gives the logical shape
in full. In the user graph the batch is 1 by definition, so there dense only concerns the other axes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from ranklet.graph.expr import Cat, Expr, Leaf, Lit, Opaque, Sum, Sym, merge, sides_of, width
from ranklet.graph.forms import Form
from ranklet.graph.records import Array, Side
from ranklet.graph.rowwise import ELEMENTWISE
from ranklet.graph.sizes import Unavailable, vector
from ranklet.graph.trace import Dim, read_by

if TYPE_CHECKING:
    from ranklet.graph.split import Work

NOWHERE: Form = Form((), None)
"""The form of a value whose rank varies, or that is no tensor; only other cross nodes read it."""


def same_side(work: Work, node: ir.Node, forms: Sequence[Form], side: Side) -> list[Expr] | None:
    """The node on the side that all its data is of; None where that side cannot hold it."""
    exprs = {value: work.exprs[value] for value in read_by(node)}
    loosely = node.op_type in ELEMENTWISE or _matrix(node, exprs)
    try:
        values = {v: loose(work, e, side) if loosely else dense(work, e, side) for v, e in exprs.items()}
    except Unavailable:
        return None
    lazies = [_lazy_after(node, list(exprs.values()), form) if loosely else frozenset[int]() for form in forms]
    if side == "item" and any(not _storable(form, lazy) for form, lazy in zip(forms, lazies, strict=True)):
        return None
    outputs = [value for value in work.builders[side].clone(node, values) if value.name]
    return _leaves(work, node, side, outputs, forms, lazies)


def _leaves(
    work: Work,
    node: ir.Node,
    side: Side,
    values: Sequence[ir.Value],
    forms: Sequence[Form],
    lazies: Sequence[frozenset[int]],
) -> list[Expr]:
    """The outputs of a node that was placed, their dtypes noted."""
    for value, original in zip(values, (v for v in node.outputs if v.name), strict=True):
        work.dtypes[value] = work.trace.dtypes.get(original.name or "", np.dtype(np.float32))
    return [Leaf(side, v, form, lazy) for v, form, lazy in zip(values, forms, lazies, strict=True)]


def _lazy_after(node: ir.Node, exprs: Sequence[Expr], form: Form) -> frozenset[int]:
    """What stays lazy: of a MatMul, its left operand's axes."""
    if node.op_type in ELEMENTWISE:
        return lazy_out(exprs, form)
    return exprs[0].lazy if isinstance(exprs[0], Leaf) else frozenset()


def _matrix(node: ir.Node, exprs: Mapping[ir.Value, Expr]) -> bool:
    """MatMul with a weight: all axes but the last may stay lazy."""
    left, right = (
        (exprs[value] for value in node.inputs[:2] if value is not None) if node.op_type == "MatMul" else (0, 0)
    )
    if not (isinstance(right, Lit) and right.form.rank == 2 and right.form.batch is None and not right.lazy):
        return False
    return isinstance(left, Leaf) and left.form.rank - 1 not in left.lazy


def _storable(form: Form, lazy: frozenset[int]) -> bool:
    axes = [a for a in range(form.rank) if a not in lazy and (form.batch is None or a != form.batch.axis)]
    inner = form.batch is None or len(set(form.batch.outer)) == len(set(form.batch.inner)) == 1
    return inner and all(form.fixed(axis) is not None for axis in axes)


def crossed(work: Work, node: ir.Node, forms: Sequence[Form], *, proven: bool = True) -> list[Expr]:
    """The node in the cross graph, operands with one row where broadcasting does the same."""
    exprs = {value: work.exprs[value] for value in read_by(node)}
    loosely = proven and node.op_type in ("MatMul", *ELEMENTWISE) and all(form.batch is not None for form in forms)
    lazies = [frozenset[int]()] * len(forms)
    if loosely and node.op_type in ELEMENTWISE:
        values = {value: loose(work, expr, "cross") for value, expr in exprs.items()}
        lazies = [lazy_out(list(exprs.values()), form) for form in forms]
        if not any(_has_rows(expr) for expr in exprs.values()):
            values = {value: dense(work, expr, "cross") for value, expr in exprs.items()}
            lazies = [frozenset()] * len(forms)
    elif loosely and any(_has_rows(expr) for expr in exprs.values()):
        values = {value: inside(work, expr, "cross") for value, expr in exprs.items()}
    else:
        values = {value: dense(work, expr, "cross") for value, expr in exprs.items()}
    outputs = [value for value in work.builders["cross"].clone(node, values) if value.name]
    return _leaves(work, node, "cross", outputs, forms, lazies)


def crossed_opaque(work: Work, node: ir.Node) -> list[Expr]:
    """A node whose outputs follow no rule, in the cross graph, on everything in full."""
    values = {value: dense(work, work.exprs[value], "cross") for value in read_by(node)}
    outputs = [value for value in work.builders["cross"].clone(node, values) if value.name]
    forms = [work.form(value) or NOWHERE for value in node.outputs if value.name]
    return _leaves(work, node, "cross", outputs, forms, [frozenset()] * len(forms))


def opaque_value(work: Work, value: ir.Value, side: Side) -> ir.Value:
    """An unproven value, and the unproven ones before it, on its own side (after its trial) or in the cross graph."""
    node = value.producer()
    assert node is not None
    if (value, side) not in work.made:
        inputs = {read: dense(work, work.exprs[read], side) for read in read_by(node)}
        for original, made in zip(node.outputs, work.builders[side].clone(node, inputs), strict=True):
            work.made[(original, side)] = made
    return work.made[(value, side)]


def _has_rows(expr: Expr) -> bool:
    """Physically N rows in the cross graph."""
    if expr.form.batch is None:
        return False
    return bool(sides_of(expr) - {"user"})


def lazy_out(exprs: Sequence[Expr], form: Form) -> frozenset[int]:
    """Axes of a broadcast result that are physically 1 though logically larger."""
    lazy = set()
    for axis in range(form.rank):
        if form.batch is not None and axis == form.batch.axis:
            continue
        if set(form.sizes(axis)) != {1} and not any(_spans(expr, axis - form.rank) for expr in exprs):
            lazy.add(axis)
    return frozenset(lazy)


def _spans(expr: Expr, negative: int) -> bool:
    if isinstance(expr, Sum):
        return any(_spans(leaf, negative) for leaf, _ in expr.terms)
    axis = negative + expr.form.rank
    if axis < 0 or set(expr.form.sizes(axis)) == {1}:
        return False
    return not (isinstance(expr, Leaf | Lit) and axis in expr.lazy)


def leaf_of(work: Work, expr: Leaf | Cat | Sum) -> Leaf:
    """The value made real on the side where that is possible."""
    if isinstance(expr, Leaf):
        return expr
    side = merge(sides_of(expr))
    if (expr, "leaf") not in work.made:
        value, lazy = _add(work, expr, side) if isinstance(expr, Sum) else (_join(work, expr, side), frozenset[int]())
        first = expr.terms[0][0] if isinstance(expr, Sum) else leaf_of(work, expr.parts[0])
        work.made[(expr, "leaf")] = work.typed(value, first.value)
        work.lazies[value] = lazy
    value = work.made[(expr, "leaf")]
    return Leaf(side, value, expr.form, work.lazies[value])


def loose(work: Work, expr: Expr, side: Side) -> ir.Value:
    """A value on `side` that broadcasts like the logical one."""
    builder = work.builders[side]
    if isinstance(expr, Lit):
        return builder.literal(expr.array)
    if isinstance(expr, Sym):
        return vector(work, side, expr.dims, expr.form.rank == 0, expr.dtype)
    if isinstance(expr, Opaque):
        return opaque_value(work, expr.origin, side)
    return bring(work, leaf_of(work, expr), side)


def inside(work: Work, expr: Expr, side: Side) -> ir.Value:
    """Full in every axis but the batch, which may be 1."""
    if isinstance(expr, Sym | Opaque):
        return loose(work, expr, side)
    if isinstance(expr, Cat | Sum):
        expr = leaf_of(work, expr)
    return _grown(work, expr, side, {a: work.need(expr.form.sizes(a)) for a in expr.lazy})


def dense(work: Work, expr: Expr, side: Side) -> ir.Value:
    """The logical shape in full. Raises Unavailable where the side does not know a size."""
    if isinstance(expr, Sym | Opaque):
        return loose(work, expr, side)
    if isinstance(expr, Cat | Sum):
        expr = leaf_of(work, expr)
    targets = {a: work.need(expr.form.sizes(a)) for a in expr.lazy}
    batch = expr.form.batch
    narrow = isinstance(expr, Lit) or (expr.side == "user" and side == "cross")
    if batch is None or not narrow or side == "user":
        return _grown(work, expr, side, targets)
    if batch.plain:
        return _grown(work, expr, side, targets | {batch.axis: work.need(expr.form.sizes(batch.axis))})
    return _folded(work, expr, side)


def _grown(work: Work, expr: Leaf | Lit, side: Side, targets: Mapping[int, Dim]) -> ir.Value:
    value = loose(work, expr, side)
    if not targets:
        return value
    key = (expr, side, tuple(sorted(targets)))
    if key not in work.made:
        one = (1, *(0,) * (1 + 2 * len(work.trace.grid.extents)))
        dims = tuple(targets.get(axis, one) for axis in range(expr.form.rank))
        shape = vector(work, side, dims, scalar=False, dtype=np.dtype(np.int64))
        work.made[key] = work.builders[side].op("Expand", [value, shape], name="expanded")
    return work.made[key]


def _folded(work: Work, expr: Leaf | Lit, side: Side) -> ir.Value:
    """A batch that is a factor of its axis: apart, repeated, together again."""
    batch, form = expr.form.batch, expr.form
    assert batch is not None
    builder = work.builders[side]
    value = inside(work, expr, side)
    before = [work.need(form.sizes(axis)) for axis in range(batch.axis)]
    after = [work.need(form.sizes(axis)) for axis in range(batch.axis + 1, form.rank)]
    outer, inner = work.need(batch.outer), work.need(batch.inner)
    one, rows = (1, *(0,) * (len(outer) - 1)), (0, 1, *(0,) * (len(outer) - 2))
    kind = np.dtype(np.int64)
    apart = vector(work, side, (*before, outer, one, inner, *after), scalar=False, dtype=kind)
    wide = vector(work, side, (*[one] * len(before), one, rows, one, *[one] * len(after)), scalar=False, dtype=kind)
    whole = work.need(form.sizes(batch.axis))
    together = vector(work, side, (*before, whole, *after), scalar=False, dtype=kind)
    split = builder.op("Reshape", [value, apart])
    return builder.op("Reshape", [builder.op("Expand", [split, wide]), together])


def bring(work: Work, leaf: Leaf, side: Side) -> ir.Value:
    """The leaf on its own side, or as an input of cross or rest graph (literals that count as a user's are copied)."""
    if leaf.side == side:
        return leaf.value
    if side != "cross" and (side, leaf.side) != ("rest", "item"):
        raise Unavailable(f"a {leaf.side} value is not known on the {side} side")
    if (leaf.value, side) not in work.crossings:
        work.crossings[(leaf.value, side)] = _crossing(work, leaf, side)
    return work.crossings[(leaf.value, side)]


def _crossing(work: Work, leaf: Leaf, side: Side) -> ir.Value:
    builder = work.builders[side]
    if leaf.value.const_value is not None:
        return builder.literal(leaf.value.const_value.numpy())
    dtype = work.dtypes[leaf.value]
    if leaf.side == "user":
        direct = leaf.value.name in work.builders["user"].inputs
        name = leaf.value.name or "" if direct else f"user.{len(work.frontier)}"
        if not direct:
            work.frontier[name] = leaf
        return builder.input(name, dtype, leaf.form.rank)
    if leaf.value not in work.stored:
        name = f"item.{len(work.frontier)}"
        work.frontier[name] = _rows_first(work, leaf)
        work.stored[leaf.value] = name
    name = work.stored[leaf.value]
    stored = work.frontier[name]
    value = builder.input(name, dtype, stored.form.rank)
    return value if stored.value is leaf.value else _rows_back(work, leaf, value, side)


def _rows_first(work: Work, leaf: Leaf) -> Leaf:
    """An item value with its rows in axis 0, as it is stored."""
    batch, form = leaf.form.batch, leaf.form
    if batch is None or not _storable(form, leaf.lazy):
        raise Unavailable("an item value that has no row of fixed size cannot be stored")
    if batch.plain and batch.axis == 0:
        return leaf
    item = work.builders["item"]
    value = item.op("Reshape", [leaf.value, item.literal(_apart(leaf, -1))])
    place = batch.axis + 1
    perm = [place, *(a for a in range(form.rank + 2) if a != place)]
    value = work.typed(item.op("Transpose", [value], {"perm": perm}), leaf.value)
    inner = [n for a, n in enumerate(_apart(leaf, 1).tolist()) if a != place]
    shapes = tuple((point[""], *inner) for point in work.trace.grid.points)
    return Leaf("item", value, Form(shapes, work.trace.grid.batch_of(shapes)))


def _apart(leaf: Leaf, rows: int) -> Array:
    batch, form = leaf.form.batch, leaf.form
    assert batch is not None
    shape = [1 if a in leaf.lazy else form.shapes[0][a] for a in range(form.rank)]
    shape[batch.axis : batch.axis + 1] = [batch.outer[0], rows, batch.inner[0]]
    return np.asarray(shape, np.int64)


def _rows_back(work: Work, leaf: Leaf, value: ir.Value, side: Side) -> ir.Value:
    batch, form = leaf.form.batch, leaf.form
    assert batch is not None
    builder, place = work.builders[side], batch.axis + 1
    perm = [*range(1, place + 1), 0, *range(place + 1, form.rank + 2)]
    value = builder.op("Transpose", [value], {"perm": perm})
    shape = [1 if a in leaf.lazy else form.shapes[0][a] for a in range(form.rank)]
    shape[batch.axis] = -1
    return builder.op("Reshape", [value, builder.literal(np.asarray(shape, np.int64))])


def _add(work: Work, total: Sum, side: Side) -> tuple[ir.Value, frozenset[int]]:
    """Each side's terms are added there; then one Add per side, or none where a product takes the rest as its bias."""
    sums: dict[Side, list[tuple[Leaf, float]]] = {"user": [], "item": [], "cross": []}
    for leaf, coefficient in total.terms:
        sums[leaf.side].append((leaf, coefficient))
    result: ir.Value | None = None
    for place, terms in sums.items():
        if terms:
            part = bring(work, _added(work, place, terms, total.form), side)
            result = part if result is None else _plus(work, side, result, part)
    assert result is not None
    return result, lazy_out([leaf for leaf, _ in total.terms], total.form)


def _added(work: Work, side: Side, terms: Sequence[tuple[Leaf, float]], form: Form) -> Leaf:
    """The terms of one side; those of factor −1 are subtracted, the first aside."""
    builder = work.builders[side]
    first, *others = sorted(terms, key=lambda term: term[1] == -1)
    value = scaled(work, *first)
    for leaf, coefficient in others:
        if coefficient == -1:
            value = builder.op("Sub", [value, leaf.value])
        else:
            value = builder.op("Add", [value, scaled(work, leaf, coefficient)])
    work.typed(value, first[0].value)
    leaves = [leaf for leaf, _ in terms]
    return Leaf(side, value, Form(_widest(leaves, form), form.batch), frozenset())


def _plus(work: Work, side: Side, before: ir.Value, last: ir.Value) -> ir.Value:
    """before + last; where last is a product of matrices, one Gemm."""
    builder = work.builders[side]
    node = last.producer()
    if node is not None and node.op_type == "MatMul" and last in work.flat:
        return builder.op("Gemm", [node.inputs[0], node.inputs[1], before], name="layer")
    if last in work.bilinear and _one_row(work, before):
        from ranklet.graph.rules.bilinear import biased  # rules are built on this module

        return biased(work, last, before)
    return builder.op("Add", [before, last], name="sum")


def _one_row(work: Work, value: ir.Value) -> bool:
    """Whether it is a user's value, which came into the cross graph as an input, whole."""
    return (
        value.name in work.frontier and work.frontier[value.name].side == "user" and not work.frontier[value.name].lazy
    )


def _widest(exprs: Sequence[Expr], form: Form) -> tuple[tuple[int, ...], ...]:
    """The shape that these terms have among themselves: the sum's, 1 where none of them spans it."""
    lazy = lazy_out(exprs, form)
    return tuple(tuple(1 if a in lazy else n for a, n in enumerate(shape)) for shape in form.shapes)


def scaled(work: Work, leaf: Leaf, coefficient: float) -> ir.Value:
    """coefficient · leaf on its own side."""
    if coefficient == 1:
        return leaf.value
    builder = work.builders[leaf.side]
    if coefficient == -1:
        return builder.op("Neg", [leaf.value])
    dtype = work.dtypes[leaf.value]
    return builder.op("Mul", [leaf.value, builder.literal(np.asarray(coefficient, dtype))])


def _join(work: Work, cat: Cat, side: Side) -> ir.Value:
    """The concatenation on one side; what stands together and is of one side is joined there first."""
    runs: list[list[Leaf]] = []
    for part in cat.parts:
        leaf = leaf_of(work, part)
        if runs and runs[-1][0].side == leaf.side and not leaf.lazy and not runs[-1][-1].lazy:
            runs[-1].append(leaf)
        else:
            runs.append([leaf])
    values = [dense(work, joined(work, run, cat.axis), side) for run in runs]
    builder = work.builders[side]
    value = values[0] if len(values) == 1 else builder.op("Concat", values, {"axis": cat.axis})
    if not np.array_equal(cat.index.ravel(), np.arange(sum(cat.sizes))) or cat.index.ndim > 1:
        value = builder.op("Gather", [value, builder.literal(cat.index)], {"axis": cat.axis})
    return value


def joined(work: Work, leaves: Sequence[Leaf], axis: int) -> Leaf:
    """Leaves of one side and one kind of laziness end to end."""
    if len(leaves) == 1:
        return leaves[0]
    first = leaves[0]
    key = ("joined", axis, *(leaf.value for leaf in leaves))
    if key not in work.made:
        values = [leaf.value for leaf in leaves]
        work.made[key] = work.typed(work.builders[first.side].op("Concat", values, {"axis": axis}), first.value)
    form = first.form.resized(axis, sum(width(leaf.form, axis) for leaf in leaves))
    return Leaf(first.side, work.made[key], form, first.lazy)
