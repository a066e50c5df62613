"""Attention of a candidate q over a user's history k, where a dense layer reads q · k element by element (DIN).

(q ∘ k_l) · W = q · (diag(k_l) · W): the user's history turns the weights into one matrix [dim, history · hidden] per
request, so that the whole layer is a single product of the candidates with it. What the same layer makes of q alone
is added into that matrix, and what it makes of k alone is the product's bias: nothing of size N · history · dim is
ever made.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from ranklet.graph.expr import Expr, Leaf, width
from ranklet.graph.forms import Form
from ranklet.graph.placing import bring
from ranklet.graph.records import Array
from ranklet.graph.rules.sums import floating
from ranklet.graph.sizes import vector

if TYPE_CHECKING:
    from ranklet.graph.split import Work

Weighted = dict[tuple[ir.Value, frozenset[int]], tuple[Leaf, Array]]


def multiply(work: Work, node: ir.Node, forms: Sequence[Form]) -> list[Expr] | None:
    """a candidate times the user's history is kept as its two factors, for the layer that reads it"""
    exprs = [work.exprs[value] for value in node.inputs if value is not None]
    if not floating(work, node) or not all(isinstance(expr, Leaf) for expr in exprs):
        return None
    leaves = [expr for expr in exprs if isinstance(expr, Leaf)]
    user = next((leaf for leaf in leaves if _history(leaf, forms[0])), None)
    other = next((leaf for leaf in leaves if _candidate(leaf, forms[0])), None)
    if user is None or other is None:
        return None
    cross = work.builders["cross"]
    made = cross.op("Mul", [bring(work, other, "cross"), bring(work, user, "cross")])
    work.products[work.typed(made, user.value)] = (other, user)
    return [Leaf("cross", made, forms[0])]


def _history(leaf: Leaf, form: Form) -> bool:
    return leaf.side == "user" and form.rank == 3 and leaf.form.shapes == form.shapes and not leaf.lazy


def _candidate(leaf: Leaf, form: Form) -> bool:
    batch = leaf.form.batch
    narrow = leaf.lazy == {1} or (not leaf.lazy and leaf.form.rank == 3 and leaf.form.fixed(1) == 1)
    plain = batch is not None and batch.axis == 0 and batch.plain
    return leaf.side != "user" and plain and narrow and leaf.form.rank == 3 and leaf.form.sizes(2) == form.sizes(2)


def factored(work: Work, found: Weighted, form: Form) -> tuple[list[Leaf], Weighted]:
    """Take the products out of what a layer weighs; the rest goes on as before."""
    crossed: list[Leaf] = []
    left = dict(found)
    for key, (leaf, rows) in found.items():
        if leaf.value not in work.products or form.rank != 3:
            continue
        del left[key]
        candidate, history = work.products[leaf.value]
        alone = left.pop((candidate.value, candidate.lazy), None)
        crossed.append(_layer(work, candidate, history, rows, alone[1] if alone is not None else None, form))
    return crossed, left


def _layer(work: Work, q: Leaf, k: Leaf, rows: Array, alone: Array | None, form: Form) -> Leaf:
    user, cross = work.builders["user"], work.builders["cross"]
    dim, hidden = rows.shape
    turned = user.op("Transpose", [k.value], {"perm": [2, 1, 0]})  # [dim, history, 1]
    parts = rows.reshape(dim, 1, hidden)
    if alone is not None:  # k · rows + 1 · alone, as products of [history, 2] with [2, hidden]
        ends = user.literal(np.asarray([0, 0, 0, 0, 0, 1]))
        turned = user.op("Pad", [turned, ends, user.literal(np.asarray(1, rows.dtype))])
        parts = np.concatenate([parts, alone.reshape(dim, 1, hidden)], 1)
    matrix = user.op("MatMul", [turned, user.literal(parts)])
    flat = user.op("Reshape", [matrix, user.literal(np.asarray([dim, -1]))], name="history")
    size = width(form, 2)
    spanned = tuple((dim, shape[1] * size) for shape in form.shapes)
    weights = Leaf("user", work.typed(flat, k.value), Form(spanned, None))
    narrow = cross.op("Reshape", [bring(work, q, "cross"), cross.literal(np.asarray([-1, dim]))])
    brought = bring(work, weights, "cross")
    work.bilinear[value := _shaped(work, cross.op("MatMul", [narrow, brought]), form)] = (narrow, brought, form)
    return Leaf("cross", work.typed(value, k.value), form)


def _shaped(work: Work, flat: ir.Value, form: Form) -> ir.Value:
    """[N, history · hidden] as [N, history, hidden]."""
    cross = work.builders["cross"]
    if form.fixed(1) is not None:
        shape = cross.literal(np.asarray([-1, form.fixed(1), form.fixed(2)]))
    else:
        dims = tuple(work.need(form.sizes(axis)) for axis in range(3))
        shape = vector(work, "cross", dims, scalar=False, dtype=np.dtype(np.int64))
    return cross.op("Reshape", [flat, shape], name="attention")


def biased(work: Work, value: ir.Value, bias: ir.Value) -> ir.Value:
    """The layer with the user's part [1, history, hidden] as the product's bias."""
    narrow, weights, form = work.bilinear[value]
    cross = work.builders["cross"]
    flat = cross.op("Reshape", [bias, cross.literal(np.asarray([1, -1]))])
    return _shaped(work, cross.op("Gemm", [narrow, weights, flat]), form)
