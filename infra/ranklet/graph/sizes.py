"""Vectors of sizes inside a graph: numbers where they are known, else computed from the shape of an input."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from ranklet.graph.records import Side
from ranklet.graph.trace import Dim

if TYPE_CHECKING:
    from ranklet.graph.split import Work


class Unavailable(Exception):
    """A side does not know a size or a value that was asked of it."""


def vector(work: Work, side: Side, dims: tuple[Dim, ...], scalar: bool, dtype: np.dtype[np.generic]) -> ir.Value:
    """The sizes as a 1-D tensor (or a scalar). In the user graph the batch is 1."""
    dims = tuple(_without_batch(dim) if side == "user" else dim for dim in dims)
    builder = work.builders[side]
    if not any(any(dim[1:]) for dim in dims):
        array = np.asarray([dim[0] for dim in dims], dtype)
        return builder.literal(array.reshape(()) if scalar else array)
    key = ("sizes", side, dims, scalar, dtype.str)
    if key not in work.made:
        pieces = [_size(work, side, dim) for dim in dims]
        value = pieces[0] if len(pieces) == 1 else builder.op("Concat", pieces, {"axis": 0}, name="sizes")
        if scalar:
            value = builder.op("Reshape", [value, builder.literal(np.zeros(0, np.int64))])
        if dtype != np.dtype(np.int64):
            value = builder.op("Cast", [value], {"to": int(ir.DataType.from_numpy(dtype))})
        work.made[key] = value
    return work.made[key]


def _without_batch(dim: Dim) -> Dim:
    known = list(dim)
    for place in range(0, len(dim), 2):
        known[place], known[place + 1] = dim[place] + dim[place + 1], 0
    return tuple(known)


def _size(work: Work, side: Side, dim: Dim) -> ir.Value:
    """Σ coefficient · basis, a tensor [1]."""
    builder = work.builders[side]
    key = ("size", side, dim)
    if key in work.made:
        return work.made[key]
    extents = [None, *work.trace.grid.extents]
    total: ir.Value | None = builder.literal(np.asarray([dim[0]], np.int64)) if dim[0] or not any(dim) else None
    for place in range(1, len(dim)):
        if not dim[place]:
            continue
        term = _basis(work, side, extents[place // 2], batch=bool(place % 2))
        if dim[place] != 1:
            term = builder.op("Mul", [term, builder.literal(np.asarray([dim[place]], np.int64))])
        total = term if total is None else builder.op("Add", [total, term])
    assert total is not None
    work.made[key] = total
    return total


def _basis(work: Work, side: Side, extent: str | None, *, batch: bool) -> ir.Value:
    if extent is None:
        return rows(work, side)
    length = _extent(work, side, extent)
    return work.builders[side].op("Mul", [length, rows(work, side)]) if batch else length


def rows(work: Work, side: Side) -> ir.Value:
    """The number of rows, a tensor [1]; read from an input that is chosen when the graph is finished."""
    key = ("rows", side)
    if key not in work.made:
        builder = work.builders[side]
        work.made[key] = builder.rows_of_batch()
    return work.made[key]


def _extent(work: Work, side: Side, name: str) -> ir.Value:
    key = ("extent", side, name)
    if key not in work.made:
        source, axis = work.trace.sources[name]
        owner = work.input_side(source)
        if owner != side and not (owner == "user" and side == "cross") and (side != "rest" or owner == "item"):
            raise Unavailable(f"the {side} side does not know the size {name!r}")
        builder = work.builders[side]
        shapes = work.trace.shapes[source]
        value = builder.input(source, work.trace.dtypes[source], len(shapes[0]))
        shape = builder.op("Shape", [value])
        work.made[key] = builder.op("Gather", [shape, builder.literal(np.asarray([axis]))], {"axis": 0}, name=name)
    return work.made[key]
