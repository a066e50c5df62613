"""What one input adds to a model that is linear in its tables: a weighted sum of table rows, per row of the input.

Kept for the rows that the input has: one row of the user's stays one row, and whoever adds it to N
rows of the items broadcasts it. That is how the user's part is computed once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import DTypeLike

from ranklet_runtime.engines.base import Array

quiet = np.errstate(over="ignore", invalid="ignore")
"""Decorates `run`: a value too large becomes inf, as in any trainer, and says so in the score, not on stderr."""


def is_ids(tensor: Array) -> bool:
    """Whether a tensor holds ids (integers) rather than values."""
    return tensor.dtype.kind in "iu"


def matrix(tensor: Array) -> Array:
    """Values as [rows, d]; a vector is one column."""
    return tensor if tensor.ndim == 2 else tensor.reshape(len(tensor), -1)


def weighted_sum(tensor: Array, table: Array, *, values: Array | None = None, dtype: DTypeLike) -> Array:
    """Σ over a row's entries of value × table row, in `dtype`: [rows, *table.shape[1:]].

    tensor: ids [rows] or [rows, L] in -1 … V-1, or values [rows] or [rows, V].
    table: [V + 1, …], the last row zeros (`arrays.padded`), so that -1 adds nothing.
    values: of ids, in their shape; 1 where None. An id that occurs twice counts twice.
    """
    if not is_ids(tensor):
        weights = table[:-1].astype(dtype, copy=False)
        return np.tensordot(matrix(tensor), weights, axes=1)
    taken = table.take(tensor, axis=0)
    if values is not None:
        taken = taken * values.reshape(values.shape + (1,) * (table.ndim - 1))
    if tensor.ndim == 1:
        return taken.astype(dtype, copy=False)
    return taken.sum(axis=1, dtype=dtype)


def energy(tensor: Array, *, values: Array | None = None, dtype: DTypeLike) -> Array:
    """Σ of the squared values of a row, [rows]; an id without a value counts 1, a missing one 0."""
    if not is_ids(tensor):
        return np.square(matrix(tensor), dtype=dtype).sum(axis=1)
    present = (tensor >= 0).astype(dtype)
    squares = present if values is None else present * np.square(values, dtype=dtype)
    return squares if squares.ndim == 1 else squares.sum(axis=1)


def total(parts: Iterable[Array]) -> Array:
    """The sum of parts of one row and of N rows, those of one row first: [N, …], or [1, …] if all have one."""
    once: Array | None = None
    many: Array | None = None
    for part in parts:
        if len(part) == 1:
            once = part if once is None else once + part
        else:
            many = part if many is None else many + part
    if once is None or many is None:
        found = once if many is None else many
        assert found is not None  # a model without any input is refused when it is opened
        return found
    return many + once


def values_of(tensors: Mapping[str, Array], inputs: Mapping[str, str], name: str | None) -> Array | None:
    """The tensor that carries the values of an id input, None where it has none."""
    return None if name is None else tensors[inputs[name]]
