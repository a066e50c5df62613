"""Concat becomes a lazy Cat; and what every rule needs to keep Cats in a good form."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from ranklet.graph.expr import Cat, Expr, Index, Leaf, Lit, Sum, sides_of, spread, width
from ranklet.graph.forms import Form
from ranklet.graph.placing import joined, leaf_of

if TYPE_CHECKING:
    from ranklet.graph.split import Work


def concat(work: Work, node: ir.Node, forms: Sequence[Form]) -> list[Expr] | None:
    """features of several sides are joined only where something needs them joined"""
    form = forms[0]
    exprs = [work.exprs[value] for value in node.inputs if value is not None]
    axis = node.attributes["axis"].as_int() % form.rank
    if not any(_worth(expr, sides_of(exprs[0])) for expr in exprs) or form.fixed(axis) is None:
        return None
    parts: list[Leaf | Sum] = []
    index: list[Index] = []
    offset = 0
    for expr in exprs:
        pieces, local = _pieces(work, expr, axis)
        if pieces is None:
            return None
        parts += pieces
        index.append(local + offset)
        offset += sum(width(piece.form, axis) for piece in pieces)
    return [settle(work, Cat(axis, tuple(parts), np.concatenate(index), form))]


def _worth(expr: Expr, first: frozenset[str]) -> bool:
    """Not simply one more value of the first one's side."""
    return not isinstance(expr, Leaf) or sides_of(expr) != first or bool(expr.lazy)


def _pieces(work: Work, expr: Expr, axis: int) -> tuple[list[Leaf | Sum] | None, Index]:
    none = np.zeros(0, np.int64)
    if isinstance(expr, Cat) and expr.axis == axis and expr.index.ndim == 1:
        return list(expr.parts), expr.index
    if isinstance(expr, Lit):
        expr = constant_leaf(work, expr) or expr
    if isinstance(expr, Cat):
        expr = leaf_of(work, expr)
    if not isinstance(expr, Leaf | Sum) or expr.form.fixed(axis) is None:
        return None, none
    if isinstance(expr, Leaf) and axis in expr.lazy:
        return None, none
    if isinstance(expr, Sum) and any(axis in leaf.lazy or leaf.form.fixed(axis) == 1 for leaf, _ in expr.terms):
        expr = leaf_of(work, expr)
        if axis in expr.lazy:
            return None, none
    return [expr], np.arange(width(expr.form, axis))


def constant_leaf(work: Work, literal: Lit) -> Leaf | None:
    """A literal with a batch counts as the user's: one row for all candidates."""
    if literal.form.batch is None:
        return None
    value = work.builders["user"].literal(literal.array)
    work.dtypes[value] = literal.array.dtype
    return Leaf("user", value, literal.form, literal.lazy)


def settle(work: Work, cat: Cat) -> Expr:
    """Drop unused parts and join those of one side; a Cat of one side, not lazy otherwise, is made at once."""
    cat = by_side(work, pruned(cat))
    lazy = any(isinstance(part, Leaf) and part.lazy for part in cat.parts)
    if len(sides_of(cat)) == 1 and not lazy:
        return leaf_of(work, cat)
    return cat


def pruned(cat: Cat) -> Cat:
    """Without the parts that the index does not reach."""
    starts = np.cumsum([0, *cat.sizes])
    kept: list[Leaf | Sum] = []
    shift = np.zeros(int(starts[-1]), np.int64)
    offset = 0
    for part, start, stop in zip(cat.parts, starts[:-1], starts[1:], strict=True):
        used = bool(((cat.index >= start) & (cat.index < stop)).any())
        shift[start:stop] = offset - start
        if used:
            kept.append(part)
            offset += int(stop - start)
    return Cat(cat.axis, tuple(kept), cat.index + shift[cat.index], cat.form)


def by_side(work: Work, cat: Cat) -> Cat:
    """The same with one part per side and kind of laziness; Sums stay as they are."""
    starts = np.cumsum([0, *cat.sizes])
    groups: dict[object, list[int]] = {}
    for place, part in enumerate(cat.parts):
        key = (part.side, part.lazy, _lead(part, cat.axis)) if isinstance(part, Leaf) else place
        groups.setdefault(key, []).append(place)
    shift = np.zeros(int(starts[-1]), np.int64)
    parts: list[Leaf | Sum] = []
    offset = 0
    for places in groups.values():
        members = [cat.parts[place] for place in places]
        leaves = [member for member in members if isinstance(member, Leaf)]
        parts.append(joined(work, leaves, cat.axis) if leaves else members[0])
        for place in places:
            shift[starts[place] : starts[place + 1]] = offset - starts[place]
            offset += int(starts[place + 1] - starts[place])
    return Cat(cat.axis, tuple(parts), cat.index + shift[cat.index], cat.form)


def _lead(leaf: Leaf, axis: int) -> object:
    """The shape but for one axis: only equal ones can be joined."""
    return tuple((*shape[:axis], *shape[axis + 1 :]) for shape in leaf.form.shapes)


__all__ = ["by_side", "concat", "constant_leaf", "pruned", "settle", "spread"]
