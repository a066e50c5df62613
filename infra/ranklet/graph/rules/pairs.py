"""The pairwise interaction block (DLRM): all fields of all sides against each other, cut into blocks by side.

X·Xᵀ over [batch, fields, dim] becomes user × user (once per request), item × item (stored) and, in the cross graph,
item × user as one product [N · f_item, dim] × [dim, f_user] plus what the cross fields need. The block's matrix is kept
as an index into the flat blocks, so the choice of a triangle that follows costs nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from ranklet.graph.expr import Cat, Expr, Index, Leaf, merge, width
from ranklet.graph.forms import Form
from ranklet.graph.placing import bring, leaf_of
from ranklet.graph.rules.joins import by_side

if TYPE_CHECKING:
    from ranklet.graph.split import Work


def interaction(work: Work, node: ir.Node, forms: Sequence[Form]) -> list[Expr] | None:
    """pairs of features of one side are made on that side, only mixed pairs per candidate"""
    left, right = (work.exprs[value] for value in node.inputs if value is not None)
    if not (isinstance(left, Cat) and isinstance(right, Cat) and _mirrored(work, left, right)):
        return None
    grouped = by_side(work, left)
    leaves = [leaf_of(work, part) for part in grouped.parts]
    starts = np.cumsum([0, *grouped.sizes])
    fields = int(starts[-1])
    flat = np.zeros((fields, fields), np.int64)
    parts: list[Leaf] = []
    offset = 0
    for i, first in enumerate(leaves):
        for j in range(i, len(leaves)):
            block, order = _block(work, first, leaves[j])
            rows, columns = grouped.sizes[i], grouped.sizes[j]
            local = offset + (np.arange(rows * columns).reshape(columns, rows).T if order else _grid(rows, columns))
            flat[starts[i] : starts[i + 1], starts[j] : starts[j + 1]] = local
            flat[starts[j] : starts[j + 1], starts[i] : starts[i + 1]] = local.T
            parts.append(block)
            offset += rows * columns
    return [Cat(1, tuple(parts), flat[np.ix_(grouped.index, grouped.index)], forms[0])]


def _grid(rows: int, columns: int) -> Index:
    return np.arange(rows * columns).reshape(rows, columns)


def _mirrored(work: Work, left: Cat, right: Cat) -> bool:
    """right is left with its last two axes exchanged, fields in the middle, batch in front."""
    batch = left.form.batch
    shaped = left.form.rank == 3 and left.axis == 1 and right.axis == 2 and left.index.ndim == right.index.ndim == 1
    if not shaped or batch is None or batch.axis != 0 or not batch.plain or not np.array_equal(left.index, right.index):
        return False
    values = [leaf_of(work, part).value for part in left.parts]
    twins = [work.twins.get(leaf_of(work, part).value) for part in right.parts]
    return values == twins and not any(isinstance(part, Leaf) and part.lazy for part in left.parts)


def _block(work: Work, first: Leaf, second: Leaf) -> tuple[Leaf, bool]:
    """first · secondᵀ, flat; the flag says that second · firstᵀ was made: a user's matrix is shared on the right."""
    turned = first.side == "user" and second.side != "user"
    left, right = (second, first) if turned else (first, second)
    side = merge(frozenset({left.side, right.side}))
    builder = work.builders[side]
    columns = work.builders[right.side].op("Transpose", [right.value], {"perm": [0, 2, 1]})
    shapes = tuple((s[0], s[2], s[1]) for s in right.form.shapes)
    other = Leaf(right.side, work.typed(columns, right.value), Form(shapes, right.form.batch))
    product = builder.op("MatMul", [bring(work, left, side), bring(work, other, side)], name="pairs")
    size = width(left.form, 1) * width(right.form, 1)
    value = builder.op("Reshape", [product, builder.literal(np.asarray([0, size]))])
    form = Form(tuple((s[0], size) for s in left.form.shapes), left.form.batch)
    return Leaf(side, work.typed(value, left.value), form), turned
