"""Ops that only move data: on a lazy Cat they are arithmetic on its index; an Expand stays lazy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from ranklet.graph.expr import Cat, Expr, Index, Leaf, Lit, Sum
from ranklet.graph.forms import Form
from ranklet.graph.placing import dense, leaf_of
from ranklet.graph.rules.joins import settle
from ranklet.graph.sizes import Unavailable

if TYPE_CHECKING:
    from ranklet.graph.split import Work


def expand(work: Work, node: ir.Node, forms: Sequence[Form]) -> list[Expr] | None:
    """repeated elements are kept once until something needs them all"""
    assert node.inputs[0] is not None
    expr, form = work.exprs[node.inputs[0]], forms[0]
    if not isinstance(expr, Leaf) or expr.form.rank != form.rank:
        return None
    grown = {axis for axis in range(form.rank) if expr.form.sizes(axis) != form.sizes(axis)}
    batch = form.batch
    if any(set(expr.form.sizes(a)) != {1} for a in grown) or (batch is not None and batch.axis in grown):
        return None
    return [replace(expr, form=form, lazy=expr.lazy | grown)]


def reshape(work: Work, node: ir.Node, forms: Sequence[Form]) -> list[Expr] | None:
    """axes of features not yet joined are regrouped by their index"""
    cat = _cat(work, node)
    form = forms[0]
    if cat is None or [shape[: cat.axis] for shape in cat.form.shapes] != [s[: cat.axis] for s in form.shapes]:
        return None
    flat = _flat(work, cat)
    trailing = form.shapes[0][cat.axis :]
    if flat is None or any(shape[cat.axis :] != trailing for shape in form.shapes) or not trailing:
        return None
    return [settle(work, _regrouped(work, replace(flat, index=flat.index.reshape(trailing), form=form)))]


def transpose(work: Work, node: ir.Node, forms: Sequence[Form]) -> list[Expr] | None:
    """axes of features not yet joined change places in their index"""
    cat = _cat(work, node)
    if cat is None:
        return None
    rank = cat.form.rank
    attribute = node.attributes.get("perm")
    perm = [int(a) for a in attribute.as_ints()] if attribute is not None else list(range(rank))[::-1]
    covered = range(cat.axis, cat.axis + cat.index.ndim)
    places = [place for place, axis in enumerate(perm) if axis in covered]
    if places == list(range(places[0], places[0] + len(places))):
        return [_moved(work, cat, perm, places[0], forms[0])]
    flat = _flat(work, cat)
    if flat is None or perm[: cat.axis] != list(range(cat.axis)):
        return None
    index = flat.index.transpose([axis - cat.axis for axis in perm[cat.axis :]])
    return [settle(work, _regrouped(work, replace(flat, index=index, form=forms[0])))]


def _moved(work: Work, cat: Cat, perm: Sequence[int], start: int, form: Form) -> Cat:
    """The covered axes move as one block, so the parts are transposed, each on its side."""
    count = cat.index.ndim
    inner = [axis - cat.axis for axis in perm[start : start + count]]
    others = [axis if axis < cat.axis else axis - count + 1 for axis in perm if not 0 <= axis - cat.axis < count]
    part_perm = [*others[:start], cat.axis, *others[start:]]
    parts = []
    for part in (leaf_of(work, part) for part in cat.parts):
        value = work.builders[part.side].op("Transpose", [part.value], {"perm": part_perm})
        work.twins[value] = part.value
        shapes = tuple(tuple(shape[a] for a in part_perm) for shape in part.form.shapes)
        batch = part.form.batch
        moved = Form(shapes, None if batch is None else batch.at(part_perm.index(batch.axis)))
        lazy = frozenset(part_perm.index(axis) for axis in part.lazy)
        parts.append(Leaf(part.side, work.typed(value, part.value), moved, lazy))
    return Cat(start, tuple(parts), cat.index.transpose(inner), form)


def gather(work: Work, node: ir.Node, forms: Sequence[Form]) -> list[Expr] | None:
    """features are chosen before they are joined"""
    cat = _cat(work, node)
    chosen = _literal(work, node, 1)
    if cat is None or chosen is None:
        return _looked_up(work, node, forms[0])
    axis = node.attributes.get_int("axis", 0) % cat.form.rank
    return _indexed(work, cat, axis, lambda index, place: np.take(index, chosen, place), forms[0])


def _looked_up(work: Work, node: ir.Node, form: Form) -> list[Expr] | None:
    """Ids of several sides in one list: each side looks up its own."""
    data, ids = (work.exprs[value] for value in node.inputs if value is not None)
    if not (isinstance(data, Lit) and isinstance(ids, Cat)) or node.attributes.get_int("axis", 0) != 0:
        return None
    assert node.inputs[0] is not None
    parts = []
    for part in (leaf_of(work, part) for part in ids.parts):
        builder = work.builders[part.side]
        table = builder.weight(node.inputs[0]) if node.inputs[0].is_initializer() else builder.literal(data.array)
        value = builder.op("Gather", [table, part.value], {"axis": 0})
        work.dtypes[value] = data.array.dtype
        shapes = tuple((*shape, *data.array.shape[1:]) for shape in part.form.shapes)
        parts.append(Leaf(part.side, value, Form(shapes, part.form.batch), part.lazy))
    return [Cat(ids.axis, tuple(parts), ids.index, form)]


def slices(work: Work, node: ir.Node, forms: Sequence[Form]) -> list[Expr] | None:
    """features are cut before they are joined"""
    cat = _cat(work, node)
    starts, ends = _literal(work, node, 1), _literal(work, node, 2)
    if cat is None or starts is None or ends is None:
        return None
    axes, steps = _literal(work, node, 3), _literal(work, node, 4)
    whole = np.arange(len(starts)) if axes is None else axes
    one = np.ones(len(starts), np.int64) if steps is None else steps
    if len(whole) != 1:
        return None
    cut = slice(int(starts[0]), _end(int(ends[0]), int(one[0])), int(one[0]))
    axis = int(whole[0]) % cat.form.rank
    return _indexed(work, cat, axis, lambda index, place: index[(slice(None),) * place + (cut,)], forms[0])


def _end(end: int, step: int) -> int | None:
    """ONNX's "to the very beginning" for a negative step, which Python writes as None."""
    return None if step < 0 and end < -(2**31) + 1 else end


def split(work: Work, node: ir.Node, forms: Sequence[Form]) -> list[Expr] | None:
    """features are split before they are joined"""
    cat = _cat(work, node)
    if cat is None:
        return None
    axis = node.attributes.get_int("axis", 0) % cat.form.rank
    found: list[Expr] = []
    start = 0
    for form in forms:
        size = form.fixed(axis)
        if size is None:
            return None
        cut = slice(start, start + size)
        piece = _indexed(work, cat, axis, lambda index, place, cut=cut: index[(slice(None),) * place + (cut,)], form)
        if piece is None:
            return None
        found += piece
        start += size
    return found


def gather_nd(work: Work, node: ir.Node, forms: Sequence[Form]) -> list[Expr] | None:
    """features are chosen before they are joined"""
    cat = _cat(work, node)
    chosen = _literal(work, node, 1)
    if cat is None or chosen is None:
        return None
    count, shared = chosen.shape[-1], node.attributes.get_int("batch_dims", 0)
    if shared or cat.axis != 0 or count > cat.index.ndim:
        return None
    index = cat.index[tuple(np.moveaxis(chosen, -1, 0))]
    return [settle(work, Cat(0, cat.parts, index, forms[0]))]


def _indexed(work: Work, cat: Cat, axis: int, change: object, form: Form) -> list[Expr] | None:
    """Apply a change of one axis to the index, the Cat made to cover that axis first."""
    if axis < cat.axis:
        return None
    if axis >= cat.axis + cat.index.ndim:
        flat = _flat(work, cat)
        if flat is None:
            return None
        cat = flat
    index: Index = change(cat.index, axis - cat.axis)  # type: ignore[operator]
    if index.ndim == 0:
        index = index.reshape(1)
        return _single(work, replace(cat, index=index), form)
    return [settle(work, _regrouped(work, replace(cat, index=index, form=form)))]


def _single(work: Work, cat: Cat, form: Form) -> list[Expr] | None:
    """One feature chosen by a scalar: its axis goes."""
    shapes = tuple((*s[: cat.axis], 1, *s[cat.axis :]) for s in form.shapes)
    kept = settle(work, replace(cat, form=Form(shapes, cat.form.batch)))
    leaf = leaf_of(work, kept) if isinstance(kept, Cat | Sum) else kept
    if not isinstance(leaf, Leaf) or leaf.lazy:
        return None
    shape = [*(0,) * cat.axis, *form.shapes[0][cat.axis :]]
    if any(s[cat.axis :] != form.shapes[0][cat.axis :] for s in form.shapes):
        return None
    return [Leaf(leaf.side, _reshaped(work, leaf, shape), form)]


def _cat(work: Work, node: ir.Node) -> Cat | None:
    expr = work.exprs[node.inputs[0]] if node.inputs[0] is not None else None
    return expr if isinstance(expr, Cat) else None


def _literal(work: Work, node: ir.Node, place: int) -> Index | None:
    value = node.inputs[place] if place < len(node.inputs) else None
    expr = work.exprs[value] if value is not None else None
    return expr.array.astype(np.int64) if isinstance(expr, Lit) and expr.form.batch is None and not expr.lazy else None


def _flat(work: Work, cat: Cat) -> Cat | None:
    """The same Cat covering all axes from its first on; parts become [lead…, features]."""
    trailing = range(cat.axis + cat.index.ndim, cat.form.rank)
    sizes = [cat.form.fixed(axis) for axis in trailing]
    batch = cat.form.batch
    if any(size is None for size in sizes) or batch is None or batch.axis >= cat.axis:
        return None
    known = [size for size in sizes if size is not None]
    if not known:
        return cat
    inner = prod(known)
    parts = _resized(work, cat, [size * inner for size in cat.sizes], ())
    if parts is None:
        return None
    local = np.arange(inner).reshape(known)
    return replace(cat, parts=parts, index=cat.index.reshape(*cat.index.shape, *(1,) * len(known)) * inner + local)


def _regrouped(work: Work, cat: Cat) -> Cat:
    """Uncover trailing axes that every part holds whole: [B, F·D] as F vectors becomes parts [B, f, D]."""
    tail: list[int] = []
    index, sizes = cat.index, cat.sizes
    while index.ndim > 1:
        inner = index.shape[-1]
        whole = (index == index[..., :1] + np.arange(inner)).all() and not (index[..., 0] % inner).any()
        if not whole or any(size % inner for size in sizes):
            break
        index, sizes, tail = index[..., 0] // inner, [size // inner for size in sizes], [inner, *tail]
    if not tail:
        return cat
    parts = _resized(work, cat, sizes, tail)
    return cat if parts is None else replace(cat, parts=parts, index=index)


def _resized(work: Work, cat: Cat, sizes: Sequence[int], tail: Sequence[int]) -> tuple[Leaf, ...] | None:
    parts = []
    for part, size in zip((leaf_of(work, part) for part in cat.parts), sizes, strict=True):
        lead = part.form.shapes
        shapes = tuple((*shape[: cat.axis], size, *tail) for shape in lead)
        lazy = frozenset(axis for axis in part.lazy if axis < cat.axis)
        try:
            full = part if lazy == part.lazy else replace(part, value=dense(work, part, part.side), lazy=frozenset())
        except Unavailable:
            return None
        value = _reshaped(work, full, [*(0,) * cat.axis, size, *tail])
        parts.append(Leaf(part.side, value, Form(shapes, part.form.batch), full.lazy))
    return tuple(parts)


def _reshaped(work: Work, leaf: Leaf, shape: Sequence[int]) -> ir.Value:
    """0 keeps a leading axis as it is."""
    builder = work.builders[leaf.side]
    return work.typed(builder.op("Reshape", [leaf.value, builder.literal(np.asarray(shape, np.int64))]), leaf.value)
